# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to one broker: kafka-python's, which logs in and matches answers to requests, on our transport."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

from .._core.errors import KafkaError
from .buffers import Buffers, Receiver
from .kafka_python import KafkaBytes, KafkaConnection, KafkaProtocol, kafka_errors
from .loop import Loop, Slots
from .primitives import Cursor
from .python_client import ClientConfig
from .transport import Transport, dial, secure

IN_FLIGHT = 5  # requests on a connection: as many of an idempotent producer's as a broker keeps apart (KIP-98)
_RESTED = 30.0  # seconds without traffic after which a connection is looked at before it is used


class Request:
    """A request whose body is encoded, and whose answer is decoded, by us.

    Args:
        api_key: Which request it is (protocol guide, "Api Keys").
        version: Its version.
        flexible: Whether that version has tagged fields (KIP-482).
        body: The body's pieces.
        decode: Makes a value of the answer's body, given the answer and where the body begins.
    """

    def __init__(
        self, api_key: int, version: int, flexible: bool, body: list[Any], decode: Callable[[memoryview, int], Any]
    ) -> None:
        self.API_KEY = api_key
        self.API_VERSION = version
        self.correlation_id = -1
        self.decode = decode
        self.flexible = flexible
        self._body = body
        self._head = b""

    @property
    def header(self) -> Request:
        """What `KafkaProtocol` keeps of a request until its answer comes."""
        return self

    def expect_response(self) -> bool:
        return True

    def with_header(self, correlation_id: int, client_id: str) -> None:
        name = client_id.encode()
        self.correlation_id = correlation_id
        self._head = struct.pack(">hhih", self.API_KEY, self.API_VERSION, correlation_id, len(name)) + name
        if self.flexible:
            self._head += b"\0"

    def encode(self, *, framed: bool, header: bool) -> bytes:
        """The whole request: length, header, body; it can be asked for once."""
        pieces, self._body = self._body, []
        length = len(self._head) + sum(map(len, pieces))
        return b"".join((struct.pack(">i", length), self._head, *pieces))


class _Protocol(KafkaProtocol):  # type: ignore[misc]
    """Takes whole answers, one at a time."""

    def receive_bytes(self, data: memoryview) -> list[tuple[int, Any]]:
        if self.in_flight_requests and isinstance(self.in_flight_requests[0], Request):
            request = self.in_flight_requests.popleft()
            (answered,) = struct.unpack_from(">i", data)
            if answered != request.correlation_id:
                raise kafka_errors.CorrelationIdError("it answered another request than the one asked")
            return [(answered, self._decoded(request, data))]
        buffer = KafkaBytes(len(data))
        buffer[:] = data
        return [self._process_response(buffer)]

    @staticmethod
    def _decoded(request: Request, data: memoryview) -> Any:
        header = Cursor(data, 4, flexible=request.flexible)
        try:
            header.end_structure()
            return request.decode(data, header.at)
        except (ValueError, IndexError, struct.error) as error:
            raise kafka_errors.KafkaProtocolError(
                f"its answer to request {request.API_KEY} in version {request.API_VERSION} cannot be read: {error}"
            ) from error


class Connection(KafkaConnection):  # type: ignore[misc]
    """A connection that `open` makes ready.

    Args:
        loop: What drives it.
        host: The broker's host, and ``port``.
        config: How one logs in.
        buffers: Where large answers go.
        limit: The largest answer, in bytes.
        timeout: Seconds for an answer.
    """

    def __init__(
        self, loop: Loop, host: str, port: int, config: ClientConfig, *, buffers: Buffers, limit: int, timeout: float
    ) -> None:
        super().__init__(
            loop,
            node_id=f"{host}:{port}",
            **config.connection,
            request_timeout_ms=timeout * 1000,
            receive_message_max_bytes=limit,
            max_in_flight_requests_per_connection=1 << 30,  # the library would refuse more; `exchange` lets them wait
        )
        self.host, self.port = host, port
        self.server = f"{host}:{port}"
        self._slots = Slots(IN_FLIGHT)
        self._turn = Slots(1)
        self._resume_at = 0.0
        self.receiver = Receiver(buffers, limit, self.server)
        self._config = config
        self._limit = limit

    async def open(self, deadline: float) -> None:
        """Connect and log in; whoever awaits the connection hears of the outcome.

        Args:
            deadline: Latest end, by `time.monotonic`.
        """
        try:
            sock = await dial(self.net, self.host, self.port, deadline, self._config.socket_options)
            if self._config.tls is not None:
                sock = await secure(self.net, sock, self._config.tls, self.host, deadline)
            transport = Transport(self.net, sock, self.host)
            if self.closed:  # given up meanwhile
                transport.abort()
                return
            self.connection_made(transport)
            self.parser = _Protocol(client_id=self.config["client_id"], receive_message_max_bytes=self._limit)
            await self.initialize(timeout_at=deadline)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            self.connection_lost(error)

    def drop(self) -> None:
        """Close at once; what is under way fails."""
        if self.transport is not None:
            self.transport.abort()
        else:
            self.close()

    def usable(self) -> bool:
        """Whether a request sent now would find the connection alive and logged in, as far as can be told."""
        if self.closed:
            return False
        if self.initializing or self.in_flight_requests or time.monotonic() < self.transport.last_activity + _RESTED:
            return True
        lifetime = self._reauth.session_lifetime_ms / 1000
        expired = bool(lifetime) and time.monotonic() > self._reauth.authenticated_at + 0.9 * lifetime
        return not (expired or self.transport.gone())

    async def exchange(self, build: Callable[[Connection], Any], timeout: float) -> Any:
        """Send a request when it is its turn, and wait for the answer. Requests leave in the order in which they came.

        Args:
            build: Makes the request, given the connection.
            timeout: Seconds for the answer.

        Raises:
            Exception: Of many kinds: the library's, the socket's, TLS's, or `LifeboatError`.
        """
        await self._slots.take()
        try:
            await self._turn.take()
            try:
                while (held := self._resume_at - time.monotonic()) > 0:
                    await self.net.sleep(held)
                answer = self.send_request(build(self), request_timeout_ms=timeout * 1000)
            finally:
                self._turn.give_back()
            return await answer
        finally:
            self._slots.give_back()

    def version(self, api_key: int, lowest: int, highest: int) -> int:
        """The newest version of a request that both sides know.

        Raises:
            KafkaError: ``unsupported``.
        """
        low, high = self.broker_version_data.api_versions.get(api_key, (0, -1))
        version = min(high, highest)
        if version < max(low, lowest):
            raise KafkaError(
                f"The Kafka broker {self.server} has no version of the request {api_key} that is known here (it has "
                f"{low} to {high}, known are {lowest} to {highest}).",
                code="unsupported",
                object_name=self.server,
            )
        return int(version)

    def _maybe_throttle(self, response: Any) -> None:
        """Note when a broker that holds us to a quota goes on reading what we send (KIP-219)."""
        held = getattr(response, "throttle_time_ms", 0) / 1000
        if held > 0:
            self._resume_at = max(self._resume_at, time.monotonic() + held)
            self._give_longer(held)

    def _give_longer(self, seconds: float) -> None:
        """Let what is under way take so much longer: the broker does not look at it before."""
        for place, (number, future, sent_at, due, task) in enumerate(list(self.in_flight_requests)):
            later = self._time_out(future, sent_at, due + seconds)
            self.in_flight_requests[place] = number, future, sent_at, due + seconds, later
            self.net.cancel(task)

    def _time_out(self, future: Any, sent_at: float, due: float) -> Any:
        return self.net.call_at(due, lambda: self._request_timed_out(future, sent_at, due))
