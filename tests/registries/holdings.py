# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry holds in memory, as emulated registries of several makes have it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LEVELS = frozenset(
    {"NONE", *(f"{kind}{scope}" for kind in ("BACKWARD", "FORWARD", "FULL") for scope in ("", "_TRANSITIVE"))}
)


class Refusal(Exception):
    """A request that is refused.

    Args:
        status: The HTTP status.
        code: The error code.
        message: What is said.
    """

    def __init__(self, status: int, code: int, message: object) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Content(NamedTuple):
    """What is compared to tell whether two schemas are the same one.

    Args:
        schema_type: ``AVRO``, ``JSON`` or ``PROTOBUF``.
        text: As it is stored.
        references: Name, subject and version of each.
    """

    schema_type: str
    text: str
    references: tuple[tuple[str, str, int], ...] = ()

    def shown_references(self) -> dict[str, Any]:
        """Return what an answer says of the references; nothing where there are none."""
        shown = [{"name": name, "subject": subject, "version": version} for name, subject, version in self.references]
        return {"references": shown} if shown else {}

    def shown_type(self) -> dict[str, str]:
        """Return what an answer says of the type; nothing for Avro."""
        return {} if self.schema_type == "AVRO" else {"schemaType": self.schema_type}

    def unfilled_fields(self, old: Content, level: str) -> list[str]:
        """Return the fields of records that make this incompatible to an older schema: its own ones first.

        That is as much of compatibility as an import can run into; all else passes, and so do types but Avro.

        Args:
            old: A version that is there.
            level: A compatibility level.
        """
        wrong: list[str] = []
        if (self.schema_type, old.schema_type) != ("AVRO", "AVRO"):
            return wrong
        if level.startswith(("BACKWARD", "FULL")):
            wrong += _without_writer(reader=_fields(self.text), writer=_fields(old.text))
        if level.startswith(("FORWARD", "FULL")):
            wrong += _without_writer(reader=_fields(old.text), writer=_fields(self.text))
        return wrong


@dataclass
class Version:
    """One version of a subject."""

    id: int
    content: Content
    deleted: bool = False


@dataclass
class Subject:
    """A subject: its versions in the order of their first records, and its compatibility level where one is set."""

    versions: dict[int, Version] = field(default_factory=dict)
    level: str | None = None

    def live(self) -> dict[int, Version]:
        """Return the versions that are not soft-deleted."""
        return {number: version for number, version in self.versions.items() if not version.deleted}


class Holdings:
    """Subjects by name, contents by id, and the global compatibility level."""

    def __init__(self) -> None:
        self.subjects: dict[str, Subject] = {}
        self.contents: dict[int, Content] = {}
        self.level = "BACKWARD"

    @property
    def highest_id(self) -> int:
        """The highest id ever given out."""
        return max(self.contents, default=0)

    def live(self, name: str) -> dict[int, Version]:
        """Return a subject's live versions; none where there is no such subject."""
        return self.subjects.get(name, Subject()).live()

    def versions(self, name: str, *, deleted: bool) -> dict[int, Version]:
        """Return a subject's versions. Raises Refusal: there are none (40401)."""
        found = self.subjects.get(name, Subject()).versions if deleted else self.live(name)
        if not found:
            raise Refusal(404, 40401, f"Subject '{name}' not found.")
        return found

    def level_of(self, name: str) -> str:
        """Return the compatibility level that holds for a subject."""
        return self.subjects.get(name, Subject()).level or self.level

    def id_of(self, content: Content) -> int | None:
        """Return the id that a content has already."""
        return next((schema_id for schema_id, held in self.contents.items() if held == content), None)

    def compared(self, name: str) -> list[Version]:
        """Return the live versions that a new one is compared with."""
        live = [version for _number, version in sorted(self.live(name).items())]
        return live if self.level_of(name).endswith("_TRANSITIVE") else live[-1:]

    def subject_to_delete(self, name: str, *, permanent: bool) -> list[int]:
        """Return the versions that go with a subject. Raises Refusal: it is not to be deleted that way."""
        every, live = self.versions(name, deleted=True), self.live(name)
        if permanent and live:
            what = f"Subject '{name}' was not deleted first before being permanently deleted"
            raise Refusal(404, 40405, what)
        if not permanent and not live:
            what = f"Subject '{name}' was soft deleted.Set permanent=true to delete permanently"
            raise Refusal(404, 40404, what)
        return list(every if permanent else live)

    def check_version_to_delete(self, name: str, number: int, asked: str, *, permanent: bool) -> None:
        """Raise Refusal if a version is not there, or not to be deleted that way."""
        version = self.versions(name, deleted=True).get(number)
        if version is None:
            raise no_version(asked)
        told = f"Subject '{name}' Version {asked}"
        if version.deleted and not permanent:
            raise Refusal(404, 40406, f"{told} was soft deleted. Set permanent=true to delete permanently")
        if permanent and not version.deleted:
            raise Refusal(404, 40407, f"{told} was not deleted first before being permanently deleted")


def no_version(asked: str) -> Refusal:
    """Return the refusal for a version that is not there."""
    return Refusal(404, 40402, f"Version {asked} not found.")


def _fields(text: str) -> dict[str, dict[str, Any]]:
    parsed = json.loads(text)
    fields = parsed.get("fields", []) if isinstance(parsed, dict) else []
    return {field["name"]: field for field in fields}


def _without_writer(*, reader: dict[str, dict[str, Any]], writer: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, field in reader.items() if name not in writer and "default" not in field]
