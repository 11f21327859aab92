# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports, against bare registrations one after the other."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks import bare, phases, workload
from benchmarks.bench_bed import BACKUP, BenchBed, open_for_import, timed
from benchmarks.exports import FIRST_PASS
from benchmarks.module_run import ModuleRun
from benchmarks.results import Result, compare
from faults.registry_proxy import Fault, RegistryProxy
from registries.emulated import SeparateRegistry

from testbed.axonops import AxonOpsRegistry

ROUNDS = 3
GOAL = 0.9
LATENCY = 0.005


def bench(bed: BenchBed, work: str = "import") -> list[Result]:
    """Import into an empty registry, taking turns with bare registrations into one."""
    posts: list[float] = []
    runs: list[ModuleRun] = []
    for _round in range(ROUNDS):
        runs.append(_import(bed))
        posts.append(_post(bed))
    told = "bare POSTs, one after the other"
    divided = [phases.import_phases(run.calls) for run in runs]
    written = compare("POSTs", [phases.seconds(each["POSTs"]) for each in divided], told, posts, goal=GOAL)
    peak = max(run.peak_mb for run in runs)
    return [
        compare(work, [run.seconds for run in runs], told, posts, peak_mb=peak),
        *phases.shares(work, runs, divided, {"POSTs": written}),
    ]


def bench_bulk(bed: BenchBed) -> list[Result]:
    """The same with a registry that tells versions by pages."""
    return bench(bed.beside("bulk-import", SeparateRegistry), "bulk import")


def bench_large(bed: BenchBed) -> list[Result]:
    """Export and import four times as much, against bare requests."""
    large = bed.beside("large", SeparateRegistry, 4 * workload.SUBJECTS)
    bare_pages = timed(lambda: bare.pages(large.source.endpoint))[0]
    exported = large.export(large.new_store())
    pass_seconds = phases.seconds(phases.export_phases(exported.calls)[FIRST_PASS])
    imported = _import(large)
    posts = phases.seconds(phases.import_phases(imported.calls)["POSTs"])
    told = f"{len(large.registrations)} versions"
    return [
        Result(f"bulk export, {told}", exported.seconds, peak_mb=exported.peak_mb),
        compare("  its first pass", [pass_seconds], "bare pages", [bare_pages]),
        Result(f"bulk import, {told}", imported.seconds, peak_mb=imported.peak_mb),
        compare("  its POSTs", [posts], "bare POSTs, one after the other", [_post(large)]),
    ]


def bench_new_ids(bed: BenchBed) -> list[Result]:
    """Import a tenth with new ids into a registry that is some way off, where several go at once."""
    small = bed.beside("new-ids", AxonOpsRegistry, workload.SUBJECTS // 10)
    posts: list[float] = []
    ours: list[float] = []
    with RegistryProxy(small.target.endpoint) as proxy:
        proxy.add(Fault(delay=LATENCY, times=sys.maxsize))
        for _round in range(ROUNDS):
            run = _import(small, registry={"url": [proxy.endpoint]}, ids="assign")
            ours.append(phases.seconds(phases.import_phases(run.calls)["POSTs"]))
            small.target.wipe()
            small.target.call("PUT", "/config", {"compatibility": "NONE"})
            posts.append(timed(lambda: bare.post(proxy.endpoint, map(workload.without_id, small.registrations)))[0])
    told = f"POSTs of an import with new ids ({len(small.registrations)}), {LATENCY * 1000:g} ms away"
    return [compare(told, ours, "bare POSTs, one after the other", posts)]


def _import(bed: BenchBed, **more: Any) -> ModuleRun:
    options = {"registry": {"url": [bed.target.endpoint]}, "store": {"path": str(bed.archive)}, "backup_id": BACKUP}
    bed.target.wipe()
    run = bed.module("schema_registry_import", **(options | more))
    if run.result["verified"]["versions"] != len(bed.registrations):
        raise RuntimeError(f"not all was imported: {run.result}")
    return run


def _post(bed: BenchBed) -> float:
    bed.target.wipe()
    open_for_import(bed.target)
    return timed(lambda: bare.post(bed.target.endpoint, bed.registrations))[0]
