# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the schema registry of a Redpanda holds, and when it takes a schema."""

from __future__ import annotations

from registries.holdings import Content, Holdings, Refusal, Subject, Version

READWRITE, READONLY, IMPORT = "READWRITE", "READONLY", "IMPORT"
NOT_GIVEN = -1


class State(Holdings):
    """All that it holds.

    Args:
        has_import: Whether ids are taken in IMPORT alone.
    """

    def __init__(self, *, has_import: bool) -> None:
        super().__init__()
        self.has_import = has_import
        self.mode, self.modes = READWRITE, dict[str, str]()

    def mode_of(self, name: str | None) -> str:
        """Return the mode that holds for a subject, or for all."""
        return self.modes.get(name, self.mode) if name is not None else self.mode

    def require_mutable(self, name: str | None) -> None:
        """Raise Refusal in READONLY."""
        if self.mode_of(name) == READONLY:
            raise Refusal(422, 42205, f"Subject {name} is in read-only mode")

    def set_mode(self, name: str | None, mode: str, *, force: bool) -> None:
        """Set a mode; IMPORT without force only where no version ever was, soft-deleted ones included."""
        present = self.mode if name is None else self.modes.get(name)
        if mode == present:
            return
        scope = self.subjects.values() if name is None else [self.subjects.get(name, Subject())]
        if mode == IMPORT and not force and any(subject.versions for subject in scope):
            raise Refusal(422, 42205, "Schema Registry can only move to import mode if empty")
        if name is None:
            self.mode = mode
        else:
            self.modes[name] = mode

    def require_references(self, content: Content) -> None:
        """Raise Refusal where something is missing that a content refers to."""
        for _name, subject, version in content.references:
            if version not in self.live(subject):
                raise Refusal(422, 42201, f'No schema reference found for subject "{subject}" and version {version}')

    def register(self, name: str, content: Content, schema_id: int, number: int) -> int:
        """Register a content, and return its id.

        Args:
            name: The subject.
            content: What it says.
            schema_id: The id that is asked for; `NOT_GIVEN` for any.
            number: The version that is asked for; `NOT_GIVEN` for the next.
        """
        self.require_references(content)
        known = self.id_of(content) or NOT_GIVEN
        decide = self._decide_with_import if self.has_import else self._decide_without_import
        if not decide(name, content, known, schema_id, number):
            return known
        given = schema_id if schema_id != NOT_GIVEN else known
        if given == NOT_GIVEN:
            given = self.highest_id + 1
        subject = self.subjects.setdefault(name, Subject())
        self.contents[given] = content
        subject.versions[number if number != NOT_GIVEN else max(subject.versions, default=0) + 1] = Version(
            given, content
        )
        return given

    def _decide_without_import(self, name: str, content: Content, known: int, schema_id: int, _number: int) -> bool:
        """Tell whether there is anything to write; an id that is given must be new, even for the same content."""
        self.require_mutable(name)
        if schema_id != NOT_GIVEN and NOT_GIVEN != known != schema_id:
            what = f"Schema already registered with id {known} instead of input id {schema_id}"
            raise Refusal(422, 42207, what)
        if schema_id in self.contents:
            raise Refusal(422, 42207, f"Overwrite new schema with id {schema_id} is not permitted.")
        live = self.live(name)
        if known != NOT_GIVEN and any(version.id == known for version in live.values()):
            return False
        self._require_compatible(name, content)
        return True

    def _decide_with_import(self, name: str, content: Content, known: int, schema_id: int, number: int) -> bool:
        """Tell whether there is anything to write; what is there already as asked for is taken in every mode."""
        live = self.live(name)
        there = {version for version, held in live.items() if held.id == known}
        if known != NOT_GIVEN and schema_id in (NOT_GIVEN, known) and there and number in (NOT_GIVEN, *there):
            return False
        self.require_mutable(name)
        mode = self.mode_of(name)
        if schema_id != NOT_GIVEN and mode != IMPORT:
            raise Refusal(422, 42205, f"Subject {name} is not in import mode")
        if schema_id == NOT_GIVEN and mode != READWRITE:
            raise Refusal(422, 42205, f"Subject {name} is not in read-write mode")
        if schema_id != NOT_GIVEN and known != schema_id and schema_id in self.contents:
            raise Refusal(422, 42205, f"Overwrite new schema with id {schema_id} is not permitted.")
        if mode != IMPORT:
            self._require_compatible(name, content)
        return True

    def incompatibilities(self, name: str, content: Content) -> list[str]:
        """Return the fields that make a content incompatible to those that it is compared with."""
        level = self.level_of(name)
        return [field for old in self.compared(name) for field in content.unfilled_fields(old.content, level)]

    def _require_compatible(self, name: str, content: Content) -> None:
        if self.incompatibilities(name, content):
            what = f'Schema being registered is incompatible with an earlier schema for subject "{name}"'
            raise Refusal(409, 409, what)

    def delete_subject(self, name: str, *, permanent: bool) -> list[int]:
        """Delete a subject, and return its versions. Raises Refusal."""
        numbers = self.subject_to_delete(name, permanent=permanent)
        for number in numbers:
            self._delete(name, number, permanent=permanent)
        return numbers

    def delete_version(self, name: str, number: int, *, permanent: bool) -> int:
        """Delete one version, and return its number. Raises Refusal."""
        self.check_version_to_delete(name, number, str(number), permanent=permanent)
        self._delete(name, number, permanent=permanent)
        return number

    def _delete(self, name: str, number: int, *, permanent: bool) -> None:
        self.require_mutable(name)
        if not permanent and self._is_referenced(name, number):
            raise Refusal(422, 42206, f"One or more references exist to the schema {name} version {number}")
        subject = self.subjects[name]
        subject.versions[number].deleted = True
        if not subject.live():
            subject.level = None
        if permanent:
            del subject.versions[number]

    def _is_referenced(self, name: str, number: int) -> bool:
        """Soft-deleted referrers count as long as their subject has anything that is live."""
        referring = {
            schema_id
            for schema_id, content in self.contents.items()
            if any((subject, version) == (name, number) for _name, subject, version in content.references)
        }
        holders = (subject for subject in self.subjects.values() if subject.live())
        return any(version.id in referring for subject in holders for version in subject.versions.values())
