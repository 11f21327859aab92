# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Avro schemas that a server takes for the same one, or not."""

from __future__ import annotations

RECORD = '{"type":"record","name":"a","namespace":"n","fields":[{"name":"f","type":"int","default":1}]}'
ENUM = '{"type":"enum","name":"e","symbols":["A","B"]}'
WITHOUT_DOCS = [
    (RECORD, RECORD.replace('"name":"a"', '"name":"a","doc":"d","aliases":["b"]'), True),
    (RECORD, RECORD.replace('"name":"f"', '"name":"f","doc":"d","aliases":["g"],"order":"ascending"'), True),
    (RECORD, RECORD.replace('"name":"a","namespace":"n"', '"name":"n.a"'), True),
    (RECORD, RECORD.replace('"type":"int"', '"type":{"type":"int"}'), True),
    (RECORD, RECORD.replace('"name":"f"', '"name":"f","order":"ignore"'), False),
    (RECORD, RECORD.replace('"name":"f"', '"name":"f","owner":"me"'), False),
    (RECORD, RECORD.replace('"name":"a"', '"name":"a","owner":"me"'), False),
    (RECORD, RECORD.replace('"default":1', '"default":2'), False),
    (RECORD, RECORD.replace('"type":"int"', '"type":{"type":"int","logicalType":"date"}'), False),
    (RECORD, RECORD.replace('"namespace":"n"', '"namespace":"m"'), False),
    (ENUM, ENUM.replace('"name"', '"doc":"d","default":"A","name"'), True),
    (ENUM, ENUM.replace('"A","B"', '"B","A"'), False),
    (
        RECORD.replace('"type":"int","default":1', '"type":["null",{"type":"array","items":"n.a"}]'),
        RECORD.replace('"type":"int","default":1', '"type":["null",{"type":"array","items":"a"}]'),
        True,
    ),
]
"""Pairs of Avro schemas, and whether they differ in nothing but what `Identity.WITHOUT_DOCS` leaves out."""
