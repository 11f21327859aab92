# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large packed records can become, read from the frames around their blocks, before anything is unpacked.

Formats: xerial's snappy frames (snappy-java, SnappyOutputStream), snappy's format_description.txt, the LZ4 frame format
1.6, and RFC 8878 (zstd). What is wrong raises ValueError; `codecs` makes it Damaged.
"""

from __future__ import annotations

XERIAL_HEADER = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"  # then blocks: a length (4 bytes), bare snappy
_XERIAL_MAGIC = XERIAL_HEADER[:8]

_SNAPPY_RATIO = 64  # a copy of at most 64 bytes takes 2 at least: nothing true claims more

_LZ4_MAGIC = 0x184D2204
_ZSTD_MAGIC = 0xFD2FB528
_SKIPPABLE = 0x184D2A50  # and the 15 after it, in both formats

_LZ4_BLOCK_CHECKSUM, _LZ4_CONTENT_SIZE, _LZ4_CONTENT_CHECKSUM, _LZ4_DICTIONARY = 0x10, 0x08, 0x04, 0x01
_ZSTD_BLOCK = 128 * 1024  # no block becomes larger
_ZSTD_RAW, _ZSTD_RLE, _ZSTD_RESERVED = 0, 1, 3


def snappy_blocks(data: memoryview) -> list[memoryview]:
    """Return the bare blocks of xerial's frames; of one block without frames, that."""
    if bytes(data[:8]) != _XERIAL_MAGIC:
        return [data]
    blocks = []
    at = len(XERIAL_HEADER)
    if len(data) < at:
        raise ValueError("it is cut off")
    while at < len(data):
        size = _int(data, at, 4, "big")
        at += 4
        if size > len(data) - at:
            raise ValueError(f"a block claims {size} of {len(data) - at} bytes")
        blocks.append(data[at : at + size])
        at += size
    return blocks


def snappy_size(block: memoryview) -> int:
    """Return the size that a bare block claims to unpack to; a claim beyond snappy's best ratio is refused."""
    size = 0
    for place, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if size > _SNAPPY_RATIO * len(block):
                raise ValueError(f"{len(block)} bytes claim to unpack to {size}")
            return size
    raise ValueError("a block begins with no length")


def lz4_bound(data: memoryview) -> int:
    """Return the most that lz4 frames can unpack to."""
    bound = at = 0
    while at < len(data):
        magic = _int(data, at, 4)
        if magic & ~0xF == _SKIPPABLE:
            at += 8 + _int(data, at + 4, 4)
            continue
        if magic != _LZ4_MAGIC:
            raise ValueError("there is no lz4 frame")
        flags = _int(data, at + 4, 1)
        block = 1 << (8 + 2 * (_int(data, at + 5, 1) >> 4 & 7))
        at += _lz4_header_size(flags)
        while size := _int(data, at, 4):
            at += 4 + (size & 0x7FFFFFFF) + (4 if flags & _LZ4_BLOCK_CHECKSUM else 0)
            bound += block
        at += 4 + (4 if flags & _LZ4_CONTENT_CHECKSUM else 0)
    if at != len(data):
        raise ValueError("it is cut off")
    return bound


def lz4_mended(data: memoryview) -> bytes:
    """Return an lz4 frame with the right header checksum.

    Clients of magic 0 took it over the frame's magic number as well (KAFKA-3160).
    """
    size = _lz4_header_size(data[4])
    checksum = _xxh32_short(bytes(data[4 : size - 1])) >> 8 & 0xFF
    return b"".join((data[: size - 1], bytes((checksum,)), data[size:]))


def zstd_bound(data: memoryview) -> int:
    """Return the most that zstd frames can unpack to."""
    bound = at = 0
    while at < len(data):
        magic = _int(data, at, 4)
        if magic & ~0xF == _SKIPPABLE:
            at += 8 + _int(data, at + 4, 4)
            continue
        if magic != _ZSTD_MAGIC:
            raise ValueError("there is no zstd frame")
        descriptor = _int(data, at + 4, 1)
        at += _zstd_header_size(descriptor)
        last = 0
        while not last:
            header = _int(data, at, 3)
            last, kind, size = header & 1, header >> 1 & 3, header >> 3
            if kind == _ZSTD_RESERVED:
                raise ValueError("a block is of no kind")
            at += 3 + (1 if kind == _ZSTD_RLE else size)
            bound += size if kind in (_ZSTD_RAW, _ZSTD_RLE) else _ZSTD_BLOCK
        at += 4 if descriptor & 0x04 else 0  # a checksum of the content
    if at != len(data):
        raise ValueError("it is cut off")
    return bound


def _lz4_header_size(flags: int) -> int:
    return 7 + (8 if flags & _LZ4_CONTENT_SIZE else 0) + (4 if flags & _LZ4_DICTIONARY else 0)


def _zstd_header_size(descriptor: int) -> int:
    single = descriptor & 0x20
    content_size = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    return 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + content_size


def _int(data: memoryview, at: int, size: int, order: str = "little") -> int:
    if at + size > len(data):
        raise ValueError("it is cut off")
    return int.from_bytes(data[at : at + size], "big" if order == "big" else "little")


def _xxh32_short(data: bytes) -> int:
    """XXH32 with seed 0 of fewer than 16 bytes: all that an lz4 header checksum needs."""
    mask = 0xFFFFFFFF
    value = 0x165667B1 + len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        value = (value + int.from_bytes(data[at : at + 4], "little") * 0xC2B2AE3D) & mask
        value = (value << 17 | value >> 15) * 0x27D4EB2F & mask
    for byte in data[whole:]:
        value = (value + byte * 0x165667B1) & mask
        value = (value << 11 | value >> 21) * 0x9E3779B1 & mask
    value = (value ^ value >> 15) * 0x85EBCA77 & mask
    value = (value ^ value >> 13) * 0xC2B2AE3D & mask
    return value ^ value >> 16
