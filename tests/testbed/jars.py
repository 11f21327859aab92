# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files by their Maven coordinates: through the Maven client where there is one, else through the package jgo."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.component import ComponentError
from testbed.toolchain import PINS, pip_install, run

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POM = """<project>
<modelVersion>4.0.0</modelVersion>
<groupId>testbed</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
{dependencies}
</dependencies>
</project>
"""
DEPENDENCY = (
    "<dependency><groupId>{0.group}</groupId><artifactId>{0.artifact}</artifactId><version>{0.version}</version>"
    "<type>{0.packaging}</type><classifier>{0.classifier}</classifier>"
    "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
)
# Runs with jgo on its path: folder of the jars, then for each its coordinates, an equals sign and its file's name.
JGO_SCRIPT = """
import shutil, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from jgo.maven import MavenContext, PythonResolver
folder = Path(sys.argv[1])
context = MavenContext(resolver=PythonResolver(), repo_cache=folder / "repository", local_repos=[], timeout=60)
def fetch(wanted):
    coordinates, name = wanted.split("=")
    group, artifact, version, packaging, classifier = coordinates.split(":")
    found = context.project(group, artifact).at_version(version).artifact(classifier, packaging).resolve()
    shutil.copy(found, folder / name)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(fetch, sys.argv[2:]))
shutil.rmtree(folder / "repository")
"""


@dataclass(frozen=True)
class Jar:
    """One jar, or a file of another packaging: its Maven coordinates and the SHA-256 of its bytes in hex."""

    group: str
    artifact: str
    version: str
    sha256: str
    packaging: str = "jar"
    classifier: str = ""

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}:{self.packaging}:{self.classifier}"

    @property
    def file_name(self) -> str:
        variant = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{variant}.{self.packaging}"


def pinned(name: str) -> list[Jar]:
    """Read the list ``name`` of the pins: a line ``group:artifact:version[:packaging:classifier] sha256`` a jar.

    The list is complete, so that no resolver decides about versions.
    """
    jars = []
    for line in (PINS / name).read_text().splitlines():
        if not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version, *variant = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256, *variant))
    return jars


def fetch_jars(jars: list[Jar], folder: Path) -> None:
    """Put the jars into ``folder``. Raises `ComponentError` for one that is not the pinned one."""
    maven = shutil.which("mvn")
    if maven:
        _with_maven(maven, jars, folder)
    else:
        _with_jgo(jars, folder)
    for jar in jars:
        content = (folder / jar.file_name).read_bytes()
        if hashlib.sha256(content).hexdigest() != jar.sha256:
            raise ComponentError(f"{jar.coordinates} came with another content than the pinned SHA-256 {jar.sha256}")


def _with_maven(maven: str, jars: list[Jar], folder: Path) -> None:
    pom = folder / "pom.xml"
    pom.write_text(POM.format(dependencies="\n".join(map(DEPENDENCY.format, jars))))
    run([maven, "-B", "-q", "-f", str(pom), COPY, f"-DoutputDirectory={folder}"])
    pom.unlink()


def _with_jgo(jars: list[Jar], folder: Path) -> None:
    library = folder / "jgo"
    pip_install(["-r", str(PINS / "jgo.txt")], library)
    env = dict(os.environ) | {"PYTHONPATH": str(library)}
    run(
        [sys.executable, "-c", JGO_SCRIPT, str(folder), *(f"{jar.coordinates}={jar.file_name}" for jar in jars)],
        env=env,
    )
    shutil.rmtree(library)
