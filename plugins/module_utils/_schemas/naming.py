# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What subjects, contexts and scopes of an archive are called in a target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .._core.counting import named
from .._core.errors import InvalidOption
from .._core.renaming import EXPRESSION, Renaming
from .model import (
    DEFAULT_CONTEXT,
    GLOBAL_SCOPE,
    OVERALL_SCOPE,
    Reference,
    RegistryState,
    ScopeSettings,
    context_of,
    context_scope,
    is_wide_scope,
    join_subject,
    split_subject,
)

SUBJECTS = "subject_mapping"
CONTEXTS = "context_mapping"

HIGHEST_ID_SUBJECT = "lifeboat.kafka.highest-id"
"""The subject, in each context, whose soft-deleted versions only keep their ids from being given again.

Each version's number is its id, and its content follows from that, so that two of them never conflict.
"""

ALIASES = ("alias", "aliasForDeks")
"""The fields of a config that name another subject, whole, whatever context the config is in."""

_SHOWN = 5


def aliases_in(settings: Mapping[str, ScopeSettings]) -> Iterator[str]:
    """Yield the subjects that the configs of some scopes name, with repetitions."""
    for held in settings.values():
        for field in ALIASES:
            alias = held.config.value.get(field) if isinstance(held.config.value, dict) else None
            if isinstance(alias, str) and not is_wide_scope(alias):
                yield alias


class Names:
    """The names that an import gives.

    Args:
        subject_mapping: New qualified subject names by those of the archive; also by patterns with one ``*``, and
            regular expressions with a leading ``~``. Whole names and patterns without a context mean the default one.
        context_mapping: New contexts by those of the archive. It applies to what ``subject_mapping`` gives.

    Raises:
        InvalidOption: One of them cannot be used.
    """

    def __init__(self, subject_mapping: Mapping[str, str], context_mapping: Mapping[str, str]) -> None:
        self._contexts = dict(context_mapping)
        self._renaming = Renaming(SUBJECTS, subject_mapping, expressions=True)
        in_contexts = {old: new for old, new in subject_mapping.items() if old.startswith((":.", EXPRESSION))}
        self._in_contexts = Renaming(SUBJECTS, in_contexts, expressions=True)
        self._known: dict[str, str] = {}
        for old, new in self._contexts.items():
            for name in (old, new):
                _check_context(name)

    def of(self, name: str) -> str:
        """Return what a subject (qualified), or a scope of settings, is called in the target."""
        if name not in self._known:
            renamed = name if is_wide_scope(name) else self._renamed(name)
            context, bare = split_subject(renamed)
            new = self.context(context)
            self._known[name] = context_scope(new) if is_wide_scope(renamed) else join_subject(new, bare)
        return self._known[name]

    def context(self, name: str) -> str:
        """Return what a context is called in the target."""
        return self._contexts.get(name, name)

    def reference(self, reference: Reference, old_referrer: str) -> Reference:
        """Return a reference under the target's names; as it was written where that leads to the right subject.

        Args:
            reference: As the archive has it.
            old_referrer: The subject in the archive that carries it.
        """
        new, referrer = self.of(reference.target(old_referrer).subject), self.of(old_referrer)
        if reference.target(referrer).subject == new:
            return reference
        context, name = split_subject(new)
        return replace(reference, subject=name if context == context_of(referrer) else f":{context}:{name}")

    def check(self, archive: RegistryState) -> list[str]:
        """Check that the names fit an archive.

        Returns:
            Sentences for people: patterns that fit nothing.

        Raises:
            InvalidOption: A whole name, or a context, is not in the archive; a new name is none; or several subjects
                get the same one.
        """
        with_keys = archive.keys.subjects() if archive.keys else ()
        held = {*archive.subjects(), *with_keys, *(scope for scope in archive.settings if not is_wide_scope(scope))}
        held = {name for name in held if split_subject(name)[1] != HIGHEST_ID_SUBJECT}
        for old in sorted(set(self._renaming.whole) - held):
            raise InvalidOption(
                f"subject_mapping names {old}, which is not among the selected subjects of the backup.",
                object_name=old,
            )
        contexts = {*archive.contexts, *archive.highest_ids, *map(context_of, [*held, *archive.settings])}
        contexts.discard(context_of(OVERALL_SCOPE))  # it holds no subjects
        for context in sorted(set(self._contexts) - contexts):
            raise InvalidOption(
                f"context_mapping names the context {context}, which the backup does not have; it has "
                f"{', '.join(sorted(contexts))}.",
                object_name=context,
            )
        for name in sorted(held):
            self._check_name(name)
        _check_clashes((name, self.of(name)) for name in sorted({*held, *_named(archive)}))
        return [
            f"subject_mapping has {pattern.old}, which fits none of the selected subjects."
            for pattern in self._renaming.patterns
            if not any(self._applies(pattern.old, name) and pattern.rename(name) is not None for name in held)
        ]

    def _renamed(self, subject: str) -> str:
        if split_subject(subject)[1] == HIGHEST_ID_SUBJECT:
            return subject
        new = (self._in_contexts if subject.startswith(":.") else self._renaming).name(subject)
        return subject if new is None else new

    def _applies(self, pattern: str, subject: str) -> bool:
        return not subject.startswith(":.") or pattern.startswith((":.", EXPRESSION))

    def _check_name(self, subject: str) -> None:
        new = self._renamed(subject)
        # A registry may hold a subject without a name of its own in a context; the default context has no place for it.
        if is_wide_scope(new) and (new != subject or self.of(subject) == GLOBAL_SCOPE):
            raise InvalidOption(
                f"subject_mapping gives {subject} the name {new!r}, which is no subject.", object_name=subject
            )
        if new != subject and context_scope(context_of(new)) == OVERALL_SCOPE:
            raise InvalidOption(
                f"subject_mapping gives {subject} the name {new}, whose context holds no subjects.", object_name=subject
            )
        if new != subject and context_of(new) == DEFAULT_CONTEXT != context_of(subject) and ":." in new:
            raise InvalidOption(
                f"subject_mapping would make {subject} into {new}, in which the context has become a part of the name. "
                "Begin the new name with the context, and match it with a group of its own.",
                object_name=subject,
            )


def check_context_name(name: str, option: str) -> None:
    """Check that a text can be a context's name.

    Raises:
        InvalidOption: It cannot.
    """
    if not name.startswith(".") or ":" in name:
        raise InvalidOption(
            f"A context's name begins with a dot and has no colon, such as .eu, unlike {name!r}.", object_name=option
        )


def _check_context(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidOption(f"context_mapping has {name!r}, which is not text.", object_name=CONTEXTS)
    check_context_name(name, CONTEXTS)
    if context_scope(name) == OVERALL_SCOPE:
        raise InvalidOption(f"{name} is no context that holds subjects.", object_name=CONTEXTS)


def _named(archive: RegistryState) -> Iterator[str]:
    """Yield the subjects that an archive's references and aliases name, whether it holds them or not."""
    for version in archive.versions.values():
        for target in version.reference_targets():
            yield target.subject
    yield from aliases_in(archive.settings)


def _check_clashes(names: Iterable[tuple[str, str]]) -> None:
    olds: dict[str, list[str]] = defaultdict(list)
    for old, new in names:
        if split_subject(new)[1] != HIGHEST_ID_SUBJECT:
            olds[new].append(old)
    for new, several in sorted(olds.items()):
        if len(several) > 1:
            raise InvalidOption(
                f"subject_mapping and context_mapping bring several subjects to the name {new}: "
                f"{named(several, _SHOWN)}.",
                object_name=new,
            )
