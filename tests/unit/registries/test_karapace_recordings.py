# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Karapace answers what a real one answered."""

from __future__ import annotations

from registries.karapace import Karapace
from registries.karapace_texts import RECORDINGS
from registries.recordings import Allowance, differences, read_calls, read_walk, without

ALLOWED = [
    Allowance(
        "GET /_health",
        "how far it has read its topic and when it was started differ from one process to the next",
        without(
            "schema_registry_startup_time_sec",
            "schema_registry_primary_url",
            "schema_registry_coordinator_generation_id",
        ),
    )
]


def test_it_answers_as_recorded_while_it_is_filled_and_when_it_is_read_through() -> None:
    calls, walk = read_calls(RECORDINGS / "calls.jsonl.gz"), read_walk(RECORDINGS / "rest.jsonl.gz")
    assert (len(calls), len(walk)) == (201, 3968)
    assert differences(Karapace(), [*calls, *walk], ALLOWED) == []


def test_it_breaks_as_recorded_over_names_with_control_characters() -> None:
    calls = read_calls(RECORDINGS / "calls-poison-names.jsonl")
    assert len(calls) == 29
    assert differences(Karapace(), calls) == []
