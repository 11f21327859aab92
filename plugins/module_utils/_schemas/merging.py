# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of schema ids when an import brings contexts together, or takes one apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from .._core.counting import counted, named
from .._core.errors import InvalidOption
from .content import same
from .import_plan import KEEP, ImportOptions
from .model import context_of
from .naming import CONTEXTS, SUBJECTS
from .wanted import Wanted


def check_ids(versions: Iterable[Wanted], options: ImportOptions) -> None:
    """Check that each id has one meaning.

    Args:
        versions: All that is to be brought in.
        options: What was asked for.

    Raises:
        InvalidOption: With ids kept, ids would stand for two contents in one context, where two are brought together.
            With ids assigned, ids would become two, where subjects of one context are brought to several: a record
            tells its id and not its subject, so that nothing could tell which of the two it then has.
    """
    option = CONTEXTS if options.context_mapping else SUBJECTS
    if options.ids == KEEP:
        for context, ids in sorted(_two_contents(versions).items()):
            raise InvalidOption(
                f"{option} brings several contexts to {context}, where {counted(len(ids), 'id')} would "
                f"stand for more than one content: {named(sorted(ids))}. Give each context one of its own, leave "
                "subjects out, or use ids: assign.",
                object_name=option,
            )
        return
    for context, ids in sorted(_two_contexts(versions).items()):
        raise InvalidOption(
            f"{option} brings subjects of the context {context} to several contexts, so that {counted(len(ids), 'id')} "
            f"would become more than one: {named(sorted(ids))}. Bring all of them to one context, or import them in "
            "several runs.",
            object_name=option,
        )


def _two_contents(versions: Iterable[Wanted]) -> Mapping[str, set[int]]:
    first: dict[tuple[str, int], Wanted] = {}
    found: dict[str, set[int]] = defaultdict(set)
    for wanted in versions:
        context = context_of(wanted.key.subject)
        other = first.setdefault((context, wanted.version.id), wanted)
        together = context_of(other.source.subject) != context_of(wanted.source.subject)
        if together and not same(other.original, wanted.original):
            found[context].add(wanted.version.id)
    return found


def _two_contexts(versions: Iterable[Wanted]) -> Mapping[str, set[int]]:
    first: dict[tuple[str, int], str] = {}
    found: dict[str, set[int]] = defaultdict(set)
    for wanted in versions:
        old, new = context_of(wanted.source.subject), context_of(wanted.key.subject)
        if first.setdefault((old, wanted.version.id), new) != new:
            found[old].add(wanted.version.id)
    return found
