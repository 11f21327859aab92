# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of a real broker that fails the requests it is told to, and cuts connections.

with KafkaProxy(broker) as proxy:
    proxy.add(Fault(PRODUCE, nth=3, cut=0))                 # carried out, and the answer is lost
    proxy.add(Fault(FETCH, after=lambda: broker.kill()))
    ... use proxy.options ...

It reads the frames of the protocol, so it only takes connections without TLS (Kafka protocol guide, "Preliminaries":
a frame is its size, then in a request api key, version and correlation id, in an answer the correlation id).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from testbed.component import LOOPBACK
from testbed.kafka import Kafka

PRODUCE, FETCH, LIST_OFFSETS, METADATA, CREATE_TOPICS, INIT_PRODUCER_ID = 0, 1, 2, 3, 19, 22
INCREMENTAL_ALTER_CONFIGS = 44


@dataclass
class Fault:
    """What happens to some requests.

    Args:
        api: Key of the requests concerned; all when None.
        nth: Which of them is the first concerned, from 1.
        times: How many of them in a row are concerned.
        delay: Seconds to wait before the request is sent on.
        drop: The connection is closed instead of sending the request on.
        after: Called when the broker has answered, before the answer is sent on.
        cut: How many bytes of the answer are sent on before the connection is closed.
        swallow: The answer is never sent on, and the connection stays open.
    """

    api: int | None = None
    nth: int = 1
    times: int = 1
    delay: float = 0.0
    drop: bool = False
    after: Callable[[], object] | None = None
    cut: int | None = None
    swallow: bool = False
    happened: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)

    def concerns(self, api: int) -> bool:
        """Count a request, and tell whether it is one of those concerned."""
        if self.api not in (None, api):
            return False
        self._seen += 1
        concerned = self.nth <= self._seen < self.nth + self.times
        self.happened += concerned
        return concerned


class KafkaProxy:
    """Stands where a broker tells the clients of its second listener that it is; a context manager."""

    def __init__(self, broker: Kafka) -> None:
        self._upstream = (LOOPBACK, broker.proxied_port)
        self.endpoint = broker.proxy_endpoint
        self._listening = socket.create_server((LOOPBACK, broker.proxy_port), backlog=64)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._counts: dict[int, int] = {}
        self._open: set[socket.socket] = set()
        self._problem: BaseException | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The option ``kafka`` of modules that go through the proxy."""
        return {"bootstrap_servers": [self.endpoint]}

    def add(self, fault: Fault) -> Fault:
        """Make a fault happen from now on; of several that concern a request the first added happens."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults and all requests."""
        with self._lock:
            self._faults.clear()
            self._counts.clear()

    def count(self, api: int) -> int:
        """How many requests of an api came since the last `clear`."""
        with self._lock:
            return self._counts.get(api, 0)

    def cut_all(self) -> None:
        """Close all connections now; clients may come back at once."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _close(connection)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut_all()
        if self._problem:
            raise self._problem

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _address = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            broker = socket.create_connection(self._upstream, timeout=5)
        except OSError:
            _close(client)
            return
        broker.settimeout(None)
        both = (client, broker)
        for connection in both:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.update(both)
        waiting: dict[int, Fault] = {}
        back = threading.Thread(target=self._run, args=(self._answers, client, broker, waiting), daemon=True)
        back.start()
        self._run(self._requests, client, broker, waiting)
        back.join()
        with self._lock:
            self._open.difference_update(both)
        for connection in both:
            connection.close()

    @staticmethod
    def _run(way: Callable[..., None], client: socket.socket, broker: socket.socket, waiting: dict[int, Fault]) -> None:
        with suppress(OSError, EOFError):
            way(client, broker, waiting)
        _close(client)
        _close(broker)

    def _requests(self, client: socket.socket, broker: socket.socket, waiting: dict[int, Fault]) -> None:
        while True:
            frame = _frame(client)
            api, _version, correlation = struct.unpack_from(">hhi", frame, 4)
            with self._lock:
                self._counts[api] = self._counts.get(api, 0) + 1
                concerning = [fault for fault in self._faults if fault.concerns(api)]
            fault = concerning[0] if concerning else None
            if fault:
                time.sleep(fault.delay)
                if fault.drop:
                    return
                waiting[correlation] = fault
            broker.sendall(frame)

    def _call(self, after: Callable[[], object]) -> None:
        """Call what is to happen; what it raises is raised when the proxy ends, since nobody looks into its threads."""
        try:
            after()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test is told
            self._problem = error

    def _answers(self, client: socket.socket, broker: socket.socket, waiting: dict[int, Fault]) -> None:
        while True:
            frame = _frame(broker)
            (correlation,) = struct.unpack_from(">i", frame, 4)
            fault = waiting.pop(correlation, None) or Fault()
            if fault.after:
                self._call(fault.after)
            if fault.cut is not None:
                client.sendall(frame[: fault.cut])
                return
            if not fault.swallow:
                client.sendall(frame)


def _frame(connection: socket.socket) -> bytes:
    head = _exactly(connection, 4)
    (size,) = struct.unpack(">i", head)
    return head + _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = connection.recv(size, socket.MSG_WAITALL)
    if len(received) < size:
        raise EOFError
    return received


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
