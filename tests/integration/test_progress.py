# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a module is, shown by the real ansible-playbook while the module works, and its end by Ctrl-C.

Most are tried with a module of a collection of the tests' own, which works until it is told to end.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.ansible import Ansible
from testbed.kafka import Kafka
from testbed.records import Message, send
from testbed.topics import Topics

PLUGINS = "ansible_collections.lifeboat.kafka.plugins"
MODULE = f"""
import os, time
from pathlib import Path
from {PLUGINS}.module_utils._ansible.options import PROGRESS
from {PLUGINS}.module_utils._ansible.run import run
from {PLUGINS}.module_utils._core.change import Difference, Report

class Working:
    changed = True
    def __init__(self, task):
        self.task = task
    def difference(self):
        return Difference()
    def preview(self):
        return self.apply()
    def apply(self):
        progress, folder = self.task.progress, Path(self.task.options["folder"])
        progress.start("working", 1000)
        progress.note(f"process {{os.getpid()}} is at work")
        try:
            while not (folder / "go on").exists():
                time.sleep(0.02)
        except BaseException:
            (folder / f"tidied by {{os.getpid()}}").touch()
            raise
        if hasattr(progress, "_began"):
            progress._began -= 12  # as if it had taken so long
        progress.advance(1000)
        return Report({{"told": type(progress).__name__}})

def main():
    run({{"folder": {{"type": "path"}}, **PROGRESS}}, Working)

if __name__ == "__main__":
    main()
"""
ACTION = f"""
from {PLUGINS}.plugin_utils.progress_action import ProgressAction

class ActionModule(ProgressAction):
    pass
"""
TASK: dict[str, Any] = {"scratch.slow.work": {"folder": "{{ folder }}"}, "register": "done"}
SHOW = {"ansible.builtin.debug": {"msg": "{{ done }}"}}
PLAY = {
    "hosts": "all",
    "gather_facts": False,
    "connection": "local",
    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
}
AT_WORK = re.compile(r"^\[(\w+)\] process (\d+) is at work$", re.MULTILINE)
PATIENCE = 60.0  # seconds; only a test that fails waits so long


class Run:
    """A playbook at work."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def wait_for_modules(self, count: int) -> dict[str, int]:
        """Wait until modules told that they work; return their process ids by host."""
        wait_until(lambda: len(AT_WORK.findall(self.errors)) >= count or self.process.poll() is not None)
        found = {host: int(pid) for host, pid in AT_WORK.findall(self.errors)}
        assert len(found) == count, self.output + self.errors
        return found

    def go_on(self) -> None:
        (self.folder / "go on").touch()

    def end(self) -> int:
        return self.process.wait(PATIENCE)

    def result(self) -> dict[str, Any]:
        """What the module returned."""
        shown = re.search(r"^ok: \[\w+\] => ", self.output, re.MULTILINE)
        assert shown, self.output + self.errors
        return dict(json.JSONDecoder().raw_decode(self.output, shown.end())[0]["msg"])

    def left_over(self) -> list[str]:
        return [path.name for path in (self.folder / ".ansible").rglob("progress-*")]


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def playing(
    folder: Path, *arguments: str, hosts: tuple[str, ...] = ("prod",), task: Mapping[str, Any] | None = None
) -> Iterator[Run]:
    """Run the module on some hosts."""
    plugins = folder / "ansible_collections" / "scratch" / "slow" / "plugins"
    for kind, source in (("modules", MODULE), ("action", ACTION)):
        (plugins / kind).mkdir(parents=True)
        (plugins / kind / "work.py").write_text(source)
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY | {"tasks": [task or TASK, SHOW]}]))
    ansible = Ansible(folder)
    environment = ansible.environment()
    environment["ANSIBLE_COLLECTIONS_PATH"] += f":{folder}"
    environment["ANSIBLE_INJECT_INVOCATION"] = "1"  # newer releases return the options only when they are asked to
    command = ansible.command("play.yml", *arguments, inventories=(f"{','.join(hosts)},",), variables=variables(folder))
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    run = Run(folder, process)
    try:
        yield run
    finally:
        run.go_on()
        process.wait()


def variables(folder: Path) -> dict[str, str]:
    return {"folder": str(folder)}


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["apply", "check"])
def test_lines_are_shown_while_modules_work_on_several_hosts(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with playing(tmp_path, *arguments, hosts=("prod", "test")) as run:
        assert set(run.wait_for_modules(2)) == {"prod", "test"}
        run.go_on()
        assert run.end() == 0, run.output + run.errors
    for host in ("prod", "test"):
        assert f"[{host}] working: 1.0 kB (100 %), " in run.errors
    assert "is at work" not in run.output
    assert run.left_over() == []


def test_the_result_is_as_without(tmp_path: Path) -> None:
    with playing(tmp_path, "-vvv") as run:
        run.go_on()
        assert run.end() == 0, run.output + run.errors
    assert run.result()["told"] == "ProgressFile"
    assert '"folder": ' in run.output
    assert '"progress_file": ' not in run.output


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"async": 60, "poll": 1}, "Silent"),
        ({"no_log": True}, "Silent"),
        ({"vars": {"ansible_connection": "scratch.slow.other"}}, "Silent"),
        ({"scratch.slow.work": {"folder": "{{ folder }}", "progress_file": "{{ folder }}/mine"}}, "ProgressFile"),
    ],
    ids=["async", "no_log", "elsewhere", "own file"],
)
def test_nothing_is_shown_where_it_cannot_or_must_not_be(tmp_path: Path, keywords: dict[str, Any], told: str) -> None:
    elsewhere = tmp_path / "ansible_collections" / "scratch" / "slow" / "plugins" / "connection" / "other.py"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text(OTHER_CONNECTION)
    with playing(tmp_path, task=TASK | keywords) as run:
        run.go_on()
        assert run.end() == 0, run.output + run.errors
    assert run.result()["told"] == told
    assert "is at work" not in run.errors
    assert (tmp_path / "mine").exists() == (told == "ProgressFile")


OTHER_CONNECTION = '''
DOCUMENTATION = """
name: other
short_description: Another name for local
description: Another name for local.
extends_documentation_fragment: [connection_pipelining]
"""
from ansible.plugins.connection.local import Connection as Local

class Connection(Local):
    transport = "scratch.slow.other"
'''


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_playbook_ends_its_modules_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with playing(tmp_path, hosts=("prod", "test")) as run:
        modules = run.wait_for_modules(2)
        os.kill(run.process.pid, number)
        assert run.end() != 0
        for pid in modules.values():
            wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists())
            assert (tmp_path / f"tidied by {pid}").exists()
    # Ansible itself leaves all its temporary files behind after SIGTERM.
    assert run.left_over() == [] or number == signal.SIGTERM


@dataclass(frozen=True)
class TopicPlay:
    """Backs a topic up so slowly that there is something to see."""

    ansible: Ansible
    kafka: Kafka
    topic: str

    def start(self, *, bytes_per_second: int) -> subprocess.Popen[str]:
        store = {"path": str(self.ansible.folder / "store")}
        task = {
            "lifeboat.kafka.topic_backup": {
                "kafka": self.kafka.options,
                "store": store,
                "backup_id": "{{ inventory_hostname }}",
                "topics": [self.topic],
                "max_bytes_per_second": bytes_per_second,
            }
        }
        tasks = [{"lifeboat.kafka.backup_store": {"store": store}}, task]
        (self.ansible.folder / "play.yml").write_text(yaml.safe_dump([PLAY | {"tasks": tasks}]))
        return subprocess.Popen(
            self.ansible.command("play.yml", inventories=("prod,",)),
            cwd=self.ansible.folder,
            env=self.ansible.environment() | {"MARK": str(self.ansible.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[str]:
        """All processes that came of it and have not ended."""
        mark = f"MARK={self.ansible.folder}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(path.parent.name)
        return found


@pytest.fixture
def topic_play(tmp_path: Path, kafka: Kafka) -> TopicPlay:
    topic = f"slow-{tmp_path.name}"
    Topics(kafka.client).create(topic, 2)
    messages = [Message(None, os.urandom(1000), partition=number % 2) for number in range(3000)]
    send(kafka.client, topic, messages)
    return TopicPlay(Ansible(tmp_path), kafka, topic)


def test_a_backup_of_topics_shows_how_far_it_is(topic_play: TopicPlay) -> None:
    process = topic_play.start(bytes_per_second=1_000_000)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert re.search(r"^\[prod\] reading topics: 3,000 offsets \(100 %\), 3.\d MB, ", errors, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_backup_leaves_no_process_and_goes_on(topic_play: TopicPlay, number: signal.Signals) -> None:
    """Only ansible-playbook itself gets the signal."""
    process = topic_play.start(bytes_per_second=100_000)
    assert process.stderr is not None
    errors = ""
    while "reading topics:" not in errors:
        line = process.stderr.readline()
        errors += line
        assert line, errors
    assert len(topic_play.processes()) >= 5  # two of ansible-playbook, a shell perhaps, the module, two workers
    os.kill(process.pid, number)
    process.communicate()
    wait_until(lambda: topic_play.processes() == [])
    assert not list((topic_play.ansible.folder / "store").glob("*/restore-points/*"))
    again = topic_play.start(bytes_per_second=0)
    output, errors = again.communicate()
    assert again.returncode == 0, output + errors
    assert "changed: [prod]" in output
