# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the work is measured against: the same requests and the same bytes, and nothing else."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx
from benchmarks.workload import Registration

JSON = {"Content-Type": "application/vnd.schemaregistry.v1+json"}


def get(url: str, paths: Sequence[str], threads: int) -> None:
    """Read some paths, several at once, over kept-alive connections."""
    waiting = iter(paths)
    lock = threading.Lock()
    failures: list[Exception] = []

    def work(client: httpx.Client) -> None:
        while not failures:
            with lock:
                path = next(waiting, None)
            if path is None:
                return
            try:
                client.get(path).raise_for_status()
            except httpx.HTTPError as error:
                failures.append(error)

    with httpx.Client(base_url=url) as client:
        workers = [threading.Thread(target=work, args=(client,)) for _worker in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]


def pages(url: str) -> int:
    """Read all versions of all contexts by pages, to the empty one behind them; return how many there were."""
    count = 0
    with httpx.Client(base_url=url) as client:
        while found := client.get(f"/schemas?subjectPrefix=:*:&deleted=true&offset={count}&limit=1000").json():
            count += len(found)
    return count


def version_paths(registrations: Iterable[Registration]) -> list[str]:
    """The paths of versions."""
    return [f"/subjects/{each.subject}/versions/{each.version}?deleted=true" for each in registrations]


def post(url: str, registrations: Iterable[Registration]) -> None:
    """Register versions with their ids, one after the other; the mode must be IMPORT."""
    with httpx.Client(base_url=url, headers=JSON) as client:
        for each in registrations:
            client.post(f"/subjects/{each.subject}/versions", content=each.body).raise_for_status()


def hash_files(folder: Path) -> int:
    """Compute the SHA-256 of every file below a folder; return how many there are."""
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()]
    return len(hashes)
