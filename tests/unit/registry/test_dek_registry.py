# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption keys over the API, on the emulated Confluent with what was recorded of a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from registries.confluent import Confluent
from registries.confluent_recorded import recorded_state
from registries.serving import Answer, Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dek_registry import ROOT, DekRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.encryption_keys import Dek, DekKey, Kek

KEK = Kek("k", "aws-kms", "key", {"a": "b"}, "doc", True)
DEK = Dek(DekKey("k", "s", "AES256_SIV", 3), "AAEC")


class Carrier(httpx.BaseTransport):
    """Carries requests to an emulated registry; ``page`` is how many members its lists have at most."""

    def __init__(self, make: Confluent) -> None:
        self.make = make
        self.page: int | None = None
        self.knows_pages = True
        self.instead: dict[str, Answer] = {}
        self.bodies: list[Any] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.extensions["target"].decode()
        content = request.read()
        if content:
            self.bodies.append(json.loads(content))
        answer = self.instead.get(target.partition("?")[0]) or self._answer(request.method, target, content)
        return httpx.Response(answer.status, content=b"" if answer.status == 204 else answer.body)

    def _answer(self, method: str, target: str, content: bytes) -> Answer:
        asked = Request(method, target, {}, content)
        if not self.knows_pages:
            kept = {name: value for name, value in asked.query.items() if name not in ("offset", "limit")}
            asked = Request(method, f"{asked.path}?{urlencode(kept)}", {}, content)
        answer = self.make.answer(asked)
        if isinstance(answer.value, list) and self.page is not None:
            return Answer(answer.status, answer.value[: self.page])
        return answer


@pytest.fixture
def carrier() -> Carrier:
    return Carrier(Confluent())


@pytest.fixture
def connected(client_of: Callable[..., RegistryClient]) -> Callable[[Carrier], Registry]:
    def make(carrier: Carrier) -> Registry:
        client = client_of(carrier, retries=0)
        return connect(client.settings, client=client)

    return make


@pytest.fixture
def keys(connected: Callable[[Carrier], Registry], carrier: Carrier) -> DekRegistry:
    return DekRegistry(connected(carrier))


def test_reads_what_was_recorded(connected):
    carrier = Carrier(recorded_state())
    registry = connected(carrier)
    assert registry.capabilities.encryption_keys
    found = DekRegistry(registry).read()
    assert [(kek.name, kek.doc, kek.kms_props, kek.deleted) for kek in found.keks.values()] == [
        ("kek1", "changed", {"KeyUsage": "ENCRYPT_DECRYPT"}, False),
        ("kek2", None, None, False),
        ("kek3", None, None, True),
    ]
    assert {tuple(key): (dek.wrapped, dek.deleted) for key, dek in found.deks.items()} == {
        ("kek1", "a/b/c", "AES256_GCM", 1): ("Bw==", False),
        ("kek1", "orders-value", "AES256_GCM", 1): ("AAEC", False),
        ("kek1", "orders-value", "AES256_GCM", 2): ("AwQF", True),
        ("kek1", "orders-value", "AES256_SIV", 1): ("Bg==", False),
        ("kek2", ":.ctx1:orders-value", "AES128_GCM", 1): ("CA==", False),
    }
    assert found.deks[DekKey("kek1", "orders-value", "AES256_GCM", 1)].changed_ms == 1795215812483
    assert found.hidden == {}


@pytest.mark.parametrize(("page", "knows_pages"), [(1, True), (2, True), (None, True), (None, False)])
def test_lists_are_read_to_their_end(connected, page, knows_pages):
    carrier = Carrier(recorded_state())
    carrier.page, carrier.knows_pages = page, knows_pages
    found = DekRegistry(connected(carrier)).read()
    assert (len(found.keks), len(found.deks)) == (3, 5)


def test_a_registry_may_have_its_keys_switched_off(connected, carrier):
    carrier.instead[ROOT] = Answer(404, {"error_code": 404, "message": "HTTP 404 Not Found"})
    registry = connected(carrier)
    assert not registry.capabilities.encryption_keys
    assert DekRegistry(registry).read() is None
    carrier.instead[ROOT] = Answer(403, {"error_code": 40301, "message": "Forbidden"})
    assert not connected(carrier).capabilities.encryption_keys


def test_writes_what_it_reads(keys):
    keys.create_kek(KEK)
    keys.create_dek(DEK)
    found = keys.read()
    assert found.keks["k"].facts() == KEK.facts()
    assert found.deks[DEK.key].wrapped == "AAEC"
    for key in (DEK, KEK):
        keys.soft_delete(key)
        keys.soft_delete(key)
    found = keys.read()
    assert found.keks["k"].deleted
    assert found.deks[DEK.key].deleted
    for key in (KEK, DEK):
        keys.undelete(key)
    found = keys.read()
    assert not found.keks["k"].deleted
    assert not found.deks[DEK.key].deleted


def test_a_key_that_is_there_already_is_this_one_or_an_error(keys):
    for _time in range(2):  # as when an answer was lost
        keys.create_kek(KEK)
        keys.create_dek(DEK)
    with pytest.raises(RegistryError, match="another one has its name"):
        keys.create_kek(Kek("k", "aws-kms", "other"))
    with pytest.raises(RegistryError, match="holds another one under its number"):
        keys.create_dek(Dek(DEK.key, "AwQF"))
    with pytest.raises(ValueError, match="has no wrapped key"):
        keys.create_dek(Dek(DEK.key, None))


def test_a_registry_that_answers_with_another_key_is_not_believed(keys, carrier):
    keys.create_kek(KEK)
    other = {"kekName": "k", "subject": "s", "version": 3, "algorithm": "AES256_SIV", "encryptedKeyMaterial": "AwQF"}
    carrier.instead[f"{ROOT}/k/deks"] = Answer(200, other)
    with pytest.raises(RegistryError, match="holds another one under its number"):
        keys.create_dek(DEK)


def test_a_key_in_clear_is_neither_asked_for_nor_sent(keys, carrier):
    keys.create_kek(KEK)
    keys.create_dek(DEK)
    assert all("keyMaterial" not in body for body in carrier.bodies)
    told = {"kekName": "k", "subject": "s", "version": "3", "keyMaterial": "c2VjcmV0"}
    carrier.instead[f"{ROOT}/k/deks/s/versions/3"] = Answer(200, told)
    with pytest.raises(RegistryError, match="algorithm is not") as caught:
        keys.read()
    assert "c2VjcmV0" not in caught.value.message
    assert caught.value.code == "not_a_registry"


@pytest.mark.parametrize("padding", [0, 175])
def test_what_a_kms_is_told_is_not_shown_when_the_registry_repeats_it(keys, carrier, padding):
    secret = {"accessKey": "s3cret-word-of-a-kms"}
    said = "x" * padding + json.dumps(secret)
    carrier.instead[ROOT] = Answer(422, {"error_code": 42272, "message": said})
    with pytest.raises(RegistryError, match="HTTP 422") as caught:
        keys.create_kek(replace(KEK, kms_props=secret))
    assert "s3cret-word" not in caught.value.message
    with pytest.raises(RegistryError, match="accessKey" if not padding else "xxx"):
        keys.create_kek(replace(KEK, kms_props={"region": "eu-central-1"}))


def test_what_is_no_json_is_not_shown_where_keys_are(keys, carrier):
    carrier.instead[ROOT] = Answer(200, b'{"keyMaterial": "c2VjcmV0"', "text/html")
    with pytest.raises(RegistryError, match="instead of JSON: not shown") as caught:
        keys.read()
    assert "c2VjcmV0" not in caught.value.message


@pytest.mark.parametrize("code", [50070, 40370])
def test_a_dek_that_the_kms_does_not_unwrap_is_hidden(keys, carrier, code):
    keys.create_kek(KEK)
    keys.create_dek(DEK)
    carrier.instead[f"{ROOT}/k/deks/s/versions/3"] = Answer(code // 100, {"error_code": code, "message": "no"})
    found = keys.read()
    assert found.deks == {}
    assert "its KMS refused that" in found.hidden[DEK.key]


def test_a_dek_behind_an_alias_is_hidden(keys, carrier):
    keys.create_kek(KEK)
    keys.create_dek(DEK)
    other = {"kekName": "k", "subject": "t", "version": 3, "algorithm": "AES256_SIV", "encryptedKeyMaterial": "AwQF"}
    carrier.instead[f"{ROOT}/k/deks/s/versions/3"] = Answer(200, other)
    assert "aliasForDeks" in keys.read().hidden[DEK.key]
    carrier.instead[f"{ROOT}/k/deks/s/versions"] = Answer(200, [])
    found = keys.read()
    assert found.deks == {}
    assert "aliasForDeks" in found.hidden[DekKey("k", "s", "", 0)]


@pytest.mark.parametrize("value", [{}, "k", [{}], [5]])
def test_an_answer_of_another_shape_is_an_error(keys, carrier, value):
    carrier.instead[ROOT] = Answer(200, value)
    with pytest.raises(RegistryError) as caught:
        keys.read()
    assert caught.value.code == "not_a_registry"
