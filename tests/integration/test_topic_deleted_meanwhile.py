# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A topic that is deleted while it is restored: the run ends soon, and says what to do."""

from __future__ import annotations

from faults.kafka_proxy import PRODUCE, Fault, KafkaProxy

from testbed.copies import Copies
from testbed.modules import run_module
from testbed.records import numbered, send


def test_a_target_that_is_deleted_is_not_waited_for(copies: Copies, proxy: KafkaProxy) -> None:
    name = "deleted-meanwhile"
    copies.topics.create(name)
    send(copies.source.client, name, numbered(3000, size=1500), batch_size=60_000)
    copies.back_up(name)
    proxy.add(Fault(PRODUCE, nth=2, after=lambda: copies.topics.delete(copies.name(name))))
    told = run_module("topic_restore", **copies.restore_options(name, kafka=proxy.options, parallel=1)).failed()
    # Trouble that is waited for to its end is told as it is: no leader.
    assert told["failure"]["code"] == "changed_meanwhile"
    assert "was deleted in the middle of the run. See who deletes it, and run again." in told["msg"]
    copies.restore(name)
    copies.check(name)
