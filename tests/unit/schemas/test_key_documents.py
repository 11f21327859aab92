# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from unit.schemas.key_strategies import dek, kek, key_sets, keys_of

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.canonical import document_bytes
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.documents import (
    KEK,
    MANIFEST,
    DocumentName,
    count,
    documents,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.encryption_keys import (
    Dek,
    DekKey,
    EncryptionKeys,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.reading import read_documents, unsound

Documents = dict[DocumentName, Any]
SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "archive-format" / "encryption-keys.schema.json"
FIRST = DocumentName(KEK, "first")


def example() -> EncryptionKeys:
    return keys_of(
        [
            kek("first", kms_props={"region": "eu"}, doc="for orders", shared=True, changed_ms=7),
            kek("a/b ü", deleted=True),
        ],
        [
            dek("first", "orders", 1, "AAEC", changed_ms=8),
            dek("first", "orders", 2, "AwQF", deleted=True),
            dek("first", "orders", 1, "Bg==", "AES256_SIV"),
            dek("first", ":.eu:orders", 1, None, "AES128_GCM"),
        ],
    )


def written(keys: EncryptionKeys | None) -> Documents:
    found = documents(RegistryState(keys=keys), source={}, selection={})
    return {name: json.loads(document_bytes(value)) for name, value in found}


def test_keys_come_back() -> None:
    found = written(example())
    assert [str(name) for name in found if name.kind == KEK] == ["keks/a/b ü/_keys.json", "keks/first/_keys.json"]
    manifest, state = read_documents(reversed(found.items()))
    assert state.keys == example()
    assert (manifest.counts["keks"], manifest.counts["deks"]) == (2, 4)
    assert unsound(manifest, state) == []


@given(key_sets())
def test_any_keys_come_back(keys: EncryptionKeys) -> None:
    _manifest, state = read_documents(written(keys).items())
    assert state.keys == (keys or None)


@pytest.mark.parametrize("keys", [None, EncryptionKeys()])
def test_without_keys_the_documents_are_those_of_before(keys: EncryptionKeys | None) -> None:
    found = written(keys)
    assert [str(name) for name in found] == ["_global_config.json", "_manifest.json"]
    assert not {"keks", "deks"} & set(found[DocumentName(MANIFEST)]["counts"])
    assert count(RegistryState(keys=keys)) == found[DocumentName(MANIFEST)]["counts"]
    assert read_documents(found.items())[1].keys is None


def test_documents_are_what_the_format_says() -> None:
    for name, document in written(example()).items():
        if name.kind == KEK:
            jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)


def test_no_value_has_room_for_a_key_in_clear() -> None:
    assert {field.name for field in fields(Dek)} == {"key", "wrapped", "deleted", "changed_ms"}
    assert (
        "keyMaterial" not in json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["deks"]["items"]["properties"]
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["kek"].update(name="x"), "kek.name must be 'first'"),
        (lambda d: d["kek"].pop("kmsType"), "kek.kmsType is missing"),
        (lambda d: d["kek"].update(more=1), "kek.more is not known"),
        (lambda d: d["deks"].append(d["deks"][0]), "twice"),
        (lambda d: d["deks"][0].update(algorithm="ROT13"), "ROT13 is no algorithm"),
        (lambda d: d["deks"][0].update(keyMaterial="AAEC"), r"deks\[0\].keyMaterial is not known"),
        (lambda d: d["deks"][1].update(version="1"), r"deks\[1\].version must be an integer"),
        (lambda d: d.update(more=1), "more is not known"),
    ],
)
def test_what_is_not_as_written_is_damaged(change: Callable[[Any], Any], reason: str) -> None:
    found = written(example())
    change(found[FIRST])
    with pytest.raises(Damaged, match=reason) as caught:
        read_documents(found.items())
    assert caught.value.object_name == "keks/first/_keys.json"


def test_a_missing_document_shows_in_the_counts_unless_it_is_known_to_be_lost() -> None:
    found = written(example())
    del found[FIRST]
    with pytest.raises(Damaged, match="counts"):
        read_documents(found.items())
    _manifest, state = read_documents(found.items(), lost={FIRST})
    assert state.keys is not None
    assert set(state.keys.keks) == {"a/b ü"}


def test_keys_are_chosen_by_subject() -> None:
    keys = example()
    keys.hidden = {DekKey("first", "secret", "", 0): "why", DekKey("c/d", "", "", 0): "why"}
    chosen = keys.chosen(lambda subject: subject.startswith(":.eu:"))
    assert (set(chosen.keks), [key.subject for key in chosen.deks], chosen.hidden) == (
        {"first"},
        [":.eu:orders"],
        {DekKey("c/d", "", "", 0): "why"},
    )
    assert not keys.chosen(lambda subject: subject == "other")
    assert {key.version for key in keys.chosen(lambda subject: subject == "orders", deleted=False).deks} == {1}
    assert set(keys.chosen(lambda subject: subject == "secret").keks) == {"first"}
    assert set(keys.without_deleted().keks) == {"first"}
    assert len(keys.without_deleted().deks) == 3
