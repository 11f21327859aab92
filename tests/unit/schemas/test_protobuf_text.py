# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.protobuf_text import protobuf_meaning

TEXT = """\
syntax = "proto3";
package acme;
import "a.proto";
import public "b.proto";
option (owner) = { name: "x" tags { a: 1 } };

message Order {
  string id = 1 [(max) = { length: 3 }, deprecated = true];
  oneof kind { int32 a = 2; int32 b = 3; }
  reserved 10 to 12;
  enum State { NEW = 0; OLD = 1; }
  State state = 4;
}
service Orders { rpc Get (Order) returns (stream Order) { option idempotent = true; } rpc Put (Order) returns (Order); }
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("package acme;\n", "", False),
        ('package acme;\nimport "a.proto";\n', 'import "a.proto";\npackage acme;\n', True),
        ('import "a.proto";\nimport public "b.proto";\n', 'import public "b.proto";\nimport "a.proto";\n', False),
        ("  reserved 10 to 12;\n", "", False),
        ("string id", "reserved 10 to 12; string id", False),
        ("  State state = 4;\n", ";", False),
        ("  reserved 10 to 12;\n", "  reserved 10 to 12;;\n", True),
        ("a = 2; int32 b = 3;", "b = 3; int32 a = 2;", False),
        ("NEW = 0; OLD = 1;", "OLD = 1; NEW = 0;", False),
        ("tags { a: 1 }", "tags { a: 2 }", False),
        ("length: 3", "length:3", True),
        ("length: 3", "length: 4", False),
        ("service", "// note\nservice", True),
        ("(stream Order)", "(Order)", False),
        ("rpc Put", "} service More { rpc Put", False),
    ],
)
def test_the_order_counts_only_within_a_kind(old: str, new: str, same: bool) -> None:
    changed = TEXT.replace(old, new)
    assert changed != TEXT
    assert (protobuf_meaning(TEXT) == protobuf_meaning(changed)) is same


def test_members_of_other_kinds_may_stand_anywhere() -> None:
    first, second = "  reserved 10 to 12;\n", "  State state = 4;\n"
    moved = TEXT.replace(first, "").replace(second, "").replace("  string id", f"{first}  string id")
    moved = moved.replace("  oneof", f"{second}  oneof")
    assert moved != TEXT
    assert protobuf_meaning(moved) == protobuf_meaning(TEXT)


def test_a_group_of_proto2_is_a_block() -> None:
    text = "message A { optional group B = 1 { optional int32 c = 2; reserved 9; } optional int32 d = 3; }"
    moved = text.replace(" reserved 9;", "").replace("{ optional int32 c", "{ reserved 9; optional int32 c")
    assert protobuf_meaning(moved) == protobuf_meaning(text)


@pytest.mark.parametrize("text", ["message A {", "message A { }}", "option a = { b", "x", "{{{{", "}"])
def test_what_cannot_be_taken_apart_is_compared_as_it_comes(text: str) -> None:
    assert protobuf_meaning(f"/* */ {text}  ") == protobuf_meaning(text)
    assert protobuf_meaning(text) == " ".join(text.replace("{", " { ").replace("}", " } ").split())
