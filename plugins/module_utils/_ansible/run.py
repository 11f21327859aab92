# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one operation as an Ansible module: options in, a result or a clear failure out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import sanitize_keys

from .._core.change import Change, Difference, Report
from .._core.errors import InvalidOption, LifeboatError
from .._core.progress import Progress, Silent
from .._core.settings import KafkaSettings, RegistrySettings, StoreSettings
from .controller import end_with_controller
from .environment import family_from_environment, is_in_environment
from .misplaced import misplaced_secrets
from .options import Spec, check_ranges, families
from .progress_file import reporting

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Task:
    """What a module is given.

    Args:
        options: The module's own options, without the families.
        progress: Takes what the operation tells of how far it is.
        is_trial: Whether it is in check mode, so that nothing may be written.
    """

    options: Mapping[str, Any]
    _families: Mapping[str, Any]
    progress: Progress = field(default_factory=Silent)
    is_trial: bool = False

    def has(self, family: str) -> bool:
        """Tell whether a family is given that the module can do without."""
        return self._families[family] is not None

    @property
    def registry(self) -> RegistrySettings:
        """The ``registry`` family."""
        return RegistrySettings.from_options(self._families["registry"])

    @property
    def kafka(self) -> KafkaSettings:
        """The ``kafka`` family."""
        return KafkaSettings.from_options(self._families["kafka"])

    @property
    def store(self) -> StoreSettings:
        """The ``store`` family.

        Raises:
            InvalidOption: It was left out of a module that can do without it, where it is needed.
        """
        if self._families["store"] is None:
            raise InvalidOption(
                "The option store or journal is needed to know where the journal lies.",
                object_name="store",
            )
        return StoreSettings.from_options(self._families["store"])


class Interrupted(LifeboatError):
    """The module was told to end."""

    default_code = "interrupted"


def run(
    spec: Spec,
    plan: Callable[[Task], Change | Report],
    *,
    uses: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    explicit: tuple[str, ...] = (),
    **rules: Any,
) -> None:
    """Run a module to its end: this does not return.

    Args:
        spec: The module's own argument spec.
        plan: Reads, and returns what is to be done; or, for a module that only reads, what it found.
        uses: The option families it takes, read from the environment when a task leaves them out.
        optional: Families that it takes but can do without; read from the environment where that has any of them.
        explicit: Families that it takes but can do without, and that are never read from the environment.
        **rules: What `AnsibleModule` knows besides: ``required_if``, ``mutually_exclusive``, …
    """
    module = AnsibleModule({**families(*uses, *optional, *explicit), **spec}, supports_check_mode=True, **rules)
    module.no_log_values.update(misplaced_secrets(module.params))
    for number in _ENDING:
        signal.signal(number, _interrupt)
    end_with_controller()
    try:
        with reporting(module.params.get("progress_file")) as progress:
            report, changes = _carry_out(module, plan(_task(module, uses, optional, explicit, progress)))
        _succeed(module, report, changes)
    except LifeboatError as error:
        module.fail_json(msg=error.message, failure=error.failure())


def _task(
    module: AnsibleModule,
    uses: tuple[str, ...],
    optional: tuple[str, ...],
    explicit: tuple[str, ...],
    progress: Progress,
) -> Task:
    given = dict(module.params)
    given.pop("progress_file", None)  # Task.progress is what became of it
    check_ranges(given)
    known: dict[str, Any] = {}
    for family in (*uses, *optional, *explicit):
        known[family] = given.pop(family)
        wanted = family in uses or (family in optional and is_in_environment(family, os.environ))
        if known[family] is None and wanted:
            known[family], secrets = family_from_environment(family, os.environ)
            module.no_log_values.update(secrets)
    return Task(options=given, _families=known, progress=progress, is_trial=module.check_mode)


def _carry_out(module: AnsibleModule, planned: Change | Report) -> tuple[Report, dict[str, Any]]:
    if isinstance(planned, Report):
        return planned, {"changed": False}
    changes = _changes(module, planned)  # before it is applied, since what it is shown from may go with that
    return planned.preview() if module.check_mode else planned.apply(), changes


def _changes(module: AnsibleModule, change: Change) -> dict[str, Any]:
    if not module._diff or not change.changed:
        return {"changed": change.changed}
    difference = change.difference()
    if difference == Difference():
        return {"changed": True}
    diff = {"before": difference.before, "after": difference.after}
    # Ansible hides secrets in values alone, and a diff has names as keys.
    return {"changed": True, "diff": sanitize_keys(diff, module.no_log_values, ignore_keys=frozenset(diff))}


def _succeed(module: AnsibleModule, report: Report, changes: Mapping[str, Any]) -> None:
    for warning in report.warnings:
        module.warn(warning)
    module.exit_json(**changes, **report.values)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # What the operation does on its way out, such as writing the journal, must not be cut short by another one.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(f"Ended by {signal.Signals(number).name}. What was begun stays journaled; run it again.")
