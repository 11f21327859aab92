# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kafka's own command-line tools."""

from __future__ import annotations

import shlex
from pathlib import Path

from testbed.cache import cached
from testbed.jars import fetch_jars, pinned
from testbed.kafka import JVM, VERSION, fetch
from testbed.toolchain import PINS, java

TOOLS = {"kafka-dump-log.sh": "org.apache.kafka.tools.DumpLogSegments"}


def install(folder: Path) -> None:
    """Make a folder for ``PATH`` that has the tools under the names that Kafka's distribution gives them."""
    jars = cached(f"kafka-tools-{VERSION}", lambda scratch: fetch_jars(pinned("kafka-tools.txt"), scratch))
    logging = f"-Dlog4j2.configurationFile={PINS.with_name('log4j2.properties')}"
    folder.mkdir()
    for name, program in TOOLS.items():
        command = shlex.join([java(), *JVM, logging, "-cp", f"{fetch()}/*:{jars}/*", program])
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o700)
