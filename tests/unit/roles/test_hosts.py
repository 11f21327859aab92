# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before any work: whether a play finds hosts, and whether each knows its store, registry and cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import FAMILIES
from testbed.ansible import Ansible

ROLES = Path(__file__).resolve().parents[3] / "roles"
REGISTRY = {"url": "https://registry.example.org"}
KAFKA = {"bootstrap_servers": "kafka-1.example.org:9092"}
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
            "neither": {"lifeboat_store": STORE},
            "text-registry": {"lifeboat_store": STORE, "lifeboat_registry": "https://registry.example.org"},
            "empty": {"lifeboat_store": STORE, "lifeboat_registry": "", "lifeboat_kafka": {}},
            "text-cluster": {"lifeboat_store": STORE, "lifeboat_kafka": "kafka-1.example.org:9092"},
            "text-cluster-too": {"lifeboat_store": STORE, "lifeboat_registry": REGISTRY, "lifeboat_kafka": "x:1"},
        },
    )
    outcome = ansible.play("backup", inventories=(hosts,))
    assert outcome.status == 2
    for host, told in {
        "no-store": "no-store has no store for backups.",
        "text-store": "The store of text-store is not a dictionary.",
        "neither": "neither has neither a schema registry nor a Kafka cluster.",
        "text-registry": "The schema registry of text-registry is not a dictionary.",
        "empty": "empty has neither a schema registry nor a Kafka cluster.",
        "text-cluster": "The Kafka cluster of text-cluster is not a dictionary.",
        "text-cluster-too": "The Kafka cluster of text-cluster-too is not a dictionary.",
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


def test_hosts_may_not_share_the_cluster_of_the_environment(ansible: Ansible) -> None:
    own = {"lifeboat_registry": REGISTRY, "lifeboat_kafka": {}, "lifeboat_store": {"path": "/nonexistent/own"}}
    hosts = inventory(ansible, lifeboat={"a": {}, "b": {"lifeboat_registry": REGISTRY}, "c": own})
    environment = {"LIFEBOAT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "LIFEBOAT_STORE_PATH": "/nonexistent/store"}
    outcome = ansible.play("backup", inventories=(hosts,), environment=environment)
    assert outcome.messages("a")[-1].startswith("a, b would all take the one cluster")
    assert outcome.messages("b") == outcome.messages("a")
    assert "/nonexistent/own" in outcome.messages("c")[-1]


def test_the_environment_gives_all_suboptions() -> None:
    variables = yaml.safe_load((ROLES / "connection" / "vars" / "main.yml").read_text())
    nested = {
        family: {option: list(rules["options"]) for option, rules in spec.items() if "options" in rules}
        for family, spec in FAMILIES.items()
    }
    assert variables["__connection_suboptions"] == {family: options for family, options in nested.items() if options}


CONNECT = """
- hosts: lifeboat
  connection: local
  gather_facts: false
  roles:
    - role: lifeboat.kafka.connection
      vars:
        connection_store: "{{ lifeboat_store }}"
        {needs}: "{{ {own} | default(connection_environment.{family}) }}"
  tasks:
    - ansible.builtin.debug:
        msg: "{{ connection_environment.{family} }}"
"""


def connect(ansible: Ansible, family: str, environment: dict[str, str], **variables: Any) -> list[Any]:
    """The messages of a host in a play that needs one family; at the end, what the environment says of it."""
    texts = {"needs": f"connection_{family}", "own": f"lifeboat_{family}", "family": family}
    play = CONNECT
    for name, text in texts.items():
        play = play.replace("{" + name + "}", text)
    (ansible.folder / "connect.yml").write_text(play)
    hosts = inventory(ansible, lifeboat={"prod": {"lifeboat_store": STORE, **variables}})
    return ansible.play("connect.yml", inventories=(hosts,), environment=environment).messages("prod")


@pytest.mark.parametrize(("family", "what"), [("registry", "schema registry"), ("kafka", "Kafka cluster")])
def test_a_role_that_needs_one_of_them_says_so(ansible: Ansible, family: str, what: str) -> None:
    other = {"registry": {"lifeboat_kafka": KAFKA}, "kafka": {"lifeboat_registry": REGISTRY}}[family]
    (message,) = connect(ansible, family, {}, **other)
    assert message.startswith(f"prod has no {what}.")


def test_the_environment_gives_a_cluster(ansible: Ansible) -> None:
    given = {
        "bootstrap_servers": "kafka-1:9092,kafka-2:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "validate_certs": "no",
        "client_options": '{"client.id": "x"}',
        "username": "",
    }
    oauth = {"token_url": "https://login.example.org/token", "client_id": "backup", "client_secret": "s3cret"}
    environment = {f"LIFEBOAT_KAFKA_{name.upper()}": value for name, value in given.items()}
    environment |= {f"LIFEBOAT_KAFKA_OAUTH_{name.upper()}": value for name, value in oauth.items()}
    (told,) = connect(ansible, "kafka", environment)
    assert told == {name: value for name, value in given.items() if value} | {"oauth": oauth}


def test_the_environment_gives_a_registry(ansible: Ansible) -> None:
    given = {"url": "https://registry.example.org", "rate_limit": "5", "token": "", "proxy": "http://proxy:3128"}
    oauth = {"token_url": "https://login.example.org/token", "client_id": "backup", "logical_cluster": "lsrc-1"}
    environment = {f"LIFEBOAT_REGISTRY_{name.upper()}": value for name, value in given.items()}
    environment |= {f"LIFEBOAT_REGISTRY_OAUTH_{name.upper()}": value for name, value in oauth.items()}
    (told,) = connect(ansible, "registry", environment)
    assert told == {name: value for name, value in given.items() if value} | {"oauth": oauth}


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
