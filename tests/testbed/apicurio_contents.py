# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Apicurio Registry as Confluent's clients take it, and all that it holds, told by its own interface."""

from __future__ import annotations

import urllib.error
from typing import Any
from urllib.parse import quote

from testbed.apicurio import COMPATIBLE, NATIVE, Apicurio


class Compatible:
    """The interface for Confluent's clients, for what fills registries, and empties them."""

    def __init__(self, server: Apicurio) -> None:
        self.server = server

    @property
    def endpoint(self) -> str:
        """The server's root URL."""
        return self.server.endpoint

    def wipe(self) -> None:
        """Delete all that it holds; ids go on where they were."""
        self.server.clear()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer, as `Apicurio.call`."""
        return self.server.call(method, COMPATIBLE + path, body)


def versions_held(server: Apicurio) -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """Return type, state and references of every version."""
    found = {}
    for item in _versions(server):
        references = server.call("GET", f"{NATIVE}/ids/contentIds/{item['contentId']}/references")
        found[_name(item)] = (
            item["artifactType"],
            item["state"],
            [(reference["artifactId"], reference["version"]) for reference in references],
        )
    return found


def ids_held(server: Apicurio) -> dict[str, int]:
    """Return the ids of all versions."""
    return {_name(item): item["contentId"] for item in _versions(server)}


def held_by_apicurio(clients: Compatible) -> dict[str, dict[str, Any]]:
    """Return all that a registry holds: what each version is, its id, and the config of each scope that has one."""
    server = clients.server
    ids = ids_held(server)
    texts = {number: clients.call("GET", f"/schemas/ids/{number}")["schema"] for number in set(ids.values())}
    scopes = {"", *(name.rpartition(" version ")[0] for name in ids)}
    return {
        "versions": {name: (*facts, texts[ids[name]]) for name, facts in versions_held(server).items()},
        "ids": ids,
        "configs": {scope: {"compatibilityLevel": level} for scope in scopes if (level := _level(server, scope))},
    }


def _level(server: Apicurio, scope: str) -> str | None:
    path = f"/groups/default/artifacts/{quote(scope, safe='')}/rules" if scope else "/admin/rules"
    try:
        return str(server.call("GET", f"{NATIVE}{path}/COMPATIBILITY")["config"])
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def _versions(server: Apicurio) -> list[dict[str, Any]]:
    return list(server.call("GET", f"{NATIVE}/search/versions?groupId=default&limit=500")["versions"])


def _name(item: dict[str, Any]) -> str:
    return f"{item['artifactId']} version {item['version']}"
