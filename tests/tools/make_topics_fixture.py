# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the archive of topics in the current format version that later releases must verify and restore.

Usage: tests/tools/in-venv python tests/tools/make_topics_fixture.py tests/fixtures/topic-archives/v1

Run it once for each format version, before that version is first released; what it made is never made again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

import conftest  # noqa: E402, F401 # pylint: disable=unused-import # makes the collection importable

from testbed.groups import commit  # noqa: E402
from testbed.kafka import Kafka  # noqa: E402
from testbed.modules import run_module  # noqa: E402
from testbed.reading import read_topics  # noqa: E402
from testbed.records import Place, make, numbered, send  # noqa: E402
from testbed.topic_contents import to_json  # noqa: E402
from testbed.topics import Topics  # noqa: E402

BACKUP_ID = "shop"
MADE = ("keys", "values", "headers", "codecs", "log-append-time", "transactions", "compacted", "trimmed", "empty")
LONG = "long." + "x" * 244


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    if target.exists():
        sys.exit(f"{target} is there already; archives of merged formats are never made again.")
    with tempfile.TemporaryDirectory() as scratch, Kafka() as broker:
        store = {"path": f"{scratch}/store"}
        task = {"kafka": broker.options, "store": store, "backup_id": BACKUP_ID}
        run_module("backup_store", store=store).succeeded()
        for kind in MADE:
            make(Place.of(broker), kind, kind)
        topics = [*MADE, LONG]
        Topics(broker.client).create(LONG, 1)
        send(broker.client, LONG, numbered(3))
        commit(broker.client, "billing", {("keys", 0): 5, ("codecs", 1): 7})
        run_module("topic_backup", **task).succeeded()
        first = read_topics(broker.client, topics)
        # The second point adds to what the first one has, in pieces that share a file.
        for topic in ("keys", "codecs", LONG):
            send(broker.client, topic, numbered(10, first=1000))
        run_module("topic_backup", **task).succeeded()
        shutil.copytree(store["path"], target / "store")
        for name, contents in (("1", first), ("2", read_topics(broker.client, topics))):
            (target / f"restore-point-{name}.json").write_text(to_json(contents))


if __name__ == "__main__":
    main()
