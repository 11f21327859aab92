# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kafka's five codecs: records of one batch, packed together."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeAlias

from .._core.errors import Damaged, MissingLibrary
from . import frames
from .libraries import UnpackingError, cramjam

Buffer: TypeAlias = "bytes | bytearray | memoryview"

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
NAMES = ("none", "gzip", "snappy", "lz4", "zstd")  # as Kafka's `compression.type` calls them

# What one batch may unpack to. Kafka addresses 2 GiB at most (`max.message.bytes` is an int), and a client's batches
# are made of some MiB; more than half of what Kafka could address is taken for a bomb.
MOST_UNPACKED = 1 << 30

_SNAPPY_BLOCK = 32 * 1024  # as Kafka's own producer


def compress(codec: int, data: bytes, *, hard: bool = False) -> bytes:
    """Pack the records of a magic-2 batch so that every Kafka client can read them.

    Args:
        codec: 0 none, 1 gzip, 2 snappy (in xerial's frames), 3 lz4 (independent blocks of 64 KiB), 4 zstd.
        data: The records.
        hard: Whether to take the time for the smallest result; else at the codec's usual level.

    Returns:
        The same bytes for the same input.

    Raises:
        MissingLibrary: cramjam is missing; needed for snappy, lz4 and zstd.
    """
    return data if codec == NONE else _PACK[codec](data, hard)


def decompress(codec: int, data: Buffer, magic: int = 2) -> bytes:
    """Unpack what a batch, or a packed message of magic 0 or 1, holds.

    Args:
        codec: As for `compress`. Snappy may also come as one bare block.
        data: What is packed.
        magic: Of what holds it: in magic 0, lz4 frames have a wrong header checksum (KAFKA-3160), which is passed by.

    Raises:
        Damaged: It cannot be unpacked, or would be larger than `MOST_UNPACKED`.
        MissingLibrary: cramjam is missing; needed for snappy, lz4 and zstd.
    """
    if codec == NONE:
        return bytes(data)
    if codec >= len(NAMES) or (codec == ZSTD and magic < 2):
        raise Damaged(f"Records are packed with the unknown codec {codec}.")
    try:
        return _UNPACK[codec](memoryview(data), magic)
    except MissingLibrary:
        raise
    except (zlib.error, ValueError, UnpackingError) as error:
        raise Damaged(f"Records packed with {NAMES[codec]} cannot be unpacked: {error}.") from error


def _gzip(data: bytes, hard: bool) -> bytes:
    packer = zlib.compressobj(9 if hard else 6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # the header's time stays 0
    return packer.compress(data) + packer.flush()


def _snappy(data: bytes, hard: bool) -> bytes:
    packed = bytearray(frames.XERIAL_HEADER)
    for at in range(0, len(data) or 1, _SNAPPY_BLOCK):
        block = cramjam.snappy.compress_raw(data[at : at + _SNAPPY_BLOCK])
        packed += len(block).to_bytes(4, "big")
        packed += memoryview(block)
    return bytes(packed)


def _lz4(data: bytes, hard: bool) -> bytes:
    packer = cramjam.lz4.Compressor(level=12 if hard else 1, content_checksum=False, block_linked=False)
    packer.compress(data)
    return bytes(packer.finish())


def _zstd(data: bytes, hard: bool) -> bytes:
    return bytes(cramjam.zstd.compress(data, level=12 if hard else 3))


def _ungzip(data: memoryview, magic: int) -> bytes:
    pieces: list[bytes] = []
    left, size = bytes(data), 0
    while left:  # members may follow one another
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        pieces.append(unpacker.decompress(left, MOST_UNPACKED - size + 1))
        size += len(pieces[-1])
        _check_size(size)
        if not unpacker.eof:
            raise ValueError("it is cut off")
        left = unpacker.unused_data
    return b"".join(pieces)


def _unsnappy(data: memoryview, magic: int) -> bytes:
    blocks = frames.snappy_blocks(data)
    _check_size(sum(frames.snappy_size(block) for block in blocks))
    return b"".join([bytes(cramjam.snappy.decompress_raw(block)) for block in blocks])


def _unlz4(data: memoryview, magic: int) -> bytes:
    _check_size(frames.lz4_bound(data))
    return bytes(cramjam.lz4.decompress(frames.lz4_mended(data) if magic == 0 else data))


def _unzstd(data: memoryview, magic: int) -> bytes:
    _check_size(frames.zstd_bound(data))
    return bytes(cramjam.zstd.decompress(data))


def _check_size(bound: int) -> None:
    if bound > MOST_UNPACKED:
        raise ValueError(f"unpacked, they would have more than {MOST_UNPACKED} bytes")


_PACK: dict[int, Callable[[bytes, bool], bytes]] = {GZIP: _gzip, SNAPPY: _snappy, LZ4: _lz4, ZSTD: _zstd}
_UNPACK: dict[int, Callable[[memoryview, int], bytes]] = {
    GZIP: _ungzip,
    SNAPPY: _unsnappy,
    LZ4: _unlz4,
    ZSTD: _unzstd,
}
