# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a backup of topics with a bit changed or the end missing: found, named, and not restored as if whole."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.kafka_proxy import KafkaProxy
from faults.topic_faults import PLAIN, TOPICS, Victim, cut, damaged, fill, flip, grow

from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.reading import check_same
from testbed.records import Place

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "first bit": functools.partial(flip, at=0),
    "a bit in the middle": functools.partial(flip, at=0.5),
    "last bit": functools.partial(flip, at=1),
    "end cut off": functools.partial(cut, at=0.7),
    "last byte cut off": functools.partial(cut, at=1),
    "empty": functools.partial(cut, at=0),
}

KINDS = {
    "segment": r"topics/orders/.*\.log",
    "pack": r"topics/_packs/.*\.pack",
    "definitions": r"cluster/topics.*\.json",
    "groups": r"cluster/groups.*\.json",
    "page of topics": r"parts/topics/.*\.json",
    "page of groups": r"parts/groups/.*\.json",
    "part of topics": r"parts/topics\..*\.json",
    "part of groups": r"parts/groups\..*\.json",
    "point": r"restore-points/.*\.json",
}
"""Files that a restore of topics reads, by their paths in the backup's folder."""


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """A broker with the topics, for this file alone."""
    with Kafka() as broker:
        fill(Place.of(broker))
        yield broker


@pytest.fixture(scope="module")
def backup(broker: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two restore points, which tests copy."""
    store = tmp_path_factory.mktemp("whole") / "store"
    with KafkaProxy(broker) as proxy:
        victim = Victim(broker, proxy, store)
        victim.run("topic_backup").succeeded()
        grow(victim.place, 10_000)
        victim.run("topic_backup").succeeded()
    return store


@pytest.fixture
def victim(broker: Kafka, backup: Path, tmp_path: Path) -> Iterator[Victim]:
    with KafkaProxy(broker) as proxy:
        victim = Victim(broker, proxy, tmp_path / "store")
        shutil.rmtree(victim.copies.store)
        shutil.copytree(backup, victim.copies.store)
        yield victim


def of_kind(store: Path, kind: str) -> list[Path]:
    """The files of a kind, the oldest first."""
    (folder,) = (path.parent for path in store.glob("*/restore-points"))
    found = [path for path in folder.rglob("*") if path.is_file()]
    chosen = [path for path in found if re.fullmatch(KINDS[kind], path.relative_to(folder).as_posix())]
    assert chosen, f"no {kind} among {found}"
    return sorted(chosen, key=lambda path: (path.stat().st_mtime_ns, path.name))


def named_by(point: Path) -> set[Path]:
    """A restore point, and the files that it names, and that those name."""
    left = {path for path in point.parents[1].rglob("*") if path.is_file()}
    found, new = set(), {point}
    while new:
        found |= new
        told = b"".join(path.read_bytes() for path in new if path.suffix == ".json")
        new = {path for path in left - found if path.relative_to(point.parents[1]).as_posix().encode() in told}
    return found


def check_damage(victim: Victim, path: Path, damage: Callable[[bytes], bytes]) -> None:
    """It is told by both modules, and a restore does nothing that looks whole; with the file back it goes on."""
    with damaged(path, damage):
        options = victim.copies.common
        told = run_module("backup_verify", **options, restore_points=["all"]).failed()
        assert path.name.partition(".")[0] in told["msg"] + str(told.get("failure", ""))
        failed = victim.run("topic_restore").failed()
        assert path.name.partition(".")[0] in failed["msg"] + str(failed.get("failure", ""))
    victim.check_restore()


@pytest.mark.parametrize(
    ("kind", "damage"), [(kind, ["a bit in the middle", "end cut off"][at % 2]) for at, kind in enumerate(KINDS)]
)
def test_damage_is_found(victim: Victim, kind: str, damage: str) -> None:
    check_damage(victim, of_kind(victim.copies.store, kind)[-1], DAMAGES[damage])


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found(victim: Victim, kind: str, damage: str) -> None:
    read = named_by(of_kind(victim.copies.store, "point")[-1])
    for path in {[path for path in of_kind(victim.copies.store, kind) if path in read][at] for at in (0, -1)}:
        victim.begin()
        check_damage(victim, path, DAMAGES[damage])
        victim.tidy_up()


def test_what_is_damaged_is_left_out_when_asked_for(victim: Victim) -> None:
    """The topics that are whole come back, and of the other all but what is told."""
    path, *_others = of_kind(victim.copies.store, "segment")
    partition = int(path.parent.name)
    source = victim.copies.contents(PLAIN)
    with damaged(path, DAMAGES["a bit in the middle"]):
        done = victim.run("topic_restore", on_damage="skip").succeeded()
        told = done["damaged"]
        assert [(each["topic"], each["partition"]) for each in told] == [(PLAIN, partition)] * len(told)
        assert told
    lost = [range(each["start"], each["next"]) for each in told]
    whole = {number: records for number, records in source.items() if number != partition}
    left = [record for record in source[partition] if not any(record.offset in each for each in lost)]
    assert len(left) < len(source[partition])
    check_same({**whole, partition: left}, victim.copies.restored(PLAIN))
    for topic in TOPICS[1:]:
        victim.copies.check(topic)


@pytest.mark.parametrize("name", ["manifest.json", "last-run.json"])
def test_what_is_no_authority_may_be_damaged(victim: Victim, name: str) -> None:
    (path,) = victim.copies.store.glob(f"*/{name}")
    with damaged(path, DAMAGES["end cut off"]):
        victim.check_restore()
        victim.begin()
        victim.check_backup()


def test_a_damaged_journal_of_a_restore_is_told(victim: Victim) -> None:
    victim.run("topic_restore").succeeded()
    found = list((victim.copies.store / "journal").glob(f"*/topics/{victim.copies.name(PLAIN)}*.json"))
    assert found
    for path in found:
        with damaged(path, DAMAGES["end cut off"]):
            assert path.name in victim.run("topic_restore").failed()["msg"]
    victim.check_restore()


def test_a_damaged_backup_is_captured_anew_by_the_next_whole_one(victim: Victim) -> None:
    """An index that cannot be read is no base: what it would have saved is copied again."""
    for kind in ("point", "part of topics"):
        of_kind(victim.copies.store, kind)[-1].write_bytes(b"{")
        outcome = victim.run("topic_backup")
        if outcome.status:
            assert of_kind(victim.copies.store, kind)[-1].name in outcome.failed()["msg"]
            of_kind(victim.copies.store, kind)[-1].unlink()
            victim.run("topic_backup").succeeded()
        victim.begin()
        victim.check_restore()
