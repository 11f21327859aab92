# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The makes of registry that are interrupted: what they hold when they are exported, and before an import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry
from registries.filled import LEAF, VERSIONS, filled, held, record
from registries.karapace import Karapace
from registries.redpanda import Redpanda

from testbed.apicurio_contents import held_by_apicurio
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, fill, fill_plain, holding, place, register, set_config, set_mode

EVENT = {"schemaType": "PROTOBUF", "schema": 'syntax = "proto3";\nmessage Event { string a = 1; }\n'}
EVENT_ID = 10
LOSSES = ["configs"]


@dataclass(frozen=True)
class State:
    """What a registry is like before an import.

    Args:
        prepare: Brings an empty registry into it.
        options: Options of the import into it.
    """

    prepare: Callable[[Any], None]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Make:
    """A make of registry.

    Args:
        start: Makes an empty one that can be entered; None for a component of the test bed that tests share.
        fill: Fills an empty one that is to be exported.
        backup: What is imported: the name of one of `SOURCES`.
        states: What it may be like before that.
        scopes: Where it may have modes.
        holding: Returns all that it holds but its modes: ``versions`` and their ``ids``, and ``configs``, by name.
        closes: Whether an import keeps others from registering.
        soak: The states that take too long for every run.
    """

    start: Callable[[], Any] | None
    fill: Callable[[Any], None]
    backup: str
    states: Mapping[str, State]
    scopes: tuple[str, ...]
    holding: Callable[[Any], dict[str, dict[str, Any]]]
    closes: bool
    soak: tuple[str, ...] = ()


def fill_source(server: Any) -> None:
    """Fill a registry with modes and contexts; its subject customer has the mode that is everybody's, as its own."""
    fill(server)
    set_mode(server, "READWRITE", "customer")


def leave_empty(server: Any) -> None:
    """A target without anything."""


def close(server: Any) -> None:
    """A target without schemas whose modes were set, among them one that opens a subject of the backup."""
    set_mode(server, "READWRITE", "orders-value")
    set_mode(server, "READONLY", "event")
    set_mode(server, "READONLY")


def fill_partly(server: Any) -> None:
    """A target with one subject of the backup, another of its own, and modes and configs here and there."""
    register(server, "address", avro("Address", "street"), avro("Address", "street", "town"))
    set_mode(server, "IMPORT", "other")
    place(server, "other", 500, 1, avro("Other", "a"))
    server.call("DELETE", "/mode/other")
    set_config(server, "orders-value", compatibility="FULL")
    set_mode(server, "READWRITE", "orders-value")
    set_mode(server, "READONLY", "payments-value")


def fill_with_a_conflict(server: Any) -> None:
    """A target that holds a schema of the backup under another number, in a subject with settings of its own."""
    register(server, "address", avro("Address", "street"), avro("Address", "street", "town"))
    set_mode(server, "IMPORT", "event")
    place(server, "event", EVENT_ID, 7, EVENT)
    set_config(server, "event", compatibility="FULL", normalize=True)
    set_mode(server, "READONLY", "event")


def close_redpanda(server: Any) -> None:
    """The same as `close` with subjects of the other backup."""
    set_mode(server, "READWRITE", "orders/value")
    set_mode(server, "READONLY", "proto")
    set_mode(server, "READONLY")


def fill_redpanda_partly(server: Any) -> None:
    """The same as `fill_partly` with subjects of the other backup."""
    with_import = server.make.state.has_import
    if with_import:
        set_mode(server, "IMPORT")
    subject, number, schema_id, body = VERSIONS[0]
    place(server, subject, schema_id, number, body)
    place(server, "other", 500, 1, avro("Other", "a"))
    if with_import:
        set_mode(server, "READWRITE")
    set_config(server, "orders/value", compatibility="FULL")
    set_mode(server, "READWRITE", "orders/value")
    set_mode(server, "READONLY", "proto")


def fill_plain_partly(server: Any) -> None:
    """A target without modes that has something of the backup under an id of its own, and its own levels."""
    register(server, "other", avro("Other", "a"))
    register(server, LEAF["subject"], VERSIONS[0][3])
    register(server, "orders/value", {"schema": record("Order", "a")})
    set_config(server, "orders/value", compatibility="FULL")
    set_config(server, "other", compatibility="FORWARD")


def renew(server: Any) -> None:
    """A target that never held anything."""
    server.server.wipe()


def fill_redpanda(server: Any) -> None:
    """Put a filled registry in the place of an empty one."""
    server.make = filled(has_import=server.make.state.has_import)


def held_over_rest(server: Any) -> dict[str, dict[str, Any]]:
    """Return all that a registry with modes and contexts holds but its modes."""
    told = holding(server, SCOPES)
    return {**told, "ids": {name: version.pop("id") for name, version in told["versions"].items()}}


def held_by_emulated(server: Any) -> dict[str, dict[str, Any]]:
    """Return all that an emulated Karapace or Redpanda holds but its modes."""
    told = held(server.make)
    versions = {f"{name} version {number}": version for (name, number), version in told["versions"].items()}
    return {
        "versions": {name: (content, deleted) for name, (_id, content, deleted) in versions.items()},
        "ids": {name: schema_id for name, (schema_id, _content, _deleted) in versions.items()},
        "configs": {scope: {"compatibilityLevel": level} for scope, level in told["levels"].items()},
    }


SOURCES: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "of contexts": (AxonOpsRegistry, fill_source),
    "of subjects": (lambda: EmulatedRegistry(lambda: Redpanda(has_import=True)), fill_redpanda),
}
"""What is backed up, each with what fills it."""

EMPTY = State(leave_empty)
STATES = {"empty": EMPTY, "closed": State(close), "part-filled": State(fill_partly)}
CONFLICT = State(fill_with_a_conflict)
SCOPES = (
    *("", ":.eu:", "other", "address", "customer", "event", "gone", "orders-value", "payments-value", "person"),
    ":.eu:orders-value",
)
NEW_IDS = {"ids": "assign", "accept_losses": LOSSES}


def confluent_like(start: Callable[[], Any]) -> Make:
    """Return a make with modes and contexts."""
    return Make(
        start,
        fill=fill_source,
        backup="of contexts",
        states={**STATES, "part-filled with new ids": State(fill_partly, {"ids": "assign"})},
        scopes=SCOPES,
        holding=held_over_rest,
        closes=True,
    )


def redpanda(*, has_import: bool) -> Make:
    """Return Redpanda before 25.3, or from then on."""
    return Make(
        lambda: EmulatedRegistry(lambda: Redpanda(has_import=has_import)),
        fill=fill_redpanda,
        backup="of subjects",
        states={
            "empty": EMPTY,
            "closed": State(close_redpanda),
            "part-filled": State(fill_redpanda_partly),
        },
        scopes=("", "other", *sorted({subject for subject, *_rest in VERSIONS})),
        holding=held_by_emulated,
        closes=has_import,
    )


MAKES = {
    "axonops": confluent_like(AxonOpsRegistry),
    "confluent": confluent_like(lambda: EmulatedRegistry(Confluent)),
    "karapace": Make(
        lambda: EmulatedRegistry(Karapace),
        fill=fill_plain,
        backup="of subjects",
        states={"empty": State(leave_empty, NEW_IDS), "part-filled": State(fill_plain_partly, NEW_IDS)},
        scopes=(),
        holding=held_by_emulated,
        closes=False,
    ),
    "redpanda before 25.3": redpanda(has_import=False),
    "redpanda from 25.3": redpanda(has_import=True),
    "apicurio": Make(
        None,
        fill=fill_plain,
        backup="of subjects",
        states={
            "empty": State(leave_empty, NEW_IDS),
            "part-filled": State(fill_plain_partly, NEW_IDS),
            "as new": State(renew, {"accept_losses": LOSSES}),
        },
        scopes=(),
        holding=held_by_apicurio,
        closes=False,
        soak=("as new",),
    ),
}
IDS = [
    (make, ids)
    for make, known in MAKES.items()
    for ids in ("keep", "assign")
    if ids == known.states["empty"].options.get("ids", ids)
]
"""What each make can do with the ids of an empty target's schemas."""
