# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from registries.confluent_recorded import texts
from registries.karapace_texts import recorded_texts
from unit.schemas.same_texts import RECORD, WITHOUT_DOCS

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Identity
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import (
    identity,
    meaning,
    number_beyond_64_bits,
    parses,
    same_text,
    shows_type,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import Reference, SchemaContent


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"default": 18446744073709551615}', None),
        ('{"default": 18446744073709551617}', "18446744073709551617"),
        ('{"default": -9223372036854775808}', None),
        ('{"default": -9223372036854775809}', "-9223372036854775809"),
        ('{"default": 10000000000000000000000}', None),  # a double is equal to it
        ('{"default": 12345678901234567890123}', "12345678901234567890123"),
        ('{"default": [1.50, 1e300, 0.1]}', None),
        ('{"default": {"a": 0.12345678901234567890}}', "0.12345678901234567890"),
        ('{"default": 1E+400}', "1E+400"),
        ('{"default": "1E+400"}', None),
        ("string", None),
    ],
)
def test_numbers_are_found_that_64_bits_cannot_hold(text: str, number: str | None) -> None:
    assert number_beyond_64_bits(SchemaContent("JSON", text)) == number
    assert number_beyond_64_bits(SchemaContent("PROTOBUF", text)) is None


def avro(text: str, **more: object) -> SchemaContent:
    return SchemaContent("AVRO", text, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"type": "int"}', '"int"', True),
        ('{"type": "array", "items": {"type": "int"}}', '{"type": "array", "items": "int"}', True),
        ('[{"type": "com.acme.A"}, "null"]', '["com.acme.A", "null"]', True),
        ('{"type": "int", "doc": "a"}', '"int"', True),
        ('{"type": "int", "owner": "a"}', '"int"', False),
        ('{"type": "array", "items": "int", "doc": "a"}', '{"type": "array", "items": "int"}', True),
        ('{"type": "enum", "name": "a", "doc": "a"}', '{"type": "enum", "name": "a"}', False),
        ('{"type": ["int"]}', '["int"]', False),
    ],
)
def test_an_avro_type_is_its_name(one: str, other: str, same: bool) -> None:
    assert (meaning(avro(one)) == meaning(avro(other))) == same
    assert meaning(SchemaContent("JSON", one)) != meaning(SchemaContent("JSON", other))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"type": "record", "name": "a"}', '{"name":"a","type":"record"}', True),
        ('{"default": 2.50}', '{"default": 2.5}', True),
        ('{"default": 1e3}', '{"default": 1000.0}', True),
        ('{"default": 1E+400}', '{"default": 1e400}', True),
        ('{"default": 0.010}', '{"default": 0.01}', True),
        ('{"default": -0.0}', '{"default": 0}', True),
        ('{"default": 1}', '{"default": true}', False),
        ('{"default": 1}', '{"default": "1"}', False),
        ('{"default": 12345678901234567890123456789012345}', '{"default": 12345678901234567890123456789012346}', False),
        ('{"default": "\\u00e4"}', '{"default": "ä"}', True),
        ('["int", "string"]', '["string", "int"]', False),
        ("string", " string", False),
        ("not json", "not  json", False),
    ],
)
def test_json_texts_are_compared_as_values(one: str, other: str, same: bool) -> None:
    assert (meaning(avro(one)) == meaning(avro(other))) is same
    assert (meaning(SchemaContent("JSON", one)) == meaning(SchemaContent("JSON", other))) is same


NAMES = '{"type":"record","name":"a","namespace":"n","fields":[{"name":"f","type":["null","n.b"],"default":null}]}'


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (NAMES.replace('"n.b"', '"b"'), True),
        (NAMES.replace('"name":"a","namespace":"n"', '"name":"n.a"'), True),
        (
            NAMES.replace('"name":"a","namespace":"n"', '"name":"n.a","namespace":"ignored"').replace('"n.b"', '"b"'),
            True,
        ),
        (NAMES.replace('"n.b"', '{"type":"n.b"}'), True),
        (NAMES.replace('"n.b"', '"m.b"'), False),
        (NAMES.replace('"namespace":"n"', '"namespace":""'), False),
        (NAMES.replace('"name":"f"', '"name":"n.f"'), False),
    ],
)
def test_avro_names_are_compared_in_full(other: str, same: bool) -> None:
    assert (meaning(avro(NAMES)) == meaning(avro(other))) is same


def test_what_servers_make_of_texts_means_the_same() -> None:
    """Texts as they were sent to a real Confluent and a real Karapace, and as these stored them."""
    for make, stored in (("confluent", texts().stored), ("karapace", recorded_texts())):
        rewritten = {sent: text for sent, text in stored.items() if sent[1] != text}
        assert {kind for kind, _text in rewritten} == {"AVRO", "JSON", "PROTOBUF"}
        for (kind, sent), text in rewritten.items():
            changed = make == "karapace" and number_beyond_64_bits(SchemaContent(kind, sent)) is not None
            assert same_text(SchemaContent(kind, sent), SchemaContent(kind, text)) is not changed, sent


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('syntax="proto3";message A{string a=1;}', True),
        ('// a note\nsyntax = "proto3"; /* and\nanother */ message A { string a = 1; }\n', True),
        ('syntax = "proto3"; message A { string a = 2; }', False),
        ('syntax = "proto 3"; message A { string a = 1; }', False),
        ('syntax = "proto3"; message A { string aa = 1; }', False),
        ('syntax = "// proto3"; message A { string a = 1; }', False),
    ],
)
def test_protobuf_is_compared_as_tokens(other: str, same: bool) -> None:
    text = 'syntax = "proto3";\nmessage A {\n  string a = 1;\n}\n'
    assert (meaning(SchemaContent("PROTOBUF", text)) == meaning(SchemaContent("PROTOBUF", other))) is same


def test_type_references_metadata_and_rules_belong_to_the_meaning() -> None:
    text = '"string"'
    plain = meaning(avro(text))
    assert meaning(SchemaContent("JSON", text)) != plain
    assert meaning(avro(text, references=(Reference("a", "a", 1),))) != plain
    assert meaning(avro(text, metadata={"properties": {"owner": "x"}})) != plain
    assert meaning(avro(text, rule_set={"domainRules": [{"name": "r"}]})) != plain
    assert meaning(avro(text, rule_set={"domainRules": [{"name": "r", "disabled": False}]})) == meaning(
        avro(text, rule_set={"domainRules": [{"name": "r"}], "migrationRules": []})
    )
    assert meaning(avro(text, metadata={}, rule_set={})) == plain


def test_text_that_python_cannot_parse_is_compared_to_the_letter() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert meaning(avro(deep)) == meaning(avro(deep))
    assert meaning(avro(deep)) != meaning(avro(deep + " "))
    vast = '{"default": 1e99999999999999999999999}'
    assert meaning(avro(vast)) == meaning(avro(vast))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (RECORD.replace('"name":"a"', '"name":"a","doc":"d","aliases":["b"],"owner":"me"'), True),
        (RECORD.replace('"name":"f"', '"name":"f","doc":"d","order":"ignore","owner":"me"'), True),
        (RECORD.replace('"default":1', '"default":2'), False),
        (RECORD.replace('"type":"int"', '"type":{"type":"int","logicalType":"date"}'), False),
        (RECORD.replace('"name":"f"', '"name":"g"'), False),
        (RECORD.replace('"namespace":"n"', '"namespace":"m"'), False),
    ],
)
def test_parsing_form_leaves_out_what_a_parser_does_not_need(other: str, same: bool) -> None:
    kind = Identity.PARSING_FORM
    assert (identity(avro(RECORD), kind) == identity(avro(other), kind)) is same
    assert identity(avro(RECORD), Identity.CONTENT) != identity(avro(other), Identity.CONTENT)


@pytest.mark.parametrize(("one", "other", "same"), WITHOUT_DOCS)
def test_what_describes_a_schema_does_not_belong_to_it_without_docs(one: str, other: str, same: bool) -> None:
    kind = Identity.WITHOUT_DOCS
    assert (identity(avro(one), kind) == identity(avro(other), kind)) is same


@pytest.mark.parametrize(
    ("kind", "text", "shows"),
    [
        ("AVRO", '"string"', True),
        ("AVRO", "string", False),
        ("JSON", '{"properties": {}}', True),
        ("JSON", '{"$schema": "https://json-schema.org/draft/2020-12/schema"}', True),
        ("JSON", '{"type": "object"}', False),
        ("JSON", "true", False),
        ("PROTOBUF", 'syntax = "proto3";', True),
    ],
)
def test_a_text_shows_its_type_or_not(kind: str, text: str, shows: bool) -> None:
    assert shows_type(SchemaContent(kind, text)) is shows


def test_parsing_form_leaves_out_metadata_and_rules_but_not_references() -> None:
    kind = Identity.PARSING_FORM
    assert identity(avro(RECORD, metadata={"tags": {}}, rule_set={"a": []}), kind) == identity(avro(RECORD), kind)
    one, two = Reference("x", "x", 1), Reference("y", "y", 1)
    assert identity(avro(RECORD, references=(one, two)), kind) == identity(avro(RECORD, references=(two, one)), kind)
    assert identity(avro(RECORD, references=(one,)), kind) != identity(avro(RECORD), kind)


@pytest.mark.parametrize(
    ("kind", "text", "fits"),
    [
        ("AVRO", '"string"', True),
        ("AVRO", "string", True),
        ("AVRO", '{"type": ', False),
        ("JSON", "{}", True),
        ("JSON", "true", True),
        ("JSON", "string", False),
        ("PROTOBUF", 'syntax = "proto3";', True),
        ("PROTOBUF", " ", False),
    ],
)
def test_text_fits_its_type(kind: str, text: str, fits: bool) -> None:
    assert parses(SchemaContent(kind, text)) is fits
