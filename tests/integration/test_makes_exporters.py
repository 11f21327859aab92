# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules schema_exporter and schema_importer on an emulated registry; no real one can be started here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from faults.registry_proxy import SERVER_ERROR, Answer, Fault, RegistryProxy
from registries.confluent import Confluent
from registries.exporters import Link, Links
from registries.serving import RegistryServer

from testbed.axonops import AxonOpsRegistry
from testbed.modules import Outcome, run_module

SECRET = "s3cret-word"
URL = "https://dr.example.org"
CONFIG = {"schema.registry.url": URL, "basic.auth.credentials.source": "USER_INFO"}
SECRETS = {"basic.auth.user.info": f"user:{SECRET}"}


@dataclass
class Bed:
    """A registry with one of both kinds of links, which the tests are run on.

    Args:
        kind: ``exporter`` or ``importer``.
        links: All of the kind.
        server: Serves them.
    """

    kind: str
    links: Links
    server: RegistryServer

    def run(self, **options: Any) -> Outcome:
        """Run the module; whatever it tells is free of secrets."""
        whole = {"registry": {"url": self.server.endpoint}, "name": "to-dr", **options}
        outcome = run_module(f"schema_{self.kind}", **whole)
        assert SECRET not in outcome.text
        return outcome

    def steps(self, *wanted: str, **options: Any) -> dict[str, Any]:
        """Check, apply, apply again; return what it is told to be after it."""
        sent = len(self.server.writes())
        checked = self.run(check=True, diff=True, **options).succeeded()
        assert len(self.server.writes()) == sent
        made = self.run(diff=True, **options).succeeded()
        assert made["steps"] == checked["steps"] == list(wanted)
        assert len(self.server.writes()) == sent + len(wanted)
        assert (made["changed"], checked["changed"]) == (True, True)
        assert made["diff"] == checked["diff"]
        again = self.run(**options).succeeded()
        assert (again["changed"], again["steps"]) == (False, [])
        return made[self.kind] or {}

    @property
    def held(self) -> Link:
        """The one that the tests are about."""
        return self.links.held["to-dr"]


@pytest.fixture(params=["exporter", "importer"])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A registry that has exporters and importers, and none of them yet."""
    both = {kind: Links(f"{kind}s") for kind in ("exporter", "importer")}
    with RegistryServer(Confluent(edition="enterprise", resources=both.values())) as server:
        yield Bed(request.param, both[request.param], server)


def test_it_is_made_changed_paused_resumed_and_removed(bed: Bed) -> None:
    whole = {"config": CONFIG, "secrets": SECRETS}
    told = bed.steps("create", **whole, subjects=["a", "b"], context_type="CUSTOM", context="prod", state="running")
    assert (told["state"], told["context"], told["subjects"]) == ("RUNNING", "prod", ["a", "b"])
    assert told["config"] == {**CONFIG, "basic.auth.user.info": "********"}
    assert bed.held.body["config"] == {**CONFIG, **SECRETS}

    assert not bed.run(subjects=["b", "a"], config=CONFIG).succeeded()["changed"]
    assert bed.steps("pause", "update", "resume", subjects=["c"])["subjects"] == ["c"]
    assert bed.held.body["config"] == {**CONFIG, **SECRETS}

    assert bed.steps("pause", state="paused")["state"] == "PAUSED"
    assert bed.steps("update", subjects=["d"])["state"] == "PAUSED"
    assert bed.steps("update", "resume", subjects=["e"], state="running")["state"] == "RUNNING"
    assert bed.steps("pause", state="paused")["state"] == "PAUSED"
    assert bed.steps("resume", state="running")["state"] == "RUNNING"
    assert bed.steps("delete", state="absent") == {}
    assert bed.links.held == {}
    assert bed.steps("create", "pause", **whole, state="paused")["state"] == "PAUSED"


def test_secrets_are_set_when_asked_and_never_lost(bed: Bed) -> None:
    bed.run(config=CONFIG, secrets=SECRETS, state="running").succeeded()
    new = {"basic.auth.user.info": f"other:{SECRET}"}
    assert not bed.run(config=CONFIG, secrets=new).succeeded()["changed"]
    for _turn in range(2):
        made = bed.run(secrets=new, update_secrets="always", diff=True).succeeded()
        assert made["steps"] == ["pause", "update", "resume"]
    assert bed.held.body["config"] == {**CONFIG, **new}

    moved = {**CONFIG, "schema.registry.url": "https://other.example.org", "timeout": 5, "verify": True}
    for given in ({}, {"secrets": {}}):
        for check in (True, False):
            failed = bed.run(config=moved, check=check, **given).failed()
            assert failed["failure"] == {"code": "refused", "object": "to-dr"}
            assert "basic.auth.user.info" in failed["msg"]
    assert bed.held.body["config"] == {**CONFIG, **new}
    bed.steps("pause", "update", "resume", config=moved, secrets=new, state="running")
    assert bed.held.body["config"] == {**moved, "timeout": "5", "verify": "true", **new}
    bed.steps("pause", "update", "resume", config={"verify": None}, secrets=new, state="running")
    assert bed.held.body["config"] == {
        **CONFIG,
        "schema.registry.url": moved["schema.registry.url"],
        "timeout": "5",
        **new,
    }


def test_it_starts_over_when_asked(bed: Bed) -> None:
    options = {"config": CONFIG, "state": "running"}
    bed.run(**options).succeeded()
    assert bed.held.offset == 10
    checked = bed.run(**options, reset=True, check=True).succeeded()
    made = bed.run(**options, reset=True).succeeded()
    assert checked["steps"] == made["steps"] == ["pause", "reset", "resume"]
    assert made[bed.kind]["offset"] == 10
    made = bed.run(reset=True, subjects=["c"]).succeeded()
    assert made["steps"] == ["pause", "update", "reset", "resume"]
    bed.run(state="paused").succeeded()
    assert bed.run(reset=True).succeeded()[bed.kind]["offset"] == 0
    assert bed.run(state="absent", reset=True).failed()["failure"]["object"] == "reset"
    bed.run(state="absent").succeeded()
    assert bed.run(**options, reset=True).succeeded()["steps"] == ["create"]


@pytest.mark.parametrize("state", ["present", "paused"])
def test_it_goes_on_where_the_registry_knows_no_reset(bed: Bed, state: str) -> None:
    bed.links.resets = False
    bed.server.make = Confluent(edition="enterprise", resources=[bed.links])
    bed.run(config=CONFIG, state="running").succeeded()
    bed.run(state=state).succeeded()
    failed = bed.run(reset=True).failed()
    assert failed["failure"] == {"code": "unsupported", "object": "to-dr"}
    assert "remove it and make it anew" in failed["msg"]
    assert ("runs again" in failed["msg"]) == (state == "present")
    assert bed.held.state == ("STARTING" if state == "present" else "PAUSED")
    assert bed.held.offset == 10


def test_names_on_the_other_side_are_an_exporters(bed: Bed) -> None:
    formats = {"subject_rename_format": "dc_${subject}", "kek_rename_format": "dc_${kek}"}
    if bed.kind == "importer":
        assert "subject_rename_format" in bed.run(config=CONFIG, **formats).failed()["msg"]
        return
    bed.steps("create", config=CONFIG, **formats, state="running")
    assert (bed.held.body["subjectRenameFormat"], bed.held.body["kekRenameFormat"]) == tuple(formats.values())
    bed.steps("pause", "update", "resume", subject_rename_format="x", state="running")
    assert bed.held.body["kekRenameFormat"] == "dc_${kek}"


def test_a_state_is_waited_for_with_a_limit(bed: Bed) -> None:
    bed.links.slow = 3
    assert bed.run(config=CONFIG, state="running").succeeded()[bed.kind]["state"] == "RUNNING"
    bed.run(state="absent").succeeded()
    bed.links.slow = 10**6
    assert bed.run(config=CONFIG, state="running", wait=False).succeeded()[bed.kind]["state"] == "STARTING"
    failed = bed.run(state="running", wait_timeout=0).failed()
    assert failed["failure"] == {"code": "timeout", "object": "to-dr"}
    assert "STARTING" in failed["msg"]


@pytest.mark.parametrize("wait", [False, True])
def test_a_pause_is_only_waited_for_when_asked(bed: Bed, wait: bool) -> None:
    bed.run(config=CONFIG, state="running").succeeded()
    begin = len(bed.server.requests)
    bed.run(state="paused", wait=wait).succeeded()
    methods = [request.method for request in bed.server.requests[begin:] if "/to-dr/" in request.path]
    paused = methods.index("PUT")
    assert methods[paused + 1 :].count("GET") == 1 + wait  # the last one is told


def test_what_stopped_it_is_told(bed: Bed) -> None:
    bed.links.trouble = "java.net.ConnectException: Connection refused"
    failed = bed.run(config=CONFIG, state="running").failed()
    assert failed["failure"] == {"code": "stopped", "object": "to-dr"}
    assert bed.links.trouble in failed["msg"]


def test_it_runs_on_when_a_change_is_refused(bed: Bed) -> None:
    bed.run(config=CONFIG, state="running").succeeded()
    failed = bed.run(subjects=["?"]).failed()
    assert failed["failure"]["registry_code"] == 40952
    assert "runs again" in failed["msg"]
    assert bed.held.state == "STARTING"
    bed.run(state="paused").succeeded()
    assert "runs again" not in bed.run(subjects=["?"]).failed()["msg"]
    assert bed.held.state == "PAUSED"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("GET", "*/status", nth=2, times=99, answer=Answer(200, b'{"state": "RUNNING"}')), "runs again"),
        (Fault("PUT", "*/pause", times=99, answer=SERVER_ERROR), "runs again"),
        (Fault("PUT", "/*s/to-dr", times=99, answer=SERVER_ERROR), "runs again"),
        (Fault("PUT", "*/resume", times=99, answer=SERVER_ERROR), "Resume it with state: running."),
    ],
    ids=["never paused", "pause", "update", "resume"],
)
def test_what_becomes_of_it_is_told_whatever_fails(bed: Bed, fault: Fault, said: str) -> None:
    bed.run(config=CONFIG, state="running").succeeded()
    with RegistryProxy(bed.server.endpoint) as proxy:
        proxy.add(replace(fault))
        failed = bed.run(registry={"url": proxy.endpoint, "retries": 0}, subjects=["b"], wait_timeout=0).failed()
    assert said in failed["msg"]
    assert (bed.held.state == "PAUSED") == (said != "runs again")
    assert bed.run(subjects=["b"], state="running").succeeded()[bed.kind]["state"] == "RUNNING"
    assert bed.held.body["subjects"] == ["b"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "config"),
        ({"config": {}}, "config"),
        ({"config": {**CONFIG, "basic.auth.user.info": "a:b"}}, "config"),
        ({"config": {**CONFIG, "ssl.key.password": "b"}}, "config"),
        ({"config": CONFIG, "context_type": "CUSTOM"}, "context"),
        ({"config": CONFIG, "context": "a"}, "context"),
        ({"config": CONFIG, "context_type": "NONE", "context": "a"}, "context"),
        ({"config": CONFIG, "wait_timeout": -1}, "wait_timeout"),
        ({"config": CONFIG, "state": "absent"}, "config"),
        ({"subjects": [], "state": "absent"}, "subjects"),
    ],
)
def test_what_cannot_be_meant_is_refused(bed: Bed, options: dict[str, Any], named: str) -> None:
    for check in (True, False):
        assert bed.run(**options, check=check).failed()["failure"] == {"code": "invalid_option", "object": named}
    assert bed.server.writes() == []


@pytest.mark.parametrize("kind", ["exporter", "importer"])
def test_registries_without_them_are_told(kind: str, registry: AxonOpsRegistry) -> None:
    with RegistryServer(Confluent()) as server:
        for url in (server.endpoint, registry.endpoint):
            options = {"registry": {"url": url}, "name": "a", "config": CONFIG}
            failed = run_module(f"schema_{kind}", **options).failed()
            assert failed["failure"] == {"code": "unsupported", "object": url}
            assert "Enterprise" in failed["msg"]
        assert server.writes() == []
