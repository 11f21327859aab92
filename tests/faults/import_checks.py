# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold when an import was interrupted, and after the next run."""

from __future__ import annotations

from typing import Any

from faults.import_target import Course, Target, id_map

SETTINGS = (("mode", "modes"), ("config", "configs"))


def check_journal(target: Target, course: Course, held: dict[str, Any]) -> None:
    """What differs from before is in the journal with what was there, or is there for good and at its turn."""
    complete = not course.missing(held)
    pending = target.pending()
    for kind, plural in SETTINGS:
        before, after = course.held[plural], course.after[plural]
        for scope in {*before, *held[plural]}:
            if scope not in before and scope.endswith(":"):
                continue  # the context has come into being, and tells the level that holds everywhere
            was, now = before.get(scope), held[plural].get(scope)
            if (kind, scope) in pending:
                prior = pending[kind, scope]["prior"]
                assert prior["value"] == was or (prior["value"] is None and was == "READWRITE"), (kind, scope)
            elif now != was:
                assert complete, (kind, scope)
                assert now == after.get(scope), (kind, scope)


def check_closed(target: Target, course: Course, held: dict[str, Any]) -> bool:
    """Once the first schema is registered, producers are refused wherever something is missing yet.

    Returns:
        Whether that was so. Where no mode keeps producers out, or ids are not kept, nothing is refused.
    """
    if not (target.make.closes and target.keeps_ids):
        return False
    writes = [write for write in target.proxy.writes() if write.status]
    missing = course.missing(held)
    if len(writes) < course.openings or not missing:
        return False
    opened = [subject for subject in missing if not target.refuses(subject)]
    assert opened == []
    return True


def check_rerun(target: Target, course: Course) -> None:
    """The next import completes what is missing, and one more changes nothing."""
    completed = target.import_().succeeded()
    assert not [warning for warning in completed.get("warnings", []) if "somebody has changed it" in warning]
    assert target.holding() == course.after
    told = id_map(completed)
    assert told.keys() == course.ids
    assert set(told.values()) <= set(target.make.holding(target.server)["ids"].values())
    assert target.journal() == []
    again = target.import_().succeeded()
    assert not again["changed"]
    assert id_map(again) == told
    assert target.proxy.writes() == []


def check_recovery(target: Target, course: Course, *, half_way: bool) -> None:
    """What is half-way stays closed until somebody says otherwise; then all modes are as they were before."""
    held = target.holding()
    if half_way:
        assert target.recover().failed()["failure"]["code"] == "incomplete_import"
        assert target.proxy.writes() == []
        assert target.holding() == held
    reopened = target.recover(on_failure="prior_modes").succeeded()
    assert reopened["changed"] == bool(target.proxy.writes())
    found = target.holding()
    for _kind, plural in SETTINGS:
        before, after = course.held[plural], course.after[plural]
        for scope in before:
            now = found[plural].get(scope)
            assert now == before.get(scope) or now == after.get(scope) == held[plural].get(scope), (plural, scope)
    assert found["versions"] == held["versions"]
    assert target.journal() == []
    assert not target.recover().succeeded()["changed"]
