# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that a registry holds over its REST interface, and compares two such readings.

It shares no code with the collection on purpose: what the collection saves and restores is judged by somebody else.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

NOT_SET = "not set"
WHOLE = "the whole registry"


@dataclass
class Holding:
    """What a registry holds.

    Attributes:
        versions: By (subject, version): id, deleted, schemaType, schema (the exact text) and references.
        by_id: By id: what ``GET /schemas/ids/{id}`` answers, which is what a consumer asks for.
        settings: By scope (a subject, or `WHOLE`): config and mode, or `NOT_SET`.
    """

    versions: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    by_id: dict[int, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def subjects(self) -> set[str]:
        return {subject for subject, _version in self.versions}

    def ids(self) -> dict[tuple[str, int], int]:
        """The id of every version."""
        return {key: facts["id"] for key, facts in self.versions.items()}

    def deleted(self) -> set[tuple[str, int]]:
        """The versions that are soft-deleted."""
        return {key for key, facts in self.versions.items() if facts["deleted"]}

    def texts(self) -> dict[tuple[str, int], tuple[str, str]]:
        """Type and exact text of every version."""
        return {key: (facts["schemaType"], facts["schema"]) for key, facts in self.versions.items()}

    def references(self) -> set[tuple[str, int, str, str, int]]:
        """Every reference of every version: (subject, version, name, subject, version)."""
        return {
            (*key, reference["name"], reference["subject"], reference["version"])
            for key, facts in self.versions.items()
            for reference in facts["references"]
        }

    def gaps(self) -> set[tuple[str, int]]:
        """The version numbers that are not there below the highest of their subject."""
        highest = dict(sorted(self.versions))
        every = {(subject, number) for subject, last in highest.items() for number in range(1, last)}
        return every - self.versions.keys()

    def set_values(self, kind: str) -> dict[str, Any]:
        """The configs or modes that are set, by scope; without the mode of the whole registry, which always has one."""
        return {
            scope: kinds[kind]
            for scope, kinds in self.settings.items()
            if kinds[kind] != NOT_SET and (scope, kind) != (WHOLE, "mode")
        }


def read(url: str) -> Holding:
    """Read everything from the registry at ``url``, soft-deleted versions too."""
    holding = Holding(settings={WHOLE: {kind: _get(url, f"/{kind}") for kind in ("config", "mode")}})
    for subject in _get(url, "/subjects?deleted=true") or []:
        path = "/subjects/" + urllib.parse.quote(subject)
        live = _get(url, f"{path}/versions", missing=[])
        for version in _get(url, f"{path}/versions?deleted=true"):
            answer = _get(url, f"{path}/versions/{version}?deleted=true")
            holding.versions[subject, version] = {
                "id": answer["id"],
                "deleted": version not in live,
                "schemaType": answer["schemaType"],
                "schema": answer["schema"],
                "references": answer.get("references") or [],
            }
            holding.by_id[answer["id"]] = _get(url, f"/schemas/ids/{answer['id']}")
        holding.settings[subject] = {
            kind: _get(url, f"/{kind}/{urllib.parse.quote(subject)}", missing=NOT_SET) for kind in ("config", "mode")
        }
    return holding


def differences(before: Holding, after: Holding) -> list[str]:
    """Everything in which two readings differ, one line each; nothing when they are equal."""
    found = []
    for what, old, new in (
        ("version", before.versions, after.versions),
        ("schema with id", before.by_id, after.by_id),
        ("settings of", before.settings, after.settings),
    ):
        found += [f"{what} {key} is missing" for key in old.keys() - new.keys()]
        found += [f"{what} {key} was not there before" for key in new.keys() - old.keys()]
        found += [
            f"{what} {key}: {name} was {old[key].get(name)}, is {new[key].get(name)}"
            for key in old.keys() & new.keys()
            for name in old[key].keys() | new[key].keys()
            if old[key].get(name) != new[key].get(name)
        ]
    return sorted(found)


def _get(url: str, path: str, missing: Any = None) -> Any:
    """The answer to a GET; ``missing`` in place of a 404 when it is given."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url + path, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404 and missing is not None:
            return missing
        raise
