# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was damaged is found, named, and never read as if it were whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import Damage, VerifyReport, verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.canonical import compact_bytes, sha256_hex
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    Damaged,
    LifeboatError,
    NotFound,
    UnsupportedFormat,
)
from testbed.archives import BACKUP, back_up, make_store, tree

REGISTRY = "schema-registry"
ORDERS = "schema-registry/subjects/orders/v1.json"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = make_store(tmp_path)
    back_up(store, {"orders": "orders 1", "users": "users 1"})
    return store


def verify(store: Store) -> VerifyReport:
    return verify_point(store, find_point(store, BACKUP, LATEST))


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def read_all(store: Store) -> list[bytes]:
    reader = PartReader(store, find_point(store, BACKUP, LATEST), REGISTRY)
    return [reader.read(entry) for entry in reader.entries()]


def test_a_whole_point_is_whole(store: Store, tmp_path: Path) -> None:
    before = tree(tmp_path)
    assert verify(store) == VerifyReport(files=2, size=15, damaged=())
    assert tree(tmp_path) == before


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def edit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))


def link_elsewhere(path: Path) -> None:
    target = path.parents[4] / "elsewhere"
    path.rename(target)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (truncate, "it ends after 7 of 8 bytes"),
        (edit, "its content is not what was written"),
        (Path.unlink, "it is missing"),
        (link_elsewhere, "Symbolic links inside of a store are not followed"),
    ],
)
def test_a_damaged_file_is_named_with_what_it_costs(
    store: Store, tmp_path: Path, harm: Callable[[Path], None], reason: str
) -> None:
    harm(tmp_path / BACKUP / ORDERS)
    (damage,) = verify(store).damaged
    assert (damage.file, damage.costs) == (ORDERS, "version 1 of subject orders")
    assert reason in damage.reason
    with pytest.raises(LifeboatError, match=ORDERS):
        read_all(store)


@pytest.mark.parametrize("harm", [truncate, edit, Path.unlink])
@pytest.mark.parametrize(
    ("pattern", "costs"),
    [("parts/schema-registry/*.json", "2 files of the part"), ("parts/schema-registry.*.json", "the whole part")],
)
def test_a_damaged_index_is_named_with_what_it_costs(
    store: Store, tmp_path: Path, harm: Callable[[Path], None], pattern: str, costs: str
) -> None:
    path = only(tmp_path / BACKUP, pattern)
    harm(path)
    (damage,) = verify(store).damaged
    assert damage.file == path.relative_to(tmp_path / BACKUP).as_posix()
    assert costs in damage.costs
    with pytest.raises(Damaged, match=path.name):
        read_all(store)


def test_all_damage_is_named(store: Store, tmp_path: Path) -> None:
    edit(tmp_path / BACKUP / ORDERS)
    (tmp_path / BACKUP / ORDERS.replace("orders", "users")).unlink()
    assert [damage.costs for damage in verify(store).damaged] == [
        "version 1 of subject orders",
        "version 1 of subject users",
    ]


def test_an_index_cannot_lead_out_of_the_store(store: Store, tmp_path: Path) -> None:
    reader = PartReader(store, find_point(store, BACKUP, LATEST), REGISTRY)
    entry = next(reader.entries())._replace(file="../../../../etc/hostname")
    with pytest.raises(LifeboatError) as caught:
        reader.read(entry)
    assert caught.value.code == "unsafe_path"


def test_a_piece_of_a_file_is_read(store: Store) -> None:
    reader = PartReader(store, find_point(store, BACKUP, LATEST), REGISTRY)
    digest = sha256_hex(b"der")
    assert reader.read(Entry(ORDERS, 2, 3, digest, {})) == b"der"
    with pytest.raises(Damaged, match="not what was written"):
        reader.read(Entry(ORDERS, 3, 3, digest, {}))


def test_a_damaged_file_is_mended_by_the_next_backup_once_it_is_deleted(store: Store, tmp_path: Path) -> None:
    edit(tmp_path / BACKUP / ORDERS)
    (tmp_path / BACKUP / ORDERS).unlink()
    back_up(store, {"orders": "orders 1", "users": "users 1"})
    assert verify(store).damaged == ()


def test_a_truncated_file_is_not_shared(store: Store, tmp_path: Path) -> None:
    truncate(tmp_path / BACKUP / ORDERS)
    back_up(store, {"orders": "orders 1", "users": "users 2"})
    assert verify(store).damaged == ()
    assert len(verify_point(store, find_point(store, BACKUP, 1)).damaged) == 1


def test_a_file_that_denies_its_name_is_not_written_over(store: Store, tmp_path: Path) -> None:
    back_up(store, {"orders": "orders 2", "users": "users 1"})
    other = only(tmp_path / BACKUP / "schema-registry/subjects/orders", "v1.*.json")
    truncate(other)
    with pytest.raises(Damaged, match="Delete it and run again"):
        back_up(store, {"orders": "orders 2", "users": "users 2"})
    other.unlink()
    back_up(store, {"orders": "orders 2", "users": "users 2"})
    assert verify(store).damaged == ()


def test_a_damaged_index_hinders_no_backup(store: Store, tmp_path: Path) -> None:
    edit(only(tmp_path / BACKUP, "parts/schema-registry/*.json"))
    back_up(store, {"orders": "orders 1", "users": "users 2"})
    assert verify(store).damaged == ()
    assert len(list((tmp_path / BACKUP / "schema-registry/subjects/orders").iterdir())) == 1


def test_a_newer_part_is_refused(store: Store, tmp_path: Path) -> None:
    path = only(tmp_path / BACKUP, "parts/schema-registry.*.json")
    point = tmp_path / BACKUP / "restore-points" / "00000001.json"
    path.write_bytes(path.read_bytes().replace(b'"format_version": 1', b'"format_version": 3'))
    document = json.loads(point.read_bytes())
    document["parts"][0]["sha256"] = sha256_hex(path.read_bytes())
    said = {name: value for name, value in document.items() if name not in ("format", "format_version", "sha256")}
    point.write_text(json.dumps({**document, "sha256": sha256_hex(compact_bytes(said))}))
    with pytest.raises(UnsupportedFormat, match="newer release"):
        verify(store)


@pytest.mark.parametrize(("was", "edited"), [("true", "false"), ("00000001-", "00000001-0")])
def test_an_edited_restore_point_is_refused(store: Store, tmp_path: Path, was: str, edited: str) -> None:
    point = tmp_path / BACKUP / "restore-points" / "00000001.json"
    point.write_text(point.read_text().replace(was, edited, 1))
    with pytest.raises(Damaged, match="its content is not what was written"):
        find_point(store, BACKUP, 1)


def test_a_part_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="it has schema-registry"):
        PartReader(store, find_point(store, BACKUP, LATEST), "topics")


def test_contents_are_looked_at(store: Store, tmp_path: Path) -> None:
    def check(pieces: Iterator[tuple[Entry, bytes]]) -> Iterable[Damage]:
        return [Damage(entry.file, f"says {content.decode()}", entry.cost()) for entry, content in pieces]

    point = find_point(store, BACKUP, LATEST)
    found = verify_point(store, point, {REGISTRY: check, "topics": check})
    assert [damage.reason for damage in found.damaged] == ["says orders 1", "says users 1"]
    edit(tmp_path / BACKUP / ORDERS)
    found = verify_point(store, point, {REGISTRY: check})
    assert [damage.reason for damage in found.damaged] == ["its content is not what was written"]


def test_a_check_that_gives_up_early_ends_no_verification(store: Store, tmp_path: Path) -> None:
    edit(tmp_path / BACKUP / ORDERS)
    report = verify_point(store, find_point(store, BACKUP, LATEST), {REGISTRY: lambda _pieces: []})
    assert [damage.file for damage in report.damaged] == [ORDERS]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_damaged(store: Store, tmp_path: Path) -> None:
    (tmp_path / BACKUP / ORDERS).chmod(0)
    (damage,) = verify(store).damaged
    assert "must be allowed to read" in damage.reason
