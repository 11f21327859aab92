# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names become path segments that are safe, short enough, and all different."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import layout
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import segments

NAMES = st.one_of(
    st.text(alphabet=st.characters(), max_size=60),
    st.text(alphabet="%~./:\\aé0123456789ABCDEF\n\ud800", max_size=12),
    st.text(alphabet="é%/a", min_size=90, max_size=400),
)


@given(NAMES)
def test_a_segment_is_a_segment(name: str) -> None:
    segment = layout.encode_segment(name)
    assert segments(segment) == [segment]
    assert len(segment.encode()) <= layout.LONGEST_SEGMENT
    assert segment[0] not in ".:"


@given(NAMES)
def test_a_segment_tells_its_name_unless_it_was_shortened(name: str) -> None:
    decoded = layout.decode_segment(layout.encode_segment(name))
    assert decoded == name or (decoded is None and len(name.encode(errors="surrogatepass")) > 60)


@given(NAMES, NAMES)
def test_different_names_give_different_segments(one: str, other: str) -> None:
    assert (layout.encode_segment(one) == layout.encode_segment(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("orders-value", "orders-value"),
        ("Größe 日本", "Größe 日本"),
        (":.eu:orders", "%3A.eu%3Aorders"),
        ('<a>"b"|c?*', "%3Ca%3E%22b%22%7Cc%3F%2A"),
        ("a/b\\c%d", "a%2Fb%5Cc%25d"),
        ("..", "%2E."),
        ("line\nbreak\x85", "line%0Abreak%C2%85"),
        ("", "%"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_segments_are_readable(name: str, segment: str) -> None:
    assert layout.encode_segment(name) == segment
    assert layout.decode_segment(segment) == name


def test_long_names_differ_at_their_ends() -> None:
    one, other = (layout.encode_segment("é" * 400 + end) for end in "ab")
    assert one != other
    assert one.startswith("é" * 80)
    assert layout.decode_segment(one) is None


@pytest.mark.parametrize("segment", ["%2f", "%41", "%ZZ", "a%", "%C3", ".hidden", "é" * 200])
def test_what_is_no_segment_stands_for_nothing(segment: str) -> None:
    with pytest.raises(ValueError, match=r"does not stand for a name|can't decode"):
        layout.decode_segment(segment)


@pytest.mark.parametrize("backup_id", ["prod", "journal", "keys", "store.json", "eu/prod", ".hidden", "日本"])
def test_a_backup_has_a_folder_of_its_own(backup_id: str) -> None:
    folder = layout.backup_folder(backup_id)
    assert folder not in {"journal", "keys", "store.json"}
    assert layout.backup_id_of(folder) == backup_id


@pytest.mark.parametrize("backup_id", ["", "x" * 201])
def test_a_backups_name_must_fit_its_folder(backup_id: str) -> None:
    with pytest.raises(InvalidOption, match="backup_id"):
        layout.backup_folder(backup_id)


@pytest.mark.parametrize("folder", ["journal", "keys", "%", "%41", "%C3", "x" * 201])
def test_other_folders_are_no_backups(folder: str) -> None:
    assert layout.backup_id_of(folder) is None


@pytest.mark.parametrize(
    ("file", "hashed"),
    [
        ("a/v1.json", "a/v1.0123456789abcdef.json"),
        ("a.b/00000000000000000000.log", "a.b/00000000000000000000.0123456789abcdef.log"),
        ("a.b/file", "a.b/file.0123456789abcdef"),
    ],
)
def test_other_content_gets_its_hash_before_the_extension(file: str, hashed: str) -> None:
    assert layout.hashed_file(file, "0123456789abcdef" * 4) == hashed


def test_names_of_points() -> None:
    assert layout.point_sequence(layout.point_path("prod", 42)) == 42
    assert layout.point_sequence(layout.point_path("prod", 123456789)) == 123456789
    assert layout.point_sequence("prod/restore-points/42.json") is None
    assert layout.point_sequence("prod/restore-points/00000042.json.orig") is None
    assert layout.point_id_sequence("00000042-1a2b3c4d") == 42
    assert layout.point_id_sequence("latest") is None
