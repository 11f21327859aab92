# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A forward proxy as companies have them: tunnels by ``CONNECT``, and requests whose target is a whole URL.

with ForwardProxy(login=("me", "secret")) as proxy:
    ... use proxy.endpoint ...
    assert proxy.asked == ["CONNECT 127.0.0.1:8081"]
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from faults.registry_proxy import Reader, Server

if TYPE_CHECKING:
    from testbed.certificates import Certificates


class ForwardProxy:
    """Listens on a free loopback port; a context manager.

    Args:
        login: User and password that it wants by basic authentication.
        certificates: With these it is spoken to over TLS.
        status: Answered instead of doing anything.
    """

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        certificates: Certificates | None = None,
        status: int | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._wanted = b"basic " + base64.b64encode(":".join(login).encode()) if login else b""
        self._status = status
        self._tls = None
        if certificates is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*map(str, certificates.server))
        self._server = Server(("127.0.0.1", 0), self._serve)

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            with client:
                reader = Reader(client)
                while self._handle(reader, client):
                    pass

    def _handle(self, reader: Reader, client: socket.socket) -> bool:
        """Answer one request; tell whether the connection stays open."""
        head, body = reader.message(is_answer=False)
        first, *fields = head.rstrip().split(b"\r\n")
        method, target, _version = first.split(b" ")
        self.asked.append(f"{method.decode()} {target.decode()}")
        status = self._status or self._refused(fields)
        if status:
            client.sendall(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % status)
            return True
        parts = urlsplit(b"//" + target if method == b"CONNECT" else target)
        with socket.create_connection((parts.hostname.decode(), parts.port)) as server:
            if method == b"CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _join(client, server)
                return False
            start = target.index(b"/", target.index(b"//") + 2)
            kept = [line for line in fields if not line.lower().startswith(b"proxy-")]
            line = b" ".join((method, target[start:], b"HTTP/1.1"))
            server.sendall(b"\r\n".join((line, *kept)) + b"\r\n\r\n" + body)
            client.sendall(b"".join(Reader(server).message(is_answer=True)))
        return True

    def _refused(self, fields: list[bytes]) -> int:
        given = [line.partition(b":")[2].strip() for line in fields if line.lower().startswith(b"proxy-authorization:")]
        said = [b" ".join((kind.lower(), pair)) for kind, _space, pair in (each.partition(b" ") for each in given)]
        return 407 if self._wanted and said != [self._wanted] else 0


def _join(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side closes."""
    while True:
        # What TLS has read and not given out yet does not show on the socket.
        ready = [one] if isinstance(one, ssl.SSLSocket) and one.pending() else select.select([one, other], [], [])[0]
        for side in ready:
            data = side.recv(1 << 16)
            if not data:
                return
            (other if side is one else one).sendall(data)
