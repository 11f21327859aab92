# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kafka's primitive types (protocol guide, "Protocol Primitive Types"), read in place and written by hand."""

from __future__ import annotations

from struct import Struct

_INT16 = Struct(">h")
_INT32 = Struct(">i")


class Cursor:
    """Reads one answer from front to back, without copying what it points to.

    Args:
        data: The whole answer.
        at: Where to begin.
        flexible: Whether lengths are varints and structures end with tagged fields (KIP-482).
    """

    __slots__ = ("at", "data", "flexible")

    def __init__(self, data: memoryview, at: int, *, flexible: bool) -> None:
        self.data = data
        self.at = at
        self.flexible = flexible

    def int32(self) -> int:
        (value,) = _INT32.unpack_from(self.data, self.at)
        self.at += 4
        return int(value)

    def fixed(self, layout: Struct) -> tuple[int, ...]:
        """The values of a run of fields of fixed size."""
        values = layout.unpack_from(self.data, self.at)
        self.at += layout.size
        return values

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def count(self) -> int:
        """How many elements an array has; 0 for null."""
        return max(self.varint() - 1 if self.flexible else self.int32(), 0)

    def piece(self) -> memoryview | None:
        """Bytes or records; None for null."""
        return self._take(self.varint() - 1 if self.flexible else self.int32())

    def text(self) -> str | None:
        if self.flexible:
            taken = self._take(self.varint() - 1)
        else:
            (size,) = _INT16.unpack_from(self.data, self.at)
            self.at += 2
            taken = self._take(size)
        return None if taken is None else str(taken, "utf-8")

    def uuid(self) -> str:
        """A topic id as 32 hexadecimal digits."""
        self.at += 16
        return self.data[self.at - 16 : self.at].hex()

    def skip(self, size: int) -> None:
        self.at += size

    def end_structure(self) -> None:
        """Pass by the tagged fields that end a structure."""
        if not self.flexible:
            return
        for _tag in range(self.varint()):
            self.varint()
            size = self.varint()  # moves the cursor, so that it must be read before
            self.at += size

    def _take(self, size: int) -> memoryview | None:
        if size < 0:
            return None
        self.at += size
        if self.at > len(self.data):
            raise ValueError("the answer ends too early")
        return self.data[self.at - size : self.at]


def varint(value: int) -> bytes:
    """An unsigned varint."""
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def length(value: int, *, flexible: bool) -> bytes:
    """The length of an array or of bytes."""
    return varint(value + 1) if flexible else _INT32.pack(value)


def text(value: str, *, flexible: bool) -> bytes:
    encoded = value.encode()
    return (varint(len(encoded) + 1) if flexible else _INT16.pack(len(encoded))) + encoded
