# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills up during a backup of topics, and a journal without room: one message, and the next run goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.program import on_a_disk, run_program
from faults.topic_faults import COMPACTED, OTHERS, TRANSACTIONS, fill

from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.modules import Outcome
from testbed.records import Place, numbered, send

BIG = "orders"
SMALL = (COMPACTED, OTHERS, TRANSACTIONS)


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """A broker with the topics, for this file alone."""
    with Kafka() as broker:
        fill(Place.of(broker))
        yield broker


def fill_up(folder: Path) -> Path:
    """Fill a file system."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


def check_full(copies: Copies, outcome: Outcome) -> None:
    """The run told that there is no room, and left nothing half-done."""
    failed = outcome.failed()
    assert failed["failure"]["code"] == "disk_full", failed
    assert str(copies.store) in failed["msg"]
    assert "No space left" in failed["msg"]
    assert [path for path in copies.store.rglob("*") if path.name.startswith(".tmp-")] == []


def check_rest(broker: Kafka, copies: Copies) -> None:
    """The next run goes on, and what it has comes back."""
    send(broker.client, OTHERS, numbered(10, partitions=2, first=90_000))
    copies.back_up(*SMALL)
    copies.verify_store()
    copies.restore(*SMALL)
    for topic in SMALL:
        copies.check(topic)


def test_no_blocks_are_left(broker: Kafka, tmp_path: Path) -> None:
    def run() -> None:
        copies = Copies(broker, tmp_path / "store", prefix="no-blocks-", run=run_program)
        copies.back_up(*SMALL)
        points = list(copies.store.glob("*/restore-points/*.json"))
        check_full(copies, copies.run("topic_backup", **copies.backup_options(BIG, *SMALL)))
        assert list(copies.store.glob("*/restore-points/*.json")) == points
        check_rest(broker, copies)

    on_a_disk(tmp_path, "size=3m", run)


def test_no_inodes_are_left(broker: Kafka, tmp_path: Path) -> None:
    def run() -> None:
        copies = Copies(broker, tmp_path / "store", prefix="no-inodes-", run=run_program)
        copies.back_up(*SMALL)
        fillers = [tmp_path / f"filler-{number}" for number in range(200)]
        with contextlib.suppress(OSError):
            for filler in fillers:
                filler.touch()
        for left in (0, 3, 7):
            fillers[left].unlink(missing_ok=True)
            check_full(copies, copies.run("topic_backup", **copies.backup_options(BIG, *SMALL)))
        for filler in fillers:
            filler.unlink(missing_ok=True)
        check_rest(broker, copies)

    on_a_disk(tmp_path, "nr_inodes=150", run)


def test_the_disk_of_a_journal_is_full(broker: Kafka, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()

    def run() -> None:
        copies = Copies(broker, tmp_path / "store", prefix="no-journal-", run=run_program)
        copies.back_up(*SMALL)
        journal = disk / "journal"
        journal.mkdir()
        filler = fill_up(disk)
        failed = copies.run("topic_restore", **copies.restore_options(*SMALL, journal=str(journal))).failed()
        assert failed["failure"]["code"] == "disk_full", failed
        assert copies.topics.names().isdisjoint(map(copies.name, SMALL)), "begun without a journal"
        filler.unlink()
        copies.restore(*SMALL, journal=str(journal))
        for topic in SMALL:
            copies.check(topic)

    on_a_disk(disk, "size=1m", run)
