# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another tool that backs topics up, to measure against: kafka-backup's engine, built from the Rust registry."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks import processes

from testbed.cache import cached
from testbed.component import UnavailableError
from testbed.toolchain import run

CRATE = Path(__file__).with_name("peers")
ENGINE = "kafka-backup-core 0.25.2"
SOURCES = ("Cargo.toml", "Cargo.lock", "src/main.rs")
BACKUP = "bench"


def program() -> Path:
    """The driver of the engine, built when it is not in the cache yet, which takes some minutes.

    Raises:
        UnavailableError: There is no cargo to build it with.
        ComponentError: It could not be built.
    """
    content = b"".join((CRATE / name).read_bytes() for name in SOURCES)
    return cached(f"peer-{hashlib.sha256(content).hexdigest()[:16]}", _build) / "peer"


def back_up(endpoint: str, topic: str, folder: Path) -> processes.Finished:
    """Back a topic up into an empty folder, with the engine's own settings: into segments that zstd compresses."""
    source = {"bootstrap_servers": [endpoint], "topics": {"include": [topic]}}
    return _run("backup", folder, {"source": source, "backup": {}})


def restore(endpoint: str, topic: str, folder: Path, target: str) -> processes.Finished:
    """Restore a topic from a backup into one of another name, which the engine creates, with its own settings."""
    rules = {"topic_mapping": {topic: target}, "create_topics": True, "default_replication_factor": 1}
    return _run("restore", folder, {"target": {"bootstrap_servers": [endpoint]}, "restore": rules})


def _run(work: str, folder: Path, config: dict[str, Any]) -> processes.Finished:
    place = {"mode": work, "backup_id": BACKUP, "storage": {"backend": "filesystem", "path": str(folder / "storage")}}
    path = folder / f"{work}.yml"
    path.write_text(json.dumps({**place, **config}))  # which is YAML too
    return processes.run([str(program()), work, str(path)], env=dict(os.environ), cwd=folder)


def _build(folder: Path) -> None:
    cargo = shutil.which("cargo")
    if not cargo:
        raise UnavailableError("there is no cargo here to build it with")
    print(f"Building {ENGINE} once, which takes some minutes ...", flush=True)
    target = folder / "target"
    command = [cargo, "build", "--release", "--locked", "--quiet", "--manifest-path", str(CRATE / "Cargo.toml")]
    run(command, env=dict(os.environ) | {"CARGO_TARGET_DIR": str(target)})
    (target / "release" / "peer").rename(folder / "peer")
    shutil.rmtree(target)
