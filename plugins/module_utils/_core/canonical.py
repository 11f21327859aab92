# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to write JSON, so that equal values give equal bytes."""

from __future__ import annotations

import functools
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
    try:
        return (_indented(value, "\n", False) + "\n").encode()
    except UnicodeEncodeError:
        return (_indented(value, "\n", True) + "\n").encode()


def compact_bytes(value: Any) -> bytes:
    """Write a JSON value in as few bytes as possible, with sorted keys: the form that is hashed and compared."""
    try:
        return _encoder(",", ":", False).encode(value).encode()
    except UnicodeEncodeError:
        return _encoder(",", ":", True).encode(value).encode()


def sha256_hex(content: bytes | bytearray) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _indented(value: Any, newline: str, ascii_only: bool) -> str:
    """Write a JSON value as ``json.dumps(indent=2)`` does, which is slow: without an indent C does the work.

    So whatever holds no further objects and lists, which is nearly all, is written without one, with separators that
    begin a line.
    """
    inner = f"{newline}  "
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if not any(isinstance(member, dict | list | tuple) for member in members):
        text = _encoder(f",{inner}", ": ", ascii_only).encode(value)
        return f"{text[0]}{inner}{text[1:-1]}{newline}{text[-1]}" if members else text
    if isinstance(value, dict):
        texts = [
            f"{_encoder(',', ':', ascii_only).encode(name)}: {_indented(member, inner, ascii_only)}"
            for name, member in sorted(value.items())
        ]
        return f"{{{inner}{f',{inner}'.join(texts)}{newline}}}"
    texts = [_indented(member, inner, ascii_only) for member in value]
    return f"[{inner}{f',{inner}'.join(texts)}{newline}]"


@functools.cache
def _encoder(item_separator: str, key_separator: str, ascii_only: bool) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=ascii_only, sort_keys=True, separators=(item_separator, key_separator))
