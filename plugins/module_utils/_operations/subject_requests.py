# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says of a subject: the schema that it is to have, or the versions that it is to lose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import InvalidOption, RegistryError
from .._registry.dialect import Registry
from .._schemas.attachments import check_metadata, check_rule_set
from .._schemas.model import Reference, SchemaContent, join_subject, split_subject

ALL = "all"
"""Stands for all versions of a subject."""

_NUMBER = re.compile(r"0*[1-9][0-9]{,9}")  # no registry has numbers of more than 32 bits


@dataclass(frozen=True)
class SubjectRequest:
    """What a task says of one subject; what it does not say is None.

    Args:
        subject: The qualified subject.
        schema: The schema as text, or as the value that its JSON text stands for.
        src: The file that holds its text.
        schema_type: ``AVRO`` (where it is left out), ``JSON`` or ``PROTOBUF``.
        references: ``{name, subject, version}`` each.
        metadata: The metadata object.
        rule_set: The rule set object.
        normalize: Whether the server normalizes it.
        versions: The versions that are to go, as decimal numbers, or `ALL`.
    """

    subject: str
    schema: Any = None
    src: str | None = None
    schema_type: str | None = None
    references: Sequence[Mapping[str, Any]] | None = None
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    normalize: bool | None = None
    versions: Sequence[str] | None = None

    @classmethod
    def of_task(cls, options: Mapping[str, Any]) -> tuple[SubjectRequest, ...]:
        """Return what a task says: of one subject, or of those in its list ``subjects``.

        Args:
            options: ``subjects``, and the fields of this class.

        Raises:
            InvalidOption: It says something of one subject beside the list; or a subject's name is empty.
        """
        of_one = {name: options[name] for name in cls.__dataclass_fields__ if options[name] is not None}
        if options["subjects"] is not None and of_one:
            name = next(iter(of_one))
            raise InvalidOption(f"{name} does not go with subjects; say it of one of them.", object_name=name)
        entries = [of_one] if options["subjects"] is None else options["subjects"]
        if not all(entry.get("subject") for entry in entries):
            raise InvalidOption("A subject's name is missing or empty.", object_name="subject")
        for subject in (entry["subject"] for entry in entries):
            qualified = join_subject(*split_subject(subject))
            if qualified not in ("", subject):  # the server would answer with its other name
                raise InvalidOption(f"The subject {subject!r} is {qualified!r}; name it so.", object_name="subject")
        return tuple(cls(**entry) for entry in entries)

    def refuse(self, state: str, *names: str) -> None:
        """Refuse fields that mean nothing in a state.

        Raises:
            InvalidOption: One is given.
        """
        for name in names:
            if getattr(self, name) is not None:
                raise InvalidOption(f"{name} of {self.subject} does not go with state: {state}.", object_name=name)

    def content(self) -> SchemaContent:
        """Return the schema with all that belongs to it.

        Raises:
            InvalidOption: None is given, or none that can be used; or the file cannot be read.
        """
        if self.metadata is not None:
            check_metadata("metadata", self.metadata)
        if self.rule_set is not None:
            check_rule_set("rule_set", self.rule_set)
        return SchemaContent(
            schema_type=self.schema_type or "AVRO",
            text=self._text(),
            references=tuple(Reference(r["name"], r["subject"], r["version"]) for r in self.references or ()),
            metadata=dict(self.metadata) if self.metadata else None,
            rule_set=dict(self.rule_set) if self.rule_set else None,
        )

    def numbers(self) -> tuple[int, ...] | None:
        """Return the versions that are meant; None for all of them.

        Raises:
            InvalidOption: One is no number of a version, or `ALL` stands beside others.
        """
        given = [ALL] if self.versions is None else list(self.versions)
        if given == [ALL]:
            return None
        if not all(_NUMBER.fullmatch(text) for text in given):
            raise InvalidOption(
                f"The versions of {self.subject} must be numbers from 1, or all: {', '.join(given)}.",
                object_name="versions",
            )
        return tuple(sorted({int(text) for text in given}))

    def _text(self) -> str:
        if (self.schema is None) == (self.src is None):
            raise InvalidOption(f"{self.subject} needs either schema or src.", object_name="schema")
        if self.src is not None:
            return _read(self.src)
        if isinstance(self.schema, str) and self.schema.strip():
            return self.schema
        if isinstance(self.schema, dict | list) and self.schema_type != "PROTOBUF":
            return json.dumps(self.schema, ensure_ascii=False)
        either = "." if self.schema_type == "PROTOBUF" else ", or a structure that stands for its JSON text."
        raise InvalidOption(f"The schema of {self.subject} must be a text{either}", object_name="schema")


def refuse_alias(registry: Registry, subject: str) -> None:
    """Refuse to write to a subject whose config has an alias, since the server would write to another one.

    Raises:
        RegistryError: ``aliased_subject``.
    """
    fields = registry.capabilities.config_fields
    if fields is not None and "alias" not in fields:
        return
    alias = (registry.get_config(subject).value or {}).get("alias")
    if alias:
        raise RegistryError(
            f"The config of {subject} has the alias {alias}, so that the registry would write to {alias} instead. Name "
            f"{alias} itself, or clear the alias with lifeboat.kafka.schema_registry_compatibility.",
            code="aliased_subject",
            object_name=subject,
        )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InvalidOption(f"The file {path} of src cannot be read: {reason}.", object_name="src") from error
