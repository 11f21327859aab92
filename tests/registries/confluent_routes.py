# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the emulated Confluent Schema Registry says no, and how its resources are found.

Codes and messages are recorded ones of 8.3.1; where an error was not recorded its message is the source's
(``core/src/main/java/io/confluent/kafka/schemaregistry/rest/exceptions/Errors.java``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from registries.serving import Answer

HTML = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error 400 {0}</title>
</head>
<body>
<h2>HTTP ERROR 400 {0}</h2>
<table>
<tr><th>URI:</th><td>/badURI</td></tr>
<tr><th>STATUS:</th><td>400</td></tr>
<tr><th>MESSAGE:</th><td>{0}</td></tr>
</table>

</body>
</html>
"""


class Fault(Exception):
    """An error answer.

    Args:
        code: The registry's code; its first three digits are the HTTP status.
        message: The message.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """Return what is sent."""
        return Answer(int(str(self.code)[:3]), {"error_code": self.code, "message": self.message})


class NoSuchPath(Fault):
    """No resource has this path."""

    def __init__(self) -> None:
        super().__init__(404, "HTTP 404 Not Found")


class NotAllowed(Fault):
    """The resource has no such method."""

    def __init__(self) -> None:
        super().__init__(405, "HTTP 405 Method Not Allowed")


class Broken(Fault):
    """The server itself failed."""

    def __init__(self) -> None:
        super().__init__(500, "Internal Server Error")


def subject_not_found(subject: str) -> Fault:
    """40401."""
    return Fault(40401, f"Subject '{subject}' not found.")


def version_not_found(version: int) -> Fault:
    """40402; the latest one is told as -1."""
    return Fault(40402, f"Version {version} not found.")


def not_permitted(message: str) -> Fault:
    """42205."""
    return Fault(42205, message)


def bad_path(message: str) -> Answer:
    """Return how Jetty refuses a path before the registry sees it."""
    return Answer(400, HTML.format(message).encode(), "text/html;charset=iso-8859-1")


@dataclass
class Call:
    """A request, its path taken apart.

    Args:
        method: Its method.
        segments: The path's segments, decoded.
        query: The query's parameters, decoded.
        body: The parsed body; None for none.
    """

    method: str
    segments: list[str]
    query: dict[str, str]
    body: Any = None

    def flag(self, name: str) -> bool:
        """Whether a parameter is true; whatever else it says is false."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Return a parameter's number."""
        return whole(self.query[name]) if name in self.query else default

    def page(self, found: list[Any], largest: int | None = None) -> list[Any]:
        """Cut a list by ``offset`` and ``limit``; a limit below 1 or above the largest one is the largest."""
        offset, limit = self.number("offset", 0), self.number("limit", -1)
        if offset < 0:
            raise Broken
        if limit < 1 or (largest is not None and limit > largest):
            limit = len(found) if largest is None else largest
        return found[offset : offset + limit]


@dataclass(frozen=True)
class Route:
    """A method of a resource.

    Args:
        method: ``GET``, …
        pattern: Its path without the first slash; ``*`` stands for one segment, which the handler is given.
        handler: What answers: a JSON value for status 200, or an `Answer`.
    """

    method: str
    pattern: str
    handler: Callable[..., Any]

    def match(self, segments: list[str]) -> list[str] | None:
        """Return the segments that the pattern leaves open; None where the path is another one."""
        parts = self.pattern.split("/") if self.pattern else []
        if len(parts) != len(segments):
            return None
        if any(part not in ("*", segment) for part, segment in zip(parts, segments, strict=True)):
            return None
        return [segment for part, segment in zip(parts, segments, strict=True) if part == "*"]


class Resource(Protocol):
    """Something that the registry serves under paths of its own."""

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""


def whole(text: str) -> int:
    """Return a number of a path or a parameter; what is none has no such path."""
    try:
        return int(text)
    except ValueError:
        raise NoSuchPath from None
