# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as the collection, and brings the test bed's fixtures in."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from testbed.cache import cache_root

pytest_plugins = ["testbed.fixtures"]

CHECKOUT = Path(__file__).resolve().parent.parent


def link_collection(checkout: Path) -> Path:
    """Return a directory outside of the checkout whose ``ansible_collections/lifeboat/kafka`` is the checkout."""
    name = hashlib.sha256(str(checkout).encode()).hexdigest()[:16]
    search_path = cache_root() / "links" / name
    link = search_path / "ansible_collections" / "lifeboat" / "kafka"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(checkout, target_is_directory=True)
    except FileExistsError:
        if link.resolve() != checkout:
            raise RuntimeError(f"{link} does not lead to {checkout}: remove it and try again") from None
    return search_path


COLLECTIONS = link_collection(CHECKOUT)
sys.path.insert(0, str(COLLECTIONS))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
