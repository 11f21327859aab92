# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the archive of the current format version that later releases must verify and restore.

Usage: tests/tools/in-venv python tests/tools/make_archive_fixture.py tests/fixtures/archives/v2

Run it once for each format version, before that version is first released; what it made is never made again.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

import conftest  # noqa: E402, F401 # pylint: disable=unused-import # makes the collection importable

from testbed.axonops import AxonOpsRegistry  # noqa: E402
from testbed.contents import avro, fill, holding, register, set_mode  # noqa: E402
from testbed.keys import create_dek, delete_key, fill_keys, keys_held  # noqa: E402
from testbed.modules import run_module  # noqa: E402

BACKUP_ID = "shop"


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    if target.exists():
        sys.exit(f"{target} is there already; archives of merged formats are never made again.")
    with tempfile.TemporaryDirectory() as scratch, AxonOpsRegistry() as server:
        store = {"path": f"{scratch}/store"}
        task = {"registry": {"url": server.endpoint}, "store": store, "backup_id": BACKUP_ID}
        run_module("backup_store", store=store).succeeded()
        fill(server)
        fill_keys(server)
        register(server, "größe ∆%", avro("Size", "cm"))
        register(server, "x" * 300, avro("Long"))
        run_module("schema_registry_export", **task).succeeded()
        first = {**holding(server), "keys": keys_held(server)}
        # The second point has other content for paths of the first one, and shares the rest.
        register(server, "gone", avro("Gone"))
        register(server, "labels", {**avro("Label"), "metadata": {"properties": {"owner": "shop"}}})
        set_mode(server, "READONLY", "payments-value")
        create_dek(server, "common", "payments-value", 2, "CgsM")
        delete_key(server, "common", "payments-value", 1)
        second = {**holding(server), "keys": keys_held(server)}
        run_module("schema_registry_export", **task).succeeded()
        shutil.copytree(store["path"], target / "store")
        for name, state in (("1", first), ("2", second)):
            (target / f"restore-point-{name}.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
