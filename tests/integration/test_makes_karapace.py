# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports from Karapace and imports into it, on the emulated one that is held to a real one's answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from registries.karapace import Karapace
from registries.karapace_texts import RECORDINGS
from registries.recordings import read_calls, read_walk
from registries.serving import RegistryServer, Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import SCHEMA_REGISTRY
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store, storage_of
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import StoreSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.read_archive import read_archive
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, VersionKey

UNNAMEABLE = ":.:explicit-default"
"""The one name of the recorded state that would be taken for another one, ``explicit-default``."""


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    """What a real Karapace answered when its recorded state was read, by path."""
    return {walked.target: walked.answer for walked in read_walk(RECORDINGS / "rest.jsonl.gz") if walked.status == 200}


@pytest.fixture(scope="module")
def source() -> Iterator[RegistryServer]:
    """A Karapace with the recorded state, which tests only read."""
    make = Karapace()
    for call in read_calls(RECORDINGS / "calls.jsonl.gz"):
        make.answer(call.request())
    with RegistryServer(make) as server:
        yield server


@pytest.fixture
def target() -> Iterator[RegistryServer]:
    """An empty Karapace."""
    with RegistryServer(Karapace()) as server:
        yield server


def archived(store: Path, backup_id: str = "prod") -> RegistryState:
    """Return what a backup's newest restore point holds."""
    opened = Store.open(storage_of(StoreSettings(path=str(store))))
    point = find_point(opened, backup_id, "latest", [SCHEMA_REGISTRY])
    return read_archive(opened, point, Selection(), on_damage="fail").state


def path_of(kind: str, name: str, rest: str = "") -> str:
    """Return the path under which the recording has something of a subject."""
    return f"/{kind}/{quote(name, safe='')}{rest}"


def recorded_versions(recorded: dict[str, Any]) -> dict[VersionKey, tuple[Any, ...]]:
    """Return what the real registry told of each version: id, type, text, references, and whether it is deleted."""
    found: dict[VersionKey, tuple[Any, ...]] = {}
    for name in recorded["/subjects?deleted=true"]:
        live = recorded.get(path_of("subjects", name, "/versions"), [])
        for number in recorded.get(path_of("subjects", name, "/versions?deleted=true"), []):
            told = recorded[path_of("subjects", name, f"/versions/{number}?deleted=true")]
            references = [(r["name"], r["subject"], r["version"]) for r in told.get("references", [])]
            kind = told.get("schemaType", "AVRO")
            found[VersionKey(name, number)] = (told["id"], kind, told["schema"], references, number not in live)
    return found


def contents(state: RegistryState) -> list[tuple[str, str, bool]]:
    """Return what the subjects of the default context hold, without ids and numbers: subject, text, deleted."""
    return sorted((v.subject, v.content.text, v.deleted) for v in state.versions.values() if v.subject[:2] != ":.")


def test_an_export_holds_every_version_as_the_real_registry_told_it(source, store, run_in_store, recorded):
    run_in_store("schema_registry_export", source, exclude_subjects=[UNNAMEABLE]).succeeded()
    expected = recorded_versions(recorded)
    assert len(expected) == 98
    del expected[VersionKey(UNNAMEABLE, 1)]
    # What is written as a plain name there stands for one in the default context, also below a name like a context's.
    referrer = VersionKey(":.ctx:ref-x", 1)
    expected[referrer] = (*expected[referrer][:3], [("r.A", ":.:ref-a", 1)], False)
    state = archived(store)
    assert expected == {
        key: (
            version.id,
            version.content.schema_type,
            version.content.text,
            [reference.key() for reference in version.content.references],
            version.deleted,
        )
        for key, version in state.versions.items()
    }
    assert state.settled


def test_an_export_holds_the_configs_of_subjects_without_versions_too(source, store, run_in_store, recorded):
    run_in_store("schema_registry_export", source, exclude_subjects=[UNNAMEABLE]).succeeded()
    names = [name for name in recorded["/subjects?deleted=true"] if path_of("config", name) in recorded]
    assert {"ghost-config", "gone-hard", ":.ctx:"} < set(names)
    settings = archived(store).settings
    held = {scope: setting.config.value for scope, setting in settings.items() if setting.config.is_set}
    assert held == {name: recorded[path_of("config", name)] for name in names}
    assert settings[""].config.value == recorded["/config"]


def test_a_name_that_would_be_taken_for_another_stops_an_export(source, run_in_store):
    failed = run_in_store("schema_registry_export", source).failed()
    assert failed["msg"].startswith(f"1 subject cannot be read, such as {UNNAMEABLE!r}: it begins like a name in")
    assert failed["failure"] == {"code": "unaddressable_name", "object": UNNAMEABLE}


def test_a_name_that_karapace_itself_breaks_over_stops_an_export(target, run_in_store):
    for name in ("plain", "tab%09here"):
        target.make.answer(Request("POST", f"/subjects/{name}/versions", {}, b'{"schema": "\\"int\\""}'))
    failed = run_in_store("schema_registry_export", target).failed()
    assert "'tab\\there'" in failed["msg"]
    run_in_store("schema_registry_export", target, exclude_subjects=["~tab.here"]).succeeded()


def test_ids_cannot_be_kept_and_the_message_says_what_to_do(source, target, run_in_store):
    run_in_store("schema_registry_export", source, exclude_subjects=[UNNAMEABLE]).succeeded()
    failed = run_in_store("schema_registry_import", target).failed()
    assert "The target has no mode IMPORT, so that schemas cannot keep their ids" in failed["msg"]
    assert "Use ids: assign" in failed["msg"]
    assert target.writes() == []


def test_an_import_assigns_ids_names_all_losses_first_and_a_second_one_changes_nothing(
    source, target, store, run_in_store
):
    run_in_store("schema_registry_export", source, exclude_subjects=[UNNAMEABLE]).succeeded()
    refused = run_in_store("schema_registry_import", target, ids="assign").failed()
    assert {loss["kind"]: loss["subjects"] for loss in refused["failure"]["losses"]} == {
        "contexts": [":.ctx1:orders-value", ":.ctx2:soft", ":.ctx:", ":.ctx:ref-x", ":.ctx:s"],
        "soft_deletes": ["refsub"],
    }
    assert target.writes() == []

    accepted = {"ids": "assign", "accept_losses": ["contexts", "soft_deletes"]}
    made = run_in_store("schema_registry_import", target, **accepted).succeeded()
    assert made["changed"]
    assert made["id_map"]
    writes = len(target.writes())
    assert not run_in_store("schema_registry_import", target, **accepted).succeeded()["changed"]
    assert len(target.writes()) == writes

    run_in_store("schema_registry_export", target, backup_id="copy").succeeded()
    original, copy = archived(store), archived(store, "copy")
    stays_live = ("refsub", original.versions[VersionKey("refsub", 1)].content.text)
    live = {entry[:2] for entry in contents(original) if not entry[2]} | {stays_live}
    # A text that a subject has live and soft-deleted is registered once: the live version stands for both.
    expected = {(*entry[:2], entry[:2] not in live) for entry in contents(original)}
    assert contents(copy) == sorted(expected)
    configs = {scope: held.config.value for scope, held in original.settings.items() if not scope.startswith(":.")}
    assert {scope: held.config.value for scope, held in copy.settings.items() if held.config.value} == {
        scope: value for scope, value in configs.items() if value
    }
