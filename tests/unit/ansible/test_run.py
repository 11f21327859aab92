# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running an operation as a module."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Change, Difference, Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import NotFound

Plan = Callable[[Task], Change | Report]
URL = "http://registry.example.org"


@dataclass
class Noted:
    """A change that notes what is asked of it."""

    changed: bool = True
    shown: Difference = field(default_factory=lambda: Difference({"a": 1}, {"a": 2}))
    asked: list[str] = field(default_factory=list)

    def difference(self) -> Difference:
        self.asked.append("difference")
        return self.shown

    def preview(self) -> Report:
        self.asked.append("preview")
        return Report({"made": False})

    def apply(self) -> Report:
        self.asked.append("apply")
        return Report({"made": True})


@pytest.fixture
def play(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a plan as a module and returns its result."""
    for name in [name for name in os.environ if name.startswith("LIFEBOAT_")]:
        monkeypatch.delenv(name)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def play(plan: Plan, given: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
        try:
            with patch_module_args(given or {}), pytest.raises(SystemExit):
                run({"name": {"type": "str"}}, plan, **keywords)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        result = json.loads(capsys.readouterr().out)
        result.pop("warnings", None)  # Ansible collects those of all runs in a process
        del result["invocation"]
        return dict(result)

    return play


def test_a_change_is_applied(play: Callable[..., dict[str, Any]]) -> None:
    change = Noted()
    told = play(lambda _task: change)
    assert (told["changed"], told["made"]) == (True, True)
    assert "diff" not in told
    assert change.asked == ["apply"]


def test_check_mode_never_applies(play: Callable[..., dict[str, Any]]) -> None:
    change = Noted()
    told = play(lambda _task: change, {"_ansible_check_mode": True, "_ansible_diff": True})
    assert told == {"changed": True, "made": False, "diff": {"before": {"a": 1}, "after": {"a": 2}}}
    assert set(change.asked) == {"preview", "difference"}


@pytest.mark.parametrize("change", [Noted(changed=False), Noted(shown=Difference())])
def test_there_is_no_diff_where_nothing_is_to_be_shown(play: Callable[..., dict[str, Any]], change: Noted) -> None:
    told = play(lambda _task: change, {"_ansible_diff": True})
    assert told["changed"] is change.changed
    assert "diff" not in told


def test_what_changes_is_shown_as_it_was_before_the_change(play: Callable[..., dict[str, Any]]) -> None:
    change = Noted()
    assert play(lambda _task: change, {"_ansible_diff": True})["made"]
    assert change.asked == ["difference", "apply"]


def test_a_report_changes_nothing(play: Callable[..., dict[str, Any]]) -> None:
    assert play(lambda _task: Report({"found": [1]}), {"_ansible_diff": True}) == {"changed": False, "found": [1]}


def test_a_failure_tells_what_and_why(play: Callable[..., dict[str, Any]]) -> None:
    def fail(task: Task) -> Report:
        raise NotFound(f"No such thing: {task.options['name']}.", object_name="x", http_status=404)

    assert play(fail, {"name": "x"}) == {
        "failed": True,
        "msg": "No such thing: x.",
        "failure": {"code": "not_found", "object": "x", "http_status": 404},
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_operation_tidy_up_once(play: Callable[..., dict[str, Any]], number: signal.Signals) -> None:
    tidied = []

    def interrupted(_task: Task) -> Report:
        try:
            signal.raise_signal(number)
        finally:
            for another in (number, signal.SIGTERM, signal.SIGINT):
                signal.raise_signal(another)  # which must not cut the tidying short
            tidied.append(True)
        return Report()

    told = play(interrupted)
    assert told["failure"] == {"code": "interrupted"}
    assert number.name in told["msg"]
    assert tidied == [True]


def test_families_are_given_or_read(play: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def told(task: Task) -> Report:
        return Report({"url": task.registry.urls[0], "store": task.store.path, "user": str(task.registry.username)})

    given = {"registry": {"url": URL}, "store": {"path": "/a"}}
    uses = {"uses": ("registry",), "optional": ("store",)}
    assert play(told, given, **uses)["store"] == "/a"
    del given["store"]
    assert play(told, given, **uses)["failure"] == {"code": "invalid_option", "object": "store"}
    monkeypatch.setenv("LIFEBOAT_STORE_PATH", "/b")
    monkeypatch.setenv("LIFEBOAT_REGISTRY_URL", "http://other.example.org")
    monkeypatch.setenv("LIFEBOAT_REGISTRY_USERNAME", "me")
    monkeypatch.setenv("LIFEBOAT_REGISTRY_PASSWORD", "other")
    assert play(told, given, **uses) == {"changed": False, "url": URL, "store": "/b", "user": "None"}
    read = play(told, {}, **uses)
    assert read["user"] == "me"
    assert read["url"] == "http://********.example.org"


def test_secrets_are_hidden_in_names_too(play: Callable[..., dict[str, Any]]) -> None:
    given = {
        "registry": {"url": URL, "username": "me", "password": "s3cret"},
        "_ansible_diff": True,
    }
    shown = Difference({}, {"of s3cret": {"s3cret": "s3cret"}, "after": "x"})
    told = play(lambda _task: Noted(shown=shown), given, uses=("registry",))
    assert "s3cret" not in json.dumps(told)
    assert told["diff"]["after"]["after"] == "x"
