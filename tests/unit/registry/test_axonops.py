# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AxonOps dialect on answers that a real registry does not give, but something before it may."""

from __future__ import annotations

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.axonops import AxonOpsRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import VersionKey


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"properties": {"confluent:version": "1"}}, None),
        ({"properties": {"confluent:version": "1", "owner": "ann"}}, {"properties": {"owner": "ann"}}),
        ({"properties": -1}, {"properties": -1}),
        ({"tags": {"a": ["b"]}}, {"tags": {"a": ["b"]}}),
    ],
)
def test_only_what_the_server_invents_is_taken_out_of_metadata(client_of, told, read):
    item = {"subject": "a", "version": 1, "id": 1, "schema": '"string"', "metadata": told}
    client = client_of(httpx.MockTransport(lambda _request: httpx.Response(200, json=item)))
    version = AxonOpsRegistry(client).read_version(VersionKey("a", 1))
    assert version.content.metadata == read
