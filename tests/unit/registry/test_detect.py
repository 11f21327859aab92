# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers at a URL."""

from __future__ import annotations

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Refused, RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    SchemaContent,
    SchemaVersion,
    VersionKey,
)

VERSION = "/v1/metadata/version"
NOT_FOUND = {"error_code": 404, "message": "HTTP 404 Not Found"}


@pytest.fixture
def connected(client_of):
    """Connect to a server that knows these paths, by JSON value or whole response, and 404 else."""

    def connect_to(known, otherwise=None, **options):
        def answer(request):
            found = known.get(request.extensions["target"].decode())
            if isinstance(found, httpx.Response):
                return found
            if found is None:
                return otherwise or httpx.Response(404, json=NOT_FOUND)
            return httpx.Response(200, json=found)

        client = client_of(httpx.MockTransport(answer), retries=0, **options)
        return connect(client.settings, client=client)

    return connect_to


@pytest.mark.parametrize(
    ("facts", "implementation", "version"),
    [
        ({"version": "8.3.1", "commitId": "1591732"}, "confluent", "8.3.1"),
        ({"version": "v0.2.1", "commit": "unknown"}, "axonops", "v0.2.1"),
        ({"version": "1"}, "unknown", "1"),
    ],
)
def test_the_version_tells_the_make(connected, facts, implementation, version):
    registry = connected({VERSION: facts, "/subjects": []})
    assert registry.server() == {
        "implementation": implementation,
        "version": version,
        "url": "http://registry.example:8081",
    }


def test_an_unknown_make_is_read_and_never_written_to(connected):
    item = {"subject": "a", "version": 2, "id": 5, "schema": '"int"'}
    registry = connected(
        {
            "/subjects": ["a"],
            "/subjects?deleted=true": ["a"],
            "/subjects/a/versions": [2],
            "/subjects/a/versions?deleted=true": [1, 2],
            "/subjects/a/versions/2?deleted=true": item,
            "/subjects/a/versions/1?deleted=true": {**item, "version": 1, "schemaType": "JSON"},
        },
        otherwise=httpx.Response(404, html="<h1>404</h1>"),
    )
    assert not registry.capabilities.writes
    listing = registry.list_versions()
    read = registry.read_versions(listing.versions.values())
    assert [(v.version, v.deleted, v.content.schema_type) for v in read] == [(1, True, "JSON"), (2, False, "AVRO")]
    version = SchemaVersion("a", 3, 6, SchemaContent("AVRO", '"int"'))
    for write in (
        lambda: registry.register(version, with_id=False),
        lambda: registry.soft_delete(VersionKey("a", 1)),
        lambda: registry.purge_subject("a"),
        lambda: registry.set_mode("", "IMPORT"),
        lambda: registry.delete_mode(""),
        lambda: registry.set_config("", {"compatibilityLevel": "NONE"}),
        lambda: registry.delete_config(""),
    ):
        with pytest.raises(Refused, match=r"registry\.implementation"):
            write()


def test_an_old_confluent_can_be_named(connected):
    registry = connected({"/subjects": []}, implementation="confluent")
    assert registry.implementation == "confluent"
    assert registry.capabilities.writes


NULL = httpx.Response(200, content=b"null")
READY = {"/status/ready": httpx.Response(200)}


def test_one_that_is_ready_without_a_word_is_redpanda(connected):
    assert connected({**READY, "/schemas/types": ["JSON", "PROTOBUF", "AVRO"]}).implementation == "redpanda"
    assert connected({**READY, "/subjects": ["a"]}).implementation == "unknown"


def test_null_is_an_empty_list_where_a_second_fact_says_registry(connected):
    assert connected({"/subjects": NULL, "/schemas/types": ["AVRO"]}).implementation == "unknown"


@pytest.mark.parametrize(
    ("known", "otherwise"),
    [
        ({}, NULL),
        ({}, httpx.Response(200)),
        ({**READY, "/subjects": NULL}, None),
        ({**READY, "/schemas/types": {"AVRO": 1}, "/subjects": NULL}, None),
        ({VERSION: httpx.Response(200, html="<h1>Welcome</h1>")}, None),
        ({}, httpx.Response(404, html="<h1>404 Not Found</h1>")),
        ({}, None),
        ({"/subjects": {"status": "fine"}}, None),
        ({"/subjects": [1, 2]}, None),
        ({VERSION: ["an", "array"], "/subjects": [{"name": "x"}]}, None),
    ],
)
def test_what_is_not_a_registry_is_said(connected, known, otherwise):
    with pytest.raises(RegistryError, match=r"http://registry\.example:8081") as caught:
        connected(known, otherwise)
    assert caught.value.code == "not_a_registry"


def test_a_refusal_is_not_taken_for_another_make(connected):
    with pytest.raises(RegistryError) as caught:
        connected({}, httpx.Response(401, text="Unauthorized"))
    assert caught.value.code == "authentication_failed"


@pytest.mark.parametrize(
    ("urls", "identity"),
    [
        (["http://B.example", "http://a.example:80"], "http://a.example:80"),
        (["https://b.example/"], "https://b.example:443"),
    ],
)
def test_a_registry_without_an_id_is_known_by_its_urls(connected, urls, identity):
    assert connected({"/subjects": []}, url=urls).identity() == identity
    assert connected({"/subjects": []}, url=urls[::-1]).identity() == identity


def test_a_cluster_id_of_axonops_is_its_identity(connected):
    facts = {VERSION: {"version": "v0.2.1", "commit": "x"}, "/v1/metadata/id": {"id": "prod-eu"}}
    assert connected(facts).identity() == "axonops:prod-eu"
