# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and playbooks agree with each other, with their documentation, and with the modules that they call."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import FAMILIES

ROOT = Path(__file__).resolve().parents[3]
ROLES = ("init", "backup", "restore", "verify")
ALL_ROLES = ("connection", *ROLES)


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def options(role: str) -> dict[str, Any]:
    return dict(load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"])


def module_options(module: str) -> set[str]:
    """The options of a module and of the documentation fragments that it takes."""
    documentation = yaml.safe_load(constant(ROOT / "plugins" / "modules" / f"{module}.py", "DOCUMENTATION"))
    found = set(documentation["options"])
    for fragment in documentation["extends_documentation_fragment"]:
        name, __, part = fragment.removeprefix("lifeboat.kafka.").partition(".")
        text = constant(ROOT / "plugins" / "doc_fragments" / f"{name}.py", (part or "documentation").upper())
        found |= set(yaml.safe_load(text).get("options") or {})
    return found


def constant(path: Path, name: str) -> str:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{path.name} has no {name}")


def test_all_roles_are_tested() -> None:
    assert sorted(ALL_ROLES) == sorted(path.name for path in (ROOT / "roles").iterdir())


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specification_name_the_same_variables(role: str) -> None:
    assert sorted(load(f"roles/{role}/defaults/main.yml")) == sorted(options(role))


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_what_the_specification_says(role: str) -> None:
    defaults = load(f"roles/{role}/defaults/main.yml")
    for name, option in options(role).items():
        if "default" in option or "{{" not in str(defaults[name]):
            assert defaults[name] == option["default"], name


@pytest.mark.parametrize("role", ROLES)
def test_readme_has_a_row_for_every_variable(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [name for name in options(role) if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_environment_gives_all_of_a_family(family: str) -> None:
    assert load("roles/connection/vars/main.yml")["__connection_options"][family] == list(FAMILIES[family])


@pytest.mark.parametrize(
    ("tasks", "module", "own"),
    [
        ("import", "schema_registry_import", set()),
        ("topics", "topic_restore", {"progress_file"}),
        ("compare", "topic_verify", {"progress_file", "fail_on_difference"}),
    ],
)
def test_the_role_restore_gives_the_modules_all_that_they_take(tasks: str, module: str, own: set[str]) -> None:
    (given,) = given_to(module, load(f"roles/restore/tasks/{tasks}.yml"))
    assert set(given) == module_options(module) - own
    named = {
        "backup_id": "restore_from",
        "restore_point": "__restore_number",
        "only_groups": "__restore_only_groups",
    }
    for option, value in given.items():
        assert value.startswith("{{ " + named.get(option, f"restore_{option}") + " "), option


@pytest.mark.parametrize(
    ("module", "own"),
    [("schema_registry_export", {"lease_timeout"}), ("topic_backup", {"lease_timeout", "progress_file"})],
)
def test_the_role_backup_gives_the_modules_all_that_they_take(module: str, own: set[str]) -> None:
    (given,) = given_to(module, load("roles/backup/tasks/main.yml"))
    assert set(given) == module_options(module) - own


def given_to(module: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The arguments of all tasks that call a module, those in blocks too."""
    every = [task for outer in tasks for task in (outer, *outer.get("block", []))]
    return [task[f"lifeboat.kafka.{module}"] for task in every if f"lifeboat.kafka.{module}" in task]


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml")))
def test_every_play_has_the_same_header(name: str) -> None:
    *before, play = load(f"playbooks/{name}.yml")
    assert play["connection"] == "local"
    assert (play["gather_facts"], play["become"]) == (False, False)
    assert play["vars"]["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
    if name != "check_hosts":
        assert [entry["import_playbook"] for entry in before] == ["check_hosts.yml"]
        assert play["hosts"] == "{{ lifeboat_hosts | default('lifeboat') }}"
        assert play["serial"] == "{{ lifeboat_serial | default('100%') }}"
        assert play["roles"] == [{"role": f"lifeboat.kafka.{name}"}]
