# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before any work: whether a play finds hosts, and whether each knows its store and its registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.ansible import Ansible

REGISTRY = {"url": "https://registry.example.org"}
STORE = {"path": "/srv/lifeboat"}
ENVIRONMENT = {"LIFEBOAT_REGISTRY_URL": "http://127.0.0.1:9", "LIFEBOAT_STORE_PATH": "/nonexistent/store"}


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)


def inventory(ansible: Ansible, **groups: dict[str, Any]) -> Path:
    """Write an inventory of groups with their hosts' variables."""
    path = ansible.folder / "hosts.yml"
    path.write_text(yaml.safe_dump({group: {"hosts": hosts} for group, hosts in groups.items()}))
    return path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "the inventory has no host in lifeboat."),
        (("-i", "hosts.yml", "-e", "lifeboat_hosts=absent"), "the inventory has no host in absent."),
        (("-i", "hosts.yml", "-e", "lifeboat_hosts=prod:!prod"), "the inventory has no host in prod:!prod."),
        (("-i", "hosts.yml", "--limit", "other"), "no host in lifeboat that is also in --limit other."),
    ],
)
def test_a_play_without_hosts_fails(ansible: Ansible, arguments: tuple[str, ...], told: str) -> None:
    inventory(ansible, lifeboat={"prod": {}, "dr": {}}, others={"other": {}})
    outcome = ansible.play("backup", *arguments)
    assert outcome.status == 2
    assert told in outcome.output
    assert "PLAY [Back up]" not in outcome.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("-i", "hosts.yml"),
        ("-i", "hosts.yml", "--limit", "dr"),
        ("-i", "hosts.yml", "-e", "lifeboat_hosts=other"),
        ("-i", "hosts.yml", "-e", '{"lifeboat_hosts": ["prod", "other"]}'),
        ("-e", "lifeboat_hosts=localhost"),
    ],
)
def test_a_play_with_hosts_goes_on(ansible: Ansible, arguments: tuple[str, ...]) -> None:
    inventory(ansible, lifeboat={"prod": {}, "dr": {}}, others={"other": {}})
    outcome = ansible.play("check_hosts", *arguments)
    assert (outcome.status, "skipped=1" in outcome.output) == (0, True)


def test_an_inventory_that_chooses_the_hosts_is_told_that_it_cannot(ansible: Ansible) -> None:
    inventory(ansible, lifeboat={"prod": {"lifeboat_hosts": "other"}}, others={"other": {}})
    outcome = ansible.play("backup", "-i", "hosts.yml")
    assert outcome.status == 2
    assert "give it with -e lifeboat_hosts=PATTERN" in outcome.output


def test_a_missing_or_unclear_connection_stops_the_host(ansible: Ansible) -> None:
    hosts = inventory(
        ansible,
        lifeboat={
            "no-store": {"lifeboat_registry": REGISTRY},
            "text-store": {"lifeboat_registry": REGISTRY, "lifeboat_store": "/srv/lifeboat"},
            "no-registry": {"lifeboat_store": STORE},
            "text-registry": {"lifeboat_store": STORE, "lifeboat_registry": "https://registry.example.org"},
            "empty-registry": {"lifeboat_store": STORE, "lifeboat_registry": ""},
        },
    )
    outcome = ansible.play("backup", inventories=(hosts,))
    assert outcome.status == 2
    for host, told in {
        "no-store": "no-store has no store for backups.",
        "text-store": "The store of text-store is not a dictionary.",
        "no-registry": "no-registry has no schema registry.",
        "text-registry": "The schema registry of text-registry is not a dictionary.",
        "empty-registry": "empty-registry has no schema registry.",
    }.items():
        (message,) = outcome.messages(host)
        assert message.startswith(told)


def test_the_environment_does_not_stand_in_for_a_variable_that_cannot_be_read(ansible: Ansible) -> None:
    variables = {"lifeboat_store": STORE, "lifeboat_registry": REGISTRY | {"password": "{{ absent }}"}}
    hosts = inventory(ansible, lifeboat={"prod": variables})
    outcome = ansible.play("backup", inventories=(hosts,), environment=ENVIRONMENT)
    assert outcome.status == 2
    assert "defined" in outcome.messages("prod")[-1]
    assert "Open a restore point" not in outcome.output


def test_hosts_may_not_share_the_registry_of_the_environment(ansible: Ansible) -> None:
    hosts = inventory(ansible, lifeboat={"a": {}, "b": {"lifeboat_registry": REGISTRY}, "c": {}})
    outcome = ansible.play("backup", inventories=(hosts,), environment=ENVIRONMENT)
    assert outcome.messages("a")[-1].startswith("a, c would all take the one registry")
    assert outcome.messages("c") == outcome.messages("a")
    assert "/nonexistent/store" in outcome.messages("b")[-1]


def test_one_after_the_other_they_may_not_either(ansible: Ansible) -> None:
    hosts = inventory(ansible, lifeboat={"a": {}, "b": {}})
    outcome = ansible.play("restore", "-e", "lifeboat_serial=1", inventories=(hosts,), environment=ENVIRONMENT)
    assert outcome.messages("a")[-1].startswith("a, b would all take the one registry")


@pytest.mark.parametrize("limit", ["a", "a,b"])
def test_one_host_takes_them_from_the_environment(ansible: Ansible, limit: str) -> None:
    hosts = inventory(ansible, lifeboat={"a": {}, "b": {"lifeboat_registry": REGISTRY}, "c": {}})
    outcome = ansible.play("backup", "--limit", limit, inventories=(hosts,), environment=ENVIRONMENT)
    assert "/nonexistent/store" in outcome.messages("a")[-1]


def test_what_the_environment_says_of_the_store_is_not_mixed_with_the_hosts_own(ansible: Ansible) -> None:
    hosts = inventory(ansible, lifeboat={"a": {"lifeboat_store": {"path": "/nonexistent/own"}}})
    outcome = ansible.play("backup", inventories=(hosts,), environment=ENVIRONMENT)
    assert "/nonexistent/own" in outcome.messages("a")[-1]
