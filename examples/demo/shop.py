# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop: fills a registry and a broker with what ``shop.yml`` tells."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any

import messages
import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic

from testbed.axonops import AxonOpsRegistry

COPIES = 10


class Shop:
    """The story that ``shop.yml`` tells, and the running number of its messages."""

    def __init__(self) -> None:
        told = yaml.safe_load(Path(__file__).with_name("shop.yml").read_text(encoding="utf-8"))
        self._global: dict[str, Any] = told["global"]
        self._subjects: list[dict[str, Any]] = told["subjects"]
        self._plain_topics: list[dict[str, Any]] = told["topics"]
        self._groups: dict[str, dict[str, float]] = told["groups"]
        self._number = 0

    @property
    def kinds(self) -> dict[str, str]:
        """The type of schema of every subject."""
        return {entry["subject"]: entry["type"] for entry in self._subjects}

    @property
    def groups(self) -> list[str]:
        """The consumer groups."""
        return list(self._groups)

    @property
    def topics(self) -> list[str]:
        """The topics that messages with schema ids go to."""
        return [
            entry["subject"].removesuffix("-value")
            for entry in self._subjects
            if any("messages" in version for version in entry["versions"])
        ]

    def open(self, registry: AxonOpsRegistry, brokers: str) -> None:
        """Register every version, write messages with each, then delete what was deleted."""
        registry.call("PUT", "/config", self._global)
        messages.create_topics(brokers, [NewTopic(topic, 1, 1) for topic in self.topics])
        for entry in self._subjects:
            name = entry["subject"]
            if "compatibility" in entry:
                registry.call("PUT", f"/config/{_quoted(name)}", {"compatibility": entry["compatibility"]})
            for version in entry["versions"]:
                registry.call("POST", f"/subjects/{_quoted(name)}/versions", _registration(entry, version))
                for told in version.get("messages", []):
                    messages.produce(brokers, self._framed(registry.endpoint, name.removesuffix("-value"), told))
        for entry in self._subjects:
            _delete(registry, entry)
            if "mode" in entry:
                registry.call("PUT", f"/mode/{_quoted(entry['subject'])}", {"mode": entry["mode"]})
        self._write_plain_topics(brokers)
        for group, shares in self._groups.items():
            _read_a_share(brokers, group, shares)

    def _write_plain_topics(self, brokers: str) -> None:
        messages.create_topics(
            brokers,
            [NewTopic(t["topic"], t["partitions"], 1, config=t.get("configs", {})) for t in self._plain_topics],
        )
        for told in self._plain_topics:
            keys = [_numbered(told.get("key", ""), n).encode() for n in range(told["records"])]
            values = [_numbered(told.get("value", ""), n).encode() for n in range(told["records"])]
            records: list[tuple[str, bytes | None, bytes | None]]
            records = [(told["topic"], key, value) for key, value in zip(keys, values, strict=True)]
            if "tombstones" in told:
                records += [(told["topic"], key, None) for key in keys[:: told["tombstones"]]]
            named = told.get("headers", {})
            messages.produce(
                brokers,
                records,
                headers=lambda key, named=named: [
                    (name, value.encode() + (key or b"")) for name, value in named.items()
                ],
                compression=told.get("compression", "none"),
            )

    def _framed(self, url: str, topic: str, told: dict[str, Any]) -> list[tuple[str, bytes | None, bytes | None]]:
        numbers = range(self._number + 1, self._number + COPIES + 1)
        self._number += COPIES
        sides = [
            messages.encode(url, topic, side, self.kinds.get(f"{topic}-{side}", ""), values, told.get(name, ""))
            for side, values, name in (
                (messages.KEY, [_numbered(told["key"], n) for n in numbers], "key_message"),
                (messages.VALUE, [_numbered(told["value"], n) for n in numbers], "message"),
            )
        ]
        return [(topic, key, value) for key, value in zip(*sides, strict=True)]


def _read_a_share(brokers: str, group: str, shares: dict[str, float]) -> None:
    """Commit for a group that it has read a share of every partition of some topics."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group}, logger=messages.SILENT)
    try:
        read = []
        for topic, share in shares.items():
            for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
                _first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
                read.append(TopicPartition(topic, partition, int(end * share)))
        consumer.commit(offsets=read, asynchronous=False)
    finally:
        consumer.close()


def _registration(entry: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    schema = version["schema"]
    return {
        "schemaType": entry["type"],
        "schema": schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False),
        "references": [
            {"name": name, "subject": subject, "version": number}
            for name, (subject, number) in version.get("references", {}).items()
        ],
    }


def _delete(registry: AxonOpsRegistry, entry: dict[str, Any]) -> None:
    """Soft-delete what is told to be deleted; what is told to be hard-deleted, after that for good."""
    path = f"/subjects/{_quoted(entry['subject'])}"
    marked = [(path, entry.get("deleted"))]
    marked += [(f"{path}/versions/{n}", v.get("deleted")) for n, v in enumerate(entry["versions"], 1)]
    for target, how in marked:
        if how:
            registry.call("DELETE", target)
        if how == "hard":
            registry.call("DELETE", f"{target}?permanent=true")


def _numbered(value: Any, number: int) -> Any:
    """The same value with the running number in place of ``{n}`` in its texts."""
    if isinstance(value, dict):
        return {key: _numbered(item, number) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbered(item, number) for item in value]
    return value.replace("{n}", f"{number:04}") if isinstance(value, str) else value


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject)
