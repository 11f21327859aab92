# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports as a user who may not see all, from a Karapace with an access list."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registries.emulated import EmulatedRegistry
from registries.karapace import Karapace
from registries.serving import Answer, Request

from testbed.contents import avro
from testbed.modules import run_module

HIDDEN = "payroll"


class WithAccessList:
    """A Karapace in which the subject `HIDDEN` is for the user ``admin`` alone.

    To others it is missing in lists and is answered with 404, as its documentation of ``registry_authfile`` has it;
    this was not recorded from a real one.
    """

    def __init__(self) -> None:
        self._whole = Karapace()

    def answer(self, request: Request) -> Answer:
        pair = request.headers.get("authorization", "").removeprefix("Basic ")
        answer = self._whole.answer(request)
        if base64.b64decode(pair).startswith(b"admin:"):
            return answer
        if request.segments == ["subjects"]:
            return replace(answer, value=[name for name in answer.value if name != HIDDEN])
        if HIDDEN in request.segments:
            return Answer(404, {"error_code": 40401, "message": f"Subject '{HIDDEN}' not found."})
        return answer


@pytest.fixture
def server() -> Iterator[EmulatedRegistry]:
    with EmulatedRegistry(WithAccessList) as server:
        admin = {"authorization": "Basic " + base64.b64encode(b"admin:x").decode(), "content-type": "application/json"}
        for subject in ("orders", HIDDEN, "people"):
            body = Answer(value=avro(subject, "a")).body
            assert server.make.answer(Request("POST", f"/subjects/{subject}/versions", admin, body)).status == 200
        yield server


@pytest.fixture
def store(tmp_path: Path) -> dict[str, Any]:
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    return store


@pytest.mark.parametrize(("user", "unseen"), [("admin", 0), ("weak", 1)])
def test_it_is_said_that_something_may_be_hidden(
    server: EmulatedRegistry, store: dict[str, Any], user: str, unseen: int
) -> None:
    family = {"url": server.endpoint, "username": user, "password": "x"}
    told = run_module("schema_registry_export", registry=family, store=store, backup_id="prod").succeeded()
    assert told["schemas"]["subjects"] == 3 - unseen
    assert (told["schemas"]["read_as"], told["schemas"]["unseen_ids"]) == (f"user {user}", unseen)
    warnings = [text for text in told.get("warnings", ()) if "leaves out what a user may not see" in text]
    assert len(warnings) == unseen
    assert all(f"read as user {user}, and karapace" in text and "1 id up to" in text for text in warnings)
