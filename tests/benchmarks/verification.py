# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification of a restore point, against hashing its files."""

from __future__ import annotations

from benchmarks import bare, phases
from benchmarks.bench_bed import BACKUP, BenchBed, timed
from benchmarks.module_run import ModuleRun
from benchmarks.results import Result, compare

ROUNDS = 5


def bench(bed: BenchBed) -> list[Result]:
    """Verify, taking turns with hashing everything in the store."""
    hashed: list[float] = []
    runs: list[ModuleRun] = []
    for _round in range(ROUNDS):
        seconds, files = timed(lambda: bare.hash_files(bed.archive))
        runs.append(bed.module("backup_verify", store={"path": str(bed.archive)}, backup_id=BACKUP))
        hashed.append(seconds)
    verified = runs[0].result["verified"][0]["files"]
    if not len(bed.registrations) < verified < files:
        raise RuntimeError(f"{verified} files were verified, {files} hashed")
    told = "hashlib over the same files"
    peak = max(run.peak_mb for run in runs)
    return [
        compare("backup_verify", [run.seconds for run in runs], told, hashed, peak_mb=peak),
        compare(
            "  backup_verify: without the process's start", [phases.seconds(run.calls) for run in runs], told, hashed
        ),
    ]
