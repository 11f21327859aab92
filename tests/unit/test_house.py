# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of the house, and who may know whom: read from the imports of everything in plugins/."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# Which rooms each room may import, itself apart. Data flows one way: modules, _ansible, _operations, then the rooms
# that reach outside; the pure rooms at the bottom are values, known to those who work with them.
MAY_IMPORT = {
    "modules": {"_ansible", "_operations", "_schemas", "_core"},
    "action": {"plugin_utils", "_ansible", "_core"},
    "plugin_utils": {"_ansible", "_core"},
    "filter": {"_core"},
    "doc_fragments": set(),
    "_ansible": {"_operations", "_schemas", "_core"},
    "_operations": {"_archive", "_registry", "_kafka", "_schemas", "_records", "_core"},
    "_archive": {"_storage", "_schemas", "_core"},
    "_storage": {"_core"},
    "_registry": {"_schemas", "_core"},
    "_kafka": {"_records", "_core"},
    "_schemas": {"_core"},
    "_records": {"_core"},
    "_core": set(),
}

# The rooms that adapt a library that is not Python's own: no other imports it.
LIBRARIES = {
    "ansible": {"_ansible", "modules", "action", "plugin_utils", "filter"},
    "jmespath": {"_ansible"},
    "httpx": {"_registry"},
    "confluent_kafka": {"_kafka"},
    "kafka": {"_kafka"},
    "boto3": {"_storage"},
    "botocore": {"_storage"},
    "cryptography": {"_archive"},
    "zstandard": {"_archive"},
    "crc32c": {"_records"},
    "cramjam": {"_records"},
}

# Rooms without input and output, and all that they may use of the standard library.
PURE = {"_core", "_schemas", "_records"}
# fmt: off
PURE_STANDARD_LIBRARY = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fnmatch", "fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "itertools", "json",
    "math", "operator", "random", "re", "string", "struct", "textwrap", "time", "types", "typing", "unicodedata",
    "urllib.parse", "uuid", "zlib",
}
# fmt: on
PURE_MAY_NOT_CALL = {"open", "input", "exec", "eval", "__import__"}

# Only these rooms know Ansible; elsewhere these names do not occur.
KNOW_ANSIBLE = {"_ansible", "modules", "action", "plugin_utils", "filter"}
ANSIBLES_NAMES = {"AnsibleModule", "fail_json", "exit_json", "check_mode", "run_command", "no_log_values"}

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
MODULE_UTILS = ("ansible_collections", "lifeboat", "kafka", "plugins", "module_utils")


def violations(path: str, source: str) -> list[str]:
    """Return what a file does against the rules, as sentences.

    ``path`` is relative to plugins/, with slashes.
    """
    room = room_of(path)
    if room not in MAY_IMPORT:
        return [f"{path}: the house has no room {room}"]
    tree = ast.parse(source)
    found = [problem for name in imports(path, tree) if (problem := import_problem(room, name))]
    if room not in KNOW_ANSIBLE:
        found += [f"knows Ansible's {name}" for name in sorted(ANSIBLES_NAMES & set(identifiers(tree)))]
    if room in PURE:
        found += [f"calls {name}" for name in sorted(PURE_MAY_NOT_CALL & set(calls(tree)))]
    if path.startswith("module_utils/") and any(absolute(node) for node in ast.walk(tree)):
        found.append("imports a part of module_utils by its absolute name, not relatively")
    return [f"{path}: {problem}" for problem in found]


def room_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if parts[0] == "module_utils" else parts[0]


def imports(path: str, tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Give the full names of all that a file imports, with relative ones resolved, as their parts."""
    package = (*MODULE_UTILS[:-1], *path.split("/")[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            yield from ((*base, alias.name) for alias in node.names)


def import_problem(room: str, name: tuple[str, ...]) -> str | None:
    if name[: len(MODULE_UTILS)] == MODULE_UTILS:
        other = name[len(MODULE_UTILS)]
        return None if other == room or other in MAY_IMPORT[room] else f"{room} imports {other}"
    if name[: len(MODULE_UTILS)] == (*MODULE_UTILS[:-1], "plugin_utils") and "plugin_utils" in MAY_IMPORT[room]:
        return None
    if name[0] == MODULE_UTILS[0]:
        return f"{room} imports {'.'.join(name)}, which is not in module_utils"
    if name[0] not in sys.stdlib_module_names:
        return None if room in LIBRARIES.get(name[0], ()) else f"{room} imports the library {name[0]}"
    if room in PURE and not {name[0], ".".join(name[:2])} & PURE_STANDARD_LIBRARY:
        return f"{room} is pure, but imports {'.'.join(name)}"
    return None


def circle(sources: Mapping[str, str]) -> list[str]:
    """Return the names of some files that import each other in a circle; none where none do.

    Args:
        sources: What stands in each file of module_utils, by its path relative to plugins/, with slashes.
    """
    known = {(*MODULE_UTILS[:-1], *path.removesuffix(".py").split("/")): path for path in sources}
    order = TopologicalSorter[str]()
    for path, source in sources.items():
        names = imports(path, ast.parse(source))
        order.add(path, *(known[part] for name in names for part in (name, name[:-1]) if part in known))
    try:
        order.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def absolute(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (node.module or "").startswith("ansible_collections")
    return isinstance(node, ast.Import) and any(alias.name.startswith("ansible_collections") for alias in node.names)


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(value := getattr(node, field, None), str):
                yield value


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(PLUGINS))) for path in sorted(PLUGINS.rglob("*.py"))]
)
def test_file_keeps_the_rules_of_the_house(path: Path) -> None:
    assert violations(path.relative_to(PLUGINS).as_posix(), path.read_text()) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    paths = sorted((PLUGINS / "module_utils").rglob("*.py"))
    assert circle({path.relative_to(PLUGINS).as_posix(): path.read_text() for path in paths}) == []


def test_a_circle_is_found() -> None:
    files = {
        "module_utils/_core/a.py": "from .b import f",
        "module_utils/_core/b.py": "from . import c",
        "module_utils/_core/c.py": "if TYPE_CHECKING:\n    from ..._x import y\n    from .a import A",
    }
    assert set(circle(files)) == set(files)
    assert circle(files | {"module_utils/_core/c.py": "import json"}) == []


@pytest.mark.parametrize(
    ("path", "source", "problem"),
    [
        ("module_utils/_core/x.py", "from .._schemas.model import Subject", "_core imports _schemas"),
        ("module_utils/_core/x.py", "import os", "_core is pure, but imports os"),
        ("module_utils/_core/x.py", "from urllib import request", "_core is pure, but imports urllib.request"),
        ("module_utils/_core/x.py", "from pathlib import Path", "_core is pure, but imports pathlib.Path"),
        ("module_utils/_core/x.py", "def f(p):\n    return open(p)", "calls open"),
        ("module_utils/_schemas/x.py", "from .._storage import port", "_schemas imports _storage"),
        ("module_utils/_schemas/x.py", "from .. import _storage", "_schemas imports _storage"),
        ("module_utils/_storage/x.py", "from .._archive.layout import path", "_storage imports _archive"),
        ("module_utils/_archive/x.py", "from .._registry import client", "_archive imports _registry"),
        ("module_utils/_archive/deep/x.py", "from ..._registry import client", "_archive imports _registry"),
        ("module_utils/_operations/x.py", "import httpx", "_operations imports the library httpx"),
        ("module_utils/_operations/x.py", "from .._ansible.run import run", "_operations imports _ansible"),
        ("module_utils/_registry/x.py", "try:\n    import requests\nexcept ImportError: pass", "library requests"),
        ("module_utils/_registry/x.py", "from ansible.module_utils.urls import Request", "library ansible"),
        ("module_utils/_registry/x.py", "def f(module):\n    module.fail_json()", "knows Ansible's fail_json"),
        ("module_utils/_operations/x.py", "def f(check_mode): pass", "knows Ansible's check_mode"),
        (
            "module_utils/_archive/x.py",
            "from ansible_collections.lifeboat.kafka.plugins.module_utils._core import errors",
            "absolute name",
        ),
        (
            "modules/x.py",
            "from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient",
            "modules imports _registry",
        ),
        ("module_utils/_ansible/x.py", "from ansible_collections.other.one import x", "not in module_utils"),
        ("module_utils/_ansible/x.py", "from ...plugin_utils.x import X", "not in module_utils"),
        ("action/x.py", "from ..module_utils._operations.x import x", "action imports _operations"),
        ("module_utils/_cellar/x.py", "", "the house has no room _cellar"),
    ],
)
def test_violation_is_found(path: str, source: str, problem: str) -> None:
    assert [found for found in violations(path, source) if problem in found]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("module_utils/_archive/x.py", "import os\nfrom .._storage.port import Storage\nfrom .layout import path"),
        ("module_utils/_core/x.py", "import json\nfrom urllib.parse import quote\nfrom .errors import LifeboatError"),
        ("module_utils/_registry/x.py", "try:\n    import httpx\nexcept ImportError:\n    httpx = None"),
        ("modules/x.py", "from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import run"),
        ("action/x.py", "from ..plugin_utils.x import X\nfrom ..module_utils._ansible.x import x"),
        ("plugin_utils/x.py", "from ansible.plugins.action import ActionBase\nfrom ..module_utils._ansible.x import x"),
    ],
)
def test_what_the_rules_allow_is_no_violation(path: str, source: str) -> None:
    assert violations(path, source) == []
