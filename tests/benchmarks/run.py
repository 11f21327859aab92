# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the work against what is commonly done instead, in turns; prints a table and writes build/bench.json.

Usage: run.py [WORD], which runs the benchmarks whose name holds the word: export, import, new-ids, verify,
bulk-export, bulk-import, bulk-large, topics, topics-partitions; and scale, which takes long and runs only when it is
named.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import exports, imports, machine, partitions, results, scale, topics, verification
from benchmarks.bench_bed import BenchBed

from testbed import axonops

ON_REGISTRIES = {
    "export": exports.bench,
    "import": imports.bench,
    "new-ids": imports.bench_new_ids,
    "verify": verification.bench,
    "bulk-export": exports.bench_bulk,
    "bulk-import": imports.bench_bulk,
    "bulk-large": imports.bench_large,
}
ON_TOPICS = {"topics": topics.bench, "topics-partitions": partitions.bench}
LONG = {"scale": scale.bench}


def main(word: str = "") -> int:
    chosen = LONG if word in LONG else {n: bench for n, bench in {**ON_REGISTRIES, **ON_TOPICS}.items() if word in n}
    if not chosen:
        known = ", ".join([*ON_REGISTRIES, *ON_TOPICS, *LONG])
        print(f"No benchmark is called {word}; there are {known}.", file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        found = measure(chosen)
    except RuntimeError as error:
        print(f"The benchmark stopped: {error}", file=sys.stderr)
        return 1
    results.write(found)
    print(f"\n{results.table(found)}\n\n{time.monotonic() - started:.0f} s; also in {results.REPORT}")
    return 0


def measure(chosen: Mapping[str, Callable[[BenchBed], list[results.Result]]]) -> list[results.Result]:
    """Run some benchmarks on one bed."""
    found: list[results.Result] = []
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="lifeboat-bench-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        bed = BenchBed(scratch, stack)
        print(machine.described(), flush=True)
        if chosen.keys() & ON_REGISTRIES.keys():
            axonops.fetch()
            print(machine.requests(bed.source), flush=True)
        if chosen.keys() - ON_REGISTRIES.keys():
            print(machine.throughput(scratch), flush=True)
        for name, bench in chosen.items():
            print(f"Measuring: {name} ...", flush=True)
            found += bench(bed)
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except KeyboardInterrupt:
        sys.exit(130)
