# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Confluent registry is backed up and lost, and comes back: on the emulated one that is held to recordings.

The numbers of surprises are those of ``tests/fixtures/registries/confluent/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.confluent_recorded import recorded_state, texts, walk
from registries.confluent_routes import Route
from registries.recorded_topic import write_recorded
from registries.recordings import Allowance, anything, differences, unordered, without
from registries.serving import RegistryServer

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import OVERALL_SCOPE
from testbed.kafka import Kafka
from testbed.modules import Outcome, run_module

Run = Callable[..., Outcome]

TIMES = without("ts")


class NoExporters:
    """What shows that an edition has exporters; there are none."""

    def routes(self) -> Iterable[Route]:
        yield Route("GET", "exporters", lambda _call: [])


def enterprise() -> Confluent:
    """Return an empty registry of an edition that keeps rule sets."""
    return Confluent(edition="enterprise", resources=[NoExporters()], texts=texts(), clusters=("kafka", "target"))


def community() -> Confluent:
    """Return an empty registry of the edition that drops rule sets."""
    return Confluent(texts=texts(), clusters=("kafka", "target"))


def was_importing(recorded: Any, _answered: Any) -> bool:
    return bool(recorded == {"mode": "IMPORT"})


def is_gone(_recorded: Any, answered: Any) -> bool:
    return answered == [] or answered.get("error_code") in (40401, 40408, 40409, 40410)


def is_inherited(_recorded: Any, answered: Any) -> bool:
    inherited = {
        "normalize": True,
        "compatibilityLevel": "FORWARD",
        "defaultMetadata": {"properties": {"global": "yes"}},
    }
    return answered in ({"mode": "READWRITE"}, {"compatibilityLevel": "BACKWARD"}, inherited)


def bare(value: Any) -> Any:
    """Return a value without rule sets, and without what follows from them and from the time."""
    if isinstance(value, dict):
        lost = ("ts", "guid", "ruleSet", "defaultRuleSet", "overrideRuleSet")
        return {name: bare(held) for name, held in value.items() if name not in lost}
    return [bare(held) for held in value] if isinstance(value, list) else value


UNLISTED = r"(ghost-config|ghost-mode|cfg-alias2|empty-config|gone-hard|%3A\.ctx-empty%3A)"
UNTOLD = (
    Allowance(
        rf"GET /(config|mode)/{UNLISTED}(\?defaultToGlobal=false)?",
        "nothing lists configs and modes of names without versions, nor aliases of aliases (surprises 11 and 12)",
        is_gone,
        status=True,
    ),
    Allowance(
        rf"GET /(config|mode)/{UNLISTED}\?defaultToGlobal=true",
        "the same: they inherit",
        is_inherited,
    ),
    Allowance(r"GET /subjects/cfg-alias2/.*", "the same: it is told by its own name", is_gone),
)
EXPLAINED = (
    Allowance(r"GET /.*", "a version that is registered has the time of its registration", TIMES),
    Allowance(r"GET /v1/metadata/id", "it is another registry", anything),
    Allowance(
        r"GET /mode/(audit-value|imp-.*|%3A\.ctx-imp%3A.*?)(\?defaultToGlobal=.*)?",
        "the mode IMPORT is not brought back, since producers could not register",
        was_importing,
        status=True,
    ),
    Allowance(r"GET /associations/.*", "associations are not backed up (surprise 29)", lambda _r, a: a == []),
    Allowance(
        r"GET /schemas/ids/7/.*",
        "two names fall into one place of a hash table, in the order of their coming",
        unordered,
    ),
    Allowance(r"GET /schemas/ids/7(\?fetchMaxId=true)?", "the same: the first one is told", without("ts", "subject")),
    Allowance(
        r"GET /schemas/(ids/(1000|1020)/(subjects|versions)(\?deleted=true)?|guids/a34a06b4.*/ids)",
        "of two ids of one content the last registered one counts, and nothing tells which it was (surprise 15)",
        anything,
    ),
    Allowance(
        r"GET /schemas/guids/16c3a1d0[^/]*(/ids)?",
        "what led to a version that was deleted for good did not come along, and its error did not (surprise 15)",
        anything,
        status=True,
    ),
)

OTHER_EDITION = Allowance(r"GET /exporters", "it is another edition", anything, status=True)
RULED = "(ab61668d|26001db1|5942fa6b|2e26cd3f)"
LOST = (
    Allowance(r"GET /.*", "rule sets are lost, and a GUID is also a hash of them", lambda r, a: bare(r) == bare(a)),
    Allowance(
        rf"GET /schemas/guids/{RULED}[^/]*",
        "the same: no content has this GUID",
        lambda _r, a: "40403" in str(a),
        status=True,
    ),
    Allowance(rf"GET /schemas/guids/{RULED}.*/ids", "the same", lambda _r, a: a == []),
    Allowance(r"GET /schemas\?ruleType=CEL", "the same: nothing has a rule", lambda _r, a: a == []),
)


@pytest.fixture(scope="module")
def source() -> Iterator[RegistryServer]:
    """A registry in the recorded state, which tests only read."""
    with RegistryServer(recorded_state()) as server:
        yield server


@pytest.fixture(scope="module")
def backup(source: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The options that name a backup of it; tests do not add to it."""
    return export(source, tmp_path_factory.mktemp("backup") / "store")


@pytest.fixture
def target() -> Iterator[RegistryServer]:
    """An empty registry that keeps rule sets."""
    with RegistryServer(enterprise()) as server:
        yield server


def export(server: RegistryServer, store: Path, **more: Any) -> dict[str, Any]:
    """Back a registry up into a new store, and return the options that name the backup."""
    options = {"store": {"path": str(store)}, "backup_id": "prod"}
    run_module("backup_store", store=options["store"]).succeeded()
    run_module("schema_registry_export", registry={"url": server.endpoint}, **options, **more).succeeded()
    return options


def bring(server: RegistryServer, backup: dict[str, Any], **options: Any) -> Outcome:
    return run_module("schema_registry_import", registry={"url": server.endpoint}, **backup, **options)


def test_a_lost_registry_comes_back_but_for_what_is_explained(
    source: RegistryServer, target: RegistryServer, backup: dict[str, Any]
) -> None:
    checked = bring(target, backup, check=True).succeeded()
    assert target.writes() == []
    made = bring(target, backup).succeeded()
    assert {name: made[name] for name in ("changed", "plan")} == {name: checked[name] for name in ("changed", "plan")}
    assert made["plan"]["exact"]
    assert made["plan"]["lost"] == []
    assert source.writes() == []
    assert differences(target.make, walk(), (*EXPLAINED, *UNTOLD, OTHER_EDITION)) == []

    written = len(target.writes())
    assert not bring(target, backup).succeeded()["changed"]
    assert len(target.writes()) == written


@pytest.mark.parametrize("strategy", ["preserve", "overwrite"])
def test_with_its_topic_what_no_request_tells_comes_back_too(
    source: RegistryServer, target: RegistryServer, tmp_path: Path, strategy: str
) -> None:
    with Kafka() as kafka:
        write_recorded(kafka, "_schemas")
        backup = export(source, tmp_path / "store", kafka=kafka.options)
    # What a context gave that is gone would make it anew.
    options = {"keep_highest_id": False, "strategy": strategy}
    bring(target, backup, **options).succeeded()
    assert differences(target.make, walk(), (*EXPLAINED, OTHER_EDITION)) == []
    made = target.make.settings
    assert made.configs["cfg-alias"] == {"alias": "orders-value"}
    assert made.configs["empty-config"] == {}
    assert made.modes["ghost-mode"] == "READONLY_OVERRIDE"
    assert OVERALL_SCOPE not in made.configs | made.modes
    assert not bring(target, backup, **options).succeeded()["changed"]


def test_a_backup_asks_nothing_that_the_registry_fails_at_or_passes_over(
    source: RegistryServer, backup: dict[str, Any]
) -> None:
    """Texts by id and GUIDs may answer 500, and unknown parameters are ignored."""
    known = {"subjectPrefix", "aliases", "deleted", "offset", "limit", "subject", "fetchMaxId", "algorithm"}
    for request in source.requests:
        assert not re.match(r"/schemas/(guids/|ids/\d+/)", request.path)
        assert request.query.keys() <= known
        assert {request.query.get(name, "true") for name in ("deleted", "aliases", "fetchMaxId")} <= {"true", "false"}


def test_the_community_edition_gets_nothing_unless_rule_sets_may_be_lost(backup: dict[str, Any]) -> None:
    with RegistryServer(community()) as target:
        failure = bring(target, backup).failed()["failure"]
        assert failure["code"] == "loss_not_accepted"
        assert {loss["kind"]: loss["count"] for loss in failure["losses"]} == {"rules": 4, "configs": 2}
        assert target.writes() == []

        made = bring(target, backup, accept_losses=["rules", "configs"]).succeeded()
        assert {loss["kind"] for loss in made["plan"]["lost"]} == {"rules", "configs"}
        assert differences(target.make, walk(), (*EXPLAINED, *UNTOLD, *LOST)) == []
