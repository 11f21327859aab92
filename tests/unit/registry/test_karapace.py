# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is special about Karapace, on the emulated one."""

from __future__ import annotations

import json

import httpx
import pytest
from registries.karapace import Karapace
from registries.serving import Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Refused, RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import UNSET, Setting, VersionKey

LEAF = {"schema": '{"type": "record", "name": "A", "fields": []}'}


class Carried(httpx.BaseTransport):
    """Brings requests to an emulated registry, and remembers them."""

    def __init__(self, make, mode="READWRITE"):
        self.make = make
        self.mode = mode
        self.sent = []

    def handle_request(self, request):
        target = request.extensions["target"].decode()
        self.sent.append((request.method, target))
        if target.startswith("/mode") and self.mode != "READWRITE":
            return httpx.Response(200, json={"mode": self.mode})
        answer = self.make.answer(Request(request.method, target, {}, request.read()))
        return httpx.Response(answer.status, content=answer.body, headers={"content-type": answer.content_type})


@pytest.fixture
def connected(client_of):
    """Connect to a Karapace of some version, with subjects in it; return the registry and what carries requests."""

    def connect_to(version="6.2.0.post4+g3bbc1f8d", *, mode="READWRITE", subjects=(), **options):
        make = Karapace(version)
        for path, body in subjects:
            sent = json.dumps(body).encode()
            assert make.answer(Request("POST", f"/subjects/{path}/versions", {}, sent)).status == 200
        carried = Carried(make, mode)
        client = client_of(carried, retries=0, **options)
        return connect(client.settings, client=client), carried

    return connect_to


@pytest.mark.parametrize(
    ("version", "ids_in", "modes"),
    [
        ("6.2.0.post4+g3bbc1f8d", None, set()),
        ("6.2.3", None, set()),
        ("6.2.4", "IMPORT", {"IMPORT"}),
        ("7.0.0", "IMPORT", {"IMPORT"}),
        ("unreadable", None, set()),
    ],
)
def test_the_version_tells_whether_it_takes_ids(connected, version, ids_in, modes):
    registry, carried = connected(version)
    assert registry.server()["implementation"] == "karapace"
    assert registry.server()["version"] == version
    assert (registry.capabilities.ids_in, registry.capabilities.modes) == (ids_in, modes)
    assert not registry.capabilities.forced_import
    assert {method for method, _target in carried.sent} == {"GET"}


def test_it_is_recognised_while_it_is_not_ready(client_of):
    known = {"/_health": httpx.Response(503, json={"karapace_version": "6.2.0", "healthy": False})}
    transport = httpx.MockTransport(
        lambda request: known.get(request.extensions["target"].decode(), httpx.Response(404, json="Not Found"))
    )
    client = client_of(transport, retries=0)
    registry = connect(client.settings, client=client)
    assert registry.server()["implementation"] == "karapace"
    assert not registry.health().healthy


def test_it_is_never_forced_into_import(connected):
    registry, carried = connected("6.2.4", mode="IMPORT")
    registry.set_mode("", "IMPORT", force=True)
    assert carried.sent[-1] == ("PUT", "/mode")


def test_a_mode_is_brought_back_to_readwrite_since_it_cannot_be_removed(connected):
    registry, carried = connected("6.2.4", mode="IMPORT")
    assert registry.get_mode("") == Setting("IMPORT", True)
    assert registry.get_mode("a") == Setting("IMPORT", None)  # which may be the global one
    registry.delete_mode("")
    assert carried.sent[-1] == ("PUT", "/mode")


def test_without_modes_none_is_read_or_set(connected):
    registry, carried = connected(subjects=[("a", LEAF)])
    before = list(carried.sent)
    assert registry.get_mode("a") == UNSET
    registry.delete_mode("a")
    with pytest.raises(Refused, match=r"Karapace 6\.2\.0\S* has no modes to set: it is always in READWRITE"):
        registry.set_mode("a", "READONLY")
    assert carried.sent == before


def test_the_global_level_cannot_be_removed_but_a_subjects_can(connected):
    registry, _carried = connected(subjects=[("a", LEAF)])
    registry.set_config("a", {"compatibilityLevel": "FULL"})
    registry.delete_config("a")
    assert registry.get_config("a") == UNSET
    with pytest.raises(Refused, match="cannot remove its global compatibility level, only replace it"):
        registry.delete_config("")


def test_listed_is_what_is_live_what_is_deleted_and_what_has_only_a_config(connected):
    registry, carried = connected(subjects=[("a", LEAF), ("plus%2Bplus", LEAF), ("plus+plus", LEAF)])
    registry.soft_delete(VersionKey("a", 1))
    registry.set_config("ghost", {"compatibilityLevel": "NONE"})
    listing = registry.list_versions()
    listed = {(key.subject, version.deleted) for key, version in listing.versions.items()}
    assert listed == {("a", True), ("plus+plus", False), ("plus plus", False)}
    assert listing.without_versions == ("ghost",)
    assert not any(target.startswith("/schemas") for _method, target in carried.sent)


def test_references_below_a_name_like_a_contexts_lead_where_karapace_has_them_lead(connected):
    referring = {"schema": '{"type": "record", "name": "B", "fields": [{"name": "a", "type": "A"}]}'}
    references = [{"name": "A", "subject": "leaf", "version": 1}]
    registry, _carried = connected(subjects=[("leaf", LEAF), ("%3A.eu%3Ab", {**referring, "references": references})])
    listing = registry.list_versions()
    assert listing.contexts == (".", ".eu")
    (read,) = registry.read_versions([listing.versions[VersionKey(":.eu:b", 1)]])
    assert list(read.reference_targets()) == [VersionKey("leaf", 1)]


@pytest.mark.parametrize("name", [":.:leaf", ":.leaf"])
def test_names_that_would_be_taken_for_others_are_told_and_not_read(connected, name):
    registry, _carried = connected(subjects=[(name.replace(":", "%3A"), LEAF), ("leaf", LEAF)])
    listing = registry.list_versions()
    assert list(listing.versions) == [VersionKey("leaf", 1)]
    assert list(listing.unaddressable) == [(".", name)]
    with pytest.raises(RegistryError, match="it begins like a name in a context"):
        registry.read_version(VersionKey(name, 1))


def test_a_reference_to_a_name_that_would_be_taken_for_another_is_told(connected):
    referring = {"schema": '{"type": "record", "name": "B", "fields": [{"name": "a", "type": "A"}]}'}
    references = [{"name": "A", "subject": ":.:leaf", "version": 1}]
    subjects = [("%3A.%3Aleaf", LEAF), ("leaf", LEAF), ("b", {**referring, "references": references})]
    registry, _carried = connected(subjects=subjects)
    with pytest.raises(RegistryError, match="would be taken for 'leaf'"):
        registry.read_versions([registry.list_versions().versions[VersionKey("b", 1)]])


def test_a_name_that_is_a_contexts_is_told_and_not_read(connected):
    registry, _carried = connected(subjects=[("%3A.eu%3A", LEAF)])
    listing = registry.list_versions()
    assert not listing.versions
    assert listing.unaddressable == {(".", ":.eu:"): "it would be taken for a context"}
