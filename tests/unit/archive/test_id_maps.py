# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of new ids: none of their entries is ever lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.id_maps import Ids, keep_id_map
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import StillClock


@pytest.fixture
def journal(tmp_path: Path) -> UndoJournal:
    return UndoJournal(FilesystemStorage(str(tmp_path)), "cluster-1/registry", StillClock())


def kept(
    journal: UndoJournal, ids: Ids, *, backup_id: str = "eu/prod", point: int = 42, **contexts: str
) -> tuple[str, Any]:
    """Keep ids; return the name of the map, and what it holds then."""
    where = Path(keep_id_map(journal, backup_id, point, contexts, ids))
    return where.name, json.loads(where.read_bytes())["ids"]


FIRST = "eu%2Fprod.00000042.json"


def test_a_map_is_kept_by_restore_point_and_written_once(journal: UndoJournal, tmp_path: Path) -> None:
    ids = {".": {7: 1, 10: 2}, ".eu": {}}
    where = Path(keep_id_map(journal, "eu/prod", 42, {}, ids))
    assert (where.is_relative_to(tmp_path), where.name) == (True, FIRST)
    written = where.stat()
    assert kept(journal, ids) == (FIRST, {".": {"7": 1, "10": 2}, ".eu": {}})
    assert where.stat().st_ino == written.st_ino
    assert kept(journal, {".": {7: 9}}, point=43) == ("eu%2Fprod.00000043.json", {".": {"7": 9}})
    assert kept(journal, {".": {7: 9}}, backup_id="us") == ("us.00000042.json", {".": {"7": 9}})
    assert journal.runs() == []


def test_runs_for_different_parts_add_to_one_map(journal: UndoJournal) -> None:
    kept(journal, {".": {10: 2}, ".eu": {1: 1}})
    assert kept(journal, {".": {7: 1, 10: 2}}) == (FIRST, {".": {"7": 1, "10": 2}, ".eu": {"1": 1}})
    assert kept(journal, {".us": {3: 3}})[1][".us"] == {"3": 3}
    assert kept(journal, {})[1] == {".": {"7": 1, "10": 2}, ".eu": {"1": 1}, ".us": {"3": 3}}


def test_runs_that_bring_contexts_elsewhere_have_maps_of_their_own(journal: UndoJournal) -> None:
    first = kept(journal, {"eu": {7: 1}})
    into_us, into_asia = kept(journal, {"eu": {7: 1}}, eu="us"), kept(journal, {"eu": {8: 1}}, eu="asia")
    assert len({first[0], into_us[0], into_asia[0]}) == 3
    assert kept(journal, {"eu": {9: 1}}, eu="us") == (into_us[0], {"eu": {"7": 1, "9": 1}})
    assert kept(journal, {}) == first


def test_an_id_that_becomes_another_begins_another_map(journal: UndoJournal) -> None:
    first = kept(journal, {".": {7: 1, 10: 2}})
    second = kept(journal, {".": {7: 3}})
    assert second == ("eu%2Fprod.00000042.2.json", {".": {"7": 3}})
    assert kept(journal, {".": {7: 3, 11: 4}}) == (second[0], {".": {"7": 3, "11": 4}})
    assert kept(journal, {".": {7: 5}})[0] == "eu%2Fprod.00000042.3.json"
    assert kept(journal, {".": {7: 1}}) == first


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(b"}", b""), (b'"7"', b'"x"'), (b'"ids"', b'"x"'), (b'"format_version": 1', b'"format_version": 9')],
)
def test_a_map_that_cannot_be_read_is_left_as_it_is(journal: UndoJournal, right: bytes, wrong: bytes) -> None:
    where = Path(keep_id_map(journal, "eu/prod", 42, {}, {".": {7: 1}}))
    spoilt = where.read_bytes().replace(right, wrong)
    assert spoilt != where.read_bytes()
    where.write_bytes(spoilt)
    assert kept(journal, {".": {7: 1}}) == ("eu%2Fprod.00000042.2.json", {".": {"7": 1}})
    assert where.read_bytes() == spoilt
