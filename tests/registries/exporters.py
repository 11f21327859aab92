# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated exporters and importers of Confluent's Enterprise edition: further resources of `confluent.Confluent`.

They carry nothing. No real server was ever seen to have them: paths, fields, states and codes are those of Confluent's
documentation of the exporter API; importers are taken to behave the same.

    Confluent(edition="enterprise", resources=[Links("exporters"), Links("importers")])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registries.confluent_routes import Call, Fault, Route

FIELDS = ("contextType", "context", "subjects", "subjectRenameFormat", "kekRenameFormat", "config")
MASK = "[hidden]"


@dataclass
class Link:
    """One exporter or importer.

    Args:
        body: Its fields.
        state: ``STARTING``, ``RUNNING`` or ``PAUSED``.
        looks: How often its status is still told as ``STARTING``.
        offset: How far it is.
        trace: Why it stopped.
    """

    body: dict[str, Any]
    state: str = "STARTING"
    looks: int = 1
    offset: int = 0
    trace: str = ""


@dataclass
class Links:
    """All exporters, or all importers, of a registry; a resource.

    Args:
        root: ``exporters`` or ``importers``.
        masks: Keys of configs whose values are told as a mask.
        slow: How often a status is told as ``STARTING`` before it is another one.
        trouble: What stops each as soon as it starts; empty for nothing.
        resets: Whether they can be reset.
    """

    root: str
    masks: tuple[str, ...] = ("basic.auth.user.info",)
    slow: int = 1
    trouble: str = ""
    resets: bool = True
    held: dict[str, Link] = field(default_factory=dict)

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        one = f"{self.root}/*"
        yield Route("GET", self.root, lambda call: sorted(self.held))
        yield Route("POST", self.root, self._create)
        yield Route("GET", one, lambda call, name: self._told(name))
        yield Route("PUT", one, self._update)
        yield Route("DELETE", one, self._delete)
        yield Route("GET", f"{one}/config", lambda call, name: self._told(name)["config"])
        yield Route("GET", f"{one}/status", self._status)
        yield Route("PUT", f"{one}/pause", self._pause)
        yield Route("PUT", f"{one}/resume", self._resume)
        if self.resets:
            yield Route("PUT", f"{one}/reset", self._reset)

    def link(self, name: str) -> Link:
        """Return one by its name."""
        if name not in self.held:
            raise Fault(40450, f"{self.root} {name} not found")
        return self.held[name]

    def _told(self, name: str) -> dict[str, Any]:
        body = self.link(name).body
        config = {key: MASK if key in self.masks else value for key, value in body["config"].items()}
        return {"name": name, **body, "config": config}

    def _create(self, call: Call) -> Any:
        name = call.body.get("name")
        if not name or "/" in name:
            raise Fault(40950, f"Invalid name {name}")
        if name in self.held:
            raise Fault(40960, f"{name} already exists")
        if not (call.body.get("config") or {}).get("schema.registry.url"):
            raise Fault(40951, "Missing schema.registry.url")
        body = {"contextType": "AUTO", "subjects": ["*"], "context": f".lsrc-{name}"}
        self.held[name] = Link(body | self._fields(call), looks=self.slow)
        return {"name": name}

    def _update(self, call: Call, name: str) -> Any:
        self._paused(name).body.update(self._fields(call))
        return {"name": name}

    def _delete(self, call: Call, name: str) -> Any:
        self.link(name)
        del self.held[name]

    def _status(self, call: Call, name: str) -> Any:
        link = self.link(name)
        told = {"name": name, "state": link.state, "offset": link.offset, "ts": 1, "trace": link.trace}
        if link.state == "STARTING":
            link.looks -= 1
            if link.looks < 1:
                link.state, link.trace = ("PAUSED", self.trouble) if self.trouble else ("RUNNING", "")
                link.offset += 10
        return told

    def _pause(self, call: Call, name: str) -> Any:
        self.link(name).state = "PAUSED"
        return {"name": name}

    def _resume(self, call: Call, name: str) -> Any:
        link = self.link(name)
        if link.state != "PAUSED":
            raise Fault(40961, f"{name} is already running")
        link.state, link.looks, link.trace = "STARTING", self.slow, ""
        return {"name": name}

    def _reset(self, call: Call, name: str) -> Any:
        self._paused(name).offset = 0
        return {"name": name}

    def _paused(self, name: str) -> Link:
        link = self.link(name)
        if link.state != "PAUSED":
            raise Fault(40963, f"{name} is not paused")
        return link

    def _fields(self, call: Call) -> dict[str, Any]:
        body = {name: value for name, value in call.body.items() if name in FIELDS}
        if any("?" in subject for subject in body.get("subjects", [])):
            raise Fault(40952, f"Invalid subjects {body['subjects']}")
        return body
