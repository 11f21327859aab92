# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Karapace 6.2 holds in memory: subjects in the order of their first record, and ids that never die."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from registries.karapace_texts import Content, incompatibilities

LATEST = -1


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


class BadReference(Exception):
    """A reference to what is not there, or soft-deleted."""


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


class State:
    """All that it holds. A config, even one that is deleted, makes a subject."""

    def __init__(self) -> None:
        self.subjects: dict[str, Subject] = {}
        self.contents: dict[int, Content] = {}
        self.level = "BACKWARD"
        self._ids: dict[str, dict[Content, int]] = {}
        self._referrers: dict[tuple[str, int], set[int]] = {}

    @property
    def highest_id(self) -> int:
        """The highest id ever given out."""
        return max(self.contents, default=0)

    def known(self, name: str) -> Subject:
        """Return a subject. Raises Refusal: 40401."""
        if name not in self.subjects:
            raise _no_subject(name)
        return self.subjects[name]

    def versions(self, name: str, *, deleted: bool) -> dict[int, Version]:
        """Return a subject's versions. Raises Refusal: there are none (40401)."""
        found = self.known(name).versions if deleted else self.known(name).live()
        if not found:
            raise _no_subject(name)
        return found

    def level_of(self, name: str) -> str:
        """Return the compatibility level that holds for a subject."""
        return (self.subjects[name].level if name in self.subjects else None) or self.level

    def set_level(self, name: str, level: str | None) -> None:
        """Set or remove a subject's level."""
        self.subjects.setdefault(name, Subject()).level = level

    def referrers(self, name: str, number: int) -> list[int]:
        """Return the ids of what refers to a version, soft-deleted versions among them."""
        return list(self._referrers.get((name, number), ()))

    # Registering

    def resolved(self, references: Iterable[tuple[str, str, int]]) -> tuple[tuple[str, str, int], ...]:
        """Return references with the number in place of the latest. Raises BadReference."""
        return tuple((name, subject, self._resolve(subject, number)) for name, subject, number in references)

    def register(self, name: str, content: Content) -> int:
        """Register a content, and return its id.

        Raises:
            Refusal: It is incompatible.
            BadReference: A version that it would be compared to has a reference that leads nowhere.
        """
        there = self._ids.get(name, {}).get(content)
        if there is not None:
            return there
        self._require_compatible(name, content)
        subject = self.subjects.setdefault(name, Subject())
        schema_id = next((i for i, held in self.contents.items() if held == content), self.highest_id + 1)
        number = max(subject.versions, default=0) + 1
        self.contents[schema_id] = content
        subject.versions[number] = Version(schema_id, content)
        self._ids.setdefault(name, {})[content] = schema_id
        for _name, referred, version in content.references:
            self._referrers.setdefault((referred, version), set()).add(schema_id)
        return schema_id

    def _resolve(self, name: str, number: int) -> int:
        live = self.subjects[name].live() if name in self.subjects else {}
        wanted = max(live, default=0) if number == LATEST else number
        if wanted not in live:
            raise BadReference(name, number)
        self.resolved(live[wanted].content.references)
        return wanted

    def _require_compatible(self, name: str, content: Content) -> None:
        level = self.level_of(name)
        live = sorted(self.subjects[name].live().items()) if name in self.subjects else []
        for _number, old in live if level.endswith("_TRANSITIVE") else live[-1:]:
            self.resolved(old.content.references)
            wrong = incompatibilities(content, old.content, level)
            if wrong:
                what = f"Incompatible schema, compatibility_mode={level}. Incompatibilities: {', '.join(wrong)}"
                raise Refusal(409, 409, what)

    # Deleting

    def delete_subject(self, name: str, *, permanent: bool) -> list[int]:
        """Delete a subject; only its latest live version may not be referred to. Raises Refusal."""
        every, live = self.versions(name, deleted=True), self.subjects[name].live()
        if permanent and live:
            what = f"Subject '{name}' was not deleted first before being permanently deleted"
            raise Refusal(404, 40405, what)
        if not permanent and not live:
            what = f"Subject '{name}' was soft deleted.Set permanent=true to delete permanently"
            raise Refusal(404, 40404, what)
        numbers = list(every if permanent else live)
        for number in numbers if permanent else numbers[-1:]:
            self._require_no_referrers(name, number)
        for number in numbers:
            self._delete(name, number, permanent=permanent)
        return numbers

    def delete_version(self, name: str, number: int, asked: str, *, permanent: bool) -> int:
        """Delete one version. Raises Refusal."""
        every = self.versions(name, deleted=True)
        if number == LATEST:
            number = max(every if permanent else self.subjects[name].live(), default=0)
        if number not in every:
            raise no_version(asked)
        told = f"Subject '{name}' Version {asked}"
        if every[number].deleted and not permanent:
            raise Refusal(404, 40406, f"{told} was soft deleted. Set permanent=true to delete permanently")
        if permanent and not every[number].deleted:
            raise Refusal(404, 40407, f"{told} was not deleted first before being permanently deleted")
        self._require_no_referrers(name, number)
        self._delete(name, number, permanent=permanent)
        return number

    def _delete(self, name: str, number: int, *, permanent: bool) -> None:
        subject = self.subjects[name]
        version = subject.versions[number]
        version.deleted = True
        self._ids.get(name, {}).pop(version.content, None)
        if not permanent:
            return
        for _name, referred, referred_number in version.content.references:
            self._referrers.get((referred, referred_number), set()).discard(version.id)
        del subject.versions[number]
        if not subject.versions:
            del self.subjects[name]

    def _require_no_referrers(self, name: str, number: int) -> None:
        if self.referrers(name, number):
            which = f"{{magic=1,keytype=SCHEMA,subject={name},version={number}}}"
            raise Refusal(422, 42206, f"One or more references exist to the schema {which}.")


def no_version(asked: str) -> Refusal:
    """Return the refusal for a version that is not there."""
    return Refusal(404, 40402, f"Version {asked} not found.")


def _no_subject(name: str) -> Refusal:
    return Refusal(404, 40401, f"Subject '{name}' not found.")
