# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a make of schema registry over HTTP.

with RegistryServer(Confluent()) as server:
    ... use server.endpoint ...
    assert server.count("POST") == 3
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, unquote

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True)
class Request:
    """A request as it came.

    Args:
        method: ``GET``, ``POST``, …
        target: The path with its query, still encoded.
        headers: With lower-case names.
        body: Its bytes.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path without its query, still encoded."""
        return self.target.partition("?")[0]

    @property
    def segments(self) -> list[str]:
        """The path's segments, still encoded; empty for the root."""
        return [segment for segment in self.path.split("/") if segment]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; the last one where a name is repeated."""
        found = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    def json(self) -> Any:
        """Return the parsed body; None for an empty one. Raises ValueError."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Answer:
    """What is answered.

    Args:
        status: The HTTP status.
        value: A JSON value, or the body itself where it is bytes.
        content_type: Its type.
        headers: Further headers.
    """

    status: int = 200
    value: Any = None
    content_type: str = MEDIA_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes that are sent."""
        if isinstance(self.value, bytes):
            return self.value
        return json.dumps(self.value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


class Make(Protocol):
    """A make of registry with all that it holds; it is called by one thread at a time."""

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""


class RegistryServer:
    """Serves one registry at a port of this machine; a context manager.

    Args:
        make: What answers.
    """

    def __init__(self, make: Make) -> None:
        self.make = make
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, method: str, path: str = "/") -> int:
        """Return how many requests there were of a method, to paths with a beginning."""
        return sum(request.method == method and request.target.startswith(path) for request in self.requests)

    def writes(self) -> list[Request]:
        """Return the requests that were not for reading."""
        return [request for request in self.requests if request.method not in ("GET", "HEAD")]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self.make.answer(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body go out together

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                made = answer(Request(self.command, self.path, headers, body))
                content = b"" if made.status == 204 else made.body
                self.send_response(made.status)
                self.send_header("Content-Type", made.content_type)
                self.send_header("Content-Length", str(len(content)))
                for name, value in made.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  the names that the library calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the library calls it
                pass

        return Handler


def decoded(segment: str) -> str:
    """Decode a segment of a path as most servers do: plus stays plus."""
    return unquote(segment, errors="surrogateescape")
