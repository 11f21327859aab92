# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's metadata agrees with its content: action groups, requirement files, version, licence headers."""

from __future__ import annotations

import ast
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from collection_copy import known_files

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for path in (ROOT / "plugins" / "modules").glob("*.py") if path.name != "__init__.py")
SHIPPED = {  # at the top of the tarball, besides the content itself
    "CHANGELOG.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "plugins",
    "requirements.txt",
    "roles",
    "playbooks",
}
FAMILIES = ("registry", "kafka", "store")  # each is an option, and the action group of the modules that take it


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def constant(module: Path, name: str) -> str:
    """Return the text that a module assigns to a name at its top, such as DOCUMENTATION."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{module.name} has no {name}")


def options(module: Path) -> set[str]:
    """Return the names of a module's options, those of its documentation fragments included."""
    documentation = yaml.safe_load(constant(module, "DOCUMENTATION"))
    names = set(documentation.get("options") or {})
    for fragment in documentation.get("extends_documentation_fragment") or []:
        names |= fragment_options(fragment)
    return names


def fragment_options(fragment: str) -> set[str]:
    name, *part = fragment.removeprefix("lifeboat.kafka.").split(".")
    source = ast.parse((ROOT / "plugins" / "doc_fragments" / f"{name}.py").read_text())
    wanted = (part[0] if part else "documentation").upper()
    for node in ast.walk(source):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == wanted for t in node.targets):
            return set(yaml.safe_load(ast.literal_eval(node.value)).get("options") or {})
    raise AssertionError(f"the documentation fragment {fragment} was not found")


def test_group_all_holds_every_module() -> None:
    assert load("meta/runtime.yml")["action_groups"]["all"] == [path.stem for path in MODULES]


@pytest.mark.parametrize("family", FAMILIES)
def test_group_of_a_family_holds_the_modules_that_take_it(family: str) -> None:
    group = load("meta/runtime.yml")["action_groups"].get(family, [])
    # what a module takes only from its own task must not come from the defaults of a group
    takers = [path for path in MODULES if f'explicit=("{family}",)' not in path.read_text()]
    assert group == [path.stem for path in takers if family in options(path)]


def test_action_plugins_belong_to_modules() -> None:
    plugins = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")} - {"__init__"}
    assert plugins <= {path.stem for path in MODULES}


def test_execution_environment_needs_what_the_modules_need() -> None:
    assert requirements("meta/ee-requirements.txt") == requirements("requirements.txt")


def requirements(path: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / path).read_text().splitlines())
    return [line for line in lines if line]


def test_every_runtime_requirement_says_what_it_is_for() -> None:
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.search(r"  # \w", line)] == []


def test_version_stands_in_one_place() -> None:
    version = load("galaxy.yml")["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    pattern = re.compile(rf"(?<![\w.]){re.escape(version)}(?![\w.])")
    code = [name for name in known_files() if name.endswith((".py", ".yml", ".yaml", ".toml")) or name == "Makefile"]
    told = [name for name in code if not name.startswith("changelogs/") and pattern.search((ROOT / name).read_text())]
    assert told == ["galaxy.yml"]


def test_tarball_leaves_out_what_only_development_needs(tmp_path: Path) -> None:
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("lifeboat-kafka-*.tar.gz"))) as tarball:
        names = {name for name in tarball.getnames() if not name.startswith(("plugins/", "roles/", "playbooks/"))}
        content = tarball.getnames()
    assert {name.split("/")[0] for name in names} <= SHIPPED
    assert [name for name in content if "__pycache__" in name or name.endswith(".pyc")] == []
