# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents say agrees with what there is: links, lists of modules and roles, names of options, commands."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from collection_copy import CHECKOUT, known_files

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import FAMILIES
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from testbed.documents import Document, Shown, blocks, shown, unlike

DOCUMENTS = [Document(name) for name in known_files() if name.endswith(".md")]
README, CONTRIBUTING = Document("README.md"), Document("docs/contributing.md")
REGISTRIES = Document("docs/guides/registries.md")
EVERYWHERE = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)

MODULES = {path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py")}
ROLES = {path.name for path in (CHECKOUT / "roles").iterdir() if path.is_dir()}
PLAYBOOKS = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")} - {"check_hosts"}
DEFAULTS = {
    path.parents[1].name: yaml.safe_load(path.read_text()) for path in CHECKOUT.glob("roles/*/defaults/main.yml")
}
TARGETS = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def first_column(text: str) -> list[str]:
    """The code in the first column of all tables of a text."""
    return re.findall(r"^\| \[?`([^`]+)`", text, re.MULTILINE)


def part(document: Document, heading: str) -> str:
    """The text below a heading of any level, up to the next one."""
    return re.split(r"^#+ ", re.split(rf"^#+ {heading}\n", document.text, flags=re.MULTILINE)[1], flags=re.MULTILINE)[0]


def anchors(path: Path) -> set[str]:
    """What links can name in a document: its headings, as they are written in addresses."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings(text: str) -> set[str]:
    """The variables that ``-e`` sets in a text."""
    return set(re.findall(r"-e (\w+)=", text))


@EVERYWHERE
def test_links_lead_somewhere(document: Document) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.text):
        assert "://" not in target, "an address outside of the checkout"
        name, _hash, anchor = target.partition("#")
        path = (document.path.parent / name).resolve() if name else document.path
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@EVERYWHERE
def test_playbooks_and_make_targets_exist(document: Document) -> None:
    assert set(re.findall(r"ansible-playbook +lifeboat\.kafka\.(\w+)", document.text)) <= PLAYBOOKS
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", document.text, re.MULTILINE)) <= TARGETS


@EVERYWHERE
def test_whatever_has_the_collections_name_exists(document: Document) -> None:
    others = {"all", "kafka", "registry", "store", "names", "counted"}  # action groups, and the filters
    named = set(re.findall(r"`lifeboat\.kafka\.(\w+)`", document.text))
    assert named <= MODULES | ROLES | PLAYBOOKS | others


@EVERYWHERE
def test_variables_exist(document: Document) -> None:
    used = "\n".join(
        (CHECKOUT / name).read_text() for name in known_files() if re.match(r"(roles|playbooks)/.*\.yml$", name)
    )
    variables = {name for names in DEFAULTS.values() for name in names}
    for name in settings(document.text) | set(re.findall(r"\blifeboat_[a-z_]+", document.text)):
        assert name in variables or re.search(rf"\b{name}\b", used), name
    for name in re.findall(r"`((?:restore|verify|init|backup)_[a-z_]+)`", document.text):
        assert name in variables | MODULES, name


@EVERYWHERE
def test_environment_variables_exist(document: Document) -> None:
    known = {f"LIFEBOAT_{family}_{option}".upper() for family, options in FAMILIES.items() for option in options}
    for family, spec in FAMILIES.items():
        for option, rules in spec.items():
            known |= {f"LIFEBOAT_{family}_{option}_{name}".upper() for name in rules.get("options", {})}
    known |= {"LIFEBOAT_CACHE", "LIFEBOAT_PYTHON"}
    for name in re.findall(r"\bLIFEBOAT_[A-Z_]*[A-Z]\b(?![_*])", document.text):
        assert name in known, name


def test_the_guide_names_every_option_of_registries() -> None:
    guide = Document("docs/guides/registry-connections.md")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`(.*) \|", guide.marked("options"), re.MULTILINE)
    assert [option for option, _variable, _more in rows] == list(FAMILIES["registry"])
    for option, variable, more in rows:
        suboptions = FAMILIES["registry"][option].get("options", {})
        named = [f"LIFEBOAT_REGISTRY_{option}_{name}".upper() for name in suboptions]
        prefix = f"LIFEBOAT_REGISTRY_{option}".upper()
        assert [variable, *(f"{prefix}{end}" for end in re.findall(r"`…(\w+)`", more))] == (named or [prefix])


@pytest.mark.parametrize(("heading", "all_of_them"), [("Modules", MODULES), ("Roles", ROLES), ("Playbooks", PLAYBOOKS)])
def test_the_readme_lists(heading: str, all_of_them: set[str]) -> None:
    listed = first_column(part(README, heading))
    assert sorted(listed) == sorted(f"lifeboat.kafka.{name}" for name in all_of_them)


@pytest.mark.parametrize("role", DEFAULTS)
def test_a_roles_readme_lists_its_variables(role: str) -> None:
    assert first_column(Document(f"roles/{role}/README.md").text) == list(DEFAULTS[role])


def test_make_targets_are_listed() -> None:
    assert first_column(part(CONTRIBUTING, "Make targets")) == [
        f"make {target}"
        for target in re.findall(r"^([a-z]+):[^#\n]*##", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    ]


def test_rooms_are_listed_with_those_they_may_know() -> None:
    house = load_test("test_house").MAY_IMPORT
    rooms = {
        path.name: house[path.name]
        for folder in (CHECKOUT / "plugins", CHECKOUT / "plugins" / "module_utils")
        for path in folder.iterdir()
        if path.is_dir() and path.name in house
    }
    told = re.findall(r"^\| `(\w+)/` \|[^|]*\| (.*) \|$", part(CONTRIBUTING, "The house"), re.MULTILINE)
    assert len(told) == len(rooms)
    assert {room: set(re.findall(r"`(\w+)`", known)) for room, known in told} == {
        room: known & rooms.keys() for room, known in rooms.items()
    }


def test_kinds_of_losses_are_listed() -> None:
    assert first_column(part(REGISTRIES, "What a registry loses")) == list(LOSS_KINDS)


def test_decisions_are_listed() -> None:
    index = CHECKOUT / "docs" / "decisions" / "README.md"
    numbered = sorted(path.name for path in index.parent.glob("[0-9]*.md"))
    assert re.findall(r"^\| \[\d{4}\]\((.*)\) \|", index.read_text(), re.MULTILINE) == numbered


def test_the_figures_of_the_readme_are_marked() -> None:
    assert README.section("Figures").startswith("\n<!-- figures -->\n")
    assert README.section("Figures").rstrip().endswith("<!-- /figures -->")


def test_commands_are_read_from_documents() -> None:
    text = "```console\n$ cat <<'END'\n$ no command\nEND\n$ ls\na\n…\n```\n```sh\nmake\n```\n"
    assert list(shown(text)) == [Shown("cat <<'END'\n$ no command\nEND", []), Shown("ls", ["a", "…"])]
    assert blocks(text, "sh") == ["make\n"]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a"], "a\n", True),
        (["a"], "b\n", False),
        (["a.c"], "abc\n", False),
        (["…", "b"], "a\na\nb\n", True),
        (["…", "b"], "b \n\n", True),
        (["…", "b"], "a\nb\nc\n", False),
        ([], "", True),
        ([], "a\n", False),
        (["at 2026-01-31T12:00:00.000Z"], "at 2027-01-31T12:00:00.100Z\n", True),
    ],
)
def test_what_is_printed_is_compared(expected: list[str], printed: str, same: bool) -> None:
    assert (unlike(expected, printed) is None) == same


def load_test(name: str) -> Any:
    """Import another test file, whose directory is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
