# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the checkout at the path that Ansible's tools want, with only the files that git knows or would know."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def copy_collection(search_path: Path) -> Path:
    """Copy the checkout to ``ansible_collections/lifeboat/kafka`` below a directory, into a git repository of its own.

    Returns the copy's path. Modification times are kept, so that tools' caches stay good.
    """
    copy = search_path / "ansible_collections" / "lifeboat" / "kafka"
    copy.mkdir(parents=True)
    for name in known_files():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
    return copy


def known_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name and (CHECKOUT / name).is_file()})
