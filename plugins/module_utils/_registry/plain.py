# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What registries without contexts have in common, that are listed subject by subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core.errors import Refused
from .._schemas.model import DEFAULT_CONTEXT, GLOBAL_SCOPE, context_of, join_subject, split_subject
from .dialect import Registry
from .listing import Listing

UNTOUCHED_LEVEL = "BACKWARD"
"""The global level of a server that nobody has given another one."""


class PlainRegistry(Registry):
    """A registry to which ``:.eu:orders`` is a name like any other, and which keeps its global settings.

    In the model such a name is a subject of the context ``.eu``, so that other makes can take it for one. References
    lead to the plain name that they say, so where a subject with such a name refers to one without, the model has
    that as a reference to the default context.
    """

    def name_problem(self, subject: str) -> str | None:
        """Return why a name cannot be used; also where the model would take it for another one."""
        same = join_subject(*split_subject(subject))
        if same != subject:
            return f"it begins like a name in a context, and would be taken for {same!r}"
        return super().name_problem(subject)

    def list_versions(self) -> Listing:
        """List every subject by itself, and call contexts what its names would be in."""
        listing = super().list_versions()
        for key in [key for key in listing.versions if not split_subject(key.subject)[1]]:
            del listing.versions[key]
            listing.unaddressable[DEFAULT_CONTEXT, key.subject] = "it would be taken for a context"
        listing.contexts = tuple(sorted({DEFAULT_CONTEXT, *(context_of(key.subject) for key in listing.versions)}))
        return listing

    def delete_config(self, scope: str) -> None:
        """Remove a subject's level.

        Raises:
            Refused: It is the global one, which cannot be removed.
        """
        self.check_removable(scope, None)
        super().delete_config(scope)

    def check_removable(self, scope: str, level: str | None) -> None:
        """Look whether a level can be removed.

        Raises:
            Refused: It is the global one, and not the one of an untouched server.
        """
        if scope == GLOBAL_SCOPE and level != UNTOUCHED_LEVEL:
            raise Refused(
                f"{self.implementation} cannot remove its global compatibility level, only replace it. Set the level "
                f"that is wanted instead; {UNTOUCHED_LEVEL} is what holds where the server's own configuration names "
                "no other.",
                object_name=scope,
            )

    def _list_by_subject(self, subjects: Iterable[str], listing: Listing) -> None:
        """List subjects; some servers name also those that only have a config, or had one."""
        problems = {subject: self.name_problem(subject) for subject in subjects}
        listing.unaddressable.update(
            {(DEFAULT_CONTEXT, subject): problem for subject, problem in problems.items() if problem is not None}
        )
        usable = {subject for subject, problem in problems.items() if problem is None}
        super()._list_by_subject(sorted(usable), listing)
        listing.without_versions = tuple(sorted(usable - {key.subject for key in listing.versions}))

    def _without_inventions(self, item: Any) -> Any:
        """Name the default context in references where the model would look for them in another one."""
        named = item.get("references") if isinstance(item, dict) else None
        if not isinstance(named, list):
            return item
        context = context_of(str(item.get("subject")))
        return {**item, "references": [self._as_in(context, reference) for reference in named]}

    def _as_in(self, context: str, reference: Any) -> Any:
        subject = reference.get("subject") if isinstance(reference, dict) else None
        if not isinstance(subject, str):
            return reference
        self.address(subject)
        if context == DEFAULT_CONTEXT or subject.startswith(":."):
            return reference
        return {**reference, "subject": f":{DEFAULT_CONTEXT}:{subject}"}
