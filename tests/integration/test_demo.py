# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo as a newcomer meets it: run whole, interrupted, and failing."""

from __future__ import annotations

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from testbed.documents import Document, blocks

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / "examples" / "demo"
MODULES = ("cluster", "messages", "protobuf_classes", "run", "shop", "steps", "table", "truth")


@pytest.fixture(scope="module")
def demo() -> Iterator[dict[str, ModuleType]]:
    """The demo's modules by name, which nobody else gets to see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMO))
        patch.syspath_prepend(str(CHECKOUT / "tests"))
        for name in MODULES:
            patch.delitem(sys.modules, name, raising=False)
        yield {name: importlib.import_module(name) for name in MODULES}


def start(temporary: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "tests"), "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [sys.executable, str(DEMO / "run.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lasting(output: str) -> str:
    """What each run of the demo prints alike: without times, sizes, ports, paths, and hints at long first steps."""
    varies = r"\d+(\.\d+)? (s|KiB|KB)\b|(?<=:)\d+|(?<=the store ).*?(?= is made)|\(first time: [^)]*\)"
    return " ".join(re.sub(varies, "", " ".join(output.split())).split())


def wait_until_empty(folder: Path) -> None:
    """Wait for the watchers of the components, which tidy up after the demo itself has ended."""
    deadline = time.monotonic() + 20
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(folder.iterdir())


def test_everything_comes_back_and_nothing_stays(tmp_path: Path) -> None:
    with start(tmp_path) as run:
        output = run.communicate()[0]

    assert run.returncode == 0, output
    assert "Everything is as it was." in output
    assert lasting(output) == lasting("".join(blocks(Document("README.md").marked("demo"), "")))
    table = re.findall(r"^  (\S.*?) +(\d+) +(\d+) +(\d+) +(\S+)$", output, re.MULTILINE)
    assert len(table) == 16, output
    for what, before, lost, back, equal in table:
        assert int(before) > 0, what
        assert (lost, back, equal) == (before, before, "yes"), what
    wait_until_empty(tmp_path)


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.strip().startswith("Start both"):
                ports = [int(port) for port in re.findall(r":(\d+)", line)]
                break
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()

    assert run.returncode == 130, rest
    assert "Interrupted" in rest
    assert len(ports) == 2
    for port in ports:
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))
    wait_until_empty(tmp_path)


def test_a_failed_step_is_explained_and_its_logs_are_kept(
    demo: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = demo["run"]
    kept = tmp_path / "kept"
    monkeypatch.setattr(run, "KEPT_LOGS", kept)
    monkeypatch.setattr(run, "CHECKOUT", tmp_path)  # holds no galaxy.yml
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    assert run.main() == 1

    output = capsys.readouterr().out
    assert "Build the collection's tarball: ansible-galaxy collection ended with status" in output
    assert "galaxy.yml" in output
    assert str(kept) in output
    assert "galaxy.yml" in (kept / "01-build.log").read_text()
    assert "CommandFailed" in (kept / "error.log").read_text()


@pytest.mark.parametrize(
    ("changed", "row"),
    [
        ({"id": 8}, "Versions: schema id"),
        ({"schema": '"long" '}, "Versions: number, type, exact text"),
        ({"schemaType": "JSON"}, "Versions: number, type, exact text"),
        ({"deleted": False}, "Versions: soft-deleted"),
        ({"references": []}, "References"),
    ],
)
def test_whatever_is_not_as_it_was_is_told(
    demo: dict[str, ModuleType], capsys: pytest.CaptureFixture[str], changed: dict[str, object], row: str
) -> None:
    reference = {"name": "a", "subject": "b", "version": 1}
    facts = {"id": 7, "deleted": True, "schemaType": "AVRO", "schema": '"long"', "references": [reference]}
    before, lost, after = (moment(demo, facts) for facts in ({("a", 2): facts}, {}, {("a", 2): facts | changed}))

    assert demo["run"].conclude(before, lost, before, {})
    assert " NO" not in capsys.readouterr().out
    assert not demo["run"].conclude(before, lost, after, {})
    wrong = [line.strip() for line in capsys.readouterr().out.splitlines() if line.endswith(" NO")]
    assert [line.split("  ")[0] for line in wrong] == [row]


def test_settings_and_messages_are_compared_too(demo: dict[str, ModuleType]) -> None:
    before = moment(demo, {})
    whole = demo["truth"].WHOLE
    other_config = replace(before.holding, settings={whole: {"config": {"compatibilityLevel": "FULL"}, "mode": None}})
    other_mode = replace(before.holding, settings={whole: {"config": None, "mode": {"mode": "IMPORT"}}})
    other_message = demo["messages"].Decoded({("orders", 0): (b"key", {"value": 2})}, {})
    record = demo["cluster"].Record((1, 1), b"key", b"other", ())

    for after in (
        replace(before, holding=other_config),
        replace(before, holding=other_mode),
        replace(before, decoded=other_message),
        replace(before, cluster=replace(before.cluster, topics={"orders": (2, {})})),
        replace(before, cluster=replace(before.cluster, records={("orders", 0, 0): record})),
        replace(before, cluster=replace(before.cluster, offsets={("orders", 0, 0): 6})),
        replace(before, cluster=replace(before.cluster, positions={("group", "orders", 0): 4})),
    ):
        assert not demo["run"].conclude(before, before, after, {})


def moment(demo: dict[str, ModuleType], versions: dict[tuple[str, int], dict[str, object]]) -> object:
    holding = demo["truth"].Holding(versions, {}, {demo["truth"].WHOLE: {"config": None, "mode": None}})
    cluster = demo["cluster"].Cluster(
        {"orders": (1, {})},
        {("orders", 0, 0): demo["cluster"].Record((1, 1), b"key", b"value", ())},
        {("orders", 0, 0): 5},
        {("group", "orders", 0): 5},
    )
    decoded = demo["messages"].Decoded({("orders", 0): (b"key", {"value": 1})}, {})
    return demo["table"].Moment(holding, decoded, cluster)
