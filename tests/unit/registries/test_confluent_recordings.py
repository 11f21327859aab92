# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Confluent Schema Registry answers as the real one did."""

from __future__ import annotations

import json

import pytest
from registries.confluent import Confluent
from registries.confluent_content import guid
from registries.confluent_recorded import TOPICS, calls, recorded_clock, recorded_state, topic, walk
from registries.confluent_texts import Texts
from registries.recordings import Allowance, differences, without
from registries.serving import Request

ALLOWED = (
    Allowance(
        r"GET /associations/(subjects|resources)/.*",
        "an association's guid is random, not the hash of a content",
        without("guid"),
    ),
)
TIMES = Allowance(r"GET .*", "the times of these records were not recorded apart", without("ts"))


def test_answers_each_call_and_each_read_of_the_state_that_they_build() -> None:
    registry = Confluent(texts=Texts.of(calls(), walk()), keeps_rule_sets=True, clock=recorded_clock())
    assert len(calls()) == 243
    assert len(walk()) == 5149
    assert differences(registry, [*calls(), *walk()], ALLOWED) == []


@pytest.mark.parametrize("name", TOPICS)
def test_writes_the_records_that_were_recorded(name: str) -> None:
    recorded = [(key, gone) for key, gone, _time in topic(name)]
    assert recorded_state().log.records[name] == recorded


def test_drops_rule_sets_as_the_stock_community_edition_does() -> None:
    """Surprise 21."""
    registry = recorded_state(1795217116422, 1, 1, 1795217116537)
    registry.drop_rule_sets()
    assert differences(registry, calls("calls-stock-ruleset-dropped.jsonl")) == []


def test_imports_as_recorded() -> None:
    """Surprises 2, 3, 4 and 6."""
    mode = calls("calls-import-mode.jsonl")
    registry = Confluent(texts=Texts.of(mode), keeps_rule_sets=True)
    incompatible = Allowance(r"POST /subjects/lim/versions", "checks compatibility by less", without("message"))
    assert differences(registry, mode, (TIMES, incompatible)) == []

    body = json.dumps({"schema": '"string"'}).encode()
    assert registry.answer(Request("PUT", "/mode", body=b'{"mode":"READWRITE"}')).status == 200
    for number in range(1015):
        assert registry.answer(Request("POST", f"/subjects/:.bulk:b{number:04}/versions", body=body)).status == 200
    for path, count in (
        ("/schemas?subjectPrefix=:.bulk:", 1000),
        ("/schemas?subjectPrefix=:.bulk:&limit=5000", 1000),
        ("/schemas?subjectPrefix=:.bulk:&offset=1000", 15),
        ("/schemas?subjectPrefix=:.bulk:&offset=1000&limit=5000", 15),
        ("/subjects?subjectPrefix=:.bulk:", 1015),
        ("/schemas/ids/1/subjects?subject=%3A.bulk%3A", 1015),
        ("/schemas/ids/1/versions?subject=%3A.bulk%3A", 1015),
    ):
        assert len(registry.answer(Request("GET", path)).value) == count
    assert differences(registry, calls("calls-after-bulk.jsonl")) == []


def test_erases_what_is_soft_deleted_on_entering_import_mode_as_recorded() -> None:
    """Surprise 1."""
    assert differences(Confluent(), calls("calls-import-clears.jsonl"), (TIMES,)) == []


def test_computes_every_recorded_guid_from_the_content() -> None:
    """Surprise 18: the GUID is a hash, the same in all contexts and registries."""
    told = {}
    for read in walk():
        if "format=" not in read.target:
            for value in read.answer if isinstance(read.answer, list) else [read.answer]:
                if isinstance(value, dict) and "guid" in value and "schema" in value:
                    told[value["guid"]] = value
    assert len(told) == 69  # one with a qualified reference, as it was asked for
    computed = [
        guid(one["schema"], one.get("references", []), one.get("metadata"), one.get("ruleSet")) for one in told.values()
    ]
    assert computed == list(told)
