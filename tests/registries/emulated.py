# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated registries with what the test bed's real ones have, so that a test can take either.

with EmulatedRegistry(Confluent) as registry:
    registry.call("PUT", "/mode", {"mode": "IMPORT"})
    registry.wipe()
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from registries.serving import Make, RegistryServer

TESTS = Path(__file__).resolve().parents[1]


class AnyRegistry(Protocol):
    """A registry of the test bed, real or emulated; a context manager."""

    @property
    def endpoint(self) -> str:
        """Its URL."""

    def wipe(self) -> None:
        """Empty it."""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request, and return the parsed answer."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class EmulatedRegistry(RegistryServer):
    """A registry that can be emptied.

    Args:
        make: Makes an empty one.
    """

    def __init__(self, make: Callable[[], Make]) -> None:
        super().__init__(make())
        self._make = make

    def wipe(self) -> None:
        """Put an empty registry in the place of this one."""
        self.make = self._make()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer (``None`` when empty).

        Raises `urllib.error.HTTPError` for a status of 400 and above.
        """
        return _call(self.endpoint, method, path, body)


class SeparateRegistry:
    """An emulated Confluent Schema Registry in a process of its own, so that it takes no time from who asks it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "registries"],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.endpoint = self._told()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def wipe(self) -> None:
        """Put an empty registry in the place of this one."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._told()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer, as `EmulatedRegistry.call`."""
        return _call(self.endpoint, method, path, body)

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _call(endpoint: str, method: str, path: str, body: object) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None
