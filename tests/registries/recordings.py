# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds an emulated registry to what a real one answered.

calls = read_calls(folder / "calls.jsonl")
walk = read_walk(folder / "rest.jsonl.gz")
assert differences(emulator, [*calls, *walk], ALLOWED) == []

Two kinds of recordings, one JSON object a line, plain or gzipped:
calls: n, method, path, body (JSON or null), status, response (JSON, or text where the body was none), note (optional)
walk:  method, path, status, content_type (or null), body (the raw text)
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registries.serving import Make, Request


@dataclass(frozen=True)
class Recorded:
    """A request and what a real registry answered.

    Args:
        method: Its method.
        target: The path with its query, encoded as it was sent.
        status: The HTTP status of the answer.
        answer: The answer's body: a JSON value, or text where it is none.
        sent: The JSON value that was sent; None for no body.
        content_type: The answer's type; None where it was not recorded.
        note: What the recorder said of it.
    """

    method: str
    target: str
    status: int
    answer: Any
    sent: Any = None
    content_type: str | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """Method and path, as allowances match them."""
        return f"{self.method} {self.target}"

    def request(self) -> Request:
        """The request, to be answered by an emulator."""
        headers = {"content-type": "application/json"} if self.sent is not None else {}
        return Request(self.method, self.target, headers, b"" if self.sent is None else json.dumps(self.sent).encode())


@dataclass(frozen=True)
class Allowance:
    """A difference that is known and explained; one that is never needed counts as a difference itself.

    Args:
        where: A regular expression that matches the whole of ``METHOD path``.
        reason: Why the emulator may answer otherwise.
        same: Whether a recorded and an emulated body are near enough; the statuses must be equal unless ``status``.
        status: Whether even the status may differ.
    """

    where: str
    reason: str
    same: Callable[[Any, Any], bool]
    status: bool = False

    def covers(self, recorded: Recorded, status: int, answer: Any) -> bool:
        """Whether it explains why an answer is not the recorded one."""
        if not re.fullmatch(self.where, recorded.name, re.DOTALL):
            return False
        return (self.status or status == recorded.status) and self.same(recorded.answer, answer)


def read_calls(path: Path) -> list[Recorded]:
    """Read calls that changed a registry, in their order."""
    return [
        Recorded(
            line["method"],
            line["path"],
            line["status"],
            line["response"],
            line.get("body"),
            note=line.get("note", ""),
        )
        for line in read_lines(path)
    ]


def read_walk(path: Path) -> list[Recorded]:
    """Read what a registry answered when it was read through and through."""
    return [
        Recorded(
            line["method"],
            line["path"],
            line["status"],
            parsed(line["body"]),
            content_type=line["content_type"],
        )
        for line in read_lines(path)
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object a line, from a plain or a gzipped file."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode().split("\n") if line]


def parsed(text: str) -> Any:
    """Return the JSON value of a body, or the body where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def differences(make: Make, recorded: Iterable[Recorded], allowances: Sequence[Allowance] = ()) -> list[str]:
    """Send every request to an emulator in turn, and tell where it answers otherwise.

    Args:
        make: The emulator.
        recorded: The requests and the answers of the real registry.
        allowances: The differences that are explained.

    Returns:
        A text for each answer that differs, and for each allowance that was never needed; empty when all is well.
    """
    found: list[str] = []
    needed: set[int] = set()
    for entry in recorded:
        answer = make.answer(entry.request())
        value = parsed(answer.body.decode(errors="surrogatepass")) if answer.status != 204 else ""
        if not _differs(entry, answer.status, answer.content_type, value):
            continue
        covering = {i for i, allowance in enumerate(allowances) if allowance.covers(entry, answer.status, value)}
        needed |= covering
        if not covering:
            found.append(_told(entry, answer.status, answer.content_type, value))
    found += [f"never needed: {one.where}" for i, one in enumerate(allowances) if i not in needed]
    return found


def unordered(recorded: Any, answered: Any) -> bool:
    """Whether two lists hold the same, in whatever order."""
    if not (isinstance(recorded, list) and isinstance(answered, list)):
        return False
    return sorted(map(_canonical, recorded)) == sorted(map(_canonical, answered))


def without(*names: str) -> Callable[[Any, Any], bool]:
    """Return a comparison that leaves out the values of fields, but not whether they stand there."""

    def blank(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: None if name in names else blank(held) for name, held in value.items()}
        return [blank(held) for held in value] if isinstance(value, list) else value

    return lambda recorded, answered: bool(blank(recorded) == blank(answered))


def anything(_recorded: Any, _answered: Any) -> bool:
    """Whatever the bodies are."""
    return True


def _differs(entry: Recorded, status: int, content_type: str, value: Any) -> bool:
    if entry.content_type is not None and entry.content_type != content_type:
        return True
    return (status, _canonical(value)) != (entry.status, _canonical(entry.answer))


def _canonical(value: Any) -> str:
    """JSON text, since Python takes 1, 1.0 and True for the same."""
    return json.dumps(value, sort_keys=True)


def _told(entry: Recorded, status: int, content_type: str, value: Any) -> str:
    return (
        f"{entry.name} {_canonical(entry.sent) if entry.sent is not None else ''}\n"
        f"  recorded {entry.status} {entry.content_type} {_canonical(entry.answer)}\n"
        f"  answered {status} {content_type} {_canonical(value)}"
    )
