# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A home directory for ansible-test, in which its venvs are kept and nothing needs its bootstrap download.

ansible-test puts pip into its venvs with a get-pip script that it downloads from a server of its project. Where only
package indexes can be reached that fails, so a script that lends them this venv's pip is laid where ansible-test looks
for an earlier download. That is also much quicker than to install pip ten times.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pip

from testbed.cache import cache_root

GET_PIP = """\
import sysconfig
from pathlib import Path

Path(sysconfig.get_path("purelib"), "lent-pip.pth").write_text({folder!r} + "\\n")
"""


def prepare_home() -> Path:
    """Return the home directory for the installed ansible-core and this Python, prepared for ansible-test."""
    home = cache_root() / "ansible-test" / f"{version('ansible-core')}-{python_version()}"
    name = f"get_pip_{wanted_pip().replace('.', '_')}.py"
    write(home / ".ansible" / "test" / "cache" / name, GET_PIP.format(folder=str(lend_pip(home))))
    write(home / ".config" / "pip" / "pip.conf", pip_settings())
    return home


def lend_pip(home: Path) -> Path:
    """Return a directory for other venvs' search path, with this venv's pip in it and nothing else."""
    folder = home / "lent"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "pip"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(pip.__file__).parent)
    return folder


def python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def wanted_pip() -> str:
    """Return the version of pip whose get-pip script the installed ansible-test asks for."""
    requirements = import_module("ansible_test._internal.python_requirements")
    return str(requirements.get_venv_packages(SimpleNamespace(version=python_version()))["pip"])


def pip_settings() -> str:
    """Return the user's pip settings as a configuration file, as ansible-test does not pass on the environment's."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    settings = {}
    for line in sorted(listed.splitlines(), reverse=True):  # global.x first, so that the environment's :env:.x wins
        name, value = line.split("=", 1)
        section, key = name.split(".", 1)
        if section in ("global", ":env:"):
            settings[key] = value.strip("'\"")
    return "".join(
        ["[install]\nquiet = 1\ncompile = no\n[global]\n", *(f"{key} = {value}\n" for key, value in settings.items())]
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
