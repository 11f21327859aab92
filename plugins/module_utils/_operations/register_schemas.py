# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering schemas under subjects, unless they have them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._core.change import Difference, Report
from .._core.counting import named
from .._core.errors import InvalidOption, LifeboatError, Refused, RegistryError, VerificationFailed
from .._core.settings import RegistrySettings
from .._registry import administration
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.attachments import comparable
from .._schemas.capabilities import Identity
from .._schemas.import_plan import UNKNOWN_UNTIL_APPLIED
from .._schemas.losses import METADATA, RULES, stored_content
from .._schemas.model import SchemaContent, SchemaVersion
from .bounded import difference, listed
from .subject_requests import SubjectRequest, refuse_alias

CONFLICT = 409
"""The HTTP status of a registration that is not compatible with all that the server compares it with."""

_SHOWN_REASONS, _SHOWN_CHARACTERS = 10, 500


@dataclass(frozen=True)
class Registration:
    """One schema that a subject is to have.

    Args:
        subject: The qualified subject.
        content: The schema.
        normalize: Whether the server normalizes it.
        found: The version that has it; None when it is to be registered.
        newest: The subject's newest live version at the time; None without one, or when ``found``.
    """

    subject: str
    content: SchemaContent
    normalize: bool
    found: SchemaVersion | None
    newest: SchemaVersion | None


@dataclass(frozen=True)
class RegisterSchemas:
    """The plan to register schemas, in their order.

    Args:
        registry: Where.
        wanted: The schemas, those that are there already among them.
    """

    registry: Registry
    wanted: tuple[Registration, ...]

    @classmethod
    def plan(cls, settings: RegistrySettings, requests: Sequence[SubjectRequest]) -> RegisterSchemas:
        """Look the schemas up, and try those that are new against the versions before them.

        Raises:
            InvalidOption: A request cannot be used, or the registry cannot hold what it asks for.
            Refused: The registry takes a schema for one that it has, but that is not all as asked for.
            RegistryError: ``incompatible``, with the server's reasons; ``aliased_subject``; or no usable answer.
        """
        for request in requests:
            request.refuse("present", "versions")
        contents = [request.content() for request in requests]
        registry = connect(settings)
        registry.require_writable()
        wanted: list[Registration] = []
        for request, content in zip(requests, contents, strict=True):
            _check_kept(registry, request.subject, content)
            refuse_alias(registry, request.subject)
            coming = {each.subject for each in wanted if each.found is None}
            wanted.append(_planned(registry, request.subject, content, bool(request.normalize), coming))
        return cls(registry, tuple(wanted))

    @property
    def changed(self) -> bool:
        """Whether any schema is new."""
        return any(each.found is None for each in self.wanted)

    def difference(self) -> Difference:
        """Show each subject's newest schema before and after."""
        new = [each for each in self.wanted if each.found is None]
        first = {each.subject: each.newest for each in reversed(new)}
        before = {subject: _described(newest.content) for subject, newest in first.items() if newest}
        return difference(before, {each.subject: _described(each.content) for each in new})

    def preview(self) -> Report:
        """Report the schemas, as many as there is room for; the number and id of what is new are not known yet."""
        return _report([(each, each.found) for each in self.wanted])

    def apply(self) -> Report:
        """Register what is new.

        Raises:
            RegistryError: It was refused; the message says what was registered before.
            VerificationFailed: A schema is not there afterwards.
        """
        made: list[tuple[Registration, SchemaVersion | None]] = []
        for each in self.wanted:
            try:
                made.append((each, each.found or self._register(each)))
            except LifeboatError as error:
                if error.facts.get("http_status") == CONFLICT:
                    self._explain(error, each)
                before = [str(held.key) for wish, held in made if held and wish.found is None]
                error.message += f" Registered before it: {named(before)}." if before else ""
                raise
        return _report(made)

    def _explain(self, error: LifeboatError, wish: Registration) -> None:
        """Say why a registration was refused that could not be tried before, as what it refers to was not there."""
        error.code, error.object_name = "incompatible", wish.subject
        with suppress(LifeboatError):
            reasons = administration.incompatibilities(
                self.registry, wish.subject, wish.content, normalize=wish.normalize
            )
            error.facts["reasons"], told = _told(reasons or [])
            error.message += f" {told}"

    def _register(self, wish: Registration) -> SchemaVersion:
        administration.register(self.registry, wish.subject, wish.content, normalize=wish.normalize)
        held = administration.look_up(self.registry, wish.subject, wish.content, normalize=wish.normalize)
        if held is None:
            raise VerificationFailed(
                f"The schema of {wish.subject} was registered, but the registry does not find it.",
                object_name=wish.subject,
            )
        return held


def _planned(
    registry: Registry, subject: str, content: SchemaContent, normalize: bool, coming: Collection[str]
) -> Registration:
    """Find out what becomes of a schema, where ``coming`` are subjects that get new versions before it."""
    try:
        found = administration.look_up(registry, subject, content, normalize=normalize)
        if found is None and subject not in coming:
            _check_compatible(registry, subject, content, normalize)
    except RegistryError as error:
        refers_to = {reference.target(subject).subject for reference in content.references}
        if error.facts.get("registry_code") != administration.INVALID_SCHEMA or refers_to.isdisjoint(coming):
            raise
        # What it refers to is not there yet, so neither is it, and the server cannot judge it.
        return Registration(subject, content, normalize, None, _newest(registry, subject))
    if found is not None:
        _check_attached(registry, found, content)
        return Registration(subject, content, normalize, found, None)
    return Registration(subject, content, normalize, None, _newest(registry, subject))


def _check_kept(registry: Registry, subject: str, content: SchemaContent) -> None:
    _stored, lost = stored_content(content, registry.capabilities, with_id=False)
    options = [{METADATA: "metadata", RULES: "rule_set"}[kind] for kind in lost]
    if content.references and content.schema_type not in registry.capabilities.reference_types:
        options.append("references")
    if options:
        raise InvalidOption(
            f"{registry.implementation} does not keep {' and '.join(options)} of {content.schema_type} schemas, as "
            f"{subject} is to have.",
            object_name=options[0],
        )


def _check_attached(registry: Registry, found: SchemaVersion, content: SchemaContent) -> None:
    """Some servers compare texts alone, and would not register the same text with something else beside it."""
    if registry.capabilities.identity is Identity.CONTENT:
        return
    for option, wanted, held in (
        ("metadata", content.metadata, found.content.metadata),
        ("rule_set", content.rule_set, found.content.rule_set),
    ):
        if wanted and comparable(wanted) != comparable(held or {}):
            raise Refused(
                f"{registry.implementation} takes this schema for {found.key}, which has another {option}, and would "
                f"not register it again. Purge that version first, or leave {option} out.",
                object_name=found.subject,
            )


def _check_compatible(registry: Registry, subject: str, content: SchemaContent, normalize: bool) -> None:
    reasons = administration.incompatibilities(registry, subject, content, normalize=normalize)
    if reasons is None:
        return
    shown, told = _told(reasons)
    raise RegistryError(
        f"The schema is not compatible with what {subject} has, as its compatibility level demands. {told}",
        code="incompatible",
        object_name=subject,
        reasons=shown,
    )


def _told(reasons: Sequence[str]) -> tuple[list[str], str]:
    """Return a server's reasons, bounded, and a sentence of them."""
    shown = [" ".join(reason.split())[:_SHOWN_CHARACTERS] for reason in reasons[:_SHOWN_REASONS]]
    more = f" And {len(reasons) - len(shown)} more." if len(reasons) > len(shown) else ""
    return shown, f"The registry says: {'; '.join(shown)}.{more}" if shown else "The registry gives no reason."


def _newest(registry: Registry, subject: str) -> SchemaVersion | None:
    live = [listed.key for listed in registry.list_subject(subject) if not listed.deleted]
    return registry.read_version(live[-1]) if live else None


def _report(wanted: Sequence[tuple[Registration, SchemaVersion | None]]) -> Report:
    subjects = [
        {
            "subject": wish.subject,
            "version": held.version if held else UNKNOWN_UNTIL_APPLIED,
            "id": held.id if held else UNKNOWN_UNTIL_APPLIED,
            "changed": wish.found is None,
        }
        for wish, held in wanted
    ]
    return Report(listed({"subjects": (subjects, len(subjects))}, most=None))


def _described(content: SchemaContent) -> dict[str, Any]:
    told: dict[str, Any] = {"schema_type": content.schema_type, "schema": content.text}
    if content.references:
        told["references"] = [{"name": r.name, "subject": r.subject, "version": r.version} for r in content.references]
    return (
        told
        | ({"metadata": content.metadata} if content.metadata else {})
        | ({"rule_set": content.rule_set} if content.rule_set else {})
    )
