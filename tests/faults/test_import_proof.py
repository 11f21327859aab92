# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that says that it has done something, and has not, is found out by the look at it afterwards."""

from __future__ import annotations

import json

import pytest
from faults.import_target import Target
from faults.registry_proxy import Answer, Fault, Request


@pytest.mark.parametrize(
    ("method", "path", "answer", "named"),
    [
        ("PUT", "/config*", b'{"compatibility":"FULL"}', "config"),
        ("DELETE", "/subjects/gone/versions/*", b"1", "gone version 1: deleted"),
    ],
)
def test_what_was_said_and_not_done_is_named(target: Target, method: str, path: str, answer: bytes, named: str) -> None:
    target.proxy.add(Fault(method, path, answer=Answer(200, answer)))

    failed = target.import_beside().failed()

    assert failed["failure"]["code"] == "verification_failed"
    assert any(named in difference for difference in failed["failure"]["differences"]), failed
    assert named in failed["msg"]
    assert target.refuses("person")
    target.import_().succeeded()
    assert not target.import_().succeeded()["changed"]


def test_a_version_that_vanished_is_named(target: Target) -> None:
    def vanish(request: Request) -> None:
        body = json.loads(request.body)
        target.server.call("DELETE", f"/subjects/person/versions/{body['version']}")

    target.proxy.add(Fault("POST", "/subjects/person/versions", after=vanish))

    failed = target.import_beside().failed()

    assert failed["failure"]["code"] == "verification_failed"
    assert any("person version 1" in difference for difference in failed["failure"]["differences"]), failed
