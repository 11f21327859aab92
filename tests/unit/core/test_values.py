# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as bytes, moments as text, and what errors tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._core import errors
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.canonical import (
    compact_bytes,
    document_bytes,
    sha256_hex,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import (
    SystemClock,
    parse_timestamp,
    timestamp,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_documents_can_be_read_back(value: Any) -> None:
    for content in (document_bytes(value), compact_bytes(value)):
        assert json.loads(content) == value


@given(JSON)
def test_documents_have_the_form_that_python_gives_them(value: Any) -> None:
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False)
    try:
        expected = text.encode()
    except UnicodeEncodeError:
        expected = json.dumps(value, sort_keys=True, indent=2).encode()
    assert document_bytes(value) == expected + b"\n"


@given(st.dictionaries(st.text(), st.integers()))
def test_equal_values_give_equal_bytes(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert document_bytes(value) == document_bytes(turned)
    assert compact_bytes(value) == compact_bytes(turned)


def test_the_form_of_documents() -> None:
    assert document_bytes({"b": ["ä"], "a": {}}) == '{\n  "a": {},\n  "b": [\n    "ä"\n  ]\n}\n'.encode()
    assert compact_bytes({"b": [1, 2], "a": "ä"}) == '{"a":"ä","b":[1,2]}'.encode()
    assert compact_bytes("\ud800ä") == b'"\\ud800\\u00e4"'
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_moments_are_told_in_utc() -> None:
    moment = datetime(2026, 1, 31, 13, 0, 0, 123999, timezone(timedelta(hours=1)))
    assert timestamp(moment) == "2026-01-31T12:00:00.123Z"
    assert parse_timestamp("2026-01-31T12:00:00.123Z") == datetime(2026, 1, 31, 12, 0, 0, 123000, UTC)
    assert parse_timestamp("2026-01-31T13:00:00+01:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    for text in ("2026-01-31T12:00:00", "yesterday", ""):
        with pytest.raises(ValueError, match=r"."):
            parse_timestamp(text)


def test_the_machines_clock_tells_utc() -> None:
    before = datetime.now(UTC)
    SystemClock().sleep(0)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_an_error_tells_its_code_its_object_and_facts() -> None:
    error = errors.RegistryError("It failed.", object_name="s", http_status=500, registry_code=None)
    assert (str(error), error.message) == ("It failed.", "It failed.")
    assert error.failure() == {"code": "registry_error", "object": "s", "http_status": 500}
    assert errors.Refused("No.", code="loss_not_accepted").failure() == {"code": "loss_not_accepted"}


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LifeboatError)
    ]
    assert len({kind.default_code for kind in kinds}) == len(kinds)
