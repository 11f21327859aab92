# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backups of topics are measured against: the same bytes copied, and the same records consumed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import processes

RECORD_CONSUMER = Path(__file__).with_name("record_consumer.py")


def copy(files: Sequence[Path], folder: Path) -> list[str]:
    """Copy files as ``cp`` does, hash the copies, and flush them to disk; return the hashes."""
    subprocess.run(["cp", "--parents", *files, folder], check=True)
    copies = [folder / file.relative_to("/") for file in files]
    hashes = []
    for path in copies:
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    subprocess.run(["sync", *copies], check=True)
    return hashes


def consume(endpoint: str, topic: str, folder: Path) -> tuple[processes.Finished, int]:
    """Write a topic into a file record by record; return also how many there were."""
    command = [sys.executable, str(RECORD_CONSUMER), endpoint, topic, str(folder / "records")]
    finished = processes.run(command, env=dict(os.environ), cwd=folder)
    return finished, int(finished.output)
