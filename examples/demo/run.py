# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loses a schema registry on this machine, and brings it back with the collection's playbooks.

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
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

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
        self._steps = steps
        self._shop = Shop()

    def install(self) -> None:
        """Build the collection and install it as a user would, without any network."""
        with self._steps.step("Build the collection's tarball") as step:
            self._ansible("ansible-galaxy", "collection", "build", "--output-path", str(self.scratch), log="build")
            (tarball,) = self.scratch.glob("*.tar.gz")
            step.note = f"{tarball.name}, {tarball.stat().st_size // 1024} KiB"
        with self._steps.step("Install it offline into a scratch folder"):
            arguments = ("--offline", "--collections-path", str(self.scratch / "collections"), str(tarball))
            self._ansible("ansible-galaxy", "collection", "install", *arguments, log="install")

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start the registry and the broker."""
        with self._steps.step(
            "Get the registry (AxonOps Schema Registry)", "(first time: is downloaded and built, 2-4 minutes)"
        ):
            axonops.fetch()
        with self._steps.step("Get the broker (Apache Kafka)", "(first time: is downloaded, up to a minute)"):
            kafka.fetch()
        with self._steps.step("Start both on loopback") as step:
            for component in (self.registry, self.broker):
                stack.enter_context(component)
            step.note = f"registry :{self.registry.port}, broker :{self.broker.port}"

    def tell(self) -> bool:
        """Fill, back up, lose, restore, verify; whether everything is as it was."""
        with self._steps.step("Let a shop use them for some years") as step:
            self._shop.open(self.registry, self.broker.endpoint)
            self._records = messages.consume(self.broker.endpoint, self._shop.topics)
            before = self._moment()
            step.note = (
                f"{len(before.holding.subjects)} subjects, {len(before.holding.versions)} versions, "
                f"{len(before.decoded.messages)} messages"
            )
        self._playbook("init")
        backup = self._playbook("backup")
        with self._steps.step("LOSE THE REGISTRY: a new, empty one takes its place"):
            self.registry.wipe()
        with self._steps.step("A consumer tries to read the messages") as step:
            lost = self._moment()
            reasons = sorted({reason.partition(" (")[0] for reason in lost.decoded.failures.values()})
            step.note = f"{len(lost.decoded.failures)} of {len(self._records)} fail: {'; '.join(reasons)}"
        restore = self._playbook("restore", lifeboat_restore_into=HOST)
        verify = self._playbook("verify")
        with self._steps.step("The consumer tries again") as step:
            after = self._moment()
            step.note = f"{len(after.decoded.messages)} of {len(self._records)} can be read"
        return conclude(before, lost, after, {"Backup": backup, "restore": restore, "verify": verify})

    def _moment(self) -> Moment:
        url = self.registry.endpoint
        return Moment(truth.read(url), messages.decode(url, self._shop.kinds, self._records))

    def _playbook(self, name: str, **variables: str) -> float:
        """Run one of the collection's playbooks; the seconds that it took."""
        told = variables | {"demo_registry": self.registry.endpoint, "demo_store": str(self.scratch / "store")}
        arguments = ("--inventory", str(INVENTORY), "--extra-vars", json.dumps(told))
        shown = "".join(f" -e {key}={value}" for key, value in variables.items())
        with self._steps.step(f"Run lifeboat.kafka.{name}{shown}") as step:
            output = self._ansible("ansible-playbook", f"lifeboat.kafka.{name}", *arguments, log=name)
            step.note = " ".join(re.findall(rf'"msg": "{HOST}: (.*)"', output))
        return step.seconds

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
        number = len(self._steps.all)
        return run(command, self.logs / f"{number:02}-{log}.log", cwd=CHECKOUT, env=kept | settings)


def main() -> int:
    on_signals(signal.default_int_handler)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    shutil.rmtree(KEPT_LOGS, ignore_errors=True)
    print("lifeboat.kafka: a schema registry is lost, and comes back\n")
    steps = Steps()
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifeboat-demo-")))
        demo = Demo(scratch, steps)
        try:
            demo.install()
            demo.start(stack)
            equal = demo.tell()
            print(f"All of it took {steps.seconds:.0f} s. Nothing is left running.")
            return 0 if equal else 1
        except KeyboardInterrupt:
            print("\nInterrupted: everything that was started is being ended and removed.")
            return 130
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told in short and kept in full
            print(f"\n{steps.all[-1].title}: {error}\n{explain(error)}")
            keep_logs(demo)
            return 1
        finally:
            on_signals(signal.SIG_IGN)  # a second Ctrl-C must not stop the tidying up


def on_signals(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    """Let Ctrl-C, a request to end and a closed terminal all do the same."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def conclude(before: Moment, lost: Moment, after: Moment, seconds: dict[str, float]) -> bool:
    """Print the table, and what differs if anything does; whether everything is as it was."""
    rows = table.rows(before, lost, after)
    differences = truth.differences(before.holding, after.holding)
    print(f"\n{table.text(rows)}\n")
    for difference in differences[:SHOWN_DIFFERENCES]:
        print(f"  {difference}")
    equal = all(row.equal for row in rows) and not differences and not before.decoded.failures
    times = ", ".join(f"{what} {taken:.1f} s" for what, taken in seconds.items())
    print("Everything is as it was." if equal else "NOT everything is as it was.", f"{times}.")
    return equal


def explain(error: Exception) -> str:
    """The last lines of the failed command's log, indented; nothing for other errors."""
    if not isinstance(error, CommandFailed):
        return ""
    lines = error.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-25:]
    return "".join(f"    {line}\n" for line in lines)


def keep_logs(demo: Demo) -> None:
    """Write down the error and the components' logs, and keep all logs in the checkout."""
    (demo.logs / "error.log").write_text(traceback.format_exc())
    for component in (demo.registry, demo.broker):
        (demo.logs / f"{component.name}.log").write_text(component.log_tail(10000))
    shutil.copytree(demo.logs, KEPT_LOGS, dirs_exist_ok=True)
    print(f"All logs of this run are kept in {KEPT_LOGS}; everything that was started has been ended.")


if __name__ == "__main__":
    sys.exit(main())
