# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the archive writes and reads its JSON documents."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, NoReturn

from .._core.canonical import document_bytes
from .._core.clock import parse_timestamp
from .._core.errors import Damaged
from .._core.fields import Fields
from .._storage.port import Storage

FORMAT_VERSION = 1
"""The version of a format where `NEWEST` does not say otherwise."""

STORE = "lifeboat.kafka/store"
RESTORE_POINT = "lifeboat.kafka/restore-point"
PART = "lifeboat.kafka/part"
INDEX_PAGE = "lifeboat.kafka/index-page"
LEASE = "lifeboat.kafka/lease"
LAST_RUN = "lifeboat.kafka/last-run"
JOURNAL_RUN = "lifeboat.kafka/journal-run"
ID_MAP = "lifeboat.kafka/id-map"
TOPIC_STATE = "lifeboat.kafka/topic-state"
TOPIC_DEFINITIONS = "lifeboat.kafka/topic-definitions"
GROUP_OFFSETS = "lifeboat.kafka/group-offsets"
TOPIC_RESTORE = "lifeboat.kafka/topic-restore"
OFFSET_MAP = "lifeboat.kafka/offset-map"
UNFINISHED_TOPICS = "lifeboat.kafka/unfinished-topics"

NEWEST = {PART: 2}
"""The newest version that this release reads, of formats that have several; all earlier ones are read too.

A part of version 2 has entries of the kind ``kek``, which earlier releases would take for damage.
"""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def encode(format_name: str, fields: dict[str, Any], format_version: int = FORMAT_VERSION) -> bytes:
    """Write a document of one of the formats above."""
    return document_bytes({"format": format_name, "format_version": format_version, **fields})


def decode(content: bytes, format_name: str, document: str) -> Fields:
    """Begin reading a document of one of the formats above.

    Args:
        content: Its bytes.
        format_name: The format that it must be of.
        document: Where it lies, for errors.

    Raises:
        Damaged: It is not such a document.
        UnsupportedFormat: It is in a newer version of the format.
    """
    newest = NEWEST.get(format_name, FORMAT_VERSION)
    return Fields.of_document(document, parse_json(content, document), format_name=format_name, format_version=newest)


def read(storage: Storage, path: str, format_name: str) -> Fields:
    """Begin reading a stored document; raises what `decode` and `Storage.read` raise."""
    return decode(storage.read(path), format_name, f"{storage.location}/{path}")


def parse_json(content: bytes, document: str) -> Any:
    """Parse strict JSON (RFC 8259).

    Raises:
        Damaged: It is none.
    """
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = f"it is no JSON: {error}"
        message = f"The archived document {document} is damaged: {reason}."
        raise Damaged(message, object_name=document, reason=reason) from error


def moment(fields: Fields, name: str) -> datetime:
    """Return a field that must be a time.

    Raises:
        Damaged: It is not.
    """
    text = fields.required(name, str)
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise fields.damaged(f"{name} must be a time") from error


def sha256(fields: Fields, name: str = "sha256") -> str:
    """Return a field that must be a SHA-256.

    Raises:
        Damaged: It is not.
    """
    text = fields.required(name, str)
    if not _SHA256.fullmatch(text):
        raise fields.damaged(f"{name} must be 64 hexadecimal digits")
    return text


def whole_number(fields: Fields, name: str, least: int = 0) -> int:
    """Return a field that must be a whole number, not below some other.

    Raises:
        Damaged: It is not.
    """
    number = fields.required(name, int)
    if number < least:
        raise fields.damaged(f"{name} must be {least} or more")
    return number


def texts(fields: Fields, name: str) -> tuple[str, ...]:
    """Return a field that must be a list of texts.

    Raises:
        Damaged: It is not.
    """
    return tuple(fields.list_of(name, lambda member: member if isinstance(member, str) else None, "text"))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
