# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import lz4.frame
import pytest
import snappy
import zstandard
from conftest import COLLECTIONS
from hypothesis import given
from hypothesis import strategies as st
from kafka import codec as kafka_python

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._records import codecs
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.codecs import (
    GZIP,
    LZ4,
    SNAPPY,
    ZSTD,
    compress,
    decompress,
)

CODECS = range(5)
PACKED = CODECS[1:]
contents = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda piece, times: piece * times, st.binary(min_size=1, max_size=50), st.integers(1, 5_000)),
)

UNPACK: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    GZIP: kafka_python.gzip_decode,
    SNAPPY: kafka_python.snappy_decode,
    LZ4: kafka_python.lz4_decode,
    ZSTD: kafka_python.zstd_decode,
}
PACK: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    GZIP: kafka_python.gzip_encode,
    SNAPPY: kafka_python.snappy_encode,
    LZ4: kafka_python.lz4_encode,
    ZSTD: kafka_python.zstd_encode,
}


@pytest.mark.parametrize("codec", CODECS)
@given(data=contents, hard=st.booleans())
def test_what_is_packed_is_unpacked_by_us_and_by_others(codec: int, data: bytes, hard: bool) -> None:
    packed = compress(codec, data, hard=hard)
    assert packed == compress(codec, data, hard=hard)
    assert bytes(UNPACK[codec](packed)) == data
    assert decompress(codec, memoryview(bytearray(packed))) == data


@pytest.mark.parametrize("codec", CODECS)
@given(data=contents)
def test_what_others_pack_is_unpacked(codec: int, data: bytes) -> None:
    assert decompress(codec, PACK[codec](data)) == data


@pytest.mark.parametrize("codec", [LZ4, ZSTD])
def test_packing_hard_is_better(codec: int) -> None:
    data = b"".join(b'{"id": %d, "name": "customer %d"}' % (number, number * 7919 % 1000) for number in range(3_000))
    assert len(compress(codec, data, hard=True)) < len(compress(codec, data)) < len(data)


@pytest.mark.parametrize("options", [
    {"block_linked": True},
    {"block_linked": False, "content_checksum": True, "block_checksum": True},
    {"block_size": lz4.frame.BLOCKSIZE_MAX4MB, "store_size": True},
    {"compression_level": 12, "store_size": False},
])  # fmt: skip
def test_lz4_frames_of_any_kind_are_unpacked(options: dict[str, Any]) -> None:
    data = os.urandom(70_000) + b"abc" * 100_000
    assert decompress(LZ4, lz4.frame.compress(data, **options)) == data


@given(data=contents.filter(len), size=st.booleans())
def test_wrong_header_checksum_of_old_lz4_frames_is_passed_by(data: bytes, size: bool) -> None:
    frame = bytearray(lz4.frame.compress(data, block_linked=False, store_size=size))
    frame[14 if size else 6] ^= 0x5A
    assert decompress(LZ4, frame, magic=0) == data
    with pytest.raises(Damaged, match="packed with lz4 cannot be unpacked"):
        decompress(LZ4, frame, magic=1)


def test_zstd_frames_of_any_kind_are_unpacked() -> None:
    data = os.urandom(300_000) + b"abc" * 200_000
    packer = zstandard.ZstdCompressor(level=19, write_checksum=True, write_content_size=False)
    stream = zstandard.ZstdCompressor().compressobj()
    pieces = stream.compress(data) + stream.flush()
    assert decompress(ZSTD, packer.compress(data)) == data
    assert decompress(ZSTD, pieces + packer.compress(b"more")) == data + b"more"


def test_snappy_without_frames_and_gzip_in_members_are_unpacked() -> None:
    assert decompress(SNAPPY, snappy.compress(b"abc" * 1_000)) == b"abc" * 1_000
    assert decompress(GZIP, gzip.compress(b"one") + gzip.compress(b"two")) == b"onetwo"


@pytest.mark.parametrize("codec", PACKED)
@given(data=st.data(), content=contents)
def test_broken_data_are_damaged_or_come_out_as_something(codec: int, data: st.DataObject, content: bytes) -> None:
    packed = bytearray(compress(codec, content))
    for _number in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    del packed[data.draw(st.integers(0, len(packed))) :]
    with suppress(Damaged):
        decompress(codec, packed)


@pytest.mark.parametrize("codec", PACKED)
@given(data=st.binary(max_size=100))
def test_noise_is_damaged_or_comes_out_as_something(codec: int, data: bytes) -> None:
    with suppress(Damaged):
        decompress(codec, data)


@pytest.mark.parametrize("codec", PACKED)
def test_cut_off_data_are_damaged(codec: int) -> None:
    packed = compress(codec, os.urandom(5_000))
    for size in (1, 3, 8, 20, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Damaged, match=f"Records packed with {codecs.NAMES[codec]} cannot be unpacked"):
            decompress(codec, packed[:size])


def snappy_claim(size: int) -> bytes:
    claim = bytearray()
    while size > 0x7F:
        claim.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*claim, size, 0])


BOMBS = {
    "gzip": (GZIP, gzip.compress(bytes(100_000)) * 20),
    "snappy": (
        SNAPPY,
        codecs.frames.XERIAL_HEADER
        + b"".join([struct.pack(">i", 20_000) + snappy_claim(1_200_000) + bytes(19_996)] * 2),
    ),
    "lz4": (LZ4, lz4.frame.compress(bytes(2_000_000), block_linked=False)),
    "zstd": (ZSTD, zstandard.ZstdCompressor(write_content_size=False).compress(bytes(2_000_000))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_more_than_the_bound_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "MOST_UNPACKED", 1_000_000)
    codec, bomb = BOMBS[name]
    with pytest.raises(Damaged, match="more than 1000000 bytes"):
        decompress(codec, bomb)


def test_snappy_may_not_claim_more_than_it_could_ever_hold() -> None:
    with pytest.raises(Damaged, match="claim to unpack to 1000000000"):
        decompress(SNAPPY, snappy_claim(1_000_000_000))


@pytest.mark.parametrize(("codec", "magic"), [(5, 2), (7, 2), (4, 1), (4, 0)])
def test_unknown_codecs_are_named(codec: int, magic: int) -> None:
    with pytest.raises(Damaged, match=f"unknown codec {codec}"):
        decompress(codec, b"x", magic)


@pytest.mark.parametrize(
    ("library", "use"),
    [
        ("cramjam", "codecs.compress(3, b'x')"),
        (
            "cramjam",
            "codecs.decompress(4, codecs.frames._ZSTD_MAGIC.to_bytes(4, 'little') + bytes(2) + bytes([1, 0, 0]))",
        ),
        ("crc32c", "build.build([decode.Record(0, 1, None, b'v', ())], codec=0)"),
    ],
)
def test_missing_library_is_named_when_it_is_needed(library: str, use: str) -> None:
    room = "ansible_collections.lifeboat.kafka.plugins.module_utils._records"
    script = (
        f"import sys; sys.path.insert(0, {str(COLLECTIONS)!r}); sys.modules[{library!r}] = None\n"
        f"from {room} import build, codecs, decode\n"
        f"codecs.decompress(1, codecs.compress(1, b'needs no library'))\n"
        f"try:\n    {use}\n"
        "except Exception as error:\n    print(error.code, error.message)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.startswith("missing_library ")
    assert f"Install {library} >= 2." in ran.stdout
