# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Karapace 6.2, as far as its recorded answers and its source tell; what it holds is in `karapace_state`.

It has no contexts, no modes that can be set, no paging; ids and version numbers that are sent with a registration are
ignored, and so are metadata and rule sets. ``GET /schemas`` takes ``deleted`` the wrong way round.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from registries.holdings import LEVELS, Content, Refusal, Version, no_version
from registries.karapace_state import LATEST, BadReference, State
from registries.karapace_texts import BadSchema, stored
from registries.serving import Answer, Request

TYPES = ("AVRO", "JSON", "PROTOBUF")
TRUE, FALSE = frozenset({"1", "true", "t", "yes", "y", "on"}), frozenset({"0", "false", "f", "no", "n", "off"})

Handlers = dict[str, Callable[[Request], Any]]


class BrokenAnswer(Exception):
    """The server fails to make its own answer."""


class Karapace:
    """One registry.

    Args:
        version: What it tells of itself.
    """

    def __init__(self, version: str = "6.2.0.post4+g3bbc1f8d") -> None:
        self.version = version
        self.state = State()

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        handlers = self._handlers(request.path)
        if not handlers:
            return Answer(404, "Not Found", "application/json")
        if request.method not in handlers:
            return Answer(405, "Method Not Allowed", "application/json")
        try:
            value = handlers[request.method](request)
        except Refusal as refused:
            return Answer(refused.status, {"error_code": refused.code, "message": refused.message})
        except (BadReference, BrokenAnswer):
            return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
        return value if isinstance(value, Answer) else Answer(200, value)

    def _handlers(self, path: str) -> Handlers:
        """Return what a path is for. Paths are decoded once, and a plus is a space; a last slash is cut off."""
        match list(map(unquote_plus, path.removesuffix("/").split("/")[1:])):
            case []:
                return {"GET": lambda _request: Answer(200, {}, "application/json")}
            case ["_health"]:
                return {"GET": self._health}
            case ["schemas", *rest]:
                return self._schema_handlers(rest)
            case ["config"]:
                return {"GET": self._config, "PUT": self._set_config}
            case ["config", name] if name:
                read, write = partial(self._subject_config, name), partial(self._set_subject_config, name)
                return {"GET": read, "PUT": write, "DELETE": partial(self._delete_subject_config, name)}
            case ["mode"]:
                return {"GET": lambda _request: {"mode": "READWRITE"}}
            case ["mode", name] if name:
                return {"GET": partial(self._subject_mode, name)}
            case ["subjects"]:
                return {"GET": self._subjects}
            case ["subjects", name, *rest] if name:
                return self._subject_handlers(name, rest)
            case ["compatibility", "subjects", name, "versions", _version] if name:
                return {"POST": partial(self._is_compatible, name)}
        return {}

    def _schema_handlers(self, rest: list[str]) -> Handlers:
        match rest:
            case []:
                return {"GET": self._schemas}
            case ["types"]:
                return {"GET": lambda _request: ["JSON", "AVRO", "PROTOBUF"]}
            case ["ids", schema_id]:
                return {"GET": partial(self._by_id, schema_id)}
            case ["ids", schema_id, "versions"]:
                return {"GET": partial(self._versions_of_id, schema_id)}
        return {}

    def _subject_handlers(self, name: str, rest: list[str]) -> Handlers:
        match rest:
            case []:
                return {"POST": partial(self._look_up, name), "DELETE": partial(self._delete_subject, name)}
            case ["versions"]:
                return {"GET": partial(self._versions, name), "POST": partial(self._register, name)}
            case ["versions", asked]:
                return {
                    "GET": partial(self._version, name, asked),
                    "DELETE": partial(self._delete_version, name, asked),
                }
            case ["versions", asked, "schema"]:
                return {"GET": partial(self._version_text, name, asked)}
            case ["versions", asked, "referencedby"]:
                return {"GET": partial(self._referenced_by, name, asked)}
        return {}

    # Listing and reading

    def _health(self, _request: Request) -> Answer:
        status = {
            "schema_registry_ready": True,
            "schema_registry_startup_time_sec": 1.0,
            "schema_registry_reader_current_offset": -1,
            "schema_registry_reader_highest_offset": -1,
            "schema_registry_is_primary": True,
            "schema_registry_is_primary_eligible": True,
            "schema_registry_primary_url": "http://127.0.0.1:8081",
            "schema_registry_coordinator_running": True,
            "schema_registry_coordinator_generation_id": 1,
        }
        return Answer(200, {"karapace_version": self.version, "status": status, "healthy": True}, "application/json")

    def _subjects(self, request: Request) -> list[str]:
        every = _flag(request, "deleted")
        return [name for name, subject in self.state.subjects.items() if every or subject.live()]

    def _versions(self, name: str, request: Request) -> list[int]:
        return list(self.state.versions(name, deleted=_flag(request, "deleted")))

    def _version(self, name: str, asked: str, request: Request) -> dict[str, Any]:
        number, version = self._found(name, asked, deleted=_flag(request, "deleted"))
        value = {"subject": _shown(name), "version": number, "id": version.id, "schema": version.content.text}
        return {**value, **version.content.shown_references(), **version.content.shown_type()}

    def _version_text(self, name: str, asked: str, _request: Request) -> Any:
        text = self._found(name, asked, deleted=False)[1].content.text
        if not text.startswith("{"):
            raise BrokenAnswer
        return text.encode()

    def _referenced_by(self, name: str, asked: str, _request: Request) -> list[int]:
        return self.state.referrers(name, self._found(name, asked, deleted=False)[0])

    def _found(self, name: str, asked: str, *, deleted: bool) -> tuple[int, Version]:
        number = _number(asked)
        versions = self.state.versions(name, deleted=deleted)
        number = max(versions) if number == LATEST else number
        if number not in versions:
            raise no_version(asked)
        return number, versions[number]

    def _schemas(self, request: Request) -> list[dict[str, Any]]:
        """``deleted=true`` leaves the soft-deleted ones out; nothing says which those are."""
        only_live, latest = _flag(request, "deleted"), _flag(request, "latestOnly")
        return [
            {
                "subject": _shown(name),
                "schema": version.content.text,
                "version": number,
                "id": version.id,
                "schemaType": version.content.schema_type,
                "references": None,
                **version.content.shown_references(),
            }
            for name, subject in self.state.subjects.items()
            for number, version in list(subject.versions.items())[-1 if latest else 0 :]
            if not (only_live and version.deleted)
        ]

    def _by_id(self, asked: str, request: Request) -> dict[str, Any]:
        schema_id = _schema_id(asked)
        content = self.state.contents.get(schema_id)
        if content is None:
            raise Refusal(404, 40403, "Schema not found")
        if request.query.get("format") == "serialized" and content.schema_type == "PROTOBUF":
            raise BrokenAnswer  # as with references; without, it answers Base64 of a binary form that is not rebuilt
        value: dict[str, Any] = {"schema": content.text}
        if _flag(request, "includeSubjects"):
            holders = self.state.subjects.items()
            value["subjects"] = [
                _shown(name) for name, held in holders if any(v.id == schema_id for v in held.live().values())
            ]
        value |= {**content.shown_type(), **content.shown_references()}
        return value | ({"maxId": self.state.highest_id} if _flag(request, "fetchMaxId") else {})

    def _versions_of_id(self, asked: str, request: Request) -> list[dict[str, Any]]:
        schema_id, every = _schema_id(asked), _flag(request, "deleted")
        found = [
            {"subject": _shown(name), "version": number}
            for name, subject in self.state.subjects.items()
            for number, version in (subject.versions if every else subject.live()).items()
            if version.id == schema_id
        ]
        return sorted(found, key=lambda item: (item["subject"], item["version"]))

    # Writing

    def _register(self, name: str, request: Request) -> dict[str, Any]:
        return {"id": self.state.register(name, self._content(_body(request, "schema")))}

    def _look_up(self, name: str, request: Request) -> dict[str, Any]:
        versions = self.state.versions(name, deleted=_flag(request, "deleted"))
        content = self._content(_body(request, "schema"))
        for number, version in sorted(versions.items(), reverse=True):
            self.state.resolved(version.content.references)
            if version.content == content:
                value = {"subject": _shown(name), "version": number, "id": version.id, "schema": content.text}
                return {**value, **content.shown_type()}
        raise Refusal(404, 40403, "Schema not found")

    def _is_compatible(self, name: str, request: Request) -> dict[str, Any]:
        content = self._content(_body(request, "schema"))
        wrong = self.state.incompatibilities(name, content) if self.state.live(name) else []
        return {"is_compatible": False, "messages": wrong} if wrong else {"is_compatible": True}

    def _content(self, body: dict[str, Any]) -> Content:
        kind, text = body.get("schemaType", "AVRO"), body["schema"]
        if kind not in TYPES:
            expected = "'AVRO', 'JSON' or 'PROTOBUF'"
            wrong = {"type": "enum", "loc": ["body", "schemaType"], "msg": f"Input should be {expected}"}
            raise Refusal(422, 422, [{**wrong, "input": kind, "ctx": {"expected": expected}}])
        if not text:
            raise Refusal(422, 42201, "Empty schema")
        written = tuple((one["name"], one["subject"], one["version"]) for one in body.get("references") or ())
        if written and kind == "JSON":
            raise Refusal(422, 44302, "Schema references are not supported for 'JSON' schema type")
        try:
            references = self.state.resolved(written)
            return Content(kind, stored(kind, text), references)
        except (BadReference, BadSchema) as error:
            told = ", ".join(f"{{name={n!r}, subject={s!r}, version={v}}}" for n, s, v in written)
            standard = f"Invalid schema {text} with refs {f'[{told}]' if told else None} of type SchemaType.{kind}"
            said = error.args[0] if isinstance(error, BadSchema) else standard
            raise Refusal(422, 42201, f"Invalid {kind} schema. Error: {said}") from error

    def _delete_subject(self, name: str, request: Request) -> list[int]:
        return self.state.delete_subject(name, permanent=_flag(request, "permanent"))

    def _delete_version(self, name: str, asked: str, request: Request) -> int:
        return self.state.delete_version(name, _number(asked), asked, permanent=_flag(request, "permanent"))

    # Settings

    def _config(self, _request: Request) -> dict[str, str]:
        return {"compatibilityLevel": self.state.level}

    def _set_config(self, request: Request) -> dict[str, str]:
        self.state.level = _level(request)
        return {"compatibility": self.state.level}

    def _subject_config(self, name: str, request: Request) -> dict[str, str]:
        level = self.state.known(name).level
        if level is None and _flag(request, "defaultToGlobal"):
            level = self.state.level
        if level is None:
            raise Refusal(404, 40408, f"Subject '{name}' does not have subject-level compatibility configured")
        return {"compatibilityLevel": level}

    def _set_subject_config(self, name: str, request: Request) -> dict[str, str]:
        self.state.set_level(name, _level(request))
        return {"compatibility": self.state.level_of(name)}

    def _delete_subject_config(self, name: str, _request: Request) -> dict[str, str]:
        self.state.set_level(name, None)
        return {"compatibility": self.state.level}

    def _subject_mode(self, name: str, _request: Request) -> dict[str, str]:
        self.state.known(name)
        return {"mode": "READWRITE"}


def _flag(request: Request, name: str) -> bool:
    text = request.query.get(name, "false")
    if text.lower() not in TRUE | FALSE:
        wrong = "Input should be a valid boolean, unable to interpret input"
        raise Refusal(422, 422, [{"type": "bool_parsing", "loc": ["query", name], "msg": wrong, "input": text}])
    return text.lower() in TRUE


def _body(request: Request, needed: str) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict) or needed not in body:
        wrong = {"type": "missing", "loc": ["body", needed], "msg": "Field required", "input": body}
        raise Refusal(422, 422, [wrong])
    return body


def _level(request: Request) -> str:
    level = _body(request, "compatibility")["compatibility"]
    if level not in LEVELS:
        raise Refusal(422, 42203, "Invalid compatibility level")
    return str(level)


def _number(asked: str) -> int:
    if asked in ("latest", "-1"):
        return LATEST
    if not asked.isdigit() or int(asked) == 0:
        allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
        raise Refusal(422, 42202, f"The specified version '{asked}' is not a valid version id. {allowed}")
    return int(asked)


def _schema_id(asked: str) -> int:
    try:
        return int(asked)
    except ValueError:
        raise Refusal(404, 404, "HTTP 404 Not Found") from None


def _shown(name: str) -> str:
    """Answers may not hold control characters in names, although registrations may."""
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise BrokenAnswer
    return name
