# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Karapace 6.2 holds in memory: subjects in the order of their first record, and ids that never die."""

from __future__ import annotations

from collections.abc import Iterable

from registries.holdings import Content, Holdings, Refusal, Subject, Version

LATEST = -1


class BadReference(Exception):
    """A reference to what is not there, or soft-deleted."""


class State(Holdings):
    """All that it holds. A config, even one that is deleted, makes a subject."""

    def __init__(self) -> None:
        super().__init__()
        self._ids: dict[str, dict[Content, int]] = {}
        self._referrers: dict[tuple[str, int], set[int]] = {}

    def known(self, name: str) -> Subject:
        """Return a subject. Raises Refusal: 40401."""
        if name not in self.subjects:
            raise Refusal(404, 40401, f"Subject '{name}' not found.")
        return self.subjects[name]

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
        schema_id = self.id_of(content) or self.highest_id + 1
        number = max(subject.versions, default=0) + 1
        self.contents[schema_id] = content
        subject.versions[number] = Version(schema_id, content)
        self._ids.setdefault(name, {})[content] = schema_id
        for _name, referred, version in content.references:
            self._referrers.setdefault((referred, version), set()).add(schema_id)
        return schema_id

    def _resolve(self, name: str, number: int) -> int:
        live = self.live(name)
        wanted = max(live, default=0) if number == LATEST else number
        if wanted not in live:
            raise BadReference(name, number)
        self.resolved(live[wanted].content.references)
        return wanted

    def incompatibilities(self, name: str, content: Content) -> list[str]:
        """Return the fields that make a content incompatible to the first version to which it is."""
        level = self.level_of(name)
        for old in self.compared(name):
            self.resolved(old.content.references)
            wrong = content.unfilled_fields(old.content, level)
            if wrong:
                return wrong
        return []

    def _require_compatible(self, name: str, content: Content) -> None:
        wrong = self.incompatibilities(name, content)
        if wrong:
            level = self.level_of(name)
            what = f"Incompatible schema, compatibility_mode={level}. Incompatibilities: {', '.join(wrong)}"
            raise Refusal(409, 409, what)

    # Deleting

    def delete_subject(self, name: str, *, permanent: bool) -> list[int]:
        """Delete a subject; only its latest live version may not be referred to. Raises Refusal."""
        numbers = self.subject_to_delete(name, permanent=permanent)
        for number in numbers if permanent else numbers[-1:]:
            self._require_no_referrers(name, number)
        for number in numbers:
            self._delete(name, number, permanent=permanent)
        return numbers

    def delete_version(self, name: str, number: int, asked: str, *, permanent: bool) -> int:
        """Delete one version. Raises Refusal."""
        if number == LATEST:
            number = max(self.versions(name, deleted=True) if permanent else self.live(name), default=0)
        self.check_version_to_delete(name, number, asked, permanent=permanent)
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
