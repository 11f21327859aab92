# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking each group's coordinator, and again where it is not ready or has moved.

A coordinator is found with FindCoordinator (protocol guide; KIP-699 for many groups in one request). On a broker that
has just started it loads its groups, or `__consumer_offsets` is only made because somebody asks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .._core.errors import KafkaError
from .connection import Connection
from .errors import UNKNOWN_TOPIC_OR_PARTITION, broker_error, retriable
from .kafka_python import FindCoordinatorRequest
from .loop import Loop
from .nodes import PASSING, Nodes

T = TypeVar("T")


class Refusal(NamedTuple):
    """Why there is no answer for a group.

    Args:
        code: The protocol's error code.
        detail: What it is about, or the broker's own words.
    """

    code: int
    detail: str | None = None


#: What was answered for each group.
Answers: TypeAlias = "dict[str, T | Refusal]"

#: Asks one broker for groups that it coordinates.
Ask: TypeAlias = "Callable[[Nodes, int, Sequence[str]], Awaitable[Answers[T]]]"

LEFT_OUT = Refusal(-1, "its answer leaves the group out")

_GROUPS_A_SEARCH = 500
_GROUPS_A_REQUEST = 50  # a group may have thousands of offsets
_MANY = 4  # the first version of FindCoordinator that takes many keys
_OF_GROUPS = 0  # the key type of FindCoordinator
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


async def ask_coordinators(
    groups: Iterable[str],
    ask: Ask[T],
    *,
    nodes: Nodes,
    loop: Loop,
    timeout: float,
    doing: Callable[[str], str],
    needs: str,
) -> dict[str, T | KafkaError]:
    """Ask for something of many groups, each at its coordinator.

    Args:
        groups: Their names.
        ask: Asks one broker for groups that it coordinates.
        nodes: The cluster's brokers.
        loop: For waiting.
        timeout: Seconds for asking again where an error is passing.
        doing: What is done with one of them, as the beginning of a sentence.
        needs: The permissions that it takes.

    Returns:
        What was answered for each group, or why nothing was.

    Raises:
        KafkaError: A broker could not be reached in time, or refused us.
    """
    wanted = list(dict.fromkeys(groups))
    results: dict[str, T | KafkaError] = {}
    pending, deadline, pause = wanted, time.monotonic() + timeout, _FIRST_PAUSE
    while pending:
        round_ = _Round(nodes, loop, ask)
        await round_.run(pending)
        pending = round_.unreached
        for group, answer in round_.answers.items():
            if not isinstance(answer, Refusal):
                results[group] = answer
                continue
            results[group] = broker_error(
                doing(group), answer.code, object_name=group, detail=answer.detail, needs=needs
            )
            if retriable(answer.code) and answer.code != UNKNOWN_TOPIC_OR_PARTITION:
                pending.append(group)
        if pending and time.monotonic() + pause > deadline:
            if round_.failure is not None:
                raise round_.failure
            break
        if pending:
            await loop.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    return {group: results[group] for group in wanted}


async def ask_for_all(groups: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Answers[T]]]) -> Answers[T]:
    """Ask until all groups are answered for, since old brokers take one group in a request.

    Args:
        groups: Which.
        ask: Asks for those that are left; what it returns has the first of them at least.
    """
    answers: Answers[T] = {}
    left = list(groups)
    while left:
        answers |= await ask(left)
        left = [group for group in left if group not in answers]
    return answers


def coordinators_request(groups: Sequence[str], _connection: Connection) -> Any:
    """Ask any broker for the coordinators of groups, or of the first of them where it is before Kafka 3.0."""
    return FindCoordinatorRequest(
        key=groups[0], key_type=_OF_GROUPS, coordinator_keys=list(groups), min_version=1, max_version=5
    )


def read_coordinators(answer: Any, groups: Sequence[str]) -> tuple[Answers[int], dict[int, tuple[str, int]]]:
    """Take the coordinators of groups out of an answer, and the addresses of those.

    Args:
        answer: The answer.
        groups: Those that were asked for.
    """
    many = answer.API_VERSION >= _MANY
    told = {each.key: each for each in answer.coordinators} if many else {groups[0]: answer}
    found: Answers[int] = dict.fromkeys(groups, LEFT_OUT) if many else {}
    for group, each in told.items():
        found[group] = Refusal(each.error_code, each.error_message) if each.error_code else each.node_id
    return found, {each.node_id: (each.host, each.port) for each in told.values() if not each.error_code}


class _Round:
    """One time of asking everybody."""

    def __init__(self, nodes: Nodes, loop: Loop, ask: Ask[Any]) -> None:
        self.answers: Answers[Any] = {}
        self.unreached: list[str] = []
        self.failure: KafkaError | None = None
        self._nodes = nodes
        self._loop = loop
        self._ask = ask

    async def run(self, pending: Sequence[str]) -> None:
        """Find out who coordinates which groups, and ask each of them."""
        found = await self._loop.gather(*(self._find(share) for share in _shares(pending, _GROUPS_A_SEARCH)))
        by_node: dict[int, list[str]] = {}
        for group, node in (item for share in found for item in share.items()):
            if isinstance(node, Refusal):
                self.answers[group] = node
            else:
                by_node.setdefault(node, []).append(group)
        await self._loop.gather(
            *(self._one(node, share) for node, led in by_node.items() for share in _shares(led, _GROUPS_A_REQUEST))
        )

    async def _find(self, groups: Sequence[str]) -> Answers[int]:
        async def ask(left: Sequence[str]) -> Answers[int]:
            answer = await self._nodes.ask(partial(coordinators_request, left))
            found, addresses = read_coordinators(answer, left)
            self._nodes.brokers = {**addresses, **self._nodes.brokers}  # one that has just joined is not known yet
            return found

        return await ask_for_all(groups, ask)

    async def _one(self, node: int, groups: Sequence[str]) -> None:
        try:
            self.answers |= await self._ask(self._nodes, node, groups)
        except KafkaError as error:
            if error.code not in PASSING:
                raise
            self.failure = error
            self.unreached += groups


def _shares(groups: Sequence[str], most: int) -> list[Sequence[str]]:
    return [groups[at : at + most] for at in range(0, len(groups), most)]
