# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the page on the archive's format, typed in as it shows them: nothing of ours reads the archive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.offset_maps import (
    MappedPartition,
    MappedTopic,
    offset_map_folder,
    save_offset_maps,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import RestoreSource
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.offset_map import MapMaker
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from testbed.archived_topics import Log, back_up_topics, topic_id
from testbed.archives import BACKUP, make_store
from testbed.documents import Document
from testbed.kafka_tools import install

FORMAT = Document("docs/archive-format.md")
VERIFY, LIST, DUMP, DUMP_OF_PACK, TRANSLATE = FORMAT.blocks("sh")
POINT = "00000042"
LARGE = 70_000

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")


class Batches(Log):
    """A partition whose pieces are record batches; their sizes are those of all values."""

    def pieces_from(self, topic: str, partition: int, start: int) -> dict[tuple[int, int], bytes]:
        return {
            (first, after): batch(topic, partition, first, after - first, len(data))
            for (first, after), data in super().pieces_from(topic, partition, start).items()
        }


def batch(topic: str, partition: int, first: int, records: int, size: int) -> bytes:
    built = build(
        [
            Record(0, 1_000_000 + first + n, f"{topic}-{partition}-{first + n}".encode(), b"x" * (size // records), ())
            for n in range(records)
        ],
        codec=0,
    )
    return first.to_bytes(8, "big") + built[8:]


class Backup(NamedTuple):
    """A backup of topics whose newest point has slices in segments and in packs."""

    folder: Path
    tools: Path
    slices: list[Entry]

    def type_in(self, commands: str) -> str:
        """Type commands in, in the backup's folder; return what they print."""
        process = subprocess.run(
            ["bash", "-o", "pipefail", "-c", commands],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = re.sub(r"Non-consecutive offsets in \S+\n  -1 is followed by \d+\n", "", process.stderr)
        assert (process.returncode, said) == (0, "")
        return process.stdout


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    store = make_store(tmp_path / "store")
    logs: dict[tuple[str, int], Log] = {("orders", n): Batches([(5, LARGE), (4, 500)]) for n in range(4)}
    logs["a topic.of-many_Names", 0] = Batches([(2, 100)])
    for _turn in range(3):
        back_up_topics(store, logs)
        logs["orders", 3].pieces.append((3, 600))
    point = find_point(store, BACKUP, LATEST)
    install(tmp_path / "tools")
    return Backup(tmp_path / "store" / BACKUP, tmp_path / "tools", list(TopicsReader(store, point).segments()))


def put(commands: str, *replaced: tuple[str, object]) -> str:
    """Put real names where the page has examples."""
    for example, real in replaced:
        assert example in commands
        commands = commands.replace(example, str(real))
    return commands


def of_partition_3(backup: Backup) -> list[Entry]:
    return [entry for entry in backup.slices if (entry.facts["topic"], entry.facts["partition"]) == ("orders", 3)]


def dumped(text: str) -> list[tuple[int, str]]:
    """Return offset and key of all records that the tool printed."""
    assert "isvalid: true" in text
    assert "isvalid: false" not in text
    return [(int(offset), key) for offset, key in re.findall(r"^\| offset: (\d+) .* key: (\S+) ", text, re.MULTILINE)]


def keys(start: int, after: int) -> list[tuple[int, str]]:
    return [(offset, f"orders-3-{offset}") for offset in range(start, after)]


def test_all_hashes_are_checked_by_shell(backup: Backup) -> None:
    commands = put(VERIFY, (POINT, "00000003"))
    printed = backup.type_in(commands).splitlines()
    assert len(printed) > 2
    assert all(line.endswith(": OK") for line in printed)

    for entry in {entry.file: entry for entry in backup.slices}.values():
        path = backup.folder / entry.file
        content = path.read_bytes()
        path.write_bytes(content[: entry.at + 70] + bytes([content[entry.at + 70] ^ 1]) + content[entry.at + 71 :])
        wrong = [line for line in backup.type_in(commands).splitlines() if not line.endswith(": OK")]
        assert wrong == [f"{entry.file}: {entry.length} bytes from {entry.at} on are not what was written"]
        path.write_bytes(content)


def test_a_partitions_slices_are_listed_by_shell(backup: Backup) -> None:
    printed = backup.type_in(put(LIST, (POINT, "00000003"))).splitlines()
    expected = of_partition_3(backup)
    assert len({entry.file for entry in expected}) == 3
    assert [tuple(line.split(" ", 4)) for line in printed] == [
        tuple(str(value) for value in (of.facts["start"], of.facts["next"], of.at, of.length, of.file))
        for of in expected
    ]


def test_kafkas_own_tool_reads_a_segment(backup: Backup) -> None:
    assert "0123456789abcdef/3/00000000000000000000.log" in DUMP
    printed = backup.type_in(put(DUMP, ("0123456789abcdef", topic_id("orders")[:16])))
    assert dumped(printed) == keys(0, 9)


def test_kafkas_own_tool_reads_a_slice_of_a_pack(backup: Backup, tmp_path: Path) -> None:
    entry = of_partition_3(backup)[-1]
    assert (entry.facts["start"], entry.facts["next"]) == (12, 15)
    commands = put(
        DUMP_OF_PACK,
        ("/tmp", tmp_path),
        ("+1025", f"+{entry.at + 1}"),
        ("4711", entry.length),
        ("topics/_packs/0123456789abcdef0123456789abcdef.pack", entry.file),
        ("00000000000000000120", f"{entry.facts['start']:020d}"),
    )
    assert dumped(backup.type_in(commands)) == keys(12, 15)


def test_kafkas_own_tool_reads_a_file_with_a_hash_in_its_name(backup: Backup) -> None:
    first, *_rest = of_partition_3(backup)
    other = first.file.replace(".log", ".0123456789abcdef.log")
    (backup.folder / other).write_bytes((backup.folder / first.file).read_bytes())
    printed = backup.type_in(f"kafka-dump-log.sh --files {other} --print-data-log")
    assert dumped(printed) == keys(0, 9)


def test_an_offset_is_translated_by_its_map(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store")
    maker = MapMaker(70)
    for offsets in (range(4700, 4706), [4708, 4709, 4712, 4713], range(4720, 4730)):
        maker.add(offsets)
    found = maker.finish()
    source = RestoreSource("store", BACKUP, 1, "orders")
    partitions = {0: MappedPartition(found.runs, found.end), 1: MappedPartition((), 5)}
    save_offset_maps(store.storage, "target", [MappedTopic("orders", "", source, partitions)])
    folder = (tmp_path / "store" / offset_map_folder("target")).parent
    for offset in range(4695, 4735):
        command = TRANSLATE.replace("4711", str(offset))
        process = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
        assert int(process.stdout) == found.translate(offset).offset
