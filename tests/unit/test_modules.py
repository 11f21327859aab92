# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' code is thin, their documentation agrees with it, and no option is accepted and ignored."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import FAMILIES
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import (
    OAuthSettings,
    RegistryOAuthSettings,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import (
    KafkaSettings,
    RegistrySettings,
    StoreSettings,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.change_configs import FIELDS as CONFIG_FIELDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.import_registry import ImportRequest
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.link_requests import LinkRequest
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.subject_requests import SubjectRequest
from testbed.module_docs import module_docs
from testbed.modules import MODULES

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
MOST_LINES = 60
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def code(module: str) -> list[ast.stmt]:
    """Return a module's statements without its documentation."""

    def is_documentation(node: ast.stmt) -> bool:
        targets = node.targets if isinstance(node, ast.Assign) else []
        return any(isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in targets)

    return [node for node in tree(PLUGINS / "modules" / f"{module}.py").body if not is_documentation(node)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_thin(module: str) -> None:
    source = (PLUGINS / "modules" / f"{module}.py").read_text().splitlines()
    lines = [
        number
        for node in code(module)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if source[number - 1].strip()
    ]
    assert len(lines) <= MOST_LINES


def names_used(nodes: list[ast.stmt]) -> set[str]:
    """Return the texts that subscripts and calls of some code are given."""
    used = set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Subscript | ast.Call | ast.GeneratorExp | ast.comprehension):
                used |= {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return used


def attributes_used(*places: str) -> set[str]:
    """Return the names of all attributes that are read in some rooms or files."""
    patterns = [place if place.endswith(".py") else f"{place}/*.py" for place in places]
    paths = [path for pattern in patterns for path in (PLUGINS / "module_utils").glob(pattern)]
    return {
        node.attr
        for path in paths
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@pytest.mark.parametrize("module", MODULES)
def test_every_option_is_used(module: str) -> None:
    options = module_docs()[module]["doc"]["options"]
    choosable = {name for name, option in options.items() if len(option.get("choices") or [1, 2]) > 1}
    plans = [node for node in code(module) if isinstance(node, ast.FunctionDef) and node.name != "main"]
    used = names_used(plans) | {node.attr for top in plans for node in ast.walk(top) if isinstance(node, ast.Attribute)}
    for request in (ImportRequest, SubjectRequest, LinkRequest):
        if any(request.__name__ in ast.dump(plan) for plan in plans):
            used |= {"subjects", *(field.name for field in fields(request))} & attributes_used("_operations")
    if any("FIELDS" in ast.dump(plan) for plan in plans):
        used |= set(CONFIG_FIELDS)
    assert choosable - used - {"progress_file"} == set()  # which becomes the task's progress


def test_every_option_of_a_family_is_used() -> None:
    read = attributes_used("_registry", "_kafka", "_archive", "_storage", "_core/client_credentials.py")
    assert {field.name for field in fields(RegistrySettings)} - read == set()
    assert {field.name for field in fields(StoreSettings)} - read == set()
    assert set(FAMILIES["registry"]) - {"url"} == {field.name for field in fields(RegistrySettings)} - {"urls"}
    assert {field.name for field in fields(RegistryOAuthSettings)} - read == set()
    assert set(FAMILIES["registry"]["oauth"]["options"]) == {field.name for field in fields(RegistryOAuthSettings)}
    assert set(FAMILIES["store"]) == {field.name for field in fields(StoreSettings)}
    assert {field.name for field in (*fields(KafkaSettings), *fields(OAuthSettings))} - read == set()
    assert set(FAMILIES["kafka"]) == {field.name for field in fields(KafkaSettings)}
    assert set(FAMILIES["kafka"]["oauth"]["options"]) == {field.name for field in fields(OAuthSettings)}


@pytest.mark.parametrize("module", MODULES)
def test_attributes_are_told(module: str) -> None:
    attributes = module_docs()[module]["doc"]["attributes"]
    assert set(attributes) == {"check_mode", "diff_mode", "idempotent", "action_group"}
    groups = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text())["action_groups"]
    member = sorted(f"lifeboat.kafka.{group}" for group, modules in groups.items() if module in modules)
    assert sorted(attributes["action_group"]["membership"]) == member
    for attribute in attributes.values():
        assert attribute["support"] in ("full", "partial", "none", "N/A")
        assert attribute["support"] != "partial" or attribute["details"]


@pytest.mark.parametrize("module", MODULES)
def test_every_value_is_shown_by_a_sample(module: str) -> None:
    def missing(values: dict[str, Any], where: str) -> Iterator[str]:
        for name, value in values.items():
            if "contains" in value:
                yield from missing(value["contains"], f"{where}{name}.")
            elif value.get("sample") is None:
                yield f"{where}{name}"

    assert list(missing(module_docs()[module]["return"], "")) == []


@pytest.mark.parametrize("module", MODULES)
def test_examples_name_the_module_in_full(module: str) -> None:
    tasks = yaml.safe_load(module_docs()[module]["examples"])
    used = [key for task in tasks for key in task if "." in key]
    assert len(used) == len(tasks)
    assert f"lifeboat.kafka.{module}" in used
    assert all(task["name"] for task in tasks)


@pytest.mark.parametrize("family", FAMILIES)
def test_secrets_are_marked(family: str) -> None:
    words = ("password", "key", "token", "secret")
    options = dict(FAMILIES[family])
    for rules in FAMILIES[family].values():
        options |= rules.get("options", {})
    looks_secret = {name for name in options if any(word in name for word in words)}
    assert {name for name, rules in options.items() if "no_log" in rules} == looks_secret
    assert {name for name in looks_secret if not options[name]["no_log"]} <= {
        "client_key",
        "token_url",
    }  # a path, a URL
