# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema registry of Redpanda, as its source has it; no running one was recorded.

Before 25.3 ids and version numbers are taken in READWRITE, and versions are compared with each other all the same. From
25.3 they are taken in IMPORT alone, which without force is entered only where nothing ever was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from registries.holdings import LEVELS, Content, Refusal, Subject, no_version
from registries.redpanda_state import IMPORT, NOT_GIVEN, READONLY, READWRITE, State
from registries.serving import Answer, Request, decoded

Handlers = dict[str, Callable[[Request], Any]]


class Redpanda:
    """One registry.

    Args:
        has_import: Whether it is as from 25.3.
    """

    def __init__(self, *, has_import: bool) -> None:
        self.modes = (READWRITE, READONLY, IMPORT) if has_import else (READWRITE, READONLY)
        self.state = State(has_import=has_import)

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        handlers = self._handlers(list(map(decoded, request.segments)))
        if request.method not in handlers:
            return Answer(404, {"message": "Not found", "code": 404})
        try:
            value = handlers[request.method](request)
        except Refusal as refused:
            return Answer(refused.status, {"error_code": refused.code, "message": refused.message})
        return Answer(200, value)

    def _handlers(self, segments: list[str]) -> Handlers:
        match segments:
            case ["status", "ready"]:
                return {"GET": lambda _request: b""}
            case ["v1"]:
                return {"GET": self._description}
            case ["schemas", "types"]:
                return {"GET": lambda _request: ["JSON", "PROTOBUF", "AVRO"]}
            case ["schemas", "ids", schema_id]:
                return {"GET": partial(self._by_id, int(schema_id))}
            case ["config"]:
                return {"GET": self._config, "PUT": self._set_config}
            case ["config", name]:
                write = partial(self._set_config, name=name)
                return {"GET": partial(self._config, name=name), "PUT": write, "DELETE": partial(self._unset, name)}
            case ["mode"]:
                return {"GET": self._mode, "PUT": self._set_mode}
            case ["mode", name]:
                write = partial(self._set_mode, name=name)
                return {"GET": partial(self._mode, name=name), "PUT": write, "DELETE": partial(self._unset_mode, name)}
            case ["subjects"]:
                return {"GET": self._subjects}
            case ["subjects", name, *rest]:
                return self._subject_handlers(name, rest)
            case ["compatibility", "subjects", name, "versions", _version]:
                return {"POST": partial(self._is_compatible, name)}
        return {}

    def _subject_handlers(self, name: str, rest: list[str]) -> Handlers:
        match rest:
            case []:
                return {"POST": partial(self._look_up, name), "DELETE": partial(self._delete_subject, name)}
            case ["versions"]:
                return {"GET": partial(self._versions, name), "POST": partial(self._register, name)}
            case ["versions", number]:
                return {
                    "GET": partial(self._version, name, int(number)),
                    "DELETE": partial(self._delete_version, name, int(number)),
                }
        return {}

    def _description(self, _request: Request) -> dict[str, Any]:
        mode = {"type": "object", "properties": {"mode": {"type": "string", "enum": list(self.modes)}}}
        about = {"title": "Pandaproxy Schema Registry", "version": "1.0.1"}
        return {"swagger": "2.0", "info": about, "definitions": {"mode": mode}}

    def _subjects(self, request: Request) -> list[str]:
        """In no order that means anything."""
        every = _flag(request, "deleted")
        named = [name for name, held in self.state.subjects.items() if held.live() or (every and held.versions)]
        return named[::-1]

    def _versions(self, name: str, request: Request) -> list[int]:
        return sorted(self.state.versions(name, deleted=_flag(request, "deleted")))

    def _version(self, name: str, number: int, request: Request) -> dict[str, Any]:
        versions = self.state.versions(name, deleted=_flag(request, "deleted"))
        if number not in versions:
            raise no_version(str(number))
        version = versions[number]
        return {"subject": name, "version": number, "id": version.id, **_shown(version.content)}

    def _by_id(self, schema_id: int, _request: Request) -> dict[str, Any]:
        if schema_id not in self.state.contents:
            raise Refusal(404, 40403, f"Schema {schema_id} not found")
        return _shown(self.state.contents[schema_id])

    def _register(self, name: str, request: Request) -> dict[str, int]:
        body = json.loads(request.body)
        content = _content(body)
        return {"id": self.state.register(name, content, body.get("id", NOT_GIVEN), body.get("version", NOT_GIVEN))}

    def _look_up(self, name: str, request: Request) -> dict[str, Any]:
        content = _content(json.loads(request.body))
        versions = self.state.versions(name, deleted=False)
        self.state.require_references(content)
        for number, version in sorted(versions.items(), reverse=True):
            if version.content == content:
                return {"subject": name, "version": number, "id": version.id, **_shown(content)}
        raise Refusal(404, 40403, "Schema not found")

    def _is_compatible(self, name: str, request: Request) -> dict[str, Any]:
        wrong = self.state.incompatibilities(name, _content(json.loads(request.body)))
        return {"is_compatible": not wrong} | ({"messages": wrong} if _flag(request, "verbose") else {})

    def _delete_subject(self, name: str, request: Request) -> list[int]:
        return self.state.delete_subject(name, permanent=_flag(request, "permanent"))

    def _delete_version(self, name: str, number: int, request: Request) -> int:
        return self.state.delete_version(name, number, permanent=_flag(request, "permanent"))

    def _config(self, request: Request, name: str | None = None) -> dict[str, str]:
        level = self.state.level if name is None else self.state.subjects.get(name, Subject()).level
        if level is None and _flag(request, "defaultToGlobal"):
            level = self.state.level
        if level is None:
            raise Refusal(404, 40408, f"Subject '{name}' does not have subject-level compatibility configured")
        return {"compatibilityLevel": level}

    def _set_config(self, request: Request, name: str | None = None) -> dict[str, str]:
        self.state.require_mutable(name)
        level = json.loads(request.body)["compatibility"]
        if level not in LEVELS:
            raise Refusal(422, 42203, f"Invalid compatibility level. Valid values are {', '.join(sorted(LEVELS))}")
        if name is None:
            self.state.level = level
        else:
            self.state.subjects.setdefault(name, Subject()).level = level
        return {"compatibility": level}

    def _unset(self, name: str, _request: Request) -> dict[str, str]:
        self.state.require_mutable(name)
        subject = self.state.subjects.get(name, Subject())
        level, subject.level = subject.level, None
        if level is None:
            raise Refusal(404, 40401, f"Subject '{name}' not found.")
        return {"compatibilityLevel": level}

    def _mode(self, request: Request, name: str | None = None) -> dict[str, str]:
        if name is None or _flag(request, "defaultToGlobal"):
            return {"mode": self.state.mode_of(name)}
        if name not in self.state.modes:
            raise Refusal(404, 40409, f"Subject '{name}' does not have subject-level mode configured")
        return {"mode": self.state.modes[name]}

    def _set_mode(self, request: Request, name: str | None = None) -> dict[str, str]:
        mode = json.loads(request.body)["mode"]
        if mode not in self.modes:
            raise Refusal(422, 42204, f"Invalid mode. Valid values are {', '.join(self.modes)}")
        self.state.set_mode(name, mode, force=_flag(request, "force"))
        return {"mode": mode}

    def _unset_mode(self, name: str, _request: Request) -> dict[str, str]:
        if name not in self.state.modes:
            raise Refusal(404, 40401, f"Subject '{name}' not found.")
        return {"mode": self.state.modes.pop(name)}


def _flag(request: Request, name: str) -> bool:
    return request.query.get(name) == "true"


def _content(body: dict[str, Any]) -> Content:
    references = tuple((one["name"], one["subject"], one["version"]) for one in body.get("references") or ())
    return Content(body.get("schemaType", "AVRO"), body["schema"], references)


def _shown(content: Content) -> dict[str, Any]:
    return {**content.shown_type(), **content.shown_references(), "schema": content.text}
