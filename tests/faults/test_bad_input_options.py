# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that cannot be carried out as they are written, or not with the libraries that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults.import_target import BACKUP, Target
from faults.program import missing, run_program

from testbed.archives import tree
from testbed.modules import run_module

IMPORT, EXPORT, MODE = "schema_registry_import", "schema_registry_export", "schema_registry_mode"


@pytest.mark.parametrize(
    ("name", "options", "named", "said"),
    [
        (
            IMPORT,
            {"restore_point": "newest"},
            "restore_point",
            "is a number or 'latest', not 'newest'",
        ),
        (IMPORT, {"restore_point": "-1"}, "restore_point", "not '-1'"),
        (IMPORT, {"subject_mapping": {"nobody": "x"}}, "nobody", "subject_mapping names nobody"),
        (IMPORT, {"subject_mapping": {"gone": "event"}}, "event", "several subjects to the name event"),
        (IMPORT, {"subjects": ["nobody"]}, "nobody", "nobody"),
        (IMPORT, {"subjects": ["~("]}, None, "~("),
        (EXPORT, {"subjects": ["~("]}, None, "~("),
        (IMPORT, {"registry": {"url": "registry:8081"}}, "registry.url", "http:// or https://"),
        (IMPORT, {"registry": {"url": "http://u:secret@h:1"}}, "registry.url", "registry.username"),
        (IMPORT, {"registry": {"url": []}}, "registry.url", "registry.url is empty"),
        (IMPORT, {"registry": {"url": "http://h:1", "timeout": 0}}, "registry.timeout", "more than 0"),
        (IMPORT, {"registry": {"url": "http://h:1", "ca_cert": "/none"}}, "registry.ca_cert", "/none"),
        (IMPORT, {"registry": {"url": "http://h:1", "headers": {"Authorization": "x"}}}, "registry.headers", "secret"),
        (IMPORT, {"journal": "relative"}, None, "relative"),
        (IMPORT, {"allow_purge": True}, "allow_purge", "with strategy: preserve and ids: keep; leave"),
        (IMPORT, {"allow_purge": True, "strategy": "skip"}, "allow_purge", "with strategy: skip"),
        (IMPORT, {"allow_purge": True, "strategy": "overwrite", "ids": "assign"}, "allow_purge", "ids: assign; leave"),
        (EXPORT, {"backup_id": ""}, "backup_id", "backup_id"),
        (EXPORT, {"restore_point": "00000007-00000000"}, None, "00000007-00000000"),
        (MODE, {"mode": "READONLY", "contexts": ["eu"]}, "contexts", "begins with a dot"),
        ("backup_info", {"max_age": "soon"}, "max_age", "soon"),
        ("backup_info", {"query": "["}, "query", "The query '[' cannot be used"),
        ("backup_verify", {"restore_points": ["x"]}, "restore_point", "not 'x'"),
        ("restore_point", {"state": "committed", "restore_point": "../x"}, None, "../x"),
    ],
)
def test_an_option_that_cannot_be_used(
    target: Target, name: str, options: dict[str, Any], named: str | None, said: str
) -> None:
    common: dict[str, Any] = {"store": {"path": str(target.store)}}
    if name.startswith("schema_registry"):
        common["registry"] = target.registry
    if name not in (MODE, "backup_info"):
        common["backup_id"] = BACKUP
    before = tree(target.store)
    failed = run_module(name, **(common | options)).failed()
    assert failed["failure"]["code"]
    if named is not None:
        assert failed["failure"]["object"] == named
    assert said in failed["msg"]
    assert "secret@" not in failed["msg"]
    assert tree(target.store) == before
    assert target.proxy.writes() == []


def test_httpx_is_missing(target: Target, tmp_path: Path) -> None:
    failed = run_program(IMPORT, without=[missing("httpx", tmp_path)], **target.options).failed()
    assert failed["failure"]["code"] == "missing_library"
    assert "httpx" in failed["failure"]["object"]
    assert "httpx >= 0.27" in failed["msg"]
    assert target.proxy.requests == []


def test_jmespath_is_missing_where_it_is_needed(target: Target, tmp_path: Path) -> None:
    without = [missing("jmespath", tmp_path)]
    options = {"store": {"path": str(target.store)}}
    failed = run_program("backup_info", without=without, query="backups[].latest", **options).failed()
    assert failed["failure"] == {"code": "missing_library", "object": "jmespath"}
    assert "jmespath >= 1.0" in failed["msg"]
    run_program("backup_info", without=without, **options).succeeded()


def test_modules_that_need_no_registry_need_no_httpx(target: Target, tmp_path: Path) -> None:
    without = [missing("httpx", tmp_path)]
    options = {"store": {"path": str(target.store)}, "backup_id": BACKUP}
    run_program("backup_verify", without=without, **options).succeeded()


def test_a_target_of_unknown_make_is_not_written_to(target: Target) -> None:
    target.pretend_unknown()
    for outcome in (target.import_beside(), target.set_mode_beside("READONLY")):
        failed = outcome.failed()
        assert failed["failure"]["code"] == "refused"
        assert "registry.implementation" in failed["msg"]
    assert target.proxy.writes() == []
    assert target.journal() == []
    target.more = {"registry": {**target.registry, "implementation": "axonops"}}
    target.import_beside().succeeded()
