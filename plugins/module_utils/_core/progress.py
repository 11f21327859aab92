# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress, as a port: what takes long tells how far it is, and does not know who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Takes what an operation tells of itself. Telling often is cheap: whoever listens keeps only what it wants."""

    def start(self, phase: str, total: int | None, unit: str = "bytes") -> None:
        """Begin a phase, which ends the one before.

        Args:
            phase: What is being done, as people would say it: ``reading topics``.
            total: How much there is to do, or None where nobody knows.
            unit: What is counted: ``bytes``, or the plural of a thing.
        """

    def advance(self, amount: int, size: int = 0) -> None:
        """Tell that so much more of the phase is done.

        Args:
            amount: In the phase's unit.
            size: How many bytes that was, where the unit is another one and bytes were moved.
        """

    def note(self, text: str) -> None:
        """Tell people something now, in one line without secrets."""


class Silent:
    """Takes everything and tells nobody."""

    def start(self, phase: str, total: int | None, unit: str = "bytes") -> None:
        """Begin a phase."""

    def advance(self, amount: int, size: int = 0) -> None:
        """Go on."""

    def note(self, text: str) -> None:
        """Tell nobody."""
