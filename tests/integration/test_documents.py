# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that the documents show are run as a reader runs them, and must print what is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from testbed.ansible import PROGRAM, Ansible
from testbed.axonops import AxonOpsRegistry
from testbed.documents import Document, Shown, shown, unlike
from testbed.fixtures import RegistryFactory
from testbed.kafka import Kafka

README = Document("README.md")
GUIDE = Document("docs/guides/first-backup-and-restore.md")
TOPICS = Document("docs/guides/topics.md")
MOVING = Document("docs/guides/moving-schemas.md")
ADMINISTRATION = Document("docs/guides/administering-registries.md")


class Reader:
    """Somebody who types in what a document shows, in one shell."""

    def __init__(self, folder: Path, places: dict[str, str], environment: dict[str, str]) -> None:
        self.folder = folder
        self._places = places
        self._environment = Ansible(folder).environment() | {
            "PATH": os.pathsep.join((str(PROGRAM.parent), os.environ["PATH"])),
            "ANSIBLE_FORKS": "1",  # hosts in the order of the inventory
            **environment,
        }

    def write_inventory(self, document: Document) -> None:
        """Write the document's first inventory, with places that are really there."""
        text = document.blocks("yaml")[0]
        (self.folder / "inventory.yml").write_text(self._put(text))

    def follow(self, text: str) -> None:
        """Type all commands of a text in, and compare what each of them prints."""
        commands = list(shown(text))
        assert commands
        for command, printed in zip(commands, self._type(commands), strict=True):
            difference = unlike([self._put(line) for line in command.output], printed)
            assert difference is None, f"$ {command.command}\n{difference}"

    def _type(self, commands: list[Shown]) -> list[str]:
        mark = "what-follows-was-printed-by-the-next-command"
        script = "".join(f"{self._put(command.command)}\necho; echo {mark}\n" for command in commands)
        process = subprocess.run(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return re.split(rf"^{mark}\n", process.stdout, flags=re.MULTILINE)[:-1]

    def _put(self, text: str) -> str:
        for place, real in self._places.items():
            text = text.replace(place, real)
        return text


def test_the_guide(registry_factory: RegistryFactory, tmp_path: Path) -> None:
    places = {"/tmp/lifeboat-store": str(tmp_path / "store")}
    addresses = {"PROD_REGISTRY": registry_factory().endpoint, "DR_REGISTRY": registry_factory().endpoint}
    reader = Reader(tmp_path, places, addresses)
    reader.write_inventory(GUIDE)

    reader.follow(GUIDE.text)


def test_the_guide_on_moving(registry_factory: RegistryFactory, tmp_path: Path) -> None:
    places = {"/tmp/lifeboat-moves": str(tmp_path / "store")}
    names = ("PROD_REGISTRY", "TEST_REGISTRY", "PAYMENTS_REGISTRY")
    reader = Reader(tmp_path, places, {name: registry_factory().endpoint for name in names})
    reader.write_inventory(MOVING)

    reader.follow(MOVING.text)


def test_the_guide_on_topics(tmp_path: Path) -> None:
    places = {"/tmp/lifeboat-topics": str(tmp_path / "store")}
    with Kafka() as prod, Kafka() as dr:
        reader = Reader(tmp_path, places, {"PROD_KAFKA": prod.endpoint, "DR_KAFKA": dr.endpoint})
        reader.write_inventory(TOPICS)

        reader.follow(TOPICS.text)


def test_the_guide_on_administration(registry_factory: RegistryFactory, tmp_path: Path) -> None:
    Reader(tmp_path, {}, {"LIFEBOAT_REGISTRY_URL": registry_factory().endpoint}).follow(ADMINISTRATION.text)


def test_the_readme(registry_factory: RegistryFactory, tmp_path: Path) -> None:
    registry = registry_factory(auth="basic", admin=("lifeboat", "a secret"))
    places = {
        "http://registry.prod.example.org:8081": registry.endpoint,
        "/srv/lifeboat": str(tmp_path / "store"),
    }
    reader = Reader(tmp_path, places, {"PROD_REGISTRY_PASSWORD": registry.admin[1]})
    reader.write_inventory(README)
    fill(registry)

    reader.follow(README.section("Back up your own"))
    registry.wipe()
    reader.follow(README.section("Restore it"))


def fill(registry: AxonOpsRegistry) -> None:
    """Register what the guide does."""
    for subject, body in zip(("address", "orders", "orders"), written_files(), strict=True):
        registry.call("POST", f"/subjects/{subject}-value/versions", body)
    registry.call("PUT", "/config/orders-value", {"compatibility": "FULL"})


def written_files() -> list[object]:
    """The bodies that the guide writes into files."""
    return [json.loads(body) for body in re.findall(r"<<'END'\n(.*?)^END$", GUIDE.text, re.MULTILINE | re.DOTALL)]
