# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulated Confluent Schema Registry holds: versions, and the indexes by id, content and GUID."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from registries.confluent_content import DEFAULT, OVERALL, Version, split, stored_name

LARGEST = 2**31 - 1

Clock = Callable[[str], int]


class Log:
    """The keys that were written to the registry's topics, since each record gives a time.

    Args:
        clock: Returns the time of the next record of a topic, in ms.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.records: dict[str, list[tuple[dict[str, Any], bool]]] = {}

    def write(self, topic: str, key: dict[str, Any], *, tombstone: bool = False) -> int:
        """Note a record, and return its time."""
        self.records.setdefault(topic, []).append((key, tombstone))
        return self._clock(topic)

    def settle(self, kind: str, scope: str, *, magic: int = 0, tombstone: bool = False, **fields: Any) -> int:
        """Note a record of ``_schemas``; the global scope has no subject."""
        subject = {"subject": scope} if scope else {}
        return self.write("_schemas", {"keytype": kind, **subject, **fields, "magic": magic}, tombstone=tombstone)


class Store:
    """All versions. The indexes are those of the source's ``InMemoryCache``, with their holes.

    Args:
        log: Where changes are noted.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.contexts: set[str] = set()
        self._versions: dict[str, dict[int, Version]] = {}
        self._holders: dict[str, dict[int, dict[str, int]]] = {}
        self._id_of: dict[str, dict[str, int]] = {}
        self._ids_of_guid: dict[str, dict[str, int]] = {}
        self._last_id: dict[str, int] = {}

    # Reading

    def subjects(self, *, deleted: bool) -> list[str]:
        """Return the subjects with live versions, or with any, as Java sorts texts."""
        found = (subject for subject in self._versions if self.has(subject, deleted=deleted))
        return sorted(found, key=_java_order)

    def has(self, subject: str, *, deleted: bool) -> bool:
        """Whether a subject has versions; a context without a name has those of all its subjects."""
        context, name = split(subject)
        if not name:
            anywhere = stored_name(subject) == OVERALL
            within = (other for other in self._versions if anywhere or split(other)[0] == context)
            return any(self.all(other, deleted=deleted) for other in within)
        return bool(self.all(subject, deleted=deleted))

    def all(self, subject: str, *, deleted: bool) -> list[Version]:
        """Return the live versions of a subject, or all, in their order; the source's range ends before the largest."""
        held = sorted(self._versions.get(subject, {}).values(), key=lambda version: version.version)
        return [version for version in held if version.version < LARGEST and (deleted or not version.deleted)]

    def every(self) -> Iterator[Version]:
        """Return all versions by subject and number."""
        for subject in self.subjects(deleted=True):
            yield from self.all(subject, deleted=True)

    def get(self, subject: str, version: int, *, deleted: bool) -> Version | None:
        """Return a version; -1 is the latest live one."""
        if version == -1:
            live = self.all(subject, deleted=False)
            return live[-1] if live else None
        found = self._versions.get(subject, {}).get(version)
        return found if found and (deleted or not found.deleted) else None

    def by_id(self, schema_id: int, subject: str) -> Version | None:
        """Return the version that an id leads to, within a subject or a whole context."""
        context, name = split(subject)
        holders = self.holders(context, schema_id)
        if name:
            holders = {name: number for name, number in holders.items() if name == stored_name(subject)}
        for holder, number in holders.items():
            return self.get(holder, number, deleted=True)
        return None

    def holders(self, context: str, schema_id: int) -> dict[str, int]:
        """Return the subjects of an id with one version each, in the order of Java's hash tables."""
        held = self._holders.get(context, {}).get(schema_id, {})
        return dict(sorted(held.items(), key=lambda item: _bucket(item[0], len(held))))

    def id_of(self, version: Version) -> int | None:
        """Return the id of a content in the version's context: the one that was used last."""
        return self._id_of.get(version.context, {}).get(version.content)

    def ids_of_guid(self, guid: str) -> dict[str, int]:
        """Return an id for each context in which a content once was."""
        return dict(sorted(self._ids_of_guid.get(guid, {}).items()))

    def last_id(self, context: str) -> int:
        """Return the highest id that a context ever had; 0 for none."""
        return self._last_id.get(context, 0)

    def next_id(self, context: str) -> int:
        """Return the id for the next new content; after the largest comes the smallest, as in Java."""
        return -LARGEST - 1 if self.last_id(context) == LARGEST else self.last_id(context) + 1

    def referrers(self, subject: str, version: int, *, deleted: bool) -> list[Version]:
        """Return the versions that refer to one."""
        wanted = (subject, version)
        referring = (other for held in self._versions.values() for other in held.values() if other.references)
        found = [other for other in referring if any(_target(other, one) == wanted for one in other.references)]
        living = [other for other in found if deleted or not other.deleted]
        return sorted(living, key=lambda other: (_java_order(other.subject), other.version))

    # Changing

    def put(self, version: Version) -> None:
        """Write a version, in the place of one of its number."""
        context = version.context
        if context != DEFAULT and context not in self.contexts:
            self.contexts.add(context)
            self._log_context(context)
        version.ts = self._log_version(version)
        self._versions.setdefault(version.subject, {})[version.version] = version
        self._holders.setdefault(context, {}).setdefault(version.id, {})[version.subject] = version.version
        self._id_of.setdefault(context, {})[version.content] = version.id
        self._ids_of_guid.setdefault(version.guid, {})[context] = version.id
        self._last_id[context] = version.id if version.id < 0 else max(self.last_id(context), version.id)

    def soft_delete(self, version: Version) -> None:
        """Mark one version, which writes it anew."""
        version.deleted = True
        version.ts = self._log_version(version)

    def soft_delete_subject(self, subject: str, versions: list[Version]) -> None:
        """Mark all versions by one record for the subject."""
        self.log.settle("DELETE_SUBJECT", subject)
        for version in versions:
            version.deleted = True

    def purge(self, version: Version) -> None:
        """Take a version out for good. What its content's GUID led to stays, and its id is not given again."""
        self._log_version(version, tombstone=True)
        context = version.context
        del self._versions[version.subject][version.version]
        if not self._versions[version.subject]:
            del self._versions[version.subject]
        held = self._holders[context].get(version.id, {})
        if held.get(version.subject) == version.version:
            del held[version.subject]
        if not held:
            self._holders[context].pop(version.id, None)
            if self._id_of[context].get(version.content) == version.id:
                del self._id_of[context][version.content]

    def drop_context(self, context: str) -> None:
        """Forget an empty context."""
        if context in self.contexts:
            self.contexts.remove(context)
            self._log_context(context, tombstone=True)

    def _log_version(self, version: Version, *, tombstone: bool = False) -> int:
        return self.log.settle("SCHEMA", version.subject, version=version.version, magic=1, tombstone=tombstone)

    def _log_context(self, context: str, *, tombstone: bool = False) -> None:
        self.log.settle("CONTEXT", "", tenant="default", context=context, tombstone=tombstone)


def target_of(referrer: str, reference: dict[str, Any]) -> str:
    """Return the subject that a reference means: without a context of its own, it is in its referrer's."""
    context, name = split(reference["subject"])
    return stored_name(
        f":{split(referrer)[0]}:{name}" if not reference["subject"].startswith(":.") else f":{context}:{name}"
    )


def _target(version: Version, reference: dict[str, Any]) -> tuple[str, int]:
    return target_of(version.subject, reference), reference["version"]


def _java_order(text: str) -> bytes:
    """Return what Java compares texts by: their UTF-16 units."""
    return text.encode("utf-16-be", "surrogatepass")


def _bucket(text: str, count: int) -> int:
    """Return the place of a text in a Java ``ConcurrentHashMap`` that holds so many."""
    size = 16
    while count >= size * 3 // 4:
        size *= 2
    units = _java_order(text)
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return (value ^ value >> 16) & (size - 1)
