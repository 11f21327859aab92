# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the machine that measures."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import threading
from functools import partial
from pathlib import Path

from benchmarks import bare
from benchmarks.bench_bed import THREADS, timed
from registries.emulated import AnyRegistry

from testbed.axonops import VERSION

PROBES = 1000
PIECE = os.urandom(1 << 20)
PIECES = 512


def described() -> str:
    """Say what the machine is."""
    return (
        f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}."
    )


def requests(registry: AnyRegistry) -> str:
    """Say how many small requests a second bare httpx gets from a registry."""
    paths = ["/"] * PROBES
    alone, together = (
        PROBES / timed(partial(bare.get, registry.endpoint, paths, threads))[0] for threads in (1, THREADS)
    )
    return (
        f"Bare httpx over loopback from AxonOps Schema Registry {VERSION} in memory: {alone:.0f} small requests/s one "
        f"after the other, {together:.0f} with {THREADS} threads."
    )


def throughput(folder: Path) -> str:
    """Say how many bytes a second the disk below a folder, a processor and the loopback take."""
    path = folder / "probe"
    works = {
        "written and flushed to disk": partial(_write, path),
        "hashed by SHA-256": _hash,
        "sent over loopback": _send,
    }
    speeds = {said: PIECES * len(PIECE) / timed(work)[0] / 1e6 for said, work in works.items()}
    path.unlink()
    return "MB/s: " + ", ".join(f"{speed:.0f} {said}" for said, speed in speeds.items()) + "."


def _write(path: Path) -> None:
    with path.open("wb") as file:
        for _piece in range(PIECES):
            file.write(PIECE)
        os.fsync(file.fileno())


def _hash() -> None:
    total = hashlib.sha256()
    for _piece in range(PIECES):
        total.update(PIECE)


def _send() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_feed, args=(server.getsockname(),))
        sender.start()
        with server.accept()[0] as connection:
            buffer = bytearray(len(PIECE))
            while connection.recv_into(buffer):
                pass
        sender.join()


def _feed(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        for _piece in range(PIECES):
            connection.sendall(PIECE)
