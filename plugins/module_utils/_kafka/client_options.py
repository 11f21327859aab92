# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``client_options``: librdkafka's properties that both of the clients used here can follow.

Names and values are those of librdkafka's configuration reference (``CONFIGURATION.md``).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import InvalidOption

CLIENT_ID = "lifeboat.kafka"

_TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_IDENTIFICATION = {"https": True, "none": False}

INSTEAD = {
    "bootstrap.servers": "bootstrap_servers",
    "metadata.broker.list": "bootstrap_servers",
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "username",
    "ssl.ca.location": "ca_cert",
    "ssl.certificate.location": "client_cert",
    "ssl.key.location": "client_key",
    "enable.ssl.certificate.verification": "validate_certs",
}
"""The options of the family that stand for properties."""

TAKEN = (
    "client.id",
    "socket.keepalive.enable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.endpoint.identification.algorithm",
)
"""The properties that are taken."""


@dataclass(frozen=True)
class ClientOptions:
    """What ``client_options`` says, apart from either client.

    Args:
        client_id: What a client calls itself, to which brokers' quotas may refer.
        check_hostname: Whether a broker's certificate must name the host that was connected to.
        cipher_suites: Names of ciphers as OpenSSL has them, or None for OpenSSL's choice.
        crl: Path of a PEM file with revoked certificates.
        socket_options: What is set on each socket, as `socket.socket.setsockopt` takes it.
    """

    client_id: str = CLIENT_ID
    check_hostname: bool = True
    cipher_suites: str | None = None
    crl: str | None = None
    socket_options: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def read(cls, given: Mapping[str, str]) -> ClientOptions:
        """Read the option.

        Raises:
            InvalidOption: A property is not among `TAKEN`, or has a value that it cannot have; the message names it.
        """
        for name in given:
            if name not in TAKEN:
                raise _refused(name)
        values: dict[str, Any] = {}
        sockets = []
        for name, value in given.items():
            match name:
                case "client.id":
                    values["client_id"] = value
                case "ssl.cipher.suites":
                    values["cipher_suites"] = value
                case "ssl.crl.location":
                    values["crl"] = value
                case "ssl.endpoint.identification.algorithm":
                    values["check_hostname"] = _choice(name, value, _IDENTIFICATION)
                case "socket.keepalive.enable":
                    sockets.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(_choice(name, value, _TRUTH))))
                case "socket.receive.buffer.bytes":
                    sockets.append((socket.SOL_SOCKET, socket.SO_RCVBUF, _size(name, value)))
                case "socket.send.buffer.bytes":
                    sockets.append((socket.SOL_SOCKET, socket.SO_SNDBUF, _size(name, value)))
        return cls(**values, socket_options=tuple(sockets))


def _refused(name: str) -> InvalidOption:
    if name in INSTEAD or name.startswith("sasl.oauthbearer."):
        rule = f"use kafka.{INSTEAD.get(name, 'oauth')}"
    else:
        rule = f"it takes {', '.join(TAKEN)}"
    return InvalidOption(f"kafka.client_options does not take {name!r}; {rule}.", object_name="kafka.client_options")


def _choice(name: str, value: str, choices: Mapping[str, bool]) -> bool:
    if value.lower() not in choices:
        raise _wrong(name, value, f"one of {', '.join(choices)}")
    return choices[value.lower()]


def _size(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 100_000_000:
        raise _wrong(name, value, "a number of bytes from 1 to 100000000")
    return int(value)


def _wrong(name: str, value: str, rule: str) -> InvalidOption:
    return InvalidOption(
        f"kafka.client_options: {name} must be {rule}, not {value!r}.", object_name="kafka.client_options"
    )
