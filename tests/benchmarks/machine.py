# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the machine that measures."""

from __future__ import annotations

import os
import platform
from functools import partial

from benchmarks import bare
from benchmarks.bench_bed import THREADS, timed

from testbed.axonops import VERSION, AxonOpsRegistry

PROBES = 1000


def limits(registry: AxonOpsRegistry) -> str:
    """Say what the machine is, and how many small requests a second bare httpx gets from a registry on it."""
    paths = ["/"] * PROBES
    alone, together = (
        PROBES / timed(partial(bare.get, registry.endpoint, paths, threads))[0] for threads in (1, THREADS)
    )
    return (
        f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, AxonOps Schema Registry {VERSION} in memory.\n"
        f"Bare httpx over loopback: {alone:.0f} small requests/s one after the other, {together:.0f} with {THREADS} "
        "threads."
    )
