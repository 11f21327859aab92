# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Index pages: bounded, shared between points, and read back to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.documents import INDEX_PAGE, decode
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import (
    MOST_ENTRIES,
    Entry,
    cut_into_pages,
    encode_page,
    read_page,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, UnsupportedFormat
from testbed.archives import BACKUP, back_up, make_store, tree

SHA256 = "0123456789abcdef" * 4
FACTS = st.dictionaries(
    st.text(max_size=5).filter(lambda name: name not in {"file", "at", "length", "sha256"}),
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2)),
    max_size=3,
)
ENTRIES = st.builds(Entry, st.text(max_size=30), st.integers(0, 2**63), st.integers(0, 2**63), st.just(SHA256), FACTS)


def entries_of(paths: list[str]) -> list[tuple[str, Entry]]:
    return [(path, Entry(path, 0, 1, SHA256, {})) for path in paths]


@given(st.lists(ENTRIES, max_size=5))
def test_pages_are_read_back_to_the_letter(entries: list[Entry]) -> None:
    assert list(read_page(decode(encode_page(entries), INDEX_PAGE, "page"))) == entries


@given(st.sets(st.text(max_size=8), max_size=200))
def test_pages_hold_all_entries_in_order(paths: set[str]) -> None:
    entries = entries_of(sorted(paths))
    pages = list(cut_into_pages(entries))
    assert [entry for page in pages for entry in page] == [entry for _path, entry in entries]
    assert all(pages)


def test_pages_are_bounded() -> None:
    sizes = [len(page) for page in cut_into_pages(entries_of([f"subjects/{n:06d}/v1.json" for n in range(50_000)]))]
    assert sum(sizes) == 50_000
    assert max(sizes) <= MOST_ENTRIES
    assert len(sizes) < 400


def test_one_more_file_changes_one_page() -> None:
    paths = [f"subjects/{number:06d}/v1.json" for number in range(20_000)]
    before = {encode_page(page) for page in cut_into_pages(entries_of(paths))}
    after = {encode_page(page) for page in cut_into_pages(entries_of(sorted([*paths, "subjects/000007a/v1.json"])))}
    assert len(before) > 20
    assert len(after - before) <= 2


@pytest.mark.parametrize(
    "entry",
    [
        "{}",
        "7",
        '{"file": "a", "at": -1, "length": 1, "sha256": "%s"}',
        '{"file": "a", "at": 0, "length": "1", "sha256": "%s"}',
        '{"file": "a", "at": 0, "length": 1, "sha256": "%sff"}',
        '{"file": ["a"], "at": 0, "length": 1, "sha256": "%s"}',
    ],
)
def test_a_page_that_was_edited_is_refused(entry: str) -> None:
    entry = entry.replace("%s", SHA256)
    content = f'{{"format": "lifeboat.kafka/index-page", "format_version": 1, "entries": [{entry}]}}'
    with pytest.raises(Damaged, match=r"page.*entries\[0\]"):
        list(read_page(decode(content.encode(), INDEX_PAGE, "page")))


def test_a_newer_page_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="newer release"):
        decode(b'{"format": "lifeboat.kafka/index-page", "format_version": 2}', INDEX_PAGE, "page")


def test_points_share_pages(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    contents = {f"subject-{number:04d}": str(number) for number in range(1200)}
    back_up(store, contents)
    before = set(tree(tmp_path / BACKUP))
    back_up(store, {**contents, "subject-1000": "changed"})
    new = {path for path in set(tree(tmp_path / BACKUP)) - before if path.startswith("parts/")}
    assert len([path for path in before if path.startswith("parts/schema-registry/")]) > 3
    assert len(new) == 2
