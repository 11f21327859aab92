# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from unit.schemas.strategies import registries

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.canonical import document_bytes
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, UnsupportedFormat
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.documents import (
    FORMATS,
    GLOBAL_CONFIG,
    MANIFEST,
    SUBJECT,
    VERSION,
    DocumentName,
    documents,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    UNSET,
    Reference,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.reading import read_documents, unsound

Documents = dict[DocumentName, Any]


def written(state: RegistryState) -> Documents:
    found = documents(state, source={"implementation": "axonops"}, selection={"subjects": ["*"]})
    return {name: json.loads(document_bytes(value)) for name, value in found}


def example() -> RegistryState:
    state = RegistryState(contexts=(".", ".eu"), highest_ids={".": 9, ".eu": 1}, settled=False)
    leaf = SchemaContent("AVRO", '"string"')
    user = SchemaContent(
        "JSON",
        "{}",
        (Reference("s", "leaf", 2), Reference("gone", "gone", -1)),
        {"properties": {"pin": "1"}, "sensitive": ["pin"]},
        {"domainRules": []},
    )
    for version in (
        SchemaVersion("leaf", 2, 5, leaf, deleted=True),
        SchemaVersion("leaf", 4, 5, leaf, guid="g", tags=("t",), created_ms=7),
        SchemaVersion("user", 1, 6, user),
        SchemaVersion(":.eu:leaf", 1, 1, leaf),
    ):
        state.versions[version.key] = version
    config = Setting({"compatibilityLevel": "FULL", "normalize": True}, True)
    state.settings = {
        "": ScopeSettings(Setting({"compatibilityLevel": "BACKWARD"}, None), Setting("READWRITE", None)),
        ":.eu:": ScopeSettings(config, UNSET),
        "leaf": ScopeSettings(UNSET, Setting("READONLY", True)),
        "without-versions": ScopeSettings(config, UNSET),
    }
    return state


def test_the_settings_of_a_context_stand_once_although_a_subject_shares_its_scope() -> None:
    state = RegistryState(contexts=(".", ".eu"), highest_ids={".eu": 1})
    nameless = SchemaVersion(":.eu:", 1, 1, SchemaContent("AVRO", '"string"'))
    state.versions[nameless.key] = nameless
    state.settings[":.eu:"] = ScopeSettings(Setting({"compatibilityLevel": "FULL"}, True))
    _manifest, back = read_documents(written(state).items())
    assert back == state


def test_a_state_comes_back() -> None:
    manifest, state = read_documents(reversed(written(example()).items()))
    assert state == example()
    assert manifest.counts == {
        "subjects": 3,
        "versions": 4,
        "soft_deleted": 1,
        "sensitive": 1,
        "contexts": 2,
        "configs": 2,
        "modes": 1,
    }
    assert [str(key) for key in manifest.order] == [
        ":.eu:leaf version 1",
        "leaf version 2",
        "leaf version 4",
        "user version 1",
    ]
    assert manifest.source == {"implementation": "axonops"}
    assert unsound(manifest, state) == []


@given(registries())
def test_any_state_comes_back(state: RegistryState) -> None:
    manifest, back = read_documents(written(state).items())
    assert back == state
    assert unsound(manifest, back) == []


def test_documents_come_in_one_order_and_say_nothing_of_the_run() -> None:
    state = example()
    again = RegistryState(
        dict(reversed(state.versions.items())),
        dict(reversed(state.settings.items())),
        state.contexts,
        state.highest_ids,
        state.settled,
    )
    assert list(written(state).items()) == list(written(again).items())
    assert [str(name) for name in written(state)] == [
        "subjects/:.eu:leaf/v1.json",
        "subjects/:.eu:leaf/_metadata.json",
        "subjects/leaf/v2.json",
        "subjects/leaf/v4.json",
        "subjects/leaf/_metadata.json",
        "subjects/user/v1.json",
        "subjects/user/_metadata.json",
        "subjects/without-versions/_metadata.json",
        "_global_config.json",
        "_manifest.json",
    ]


def test_a_soft_delete_leaves_the_versions_document_as_it_is() -> None:
    before = example()
    after = copy.deepcopy(before)
    for key, version in after.versions.items():
        after.versions[key] = SchemaVersion(**{**vars(version), "deleted": not version.deleted})
    changed = {name.kind for name in written(before) if written(before)[name] != written(after)[name]}
    assert changed == {SUBJECT, MANIFEST}


def edit(kind: str, change: Callable[[Any], Any], *, subject: str = "", version: int = 0) -> Documents:
    found = written(example())
    change(found[DocumentName(kind, subject, version)])
    return found


def drop(kind: str, subject: str = "", version: int = 0) -> Documents:
    found = written(example())
    del found[DocumentName(kind, subject, version)]
    return found


@pytest.mark.parametrize(
    ("found", "document", "reason"),
    [
        (drop(MANIFEST), "_manifest.json", "it must be an object"),
        (drop(GLOBAL_CONFIG), "_global_config.json", "it must be an object"),
        (drop(VERSION, "leaf", 2), "subjects/leaf/v2.json", "it must be an object"),
        (drop(SUBJECT, "leaf"), "subjects/leaf/v2.json", "subjects/leaf/_metadata.json does not list it"),
        (
            edit(VERSION, lambda d: d.update(id="5"), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "id must be an integer",
        ),
        (
            edit(VERSION, lambda d: d.update(id=True), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "id must be an integer",
        ),
        (
            edit(VERSION, lambda d: d.update(id=6), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "id must be 5, as subjects/leaf/_metadata.json says",
        ),
        (
            edit(VERSION, lambda d: d.update(version=3), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "version must be 2",
        ),
        (
            edit(VERSION, lambda d: d.update(subject="x"), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "subject must be 'leaf'",
        ),
        (
            edit(VERSION, lambda d: d.update(schema='"int"'), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "its content is not the one that subjects/leaf/_metadata.json lists",
        ),
        (
            edit(VERSION, lambda d: d.pop("guid"), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "guid is missing",
        ),
        (
            edit(VERSION, lambda d: d["references"][0].pop("name"), subject="user", version=1),
            "subjects/user/v1.json",
            r"references\[0\].name is missing",
        ),
        (
            edit(VERSION, lambda d: d.update(more=1), subject="leaf", version=2),
            "subjects/leaf/v2.json",
            "more is not known",
        ),
        (
            edit(SUBJECT, lambda d: d["versions"].append(d["versions"][0]), subject="leaf"),
            "subjects/leaf/_metadata.json",
            "it lists version 2 twice",
        ),
        (
            edit(SUBJECT, lambda d: d.update(subject="x"), subject="leaf"),
            "subjects/leaf/_metadata.json",
            "subject must be 'leaf'",
        ),
        (
            edit(SUBJECT, lambda d: d["settings"]["mode"].update(set=False), subject="leaf"),
            "subjects/leaf/_metadata.json",
            "mode must have a value where it is set",
        ),
        (
            edit(GLOBAL_CONFIG, lambda d: d["scopes"][0].update(scope="leaf")),
            "_global_config.json",
            "the scope 'leaf' cannot stand here",
        ),
        (edit(MANIFEST, lambda d: d["order"].pop()), "_manifest.json", "its order does not name every version"),
        (edit(MANIFEST, lambda d: d["counts"].update(versions=9)), "_manifest.json", "its counts are not those"),
        (edit(MANIFEST, lambda d: d.update(order=[["leaf"]])), "_manifest.json", r"order\[0\] must be a subject"),
        (edit(MANIFEST, lambda d: d.update(format="x")), "_manifest.json", "format must be"),
        (edit(MANIFEST, lambda d: d.update(format_version=0)), "_manifest.json", "format_version 0 never existed"),
    ],
)
def test_what_is_not_as_written_is_damaged(found: Documents, document: str, reason: str) -> None:
    with pytest.raises(Damaged, match=reason) as caught:
        read_documents(found.items())
    assert (caught.value.code, caught.value.object_name) == ("damaged", document)
    assert caught.value.facts["reason"] in caught.value.message


def test_a_document_that_is_there_twice_is_damage() -> None:
    found = list(written(example()).items())
    with pytest.raises(Damaged, match="twice"):
        read_documents([*found, found[0]])


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="newer release"):
        read_documents(edit(MANIFEST, lambda d: d.update(format_version=2)).items())


def test_unsound_documents_are_named() -> None:
    state = example()
    state.versions.update(
        {
            k: SchemaVersion(**{**vars(v), "content": SchemaContent("AVRO", "{")})
            for k, v in state.versions.items()
            if k.subject == ":.eu:leaf"
        }
    )
    found = written(state)
    found[DocumentName(MANIFEST)]["unresolved"] = []
    found[DocumentName(MANIFEST)]["order"].reverse()
    findings = unsound(*read_documents(found.items()))
    assert [(str(name), reason) for name, reason in findings] == [
        ("_manifest.json", "its order has user version 1 before leaf version 2, which it refers to"),
        ("subjects/:.eu:leaf/v1.json", "its text is not one of type AVRO"),
        ("subjects/user/v1.json", "it refers to gone version -1, which the part lacks"),
    ]


def test_lost_documents_can_be_done_without() -> None:
    lost = {DocumentName(VERSION, "leaf", 2), DocumentName(SUBJECT, "user"), DocumentName(GLOBAL_CONFIG)}
    found = {name: value for name, value in written(example()).items() if name not in lost}
    _manifest, state = read_documents(found.items(), lost=lost)
    assert [str(key) for key in sorted(state.versions)] == [":.eu:leaf version 1", "leaf version 4"]
    assert sorted(state.settings) == ["leaf", "without-versions"]
    with pytest.raises(Damaged):
        read_documents(found.items())


@pytest.mark.parametrize("state", [RegistryState(), example()])
def test_documents_are_what_the_format_says(state: RegistryState) -> None:
    folder = Path(__file__).resolve().parents[3] / "docs" / "archive-format"
    for name, document in written(state).items():
        path = folder / f"{FORMATS[name.kind].removeprefix('lifeboat.kafka/')}.schema.json"
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)
