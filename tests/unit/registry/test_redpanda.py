# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is special about Redpanda's registry, on the emulated one."""

from __future__ import annotations

import httpx
import pytest
from registries.redpanda import Redpanda
from registries.serving import Answer, Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Refused, RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import SchemaContent, SchemaVersion, Setting

INT, LONG = SchemaContent("AVRO", '"int"'), SchemaContent("AVRO", '"long"')


@pytest.fixture
def connected(client_of):
    """Connect to a Redpanda; paths in ``otherwise`` are answered with that instead."""

    def connect_to(*, has_import=False, otherwise=None):
        make, sent = Redpanda(has_import=has_import), []

        def answer(request):
            target = request.extensions["target"].decode()
            sent.append((request.method, target))
            known = (otherwise or {}).get(target)
            made = known or make.answer(Request(request.method, target, {}, request.read()))
            return httpx.Response(made.status, content=made.body, headers={"content-type": made.content_type})

        client = client_of(httpx.MockTransport(answer), retries=0)
        return connect(client.settings, client=client), sent

    return connect_to


def test_a_description_that_cannot_be_had_or_read_means_that_there_is_no_import(connected):
    for answer in (Answer(404, {"message": "Not found", "code": 404}), Answer(200, {"definitions": []})):
        registry, _sent = connected(has_import=True, otherwise={"/v1": answer})
        assert registry.capabilities.ids_in == "READWRITE"


def test_a_server_that_answers_whatever_it_is_asked_is_not_taken_for_one(connected):
    registry, _sent = connected(otherwise={"/status/ready": Answer(200, {"ready": True})})
    assert registry.implementation == "unknown"


def test_an_id_that_is_there_is_given_again_to_the_same_content(connected):
    registry, _sent = connected()
    for subject in ("a", "b"):
        assert registry.register(SchemaVersion(subject, 3, 17, INT), with_id=True) == 17
    assert sorted(registry.list_versions().versions) == [("a", 3), ("b", 3)]


@pytest.mark.parametrize(("schema_id", "content"), [(17, LONG), (18, INT)])
def test_an_id_of_another_content_and_a_content_of_another_id_are_refused(connected, schema_id, content):
    registry, _sent = connected()
    registry.register(SchemaVersion("a", 1, 17, INT), with_id=True)
    with pytest.raises(RegistryError) as caught:
        registry.register(SchemaVersion("b", 1, schema_id, content), with_id=True)
    assert caught.value.facts["registry_code"] == 42207
    assert [key.subject for key in registry.list_versions().versions] == ["a"]


def test_a_soft_deleted_version_comes_back(connected):
    registry, _sent = connected()
    version = SchemaVersion("a", 4, 17, INT)
    registry.register(version, with_id=True)
    registry.soft_delete(version.key)
    assert registry.list_versions().versions[version.key].deleted
    assert registry.register(version, with_id=True) == 17
    assert not registry.list_versions().versions[version.key].deleted


def test_global_settings_are_replaced_since_they_cannot_be_removed(connected):
    registry, sent = connected()
    registry.set_mode("", "READONLY")
    assert registry.get_mode("") == Setting("READONLY", True)
    registry.delete_mode("")
    assert registry.get_mode("") == Setting("READWRITE", None)
    assert sent.count(("PUT", "/mode")) == 2
    with pytest.raises(Refused, match="redpanda cannot remove its global compatibility level, only replace it"):
        registry.delete_config("")
