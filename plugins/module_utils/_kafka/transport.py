# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets to brokers: connecting, TLS, and reading straight into the buffer of the answer."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

from .kafka_python import KafkaTCPTransport, kafka_errors
from .loop import Loop

_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
_ONE_ADDRESS = 5.0  # seconds for one of a host's addresses to answer


async def dial(
    loop: Loop, host: str, port: int, deadline: float, options: Iterable[tuple[int, int, int]] = ()
) -> socket.socket:
    """Connect to a host, at whichever of its addresses answers first in the resolver's order.

    Args:
        deadline: Latest end, by `time.monotonic`.
        options: Socket options to set.

    Raises:
        OSError: None answered; the last one's reason. ``socket.gaierror`` for an unknown host.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _name, address) in enumerate(addresses, 1):
        limit = min(deadline, time.monotonic() + _ONE_ADDRESS)
        sock = socket.socket(family, kind, protocol)
        try:
            for option in (*_SOCKET_OPTIONS, *options):
                sock.setsockopt(*option)
            await _connect(loop, sock, address, limit)
        except OSError:
            sock.close()
            if number == len(addresses):
                raise
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise OSError(f"{host} has no address")


async def _connect(loop: Loop, sock: socket.socket, address: Any, deadline: float) -> None:
    sock.setblocking(False)
    problem = sock.connect_ex(address)
    if problem == errno.EINPROGRESS:
        try:
            await loop.wait_write(sock, deadline)
        except kafka_errors.KafkaTimeoutError:
            raise TimeoutError("no answer to the attempt to connect") from None
        problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:
        raise OSError(problem, os.strerror(problem))


async def secure(loop: Loop, sock: socket.socket, context: ssl.SSLContext, host: str, deadline: float) -> ssl.SSLSocket:
    """Do the TLS handshake on a connected socket.

    Raises:
        OSError: It failed (``ssl.SSLError``), or took too long (``TimeoutError``); the socket is closed.
    """
    secured = context.wrap_socket(sock, server_hostname=host.rstrip("."), do_handshake_on_connect=False)
    try:
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                await loop.wait_read(secured, deadline)
            except ssl.SSLWantWriteError:
                await loop.wait_write(secured, deadline)
            else:
                return secured
    except kafka_errors.KafkaTimeoutError:
        secured.close()
        raise TimeoutError("no end of the TLS handshake") from None
    except BaseException:
        secured.close()
        raise


class Transport(KafkaTCPTransport):  # type: ignore[misc]
    """kafka-python's transport over a connected socket, plain or TLS, whose protocol has a `Receiver`.

    The library's own reads 4 KiB at a time, and copies each piece three times.
    """

    def __init__(self, loop: Loop, sock: socket.socket, host: str) -> None:
        super().__init__(loop, sock, host=host)
        self._encrypted = isinstance(sock, ssl.SSLSocket)

    def gone(self) -> bool:
        """Whether the other end has closed an idle connection: nothing is asked for, and yet there is something."""
        readable = select.poll()
        readable.register(self._sock, select.POLLIN)
        return bool(readable.poll(0))

    def write(self, data: bytes) -> None:
        """Send at once what the socket takes, and the rest when it takes more."""
        if self._write and not self._closed and not self._write_buffer and not self._writing:
            try:
                sent = self._sock.send(data)
            except OSError:  # the write that follows meets it again, and ends the connection
                sent = 0
            if sent == len(data):
                self.last_write = time.monotonic()
                return
            super().write(memoryview(data)[sent:])
        else:
            super().write(data)

    def resume_reading(self) -> None:
        """Begin to read; nothing here ever pauses."""
        self._read = True
        self._read_task = self._net.watch(self._sock, self._receive)

    def _receive(self) -> None:
        """Take what is there."""
        try:
            self._take()
        except _NOT_NOW:
            pass
        except Exception as error:  # noqa: BLE001 - it ends this connection, and its users are told
            self.abort(error=error)

    def _take(self) -> None:
        protocol = self._protocol
        receiver = protocol.receiver
        while not self._closed:
            space = receiver.space()
            count = self._sock.recv_into(space)
            if not count:
                raise ConnectionError("it closed the connection")
            answers = receiver.received(count)
            if answers:
                self.last_read = time.monotonic()
                for answer in answers:
                    protocol.data_received(answer)
            # Whoever waits for an answer comes first, before the end of the connection that may be behind it, and the
            # loop will call again. But of what TLS has decrypted and was not taken the socket says nothing: go on.
            if (answers or count < len(space)) and not (self._encrypted and self._sock.pending()):
                return

    def _sock_send(self) -> tuple[int, Exception | None]:
        total = 0
        while self._write_buffer:
            piece = memoryview(self._write_buffer.popleft())
            while piece:
                try:
                    sent = self._sock.send(piece)
                except _NOT_NOW:
                    self._write_buffer.appendleft(piece)
                    return total, None
                except OSError as error:
                    return total, error
                total += sent
                piece = piece[sent:]
        return total, None
