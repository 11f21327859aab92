# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Apicurio dialect sends when it fills a registry; on a real one `test_module_apicurio` proves it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Refused, RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.apicurio import ApicurioRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    Reference,
    SchemaContent,
    SchemaVersion,
)

ClientOf = Callable[..., RegistryClient]
LEAF = SchemaContent("AVRO", '"int"')
USER = SchemaContent("PROTOBUF", 'syntax = "proto3";', (Reference("é.proto", "a/b", 2),))
VERSIONS = [
    SchemaVersion("user", 4, 9, USER),
    SchemaVersion("a/b", 3, 70, LEAF, deleted=True),
    SchemaVersion("a/b", 2, 70, LEAF),
]


class Server(httpx.BaseTransport):
    """Answers an import with a status, and what it is asked before."""

    def __init__(self, status: int = 204, *, legacy: bool = False) -> None:
        self.status, self.legacy = status, legacy
        self.imports: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.extensions["target"].decode()
        if request.method == "POST":
            assert target == "/apis/registry/v3/admin/import"
            request.read()
            self.imports.append(request)
            return httpx.Response(self.status, content=b"" if self.status == 204 else b'{"name": "ConflictException"}')
        assert target.endswith("legacy-id-mode.enabled")
        return httpx.Response(200, json={"value": str(self.legacy).lower()})


def entries(packed: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {
            name: json.loads(archive.read(name)) if name.endswith(".json") else archive.read(name).decode()
            for name in archive.namelist()
        }


def test_it_is_filled_by_one_request(client_of: ClientOf) -> None:
    server = Server()
    ApicurioRegistry(client_of(server)).fill(VERSIONS)
    (request,) = server.imports
    assert request.headers["Content-Type"] == "application/zip"
    assert request.headers["X-Registry-Preserve-ContentId"] == "true"
    found = entries(request.content)
    texts = {name.partition(".")[0]: text for name, text in found.items() if name.endswith(".data")}
    assert texts == {"9": USER.text, "70": LEAF.text}
    contents = {value["contentId"]: value for name, value in found.items() if name.endswith(".Content.json")}
    assert json.loads(contents[9]["serializedReferences"]) == [
        {"groupId": None, "artifactId": "a/b", "version": "2", "name": "é.proto"}
    ]
    versions = [value for name, value in found.items() if name.endswith(".ArtifactVersion.json")]
    told = [(v["artifactId"], v["versionOrder"], v["version"], v["contentId"], v["state"]) for v in versions]
    assert told == [
        ("user", 4, "4", 9, "ENABLED"),
        ("a/b", 2, "2", 70, "ENABLED"),
        ("a/b", 3, "3", 70, "DISABLED"),
    ]
    assert len({version["globalId"] for version in versions}) == 3
    branches = [(v["artifactId"], v["versions"]) for name, v in found.items() if name.endswith(".Branch.json")]
    assert branches == [("user", ["4"]), ("a/b", ["2", "3"])]


def test_one_that_holds_something_is_not_filled(client_of: ClientOf) -> None:
    with pytest.raises(Refused, match="while it holds nothing"):
        ApicurioRegistry(client_of(Server(409))).fill(VERSIONS)


def test_a_lost_answer_is_not_sent_for_again(client_of: ClientOf) -> None:
    server = Server(503)
    with pytest.raises(RegistryError):
        ApicurioRegistry(client_of(server, retries=3)).fill(VERSIONS)
    assert len(server.imports) == 1


@pytest.mark.parametrize(
    ("server", "options"),
    [(Server(legacy=True), {}), (Server(), {"headers": {"X-Registry-GroupId": "other"}})],
)
def test_where_ids_would_be_others_it_is_not_filled(
    client_of: ClientOf, server: Server, options: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="Use ids: assign"):
        ApicurioRegistry(client_of(server, **options)).fill(VERSIONS)
    assert server.imports == []


@pytest.mark.parametrize("told", [None, ["AVRO"], {"name": "AVRO"}, "WSDL"])
def test_what_is_of_no_type_of_schema_is_left_out_and_told(client_of: ClientOf, told: Any) -> None:
    item = {"artifactId": "a", "version": "1", "artifactType": told}

    def answer(request: httpx.Request) -> httpx.Response:
        shown = [] if "offset=1" in request.extensions["target"].decode() else [item]
        return httpx.Response(200, json={"count": 1, "versions": shown})

    listing = ApicurioRegistry(client_of(httpx.MockTransport(answer))).list_versions()
    assert listing.versions == {}
    assert listing.left_out == (f"1 versions of type {told}",)
