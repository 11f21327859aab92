# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Associations of subjects with topics in the emulated Confluent Schema Registry, as far as they were recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from registries.confluent_content import stored_name
from registries.confluent_registering import Registering
from registries.confluent_routes import Call, Fault, Route
from registries.confluent_store import Store

RESOURCE = ("resourceName", "resourceNamespace", "resourceId", "resourceType")


class Associations:
    """A resource.

    Args:
        store: Where changes are noted.
        registering: What registers the schemas that associations come with.
    """

    def __init__(self, store: Store, registering: Registering) -> None:
        self._store = store
        self._registering = registering
        self._held: list[dict[str, Any]] = []

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        yield Route("POST", "associations", self._create)
        yield Route("GET", "associations/subjects/*", self._of_subject)
        yield Route("GET", "associations/resources/*", self._of_resource)
        yield Route("GET", "associations/resources/*/*", self._of_name)

    def _create(self, call: Call) -> Any:
        resource = {name: call.body[name] for name in RESOURCE}
        for sent in call.body["associations"]:
            name = f":.{resource['resourceNamespace']}:{resource['resourceName']}-{sent['associationType']}"
            if "schema" in sent and sent["lifecycle"] == "STRONG" and sent["subject"] != name:
                raise Fault(42212, f"The subject of a strong association with a schema must be {name}")
        return {**resource, "associations": [self._add(resource, sent) for sent in call.body["associations"]]}

    def _add(self, resource: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        told = {"subject": stored_name(sent["subject"])} | {n: sent[n] for n in ("associationType", "lifecycle")}
        told["frozen"] = "schema" in sent and sent["lifecycle"] == "STRONG"
        answer = dict(told)
        if "schema" in sent:
            answer["schema"] = self._registering.register(told["subject"], sent["schema"]).entity("ts", "deleted")
        key = {name: resource[name] for name in RESOURCE if name != "resourceId"}
        key |= {"tenant": "default", "associationType": told["associationType"]}
        time = self._store.log.settle("ASSOC", told["subject"], **key)
        own = {"guid": str(uuid.uuid4()), "createTs": time, "updateTs": time}
        self._held.append({**resource, **told, **own})
        return answer

    def _of_subject(self, _call: Call, subject: str) -> Any:
        return self._where(subject=subject)

    def _of_resource(self, _call: Call, resource: str) -> Any:
        return self._where(resourceId=resource)

    def _of_name(self, _call: Call, namespace: str, name: str) -> Any:
        return self._where(resourceNamespace=namespace, resourceName=name)

    def _where(self, **fields: str) -> list[dict[str, Any]]:
        found = [held for held in self._held if held.items() >= fields.items()]
        return sorted(found, key=lambda held: (held["associationType"], held["subject"]))
