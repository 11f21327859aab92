# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's cache of downloads and builds, safe to share between runs at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """Folder of everything that is downloaded or built: ``$LIFEBOAT_CACHE``, else below the XDG cache folder."""
    chosen = os.environ.get("LIFEBOAT_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "lifeboat.kafka"


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder ``cache_root()/name``, filling it with ``build(folder)`` when it is not there yet.

    ``name`` carries every version that the content depends on. Two runs that want the same folder wait for each
    other; one that is killed leaves nothing that looks finished. What ``build`` raises is passed on.
    """
    finished = cache_root() / name
    if finished.is_dir():
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    with _locked(finished.parent / f".{name}.lock"):
        if finished.is_dir():
            return finished
        for leftover in finished.parent.glob(f".{name}.building-*"):
            shutil.rmtree(leftover)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.building-", dir=finished.parent))
        try:
            build(scratch)
            scratch.chmod(0o755)
            scratch.rename(finished)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return finished


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
