# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds states from short lines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    Reference,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    context_of,
)


def version(line: str, **content: Any) -> SchemaVersion:
    """Make a version from a line such as ``!a 2 = 7 text > b 1, c -1``.

    That is: soft-deleted, subject a, version 2, id 7, a text called "text" (by default after the id), two references.
    ``content`` replaces fields of its content.
    """
    head, _arrow, wanted = line.partition(" > ")
    name, _equals, rest = head.removeprefix("!").partition(" = ")
    subject, number = name.rsplit(" ", 1)
    schema_id, _space, text = rest.partition(" ")
    pairs = [part.rsplit(" ", 1) for part in wanted.split(", ")] if wanted else []
    references = tuple(Reference(f"n{i}", target, int(of)) for i, (target, of) in enumerate(pairs))
    schema = {"type": "record", "name": text or f"t{schema_id}", "fields": []}
    made = SchemaVersion(
        subject=subject,
        version=int(number),
        id=int(schema_id),
        content=SchemaContent("AVRO", json.dumps(schema), references),
        deleted=line.startswith("!"),
    )
    return replace(made, content=replace(made.content, **content))


def state(*versions: str | SchemaVersion) -> RegistryState:
    """Make a state from lines, or from versions."""
    made = [version(one) if isinstance(one, str) else one for one in versions]
    contexts = sorted({".", *(context_of(one.subject) for one in made)})
    return RegistryState({one.key: one for one in made}, contexts=tuple(contexts))
