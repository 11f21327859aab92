# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings of a real Confluent Schema Registry, and an emulated one in the recorded state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import chain, count
from pathlib import Path

from registries.confluent import Confluent
from registries.confluent_store import Clock
from registries.confluent_texts import Texts
from registries.recordings import Recorded, differences, read_calls, read_lines, read_walk

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "registries" / "confluent"
TOPICS = {"_schemas": "schemas-topic.jsonl.gz", "_dek_registry_keys": "dek-topic.jsonl.gz"}


@cache
def calls(name: str = "calls.jsonl.gz") -> list[Recorded]:
    """Return the calls that built the recorded state, or those of another recording."""
    return read_calls(FOLDER / name)


@cache
def walk() -> list[Recorded]:
    """Return what was read of that state."""
    return read_walk(FOLDER / "rest.jsonl.gz")


@cache
def texts() -> Texts:
    """Return what was recorded of texts."""
    return Texts.of(calls(), walk())


def topic(name: str) -> list[tuple[dict[str, object], bool, int]]:
    """Return of each record of a topic: its key, whether it is a tombstone, and its time.

    The registry marks its own starts by records without a subject, which are left out.
    """
    lines = [(json.loads(line["key"]), line) for line in read_lines(FOLDER / TOPICS[name])]
    return [(key, o["value"] is None, o["timestamp"]) for key, o in lines if key.get("keytype") != "NOOP"]


def recorded_clock(*later: int) -> Clock:
    """Return a clock that gives the recorded times in turn, then some more for ``_schemas``, and then goes on."""
    times: dict[str, Iterator[int]] = {name: iter([time for _key, _gone, time in topic(name)]) for name in TOPICS}
    times["_schemas"] = chain(times["_schemas"], later)
    following = count(2 * 10**12)
    return lambda name: next(times[name], None) or next(following)


def recorded_state(*later: int) -> Confluent:
    """Return a registry in the recorded state: a community edition with an extension that keeps rule sets.

    Args:
        *later: The times of the next changes of ``_schemas``, in ms.
    """
    registry = Confluent(texts=texts(), keeps_rule_sets=True, clock=recorded_clock(*later))
    assert differences(registry, calls()) == []
    return registry
