# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in topics, as a file that is kept beside an archive of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from testbed.reading import Contents, Record


def to_json(contents: Mapping[str, Contents]) -> str:
    """Write the records of topics; keys, values and headers in base64."""
    known = {
        topic: {
            str(number): [
                [r.offset, r.log_append_time, r.timestamp, _text(r.key), _text(r.value), _headers(r)] for r in records
            ]
            for number, records in sorted(partitions.items())
        }
        for topic, partitions in sorted(contents.items())
    }
    return json.dumps(known, indent=0) + "\n"


def from_json(text: str) -> dict[str, Contents]:
    """Read what `to_json` wrote."""
    return {
        topic: {int(number): [_record(*fields) for fields in records] for number, records in partitions.items()}
        for topic, partitions in json.loads(text).items()
    }


def _record(offset: int, log_append_time: bool, timestamp: int, key: Any, value: Any, headers: Any) -> Record:
    carried = tuple((name, _bytes(content)) for name, content in headers)
    return Record(offset, log_append_time, timestamp, _bytes(key), _bytes(value), carried)


def _headers(record: Record) -> list[tuple[str, str | None]]:
    return [(name, _text(content)) for name, content in record.headers]


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
