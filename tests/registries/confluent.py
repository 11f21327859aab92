# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated Confluent Schema Registry 8.3.1, held to what a real one answered.

with RegistryServer(Confluent()) as server:
    ... use server.endpoint ...
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from registries.confluent_associations import Associations
from registries.confluent_deks import ROOT, DekRegistry
from registries.confluent_deleting import Deleting
from registries.confluent_reading import Reading
from registries.confluent_registering import Registering
from registries.confluent_routes import Call, Fault, NoSuchPath, NotAllowed, Resource, Route, bad_path
from registries.confluent_settings import Settings
from registries.confluent_store import Clock, Log, Store
from registries.confluent_texts import Texts
from registries.serving import Answer, Request, decoded

VERSION = "8.3.1"
COMMIT = "1591732f0d6aec44a5cbe4c3be555571d8ae8139"


class Confluent:
    """A registry.

    The community edition has no exporters and drops rule sets; the enterprise edition keeps them. What an edition has
    besides is handed over as resources: objects with ``routes()``, which yields a `Route` for each method, such as

        Route("GET", "exporters/*/status", self._status)

    where ``_status(call, name)`` returns a JSON value for status 200, returns an `Answer`, or raises a `Fault`. They
    are asked before the registry's own resources, so that they may also replace one. A ``/contexts/{context}`` before
    the path of subjects, configs, modes and schemas is turned into qualified names beforehand; before all other paths
    it is dropped.

    Args:
        edition: ``community`` or ``enterprise``.
        resources: Further resources.
        texts: What is stored for texts; those that it does not know are stored as they come.
        keeps_rule_sets: Whether rule sets are kept; by default as the edition does.
        clock: Returns the time of the next record of a topic (``_schemas``, ``_dek_registry_keys``), in ms.
        clusters: The names of the Kafka cluster and of the registry in it; two registries need two.
    """

    def __init__(
        self,
        *,
        edition: Literal["community", "enterprise"] = "community",
        resources: Iterable[Resource] = (),
        texts: Texts | None = None,
        keeps_rule_sets: bool | None = None,
        clock: Clock | None = None,
        clusters: tuple[str, str] = ("iX5gYSoASs-6PhbvjXgIww", "schema-registry-28081"),
    ) -> None:
        keeps = edition == "enterprise" if keeps_rule_sets is None else keeps_rule_sets
        self.clusters = clusters
        self.log = Log(clock or (lambda _topic: time.time_ns() // 10**6))
        self.store = Store(self.log)
        self.settings = Settings(self.store, keeps_rule_sets=keeps)
        self.deks = DekRegistry(self.log)
        texts = texts or Texts()
        self.registering = Registering(self.store, self.settings, texts, keeps_rule_sets=keeps)
        own: list[Resource] = [
            Reading(self.store, self.settings, texts),
            self.registering,
            Deleting(self.store, self.settings),
            self.settings,
            self.deks,
            Associations(self.store, self.registering),
            Server(self),
        ]
        self._routes = [route for resource in (*resources, *own) for route in resource.routes()]

    def drop_rule_sets(self) -> None:
        """Keep no further rule sets; those that are held stay."""
        self.settings.keeps_rule_sets = self.registering.keeps_rule_sets = False

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        segments = [decoded(segment) for segment in request.path.split("/")[1:]]
        if segments[-1] == "":
            segments.pop()
        if "" in segments:
            return bad_path("Ambiguous URI empty segment")
        if any(character == "\\" or ord(character) < 32 or ord(character) == 127 for s in segments for character in s):
            return bad_path("Suspicious Path Character")
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            return Fault(400, "Unrecognized body").answer()
        try:
            call = self._followed(_in_context(Call(request.method, segments, request.query, body)))
            found = self._handler(call)
            value = found()
        except Fault as fault:
            return fault.answer()
        return value if isinstance(value, Answer) else Answer(200, value)

    def _handler(self, call: Call) -> Callable[[], Any]:
        matches = [(route, route.match(call.segments)) for route in self._routes]
        known = [(route, names) for route, names in matches if names is not None]
        for route, names in known:
            if route.method == call.method:
                return lambda: route.handler(call, *names)
        raise NotAllowed if known else NoSuchPath

    def _followed(self, call: Call) -> Call:
        """Put what an alias stands for in its place, once."""
        root = call.segments[:1]
        if root == ["subjects"] and len(call.segments) > 1:
            call.segments[1] = self.settings.alias(call.segments[1])
        elif call.segments[:2] == ["associations", "subjects"] and len(call.segments) > 2:
            call.segments[2] = self.settings.alias(call.segments[2])
        elif call.segments[:2] == ["schemas", "ids"] and "subject" in call.query:
            call.query["subject"] = self.settings.alias(call.query["subject"])
        elif "/".join(call.segments[:3]) == ROOT and call.segments[4:5] == ["deks"] and len(call.segments) > 5:
            call.segments[5] = self.settings.alias(call.segments[5], "aliasForDeks")
        return call


class Server:
    """What the registry tells of itself; a resource."""

    def __init__(self, registry: Confluent) -> None:
        self._registry = registry

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        yield Route("GET", "", self._root)
        yield Route("GET", "v1/metadata/id", self._id)
        yield Route("GET", "v1/metadata/version", self._version)
        yield Route("GET", "v1/metadata/deployment", self._deployment)

    def _root(self, _call: Call) -> Any:
        return {}

    def _id(self, _call: Call) -> Any:
        kafka, registry = self._registry.clusters
        return {"scope": {"path": [], "clusters": {"kafka-cluster": kafka, "schema-registry-cluster": registry}}}

    def _version(self, _call: Call) -> Any:
        return {"version": VERSION, "commitId": COMMIT}

    def _deployment(self, _call: Call) -> Any:
        return {"attributes": []}


def _in_context(call: Call) -> Call:
    """Take a context out of the path, and into the names."""
    if call.segments[:1] != ["contexts"] or len(call.segments) < 3:
        return call
    scope = f":{call.segments[1].strip(':')}:"
    rest, query = call.segments[2:], dict(call.query)
    if rest[0] in ("config", "mode"):
        rest = [rest[0], scope + "".join(rest[1:])]
    elif rest[0] == "subjects" and len(rest) > 1:
        rest[1] = scope + rest[1]
    elif rest[0] in ("subjects", "schemas") and len(rest) == 1:
        query["subjectPrefix"] = scope + query.get("subjectPrefix", "")
    elif rest[:2] == ["schemas", "ids"]:
        query["subject"] = scope + query.get("subject", "")
    return Call(call.method, rest, query, call.body)
