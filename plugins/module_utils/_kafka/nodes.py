# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brokers of one cluster: finding them, connecting once to each, asking them, and asking again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import KafkaError, LifeboatError
from .._core.settings import KafkaSettings
from .buffers import Buffers
from .connection import Connection
from .errors import connection_error
from .loop import Loop
from .metadata import topics_request
from .python_client import client_config

PASSING = ("unreachable", "timed_out")  # failures that may be over in a moment, as when a broker starts anew

_PATIENCE = 3.0  # seconds of trying again before a broker that was never reached counts as unreachable
_LOGIN = 10.0  # seconds for a connection with all that belongs to it
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

Address = tuple[str, int]


class Nodes:
    """Connections to the brokers of one cluster.

    Args:
        settings: How it is reached.
        loop: What drives the connections.
        receive_bytes: The largest answer that is taken.
        timeout: Seconds for an answer, and for trying again.
    """

    def __init__(self, settings: KafkaSettings, loop: Loop, *, receive_bytes: int, timeout: float) -> None:
        self.brokers: dict[int, Address] = {}
        self.cluster_id = ""
        self._settings = settings
        self._config = client_config(settings)
        self._loop = loop
        self._limit = receive_bytes
        self._timeout = timeout
        self._buffers = Buffers()
        self._open: dict[int, Connection] = {}
        self._reached: set[int] = set()

    async def find(self, patience: float = _PATIENCE) -> None:
        """Ask the bootstrap servers, one after the other, who belongs to the cluster.

        Args:
            patience: Seconds in which to begin again when none of them can be reached.

        Raises:
            LifeboatError: None answered, or one refused us.
        """
        deadline = time.monotonic() + patience
        pause = _FIRST_PAUSE
        while True:
            failures: list[LifeboatError] = []
            for server in self._settings.bootstrap_servers:
                try:
                    return await self._find_through(server)
                except LifeboatError as error:
                    if error.code not in PASSING:
                        raise
                    failures.append(error)
            if time.monotonic() + pause > deadline:
                raise _none_of(failures)
            await self._loop.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def ask(
        self, build: Callable[[Connection], Any], *, node: int | None = None, wait: float = 0.0, repeat: bool = True
    ) -> Any:
        """Send a request and wait for the answer.

        Requests to one broker are sent in the order in which they were asked here.

        Args:
            build: Makes the request for a connection, whose versions it may look at.
            node: The broker, or None for any.
            wait: Seconds that the broker is asked to take, besides those that it may.
            repeat: Whether the request may be sent again when a connection breaks. Otherwise it goes out on the
                connection that there is, or fails: what was asked before it may be lost with a broken one, and must
                not be overtaken.

        Raises:
            LifeboatError: No answer came in time, or the broker does not know or refuses us.
        """
        if node is not None and not repeat and self.was_reached(node) and not self._is_open(node):
            raise KafkaError(
                f"The connection to the Kafka broker {node} broke.", code="unreachable", object_name=str(node)
            )
        known = bool(self._reached) if node is None else self.was_reached(node)
        deadline = time.monotonic() + (self._timeout if known else min(_PATIENCE, self._timeout))
        pause = _FIRST_PAUSE
        while True:
            try:
                connection = await (self._any() if node is None else self._to(node))
                return await self._exchange(connection, build, wait)
            except LifeboatError as error:
                if error.code not in PASSING or not repeat or time.monotonic() + pause > deadline:
                    raise
                await self._loop.sleep(pause)
                if node is not None and not await self._still_there(node):
                    raise
            pause = min(2 * pause, _LONGEST_PAUSE)

    def was_reached(self, node: int) -> bool:
        """Whether there has ever been a connection to a broker: what worked once may be expected to work again."""
        return node in self._reached

    def _is_open(self, node: int) -> bool:
        connection = self._open.get(node)
        return connection is not None and connection.connected and connection.usable()

    def learn(self, answer: Any) -> None:
        """Note the cluster's id and its brokers from a Metadata answer."""
        self.cluster_id = answer.cluster_id or ""
        self.brokers = {broker.node_id: (broker.host, broker.port) for broker in answer.brokers}

    def close(self) -> None:
        """End all connections."""
        for connection in self._open.values():
            connection.drop()
        self._open.clear()

    async def _find_through(self, server: str) -> None:
        connection = self._connect(_address(server))
        try:
            await self._ready(connection)
            answer = await self._exchange(connection, lambda _connection: topics_request(()), 0.0)
            if not answer.brokers:
                raise KafkaError(
                    f"The Kafka broker {server} knows of no brokers yet. Try again when it has started.",
                    code="unreachable",
                    object_name=server,
                )
        except BaseException:
            connection.drop()
            raise
        self.learn(answer)
        for node, address in self.brokers.items():
            if address == (connection.host, connection.port):
                self._keep(node, connection)
                self._reached.add(node)
                return
        connection.drop()

    def _keep(self, node: int, connection: Connection) -> None:
        former = self._open.get(node)
        if former is not None:
            former.drop()
        self._open[node] = connection

    def _connect(self, address: Address) -> Connection:
        connection = Connection(
            self._loop, *address, self._config, buffers=self._buffers, limit=self._limit, timeout=self._timeout
        )
        self._loop.call_soon(connection.open(time.monotonic() + min(_LOGIN, self._timeout)))
        return connection

    async def _to(self, node: int) -> Connection:
        """The connection to a broker, made where there is none."""
        if node < 0:
            raise KafkaError("No broker leads the partition at this time. See that all brokers run.", code="no_leader")
        connection = self._open.get(node)
        if connection is None or not connection.usable():
            address = self.brokers.get(node)
            if address is None:
                raise KafkaError(
                    f"The cluster has no broker {node}, or it does not run.", code="unreachable", object_name=str(node)
                )
            connection = self._connect(address)
            self._keep(node, connection)
        await self._ready(connection)
        self._reached.add(node)
        return connection

    async def _any(self) -> Connection:
        """A connection to whichever broker can be had, rather one that there is already."""
        usable = [connection for connection in self._open.values() if connection.connected and connection.usable()]
        if usable:
            return min(usable, key=lambda connection: len(connection.in_flight_requests))
        failure: LifeboatError | None = None
        for node in random.sample(sorted(self.brokers), len(self.brokers)):
            try:
                return await self._to(node)
            except LifeboatError as error:
                if error.code not in PASSING:
                    raise
                failure = error
        if failure is not None and {*map(_address, self._settings.bootstrap_servers)} <= {*self.brokers.values()}:
            raise failure
        former = dict(self.brokers)
        await self.find(patience=0)
        if failure is not None and self.brokers == former:
            raise failure
        return await self._to(random.choice(sorted(self.brokers)))

    async def _ready(self, connection: Connection) -> None:
        try:
            await connection
        except LifeboatError:
            raise
        except Exception as error:
            raise self._explained(error, connection) from error

    async def _exchange(self, connection: Connection, build: Callable[[Connection], Any], wait: float) -> Any:
        try:
            return await connection.exchange(build, self._timeout + wait)
        except LifeboatError:
            raise
        except Exception as error:
            raise self._explained(error, connection) from error

    def _explained(self, error: Exception, connection: Connection) -> LifeboatError:
        needs_certificate = self._config.tls is not None and self._settings.client_cert is None
        advertised = connection.server not in self._settings.bootstrap_servers
        return connection_error(error, connection.server, may_lack_certificate=needs_certificate, advertised=advertised)

    async def _still_there(self, node: int) -> bool:
        """Whether the cluster still counts a broker among its own; also true when nobody can be asked."""
        if len(self.brokers) > 1:
            try:
                connection = await self._any()
                self.learn(await self._exchange(connection, lambda _connection: topics_request(()), 0.0))
            except LifeboatError as error:
                if error.code not in PASSING:
                    raise
        return node in self.brokers


def _address(server: str) -> Address:
    parts = urlsplit(f"//{server}")
    return parts.hostname or "", parts.port or 0


def _none_of(failures: list[LifeboatError]) -> LifeboatError:
    if len(failures) == 1:
        return failures[0]
    return KafkaError(
        "None of kafka.bootstrap_servers could be reached. " + " ".join(str(failure) for failure in failures),
        code=failures[0].code,
    )
