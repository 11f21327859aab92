# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every component has in common, tried on a small one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.component import LOOPBACK, Component, ComponentError, free_ports

TESTS = Path(__file__).parents[2]


class Echo(Component):
    """Listens, and keeps a file with the count of its starts."""

    name = "echo"
    ready_seconds = 5.0
    script = """
import pathlib, socket, sys, time
starts = pathlib.Path("data/starts")
starts.write_text(str(int(starts.read_text()) + 1) if starts.exists() else "1")
print("about to listen", flush=True)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""

    @property
    def endpoint(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    @property
    def starts(self) -> int:
        return int((self.home / "data" / "starts").read_text())

    def _prepare(self) -> None:
        (self.home / "data").mkdir()

    def _command(self) -> list[str]:
        return [sys.executable, "-c", self.script, str(self.port)]


class Broken(Echo):
    script = "import sys; print('cannot open the vault'); sys.exit(7)"


class Deaf(Echo):
    ready_seconds = 0.5
    script = "import time; print('sulking', flush=True); time.sleep(600)"


class Missing(Echo):
    def _command(self) -> list[str]:
        return ["/nowhere/server"]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_is_ready_after_start_and_gone_after_stop() -> None:
    with Echo() as echo:
        assert echo.ready()
        pid, home = echo.pid, echo.home
        assert is_running(pid)
    assert not is_running(pid)
    assert not home.exists()
    assert not echo.ready()


def test_restart_keeps_data_and_wipe_does_not() -> None:
    with Echo() as echo:
        endpoint = echo.endpoint
        echo.restart()
        assert echo.starts == 2
        echo.kill()
        assert not echo.ready()
        echo.restart()
        assert echo.starts == 3
        echo.wipe()
        assert echo.starts == 1
        assert echo.endpoint == endpoint


def test_can_be_started_again_after_stop() -> None:
    echo = Echo()
    for _time in range(2):
        echo.start()
        assert echo.starts == 1
        with pytest.raises(ComponentError, match="echo is already started"):
            echo.start()
        echo.stop()
    echo.stop()


@pytest.mark.parametrize(
    ("kind", "reason", "line"),
    [
        (Broken, "ended with status 7 before it was ready", "cannot open the vault"),
        (Deaf, "was not ready after", "sulking"),
        (Missing, "ended with status 1", "cannot run /nowhere/server: No such file or directory"),
    ],
)
def test_a_failed_start_tells_the_last_log_lines(kind: type[Echo], reason: str, line: str) -> None:
    component = kind()
    with pytest.raises(ComponentError, match=reason) as caught:
        component.start()
    assert line in str(caught.value)
    with pytest.raises(ComponentError, match="is not started"):
        component.home.exists()


def test_ports_differ_and_are_free() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    with socket.create_server((LOOPBACK, ports[0])) as taken:
        assert taken.getsockname()[1] == ports[0]


@pytest.mark.parametrize("then", ["", "os.kill(echo.pid, 9)"])
@pytest.mark.parametrize("run", ["start()", "Thread(target=start).start()"])
def test_ends_with_its_starter(run: str, then: str) -> None:
    """A starter that is killed takes the component and its folder along; a thread that ends does not."""
    starter_script = f"""
import os, sys, time
from threading import Thread
sys.path[:0] = [{str(TESTS)!r}, {str(Path(__file__).parent)!r}]
from test_component import Echo
def start():
    global echo
    echo = Echo().start()
    print(echo.pid, echo.home, flush=True)
    {then}
{run}
time.sleep(600)
"""
    command = [sys.executable, "-c", starter_script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, home = starter.stdout.readline().split()
        time.sleep(0.2)
        assert is_running(int(pid)) == (not then)
        starter.send_signal(signal.SIGKILL)
        while is_running(int(pid)) or os.path.exists(home):
            time.sleep(0.05)
