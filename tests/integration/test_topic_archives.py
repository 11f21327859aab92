# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of topics in every format version that was ever merged verify, and come back as they were written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.reading import check_same, read_topics
from testbed.topic_contents import from_json

ARCHIVES = sorted((Path(__file__).parents[1] / "fixtures" / "topic-archives").iterdir())


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an archive, with what its source held at each restore point."""
    return Path(shutil.copytree(request.param, tmp_path / "archive"))


def test_it_verifies(archive: Path) -> None:
    result = run_module(
        "backup_verify", store={"path": f"{archive}/store"}, backup_id="shop", restore_points=["all"]
    ).succeeded()
    assert [point["restore_point"] for point in result["verified"]] == [1, 2]


@pytest.mark.parametrize("point", ["1", "2"])
def test_it_comes_back_as_it_was(archive: Path, point: str) -> None:
    was = from_json((archive / f"restore-point-{point}.json").read_text())
    task = {"store": {"path": f"{archive}/store"}, "backup_id": "shop", "restore_point": point}
    with Kafka() as broker:
        result = run_module("topic_restore", kafka=broker.options, **task).succeeded()
        assert result["changed"]
        assert result["groups"]["offsets"] == 2
        now = read_topics(broker.client, was)
        assert sorted(now) == sorted(was)
        for topic, contents in was.items():
            check_same(contents, now[topic])
        assert not run_module("topic_restore", kafka=broker.options, **task).succeeded()["changed"]
