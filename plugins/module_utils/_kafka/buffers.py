# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where answers are received: in large pieces, each into the place where it stays."""

from __future__ import annotations

from struct import Struct

from .._core.errors import KafkaError

_LENGTH = Struct(">i")
_AHEAD = 16 * 1024  # what is read at once when it is not known how much will come; most answers are smaller
_SMALL = 64 * 1024  # smaller buffers are not worth keeping
_GRAIN = 1024 * 1024
_PLAUSIBLE = 256 * 1024 * 1024  # beyond, it is no length; the first bytes of TLS would be one of 352 MB


class Buffers:
    """Memory for large answers, used again as soon as nobody looks into it any more.

    A buffer is handed out as a `memoryview`. While that, or any view made from it, is alive, the buffer is in use;
    there is no need to give it back.

    Args:
        keep: How many buffers are kept for later; more are made when needed, and forgotten.
    """

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._kept: list[bytearray] = []

    def take(self, size: int) -> memoryview:
        """Return writable memory of ``size`` bytes, with any content."""
        if size < _SMALL:
            return memoryview(bytearray(size))
        unused = [buffer for buffer in self._kept if _unused(buffer)]
        fitting = [buffer for buffer in unused if len(buffer) >= size]
        if fitting:
            return memoryview(min(fitting, key=len))[:size]
        for buffer in unused:  # too small for what comes now: rather forgotten than kept besides
            self._kept.remove(buffer)
        buffer = bytearray(-(-size // _GRAIN) * _GRAIN)
        if len(self._kept) < self._keep:
            self._kept.append(buffer)
        return memoryview(buffer)[:size]


def _unused(buffer: bytearray) -> bool:
    """Whether no view of a buffer is alive: only then does Python let its length change."""
    try:
        last = buffer.pop()
    except BufferError:
        return False
    buffer.append(last)
    return True


class Receiver:
    """Cuts what a connection brings into answers: 4 bytes of length, then so many bytes (protocol guide, "Common
    Request and Response Structure").

    Args:
        buffers: Where large answers go.
        limit: The largest answer that is taken, in bytes.
        server: ``host:port``, for messages.
    """

    def __init__(self, buffers: Buffers, limit: int, server: str) -> None:
        self._buffers = buffers
        self._limit = limit
        self._server = server
        self._ahead = bytearray(_AHEAD)
        self._ahead_view = memoryview(self._ahead)
        self._filled = 0  # of the read-ahead
        self._large: memoryview | None = None  # the answer under way, if it does not fit the read-ahead
        self._got = 0  # of it

    def space(self) -> memoryview:
        """Where the next bytes go; never empty."""
        return self._ahead_view[self._filled :] if self._large is None else self._large[self._got :]

    def received(self, count: int) -> list[memoryview]:
        """Note that so many bytes were put into `space`, and return the answers that they complete.

        The answers' own memory stays as it is for as long as a view of it is alive.

        Raises:
            KafkaError: ``too_large`` or, for a length that no broker sends, ``unreachable``.
        """
        if self._large is not None:
            self._got += count
            if self._got < len(self._large):
                return []
            whole, self._large = self._large, None
            return [whole]
        self._filled += count
        return self._cut()

    def _cut(self) -> list[memoryview]:
        answers = []
        at, end = 0, self._filled
        while end - at >= 4:
            (size,) = _LENGTH.unpack_from(self._ahead, at)
            self._check(size)
            at += 4
            there = min(size, end - at)
            if there < size and size <= _AHEAD - 4:  # the rest fits: wait for it here
                at -= 4
                break
            answer = self._buffers.take(size)
            answer[:there] = self._ahead_view[at : at + there]
            at += there
            if there == size:
                answers.append(answer)
            else:
                self._large, self._got = answer, there
        rest = end - at
        self._ahead[:rest] = self._ahead[at:end]
        self._filled = rest
        return answers

    def _check(self, size: int) -> None:
        if 0 <= size <= self._limit:
            return
        if 0 < size < _PLAUSIBLE:
            raise KafkaError(
                f"{self._server} sent an answer of {size} bytes, more than the {self._limit} that are taken here. A "
                "record batch of the topic may be that large.",
                code="too_large",
                object_name=self._server,
            )
        raise KafkaError(
            f"{self._server} sent something that is not Kafka's protocol. See kafka.security_protocol and the port: a "
            "listener with TLS or of another service answers like this.",
            code="unreachable",
            object_name=self._server,
        )
