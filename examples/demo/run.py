# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loses a Kafka cluster and its schema registry on this machine, and brings both back with the collection's playbooks.

Everything is real: the tarball that is built and installed, the registry, the broker, the clients. It all runs on
loopback and in a scratch folder, and is gone at the end. The exit status is 0 only when everything is as it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import cluster
import messages
import table
import truth
from shop import Shop
from steps import CommandFailed, Steps, run
from table import Moment

from testbed import axonops, kafka

CHECKOUT = Path(__file__).resolve().parents[2]
INVENTORY = Path(__file__).with_name("inventory.yml")
HOST = "shop"  # the inventory's only one
KEPT_LOGS = CHECKOUT / "build" / "demo-log"
SHOWN_DIFFERENCES = 20


class Demo:
    """The story, told in steps."""

    def __init__(self, scratch: Path, steps: Steps) -> None:
        self.scratch = scratch
        self.logs = scratch / "logs"
        self.logs.mkdir()
        self._configuration = scratch / "ansible.cfg"  # empty, in the place of the user's own
        self._configuration.touch()
        self.registry = axonops.AxonOpsRegistry()
        self.broker = kafka.Kafka()
        self.steps = steps
        self._shop = Shop()

    def install(self) -> None:
        """Build the collection and install it as a user would, without any network."""
        with self.steps.step("Build the collection's tarball") as step:
            self._ansible("ansible-galaxy", "collection", "build", "--output-path", str(self.scratch), log="build")
            (tarball,) = self.scratch.glob("*.tar.gz")
            step.note = f"{tarball.name}, {tarball.stat().st_size // 1024} KiB"
        with self.steps.step("Install it offline into a scratch folder"):
            arguments = ("--offline", "--collections-path", str(self.scratch / "collections"), str(tarball))
            self._ansible("ansible-galaxy", "collection", "install", *arguments, log="install")

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start the registry and the broker."""
        with self.steps.step(
            "Get the registry (AxonOps Schema Registry)", "(first time: is downloaded and built, 2-5 minutes)"
        ):
            axonops.fetch()
        with self.steps.step("Get the broker (Apache Kafka)", "(first time: is downloaded, about a minute)"):
            kafka.fetch()
        with self.steps.step("Start both on loopback") as step:
            for component in (self.registry, self.broker):
                stack.enter_context(component)
            step.note = f"registry :{self.registry.port}, broker :{self.broker.port}"

    def tell(self) -> bool:
        """Fill, back up, lose, restore, verify; whether everything is as it was."""
        before = self._fill()
        self._playbook("init")
        backup = self._playbook("backup")
        lost = self._lose()
        self._unasked_restore(lost)
        restore = self._playbook("restore", lifeboat_restore_into=HOST)
        verify = self._playbook("verify", verify_compare="true")
        with self.steps.step("The consumer tries again") as step:
            after = self._moment()
            step.note = f"{len(after.decoded.messages)} of {len(before.decoded.messages)} messages can be read"
        return conclude(before, lost, after, {"Backup": backup, "restore": restore, "verify": verify})

    def keep_logs(self, trace: str) -> None:
        """Write down the error and the components' logs, and keep all logs in the checkout."""
        (self.logs / "error.log").write_text(trace)
        for component in (self.registry, self.broker):
            (self.logs / f"{component.name}.log").write_text(component.log_tail(10000))
        shutil.copytree(self.logs, KEPT_LOGS, dirs_exist_ok=True)
        print(f"All logs of this run are kept in {KEPT_LOGS}.")

    def _fill(self) -> Moment:
        with self.steps.step("Let a shop use them for some years") as step:
            self._shop.open(self.registry, self.broker.endpoint)
            before = self._moment()
            if before.decoded.failures:
                raise RuntimeError(f"messages that cannot be read from the beginning: {before.decoded.failures}")
            subjects, topics = len(before.holding.subjects), len(before.cluster.topics)
            step.note = f"{subjects} subjects, {topics} topics, {len(before.cluster.records)} records"
        return before

    def _lose(self) -> Moment:
        with self.steps.step("LOSE BOTH: new, empty ones take their places"):
            self.registry.wipe()
            self.broker.wipe()
        with self.steps.step("A consumer looks for its messages") as step:
            lost = self._moment()
            if lost.decoded.messages or lost.cluster.topics:
                raise RuntimeError(f"{len(lost.cluster.topics)} topics are there, although they are lost")
            step.note = "no topic, no schema, no position is left"
        return lost

    def _unasked_restore(self, lost: Moment) -> None:
        with self.steps.step("Run lifeboat.kafka.restore") as step:
            try:
                self._run_playbook("restore", {})
            except CommandFailed as refused:
                if "lifeboat_restore_into" not in refused.log.read_text(encoding="utf-8"):
                    raise
            else:
                raise RuntimeError("it was not refused, although nobody had said what to restore into")
            now = self._moment()
            if truth.differences(lost.holding, now.holding) or lost.cluster != now.cluster:
                raise RuntimeError("it has written something, although it was refused")
            step.note = "refused without lifeboat_restore_into"

    def _moment(self) -> Moment:
        url = self.registry.endpoint
        now = cluster.read(self.broker.endpoint, self._shop.groups)
        records = [
            messages.Record(
                topic, offset, now.records[topic, partition, number].key, now.records[topic, partition, number].value
            )
            for (topic, partition, number), offset in now.offsets.items()
            if topic in self._shop.topics
        ]
        return Moment(truth.read(url), messages.decode(url, self._shop.kinds, records), now)

    def _playbook(self, name: str, **variables: str) -> float:
        """A step that runs one of the collection's playbooks; the seconds that it took."""
        shown = "".join(f" -e {key}={value}" for key, value in variables.items())
        with self.steps.step(f"Run lifeboat.kafka.{name}{shown}") as step:
            output = self._run_playbook(name, variables)
            step.note = " ".join(re.findall(rf'"msg": "{HOST}: (.*)"', output))
        return step.seconds

    def _run_playbook(self, name: str, variables: dict[str, str]) -> str:
        told = variables | {
            "demo_registry": self.registry.endpoint,
            "demo_brokers": self.broker.endpoint,
            "demo_store": str(self.scratch / "store"),
        }
        arguments = ("--inventory", str(INVENTORY), "--extra-vars", json.dumps(told))
        return self._ansible("ansible-playbook", f"lifeboat.kafka.{name}", *arguments, log=name)

    def _ansible(self, program: str, *arguments: str, log: str) -> str:
        others = ("ANSIBLE_", "LIFEBOAT_", "PYTHONPATH")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(others)}
        home = str(self.scratch / "ansible")
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.scratch / "collections"),
            "ANSIBLE_CONFIG": str(self._configuration),
            "ANSIBLE_HOME": home,
            "ANSIBLE_REMOTE_TEMP": home,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0",
            "LC_ALL": "C.UTF-8",
        }
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        number = len(self.steps.all)
        return run(command, self.logs / f"{number:02}-{log}.log", cwd=CHECKOUT, env=kept | settings)


def main() -> int:
    started = time.monotonic()
    on_signals(signal.default_int_handler)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    shutil.rmtree(KEPT_LOGS, ignore_errors=True)
    print("lifeboat.kafka: a Kafka cluster and its schema registry are lost, and come back\n")
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifeboat-demo-")))
        status = play(Demo(scratch, Steps()), stack)
        on_signals(signal.SIG_IGN)  # a second Ctrl-C must not stop the tidying up
    seconds = time.monotonic() - started
    print(f"{seconds:.0f} s in all. Everything that was started has ended, and its files are gone.")
    return status


def play(demo: Demo, stack: contextlib.ExitStack) -> int:
    """Go through all steps; the exit status."""
    try:
        demo.install()
        demo.start(stack)
        equal = demo.tell()
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130
    except Exception as error:  # noqa: BLE001 - whatever it was, it is told in short and kept in full
        print(f"\n{demo.steps.all[-1].title}: {error}\n{explain(error)}")
        demo.keep_logs(traceback.format_exc())
        return 1
    if not equal:
        demo.keep_logs("")
    return 0 if equal else 1


def on_signals(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    """Let Ctrl-C, a request to end and a closed terminal all do the same."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def conclude(before: Moment, lost: Moment, after: Moment, seconds: dict[str, float]) -> bool:
    """Print the table, and what differs if anything does; whether everything is as it was."""
    rows = table.rows(before, lost, after)
    differences = truth.differences(before.holding, after.holding) + cluster.differences(before.cluster, after.cluster)
    print(f"\n{table.text(rows)}\n")
    for difference in differences[:SHOWN_DIFFERENCES]:
        print(f"  {difference}")
    for (topic, offset), reason in list(after.decoded.failures.items())[:SHOWN_DIFFERENCES]:
        print(f"  message {topic} {offset} cannot be read: {reason}")
    equal = all(row.equal for row in rows) and not differences
    times = ", ".join(f"{what} {taken:.1f} s" for what, taken in seconds.items())
    print("Everything is as it was." if equal else "NOT everything is as it was.", f"{times}.")
    return equal


def explain(error: Exception) -> str:
    """The last lines of the failed command's log, indented; nothing for other errors."""
    if not isinstance(error, CommandFailed):
        return ""
    lines = error.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-25:]
    return "".join(f"    {line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
