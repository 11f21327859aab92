# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Karapace 6.2 makes of a schema's text: what it stores, and what it refuses.

Avro and JSON follow its one rule: the JSON is written anew, compact and with sorted keys. Its Protobuf printer, and the
messages of its parsers, are not rebuilt: what was recorded is looked up, and other texts are stored as they come.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from registries.recordings import Recorded, read_calls, read_walk

RECORDINGS = Path(__file__).resolve().parent.parent / "fixtures" / "registries" / "karapace"


class BadSchema(Exception):
    """A text that is refused; its argument is what Karapace says after ``Error:``, None for its standard sentence."""


def stored(schema_type: str, text: str) -> str:
    """Return the text that is stored.

    Raises:
        BadSchema: It is refused.
    """
    said = _recorded_refusals().get((schema_type, text))
    if said is not None:
        raise BadSchema(said)
    if schema_type == "PROTOBUF":
        return recorded_texts().get((schema_type, text), text)
    try:
        return _written(json.loads(text, parse_int=_whole_number))
    except ValueError as error:
        raise BadSchema("invalid literal: line 1 column 1 (char 0)") from error


def _whole_number(digits: str) -> int | float:
    """Its parser knows whole numbers of 64 bits; larger ones become floats, which changes their value."""
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(digits)


def _written(value: Any) -> str:
    """Its writer gives exponents no leading zero, unlike Python's."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(name)}:{_written(held)}" for name, held in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return re.sub("(?<=e[+-])0", "", text) if isinstance(value, float) else text


@cache
def recorded_texts() -> dict[tuple[str, str], str]:
    """What was sent, and what is served under the id that the registration answered."""
    served = {walked.target: walked.answer for walked in read_walk(RECORDINGS / "rest.jsonl.gz")}
    return {
        _sent(call): served[f"/schemas/ids/{call.answer['id']}"]["schema"]
        for call in _registrations()
        if call.status == 200
    }


@cache
def _recorded_refusals() -> dict[tuple[str, str], str | None]:
    """What was sent without references and refused, and what was said of it."""
    return {
        _sent(call): call.answer["message"].partition("Error: ")[2]
        for call in _registrations()
        if call.status == 422 and call.answer["error_code"] == 42201 and not call.sent.get("references")
    }


def _registrations() -> list[Recorded]:
    calls = read_calls(RECORDINGS / "calls.jsonl.gz")
    return [call for call in calls if call.method == "POST" and call.target.partition("?")[0].endswith("/versions")]


def _sent(call: Recorded) -> tuple[str, str]:
    return call.sent.get("schemaType", "AVRO"), call.sent["schema"]
