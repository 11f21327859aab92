# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A carrier of requests that stands in for the network and replays a real registry's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry

RECORDED = Path(__file__).parents[2] / "fixtures" / "registry" / "confluent-8.3.1.jsonl"
BULK = "/schemas?subjectPrefix=:*:&deleted=true"


@dataclass
class StoppedClock:
    """Sleeps without waiting, and remembers how long."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Replay(httpx.BaseTransport):
    """Answers as a real Confluent registry did; ``largest_page`` is how many versions it lists at once."""

    def __init__(self, largest_page: int = 1000) -> None:
        lines = [json.loads(line) for line in RECORDED.read_text().splitlines()]
        self.answers = {_segments(line["path"]): line for line in lines}
        self.largest_page = largest_page
        self.targets: list[str] = []
        self.writes: list[tuple[str, str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.extensions["target"].decode()
        self.targets.append(target)
        if request.method != "GET":
            self.writes.append((request.method, target, json.loads(request.read() or "null")))
            return httpx.Response(200, json={"id": 7})
        if target.startswith("/schemas?"):
            return self._page(target)
        line = self.answers.get(_segments(target))
        if line is None:
            return httpx.Response(404, json={"error_code": 404, "message": "HTTP 404 Not Found"})
        return httpx.Response(
            line["status"], content=line["body"], headers={"content-type": line["content_type"] or ""}
        )

    def _page(self, target: str) -> httpx.Response:
        asked = parse_qs(target.partition("?")[2])
        every = json.loads(self.answers[_segments(BULK)]["body"])
        if asked["deleted"] == ["false"]:
            every = [item for item in every if not item.get("deleted")]
        start, limit = int(asked["offset"][0]), int(asked["limit"][0])
        return httpx.Response(200, json=every[start : start + min(limit, self.largest_page)])


def _segments(target: str) -> tuple[str, ...]:
    """The decoded segments of a path, and its query: the same for different encodings of the same names."""
    path, _mark, query = target.partition("?")
    return (*map(unquote, path.split("/")), unquote(query))


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def client_of(clock: StoppedClock) -> Callable[..., RegistryClient]:
    """Make a client that is carried by something; further arguments are options of the ``registry`` family."""

    def make(transport: httpx.BaseTransport, **options: Any) -> RegistryClient:
        settings = RegistrySettings.from_options({"url": ["http://registry.example:8081"], **options})
        return RegistryClient(settings, clock=clock, transport=transport)

    return make


@pytest.fixture
def replay() -> Replay:
    return Replay()


@pytest.fixture
def confluent(replay: Replay, client_of: Callable[..., RegistryClient]) -> Registry:
    """A Confluent registry as it was recorded."""
    client = client_of(replay)
    return connect(client.settings, client=client)
