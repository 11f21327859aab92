# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a registry while others go on writing to it: again, until two readings agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .._core.counting import counted
from .._core.errors import Refused, RegistryError
from .._core.selection import Selection
from .._registry.dialect import Registry
from .._registry.listing import ListedVersion, Listing
from .._schemas.model import (
    RegistryState,
    SchemaVersion,
    ScopeSettings,
    VersionKey,
    context_of,
    is_wide_scope,
    join_subject,
)
from .._schemas.naming import ALIASES, aliases_in
from .read_highest_ids import highest_ids
from .read_keys import check_readable, chosen_keys, read_settled_keys
from .schemas_topic import SchemasTopic

ROUNDS = 5
"""How often a registry is read again before it is taken as it is."""


@dataclass(frozen=True)
class Scope:
    """Which part of a registry is read.

    Args:
        subjects: Which subjects.
        versions: ``all`` versions of each, or the ``latest`` live one.
        soft_deleted: Whether soft-deleted versions are read.
        references: Whether what the chosen versions refer to is read too, chosen or not.
    """

    subjects: Selection
    versions: str
    soft_deleted: bool
    references: bool

    def document(self) -> dict[str, object]:
        """Return it as a JSON value, equal for equal scopes."""
        return {
            "subjects": list(self.subjects.include),
            "exclude_subjects": list(self.subjects.exclude),
            "include_versions": self.versions,
            "include_soft_deleted": self.soft_deleted,
            "include_references": self.references,
        }

    def choose(self, listing: Listing) -> set[VersionKey]:
        """Choose from all versions of a registry.

        Raises:
            NotFound: A subject that is named literally does not exist.
            Refused: A chosen subject cannot be read through the registry's API.
        """
        names = {key.subject for key in listing.versions}
        unaddressable = {join_subject(*place): why for place, why in listing.unaddressable.items()}
        chosen = set(self.subjects.select({*names, *unaddressable}, what="subject"))
        unreadable = sorted(chosen & set(unaddressable))
        if unreadable:
            raise Refused(
                f"{counted(len(unreadable), 'subject')} cannot be read, such as {unreadable[0]!r}: "
                f"{unaddressable[unreadable[0]]}. Leave them out with exclude_subjects if the backup may lack them.",
                code="unaddressable_name",
                object_name=unreadable[0],
            )
        keys = {key for key, listed in listing.versions.items() if key.subject in chosen and self._wanted(listed)}
        if self.versions == "latest":
            newest: dict[str, VersionKey] = {}
            for key in sorted(keys):
                newest[key.subject] = key
            return set(newest.values())
        return keys

    def _wanted(self, listed: ListedVersion) -> bool:
        return not listed.deleted or (self.soft_deleted and self.versions == "all")


WHOLE_REGISTRY = {"subjects": ["*"], "exclude_subjects": [], "include_versions": "all", "include_soft_deleted": True}
"""What the document of a scope says that leaves nothing out; references then come along in any case."""


Contents: TypeAlias = dict[VersionKey, tuple[ListedVersion, SchemaVersion]]
"""Versions that were read, with what the registry listed of them then."""


class _Reading(NamedTuple):
    """What a registry lists, what of it is chosen, and what is set."""

    listing: Listing
    chosen: set[VersionKey]
    settings: dict[str, ScopeSettings]

    def tells_what(self, other: _Reading) -> bool:
        """Tell whether the registry was found as by another reading."""
        return (self._told(), self.settings) == (other._told(), other.settings)

    def _told(self) -> dict[VersionKey, ListedVersion]:
        return {key: self.listing.versions[key] for key in self.chosen}


def read_registry(registry: Registry, scope: Scope, topic: SchemasTopic | None = None) -> RegistryState:
    """Read what a scope chooses of a registry.

    Versions, soft deletes, configs and modes are listed again after they were read; what differs is read again, up to
    `ROUNDS` times. The contents of versions are read once, since a registry never changes them. With its topic one
    reading is enough, if nothing has come to the topic meanwhile.

    Args:
        registry: Where from.
        scope: What.
        topic: The topic that it keeps all of it in: what is set then comes from there.

    Returns:
        The state; ``settled`` is False when no two readings in a row agreed.

    Raises:
        NotFound, Refused: As `Scope.choose`, `check_readable`, `SchemasTopic.read_on` and `SchemasTopic.check_holds`.
        RegistryError: The registry gave no usable answer, or lists what it does not give.
        KafkaError: The topic cannot be read.
    """
    contents: Contents = {}
    reading, settled = _read_settled(registry, scope, contents, topic)
    if topic is not None:
        topic.check_holds(reading.listing.versions)
    versions = {key: contents[key][1] for key in sorted(reading.chosen) if key in contents}
    keys, keys_settled = read_settled_keys(registry, ROUNDS)
    if keys is not None:
        subjects = {key.subject for key in versions}
        keys = chosen_keys(keys, scope.subjects, subjects, soft_deleted=scope.soft_deleted)
        check_readable(keys)
    contexts = tuple(sorted({".", *(context_of(key.subject) for key in versions)}))
    everything = scope.subjects == Selection()
    if everything:
        contexts = tuple(sorted({*reading.listing.contexts, *(topic.log.contexts if topic is not None else ())}))
    return RegistryState(
        versions=versions,
        settings=reading.settings,
        contexts=contexts,
        highest_ids=highest_ids(registry, versions.values(), topic, all_contexts=everything),
        settled=settled and keys_settled and len(versions) == len(reading.chosen),
        keys=keys,
        left_out=(*reading.listing.left_out, *(topic.log.left_out if topic is not None else ())),
    )


def _read_settled(
    registry: Registry, scope: Scope, contents: Contents, topic: SchemasTopic | None
) -> tuple[_Reading, bool]:
    """Read until two readings in a row agree, and tell whether they did."""
    if topic is not None:
        topic.read_on()
    reading = _read_once(registry, scope, contents, topic)
    settled = topic is not None and not topic.read_on()
    withheld, missing = set[VersionKey](), reading.chosen - contents.keys()
    for _round in range(ROUNDS):
        if settled and not missing:
            break
        earlier, reading = reading, _read_once(registry, scope, contents, topic)
        settled = reading.tells_what(earlier) if topic is None else not topic.read_on()
        before, missing = missing, reading.chosen - contents.keys()
        withheld = before & missing
    _check_given(registry, withheld, reading.settings)
    return reading, settled


def _check_given(registry: Registry, withheld: Collection[VersionKey], settings: Mapping[str, ScopeSettings]) -> None:
    """Raise RegistryError if a registry went on listing versions that it does not give: a backup would lack them."""
    for key in sorted(withheld):
        held = settings.get(key.subject, ScopeSettings()).config.value
        alias = held.get(ALIASES[0]) if isinstance(held, dict) else None
        advice = f"Its config has the alias {alias!r}, which hides it: remove that" if alias else "Find out why"
        raise RegistryError(
            f"The schema registry at {registry.client.url} lists {key}, but does not give it. {advice}, or leave the "
            "subject out with exclude_subjects.",
            code="aliased_subject" if alias else "unreadable_version",
            object_name=key.subject,
        )


def read_everything(registry: Registry, scopes: Iterable[str]) -> RegistryState:
    """Read once all versions that a registry holds, as far as its API can name them, and the settings of some scopes.

    Raises:
        RegistryError: The registry gave no usable answer.
    """
    listing = registry.list_versions()
    versions = registry.read_versions([listing.versions[key] for key in sorted(listing.versions)])
    return RegistryState(
        versions={version.key: version for version in versions},
        settings=registry.read_settings(scopes),
        contexts=listing.contexts,
    )


def _read_contents(
    registry: Registry,
    listing: Listing,
    scope: Scope,
    contents: Contents,
) -> set[VersionKey]:
    """Read what is chosen and not yet known as it is listed; return all that is chosen, references included."""
    chosen = scope.choose(listing)
    fresh = chosen
    while fresh:
        unknown = [key for key in sorted(fresh) if key not in contents or contents[key][0] != listing.versions[key]]
        for version in registry.read_versions([listing.versions[key] for key in unknown]):
            contents[version.key] = (listing.versions[version.key], version)
        targets = _targets(fresh, contents, listing) if scope.references else set()
        fresh = targets - chosen
        chosen = chosen | fresh
    return chosen


def _targets(keys: Iterable[VersionKey], contents: Contents, listing: Listing) -> set[VersionKey]:
    found = set()
    for key in keys:
        if key not in contents:
            continue
        for target in contents[key][1].reference_targets():
            if target.version < 0:
                live = [
                    k for k, listed in listing.versions.items() if k.subject == target.subject and not listed.deleted
                ]
                target = max(live, default=target)
            if target in listing.versions:
                found.add(target)
    return found


def _read_once(
    registry: Registry,
    scope: Scope,
    contents: Contents,
    topic: SchemasTopic | None,
) -> _Reading:
    """List a registry, read what is chosen and not known yet, and the settings."""
    listing = registry.list_versions()
    chosen = _read_contents(registry, listing, scope, contents)
    subjects = {key.subject for key in chosen}
    contexts = {".", *listing.contexts} if subjects else {"."}
    scopes = {*registry.setting_scopes(sorted(contexts)), *subjects}
    scopes.update(name for name in listing.without_versions if _is_chosen(name, scope.subjects, contexts))
    if topic is None:
        settings = registry.read_settings(sorted(scopes))
        _follow_aliases(registry, settings, lambda name: _is_chosen(name, scope.subjects, contexts))
        return _Reading(listing, chosen, settings)
    scopes.update(name for name in topic.log.scopes() if _is_chosen(name, scope.subjects, contexts))
    return _Reading(listing, chosen, topic.read_settings(sorted(scopes)))


def _follow_aliases(registry: Registry, settings: dict[str, ScopeSettings], is_chosen: Callable[[str], bool]) -> None:
    """Add what is set at the names that aliases lead to, by any number of steps: they may have no versions.

    What only leads to a name without versions itself is found by no request.
    """
    found, seen = dict(settings), set(settings)
    while names := {name for name in aliases_in(found) if name not in seen and is_chosen(name)}:
        seen |= names
        found = registry.read_settings(sorted(names))
        settings.update({name: held for name, held in found.items() if held != ScopeSettings()})


def _is_chosen(name: str, subjects: Selection, contexts: Collection[str]) -> bool:
    """Tell whether the settings of a scope belong to a choice of subjects: it may have no versions."""
    if subjects == Selection():
        return True
    return context_of(name) in contexts if is_wide_scope(name) else subjects.matches(name)
