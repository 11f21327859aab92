# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated records, batches and logs."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from unit.records.kafka_python import (
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    emptied,
    marker,
    written,
    written_legacy,
)

from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record

NOW = 1_700_000_000_000
CODECS = range(5)

blobs = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.builds(lambda word, times: word * times, st.binary(min_size=1, max_size=8), st.integers(1, 300)),
)
headers = st.lists(st.tuples(st.text(max_size=8), st.one_of(st.none(), st.binary(max_size=12))), max_size=3)
times = st.one_of(st.integers(NOW - 200_000, NOW + 200_000), st.integers(0, 1 << 42))


@st.composite
def records(draw: st.DrawFn, *, base: int = 0, most: int = 8, holes: bool = True, legacy: int = 2) -> list[Record]:
    """Records with ascending offsets from ``base`` on; with what magic ``legacy`` can hold."""
    made = []
    offset = base
    for number in range(draw(st.integers(1, most))):
        if holes and number:
            offset += draw(st.sampled_from((0, 0, 0, 1, 3)))
        made.append(
            Record(
                offset,
                draw(times) if legacy else -1,
                draw(blobs),
                draw(blobs),
                tuple(draw(headers)) if legacy > 1 else (),
            )
        )
        offset += 1
    return made


@dataclass
class Piece:
    """One batch of a log, what consumers see of it, and what it is."""

    data: bytes
    base: int
    last: int
    records: list[Record] = field(default_factory=list)  # offsets and times as consumers see them
    producer: int | None = None  # of a transaction
    ends: str = ""  # "abort" or "commit": it is the marker


@st.composite
def plain(draw: st.DrawFn, base: int) -> Piece:
    """A batch of magic 2 that a broker may hold: with holes or not, any codec, any kind of time."""
    inner = draw(records(base=base + draw(st.sampled_from((0, 0, 0, 2))), holes=draw(st.booleans())))
    last = inner[-1].offset + draw(st.sampled_from((0, 0, 0, 2)))
    kind = draw(st.sampled_from(("create", "create", "append", "horizon")))
    producer = draw(st.sampled_from((None, None, 1, 2)))
    seen = inner
    options: dict[str, int] = {"flags": 0 if producer is None else TRANSACTIONAL}
    if kind == "append":
        options["append_time"] = draw(times)
        options["flags"] |= LOG_APPEND_TIME
        seen = [record._replace(timestamp=options["append_time"]) for record in inner]
    elif kind == "horizon":
        options["horizon"] = draw(times)
    written_by = (producer if producer is not None else draw(st.sampled_from((-1, 9))), 0, 17)
    data = written(inner, codec=draw(st.sampled_from(CODECS)), base=base, last=last, producer=written_by, **options)
    return Piece(data, base, last, seen, producer)


@st.composite
def legacy(draw: st.DrawFn, base: int) -> list[Piece]:
    """A message set of magic 0 or 1, packed or not; kafka-python writes lz4 of magic 0 only with one more library."""
    magic, codec = draw(st.sampled_from(((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3))))
    inner = draw(records(base=base, legacy=magic))
    stamp = draw(times) if magic and draw(st.booleans()) else None
    seen = inner if stamp is None else [record._replace(timestamp=stamp) for record in inner]
    if codec:
        return [Piece(written_legacy(inner, magic=magic, codec=codec, append_time=stamp), base, seen[-1].offset, seen)]
    return [
        Piece(written_legacy([one], magic=magic, codec=0, append_time=stamp), one.offset, one.offset, [two])
        for one, two in zip(inner, seen, strict=True)
    ]


@st.composite
def logs(draw: st.DrawFn, *, most: int = 8, with_legacy: bool = True) -> list[Piece]:
    """A log: batches of all kinds in the order of their offsets, with transactions and their markers."""
    log: list[Piece] = []
    offset = draw(st.sampled_from((0, 5, 1 << 33)))
    kinds = ["plain"] * 4 + ["marker", "marker", "empty"] + (["legacy"] if with_legacy else [])
    for _number in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(kinds))
        if kind == "plain":
            log.append(draw(plain(offset)))
        elif kind == "legacy":
            log += draw(legacy(offset))
        elif kind == "empty":
            log.append(Piece(emptied(offset, offset + 3), offset, offset + 3))
        else:
            producer, ends = draw(st.sampled_from((1, 2))), draw(st.sampled_from(("abort", "commit")))
            data = marker(offset, producer, 0 if ends == "abort" else 1, epoch=draw(st.integers(0, 3)))
            log.append(Piece(data, offset, offset, producer=producer, ends=ends))
        offset = log[-1].last + 1 + draw(st.sampled_from((0, 0, 0, 4)))
    return log


def joined(log: list[Piece]) -> bytes:
    """Put the batches of a log behind one another."""
    return b"".join(piece.data for piece in log)


def undone(log: list[Piece], place: int) -> bool:
    """Whether a batch's transaction was aborted or never decided: the next marker of its producer tells."""
    piece = log[place]
    if piece.producer is None or piece.ends:
        return False
    later = [other.ends for other in log[place:] if other.ends and other.producer == piece.producer]
    return not later or later[0] == "abort"
