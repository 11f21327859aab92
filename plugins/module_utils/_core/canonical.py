# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to write JSON, so that equal values give equal bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def document_bytes(value: Any) -> bytes:
    """Write a JSON value for people and machines: sorted keys, two spaces of indent, a final newline, UTF-8.

    Args:
        value: What ``json.loads`` can return.

    Returns:
        The same bytes for equal values. Text with lone surrogates, which UTF-8 cannot hold, is escaped.
    """
    return _encode(value, indent=2, separators=(",", ": ")) + b"\n"


def compact_bytes(value: Any) -> bytes:
    """Write a JSON value in as few bytes as possible, with sorted keys: the form that is hashed and compared."""
    return _encode(value, indent=None, separators=(",", ":"))


def sha256_hex(content: bytes | bytearray) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _encode(value: Any, *, indent: int | None, separators: tuple[str, str]) -> bytes:
    try:
        return json.dumps(value, sort_keys=True, indent=indent, separators=separators, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, indent=indent, separators=separators).encode()
