# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Karapace; facts are from recorded answers of 6.2.0 and its source.

What is said of IMPORT, which later versions have, is from their documents alone, and was never tried on one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from .._core.errors import Refused
from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes
from .._schemas.model import GLOBAL_SCOPE, UNSET, Setting
from .codes import NO_MODE, NO_SUBJECT, NO_SUCH_METHOD
from .plain import PlainRegistry

READWRITE, IMPORT = "READWRITE", "IMPORT"

FIRST_WITH_IMPORT = (6, 2, 4)
"""The release whose documents name IMPORT first."""


class KarapaceRegistry(PlainRegistry):
    """Is read version by version: ``GET /schemas`` takes ``deleted`` the wrong way round, and does not show it."""

    implementation: ClassVar[str] = "karapace"
    declared: ClassVar[Capabilities] = Capabilities(
        writes=True,
        ids_in=None,
        ids_at_once=False,
        forced_import=False,  # its force is said to delete what is there
        modes=frozenset(),
        contexts=False,
        references_across_contexts=False,
        references_to_soft_deleted=False,
        floating_references=False,
        reference_types=frozenset({"AVRO", "PROTOBUF"}),
        register_keeps_metadata=False,
        register_keeps_rule_sets=False,
        import_keeps_metadata=False,
        import_keeps_rule_sets=False,
        identity=Identity.CONTENT,
        same_content_again=Again.AFTER_SOFT_DELETE,
        second_id_for_content=False,
        soft_delete=True,
        soft_delete_below_soft_deleted=False,
        undelete_by_register=False,
        register_purges_lower=False,
        parallel_registrations=1,  # its master holds one lock from the look at what is there to the record
        encryption_keys=False,
        deletes_used_keks=False,
        configs_need_level=True,
        soft_delete_clears_config=False,
        reads_past_aliases=True,
        config_fields=frozenset({"compatibilityLevel"}),
        lowest_id=1,
        highest_id=2**31 - 2,
        exact_numbers=False,
        topic_deletes=TopicDeletes.NULL_OR_EMPTY,
        reserved_names=frozenset(),
        guesses_types=False,
        one_type_a_subject=False,
        forbidden_characters=frozenset(map(chr, (*range(32), *range(127, 160)))),  # taken, and then answered with 500
        longest_name=None,
    )
    health_path: ClassVar[str] = "/_health"

    @cached_property
    def capabilities(self) -> Capabilities:
        """IMPORT goes by the version, since nothing can be asked about it without writing."""
        if _release(self.version) < FIRST_WITH_IMPORT:
            return self.declared
        return replace(self.declared, ids_in=IMPORT, modes=frozenset({IMPORT}), second_id_for_content=True)

    def get_mode(self, scope: str) -> Setting:
        """Read the mode that holds in a scope, where versions have modes; READWRITE is not told from none."""
        held = super().get_mode(scope) if self.capabilities.modes else UNSET
        return UNSET if held.value == READWRITE else held

    def set_mode(self, scope: str, mode: str, *, force: bool = False) -> None:
        """Set a mode, never by force, which is said to delete the schemas that are there.

        Raises:
            Refused: This version has no modes.
        """
        if not self.capabilities.modes:
            raise Refused(
                f"Karapace {self.version or 'of this version'} has no modes to set: it is always in READWRITE.",
                object_name=scope,
            )
        super().set_mode(scope, mode)

    def delete_mode(self, scope: str) -> None:
        """Remove a subject's mode; what cannot be removed, the global one above all, becomes READWRITE."""
        if self.get_mode(scope).value is None:
            return
        if scope != GLOBAL_SCOPE:
            path = self._scope_path("mode", scope)
            answer = self.client.send("DELETE", path, "mode", accept=(NO_SUBJECT, NO_MODE, NO_SUCH_METHOD))
            if answer.code != NO_SUCH_METHOD:
                return
        self.set_mode(scope, READWRITE)

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        """A subject answers with the global mode where it has none of its own."""
        return True if scope == GLOBAL_SCOPE or self.get_mode(GLOBAL_SCOPE).value != mode else None


def _release(version: str | None) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version or "")
    return tuple(map(int, found.groups())) if found else (0,)
