# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy in front of a real registry that records all requests and fails the ones it is told to.

with RegistryProxy(registry.endpoint) as proxy:
    proxy.add(Fault("POST", "/subjects/*/versions", nth=3, answer=BAD_GATEWAY))
    proxy.add(Fault("PUT", "/mode*", after=lambda request: os.kill(pid, signal.SIGKILL)))
    ... use proxy.endpoint ...
    assert proxy.writes() == []
"""

from __future__ import annotations

import fnmatch
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """A request as it came; ``path`` is still encoded and has the query, ``message`` is all of it."""

    method: str
    path: str
    body: bytes
    message: bytes = field(repr=False)


@dataclass(frozen=True)
class Recorded:
    """A request and the status that was sent for it; 0 when the connection was cut without one."""

    method: str
    path: str
    status: int


@dataclass(frozen=True)
class Answer:
    """What is sent instead of the registry's answer, without asking the registry."""

    status: int
    body: bytes = b"{}"
    content_type: str = "application/vnd.schemaregistry.v1+json"
    headers: Mapping[str, str] = field(default_factory=dict)


WRITES = "[!GH]*"
"""All methods but GET and HEAD."""

TOO_MANY_REQUESTS = Answer(429, b"Too Many Requests\n", "text/plain; charset=utf-8", {"Retry-After": "1"})
BAD_GATEWAY = Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")
SERVER_ERROR = Answer(500, b'{"error_code":50001,"message":"Error in the backend data store"}')
HTML_PAGE = Answer(200, b"<!doctype html><title>Welcome</title><p>It works!</p>", "text/html")


@dataclass
class Fault:
    """What happens to some requests.

    Args:
        method: A glob for the method, such as ``POST``, `WRITES` or ``*``.
        path: A glob for the path with its query.
        nth: Which matching request is the first concerned, from 1.
        times: How many requests in a row are concerned.
        before: Called before the request is forwarded.
        delay: Seconds to wait before that.
        answer: Sent instead of forwarding.
        drop: The connection is closed instead of forwarding.
        after: Called when the registry has carried the request out, before its answer is sent on.
        cut: How many bytes of the answer's body are sent on before the connection is closed.
    """

    method: str = "*"
    path: str = "*"
    nth: int = 1
    times: int = 1
    before: Callable[[Request], None] | None = None
    delay: float = 0.0
    answer: Answer | None = None
    drop: bool = False
    after: Callable[[Request], None] | None = None
    cut: int | None = None
    _seen: int = field(default=0, init=False)

    def concerns(self, request: Request) -> bool:
        """Count a request, and tell whether it is one of those concerned."""
        wanted = ((request.method, self.method), (request.path, self.path))
        if not all(fnmatch.fnmatchcase(text, pattern) for text, pattern in wanted):
            return False
        self._seen += 1
        return self.nth <= self._seen < self.nth + self.times


class RegistryProxy:
    """Listens on a free loopback port; a context manager.

    Args:
        upstream: Base URL of the registry (http); None when every request is answered by a fault.
    """

    def __init__(self, upstream: str | None = None) -> None:
        parts = urlsplit(upstream) if upstream else None
        self._address = (str(parts.hostname), parts.port or 80) if parts else None
        self._faults: list[Fault] = []
        self._records: list[Recorded] = []
        self._lock = threading.Condition()
        self._open: set[socket.socket] = set()
        self._server = Server(("127.0.0.1", 0), self._serve)

    @property
    def endpoint(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[Recorded]:
        """All requests so far, in the order of their answers."""
        with self._lock:
            return list(self._records)

    def writes(self) -> list[Recorded]:
        """The requests so far that were not reads."""
        return [request for request in self.requests if request.method not in ("GET", "HEAD")]

    def add(self, fault: Fault) -> None:
        """Make a fault happen from now on; of several that concern a request the first added happens."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults and all requests."""
        with self._lock:
            self._faults.clear()
            self._records.clear()

    def settle(self) -> None:
        """Wait until all requests of processes that are gone have had their effect."""
        with self._lock:
            self._lock.wait_for(lambda: not self._open)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            left = list(self._open)
        for connection in left:  # so that nobody goes on over a kept-alive connection
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        upstream = _Upstream(self._address) if self._address else None
        try:
            with suppress(OSError, EOFError):
                reader = Reader(client)
                while self._handle(_read_request(reader), client, upstream):
                    pass
        finally:
            client.close()
            if upstream:
                upstream.close()
            with self._lock:
                self._open.discard(client)
                self._lock.notify_all()

    def _handle(self, request: Request, client: socket.socket, upstream: _Upstream | None) -> bool:
        """Answer one request; tell whether the connection stays open."""
        with self._lock:
            concerning = [fault for fault in self._faults if fault.concerns(request)]
        fault = concerning[0] if concerning else Fault()
        # It is recorded before anything is done to who sent it, since the test then goes on.
        is_dropped = fault.drop or (fault.answer is None and upstream is None)
        if is_dropped:
            self._record(request, 0)
        if fault.before:
            fault.before(request)
        time.sleep(fault.delay)
        if is_dropped:
            return False
        head, body = _written(fault.answer) if fault.answer or upstream is None else upstream.exchange(request)
        self._record(request, int(head.split(b" ", 2)[1]) if fault.cut is None else 0)
        if fault.after:
            fault.after(request)
        client.sendall(head + body[: fault.cut])
        return fault.cut is None

    def _record(self, request: Request, status: int) -> None:
        with self._lock:
            self._records.append(Recorded(request.method, request.path, status))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], serve: Callable[[socket.socket], None]) -> None:
        super().__init__(address, socketserver.BaseRequestHandler)
        self._serve = serve

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serve(request)


class Reader:
    """Reads HTTP/1.1 messages from a connection, as the bytes they are."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def message(self, *, is_answer: bool, has_body: bool = True) -> tuple[bytes, bytes]:
        """Return head (with its empty line) and body; EOFError when the other side has closed."""
        head = self._until(b"\r\n\r\n")
        fields = head.lower()
        if not has_body or head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304")):
            return head, b""
        if b"transfer-encoding: chunked" in fields:
            return head, self._chunks()
        if b"content-length:" in fields:
            return head, self._exactly(int(fields.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        if is_answer:
            raise EOFError("an answer without a length")
        return head, b""

    def _chunks(self) -> bytes:
        whole = b""
        while True:
            size = self._until(b"\r\n")
            chunk = self._exactly(int(size, 16) + 2)
            whole += size + chunk
            if chunk == b"\r\n":
                return whole

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._fill()
        part, self._buffer = self._buffer.split(end, 1)
        return part + end

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        part, self._buffer = self._buffer[:size], self._buffer[size:]
        return part

    def _fill(self) -> None:
        received = self._connection.recv(1 << 16)
        if not received:
            raise EOFError
        self._buffer += received


class _Upstream:
    """A kept-alive connection to the registry, made when it is first needed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._connection: socket.socket | None = None

    def exchange(self, request: Request) -> tuple[bytes, bytes]:
        if self._connection is None:
            self._connection = socket.create_connection(self._address)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._answers = Reader(self._connection)
        self._connection.sendall(request.message)
        return self._answers.message(is_answer=True, has_body=request.method != "HEAD")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _read_request(reader: Reader) -> Request:
    head, body = reader.message(is_answer=False)
    method, path, _version = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return Request(method, path, body, head + body)


def _written(answer: Answer | None) -> tuple[bytes, bytes]:
    answer = answer or BAD_GATEWAY
    fields = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} .", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), answer.body
