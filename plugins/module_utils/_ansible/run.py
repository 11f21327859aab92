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

from .._core.errors import InvalidOption, LifeboatError
from .._core.settings import RegistrySettings, StoreSettings
from .environment import family_from_environment
from .options import Spec, families


@dataclass(frozen=True)
class Task:
    """What a module's operation is given.

    Args:
        options: The module's own options, without the families.
        check: Whether nothing may be written.
        diff: Whether the differences are wanted.
    """

    options: Mapping[str, Any]
    check: bool
    diff: bool
    _families: Mapping[str, Any]

    @property
    def registry(self) -> RegistrySettings:
        """The ``registry`` family."""
        return RegistrySettings.from_options(self._families["registry"])

    @property
    def store(self) -> StoreSettings:
        """The ``store`` family.

        Raises:
            InvalidOption: It was left out of a module that can do without it, where it is needed.
        """
        if self._families["store"] is None:
            raise InvalidOption("The option store is needed here, since the journal lies there.", object_name="store")
        return StoreSettings.from_options(self._families["store"])


@dataclass(frozen=True)
class Outcome:
    """What a module's operation gives back.

    Args:
        changed: Whether anything was changed, or would be in check mode.
        values: The result's own keys.
        warnings: For the user.
        before: What is to change, and ...
        after: ... what it becomes: text or JSON values; both None where nothing changes.
    """

    changed: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    before: Any = None
    after: Any = None


class Interrupted(LifeboatError):
    """The module was told to end."""

    default_code = "interrupted"


def run(
    spec: Spec, execute: Callable[[Task], Outcome], *, uses: tuple[str, ...] = (), optional: tuple[str, ...] = (), **rules: Any
) -> None:
    """Run a module to its end: this does not return.

    Args:
        spec: The module's own argument spec.
        execute: The module's one operation.
        uses: The option families it takes, read from the environment when a task leaves them out.
        optional: Families that it takes but can do without; never read from the environment.
        **rules: What `AnsibleModule` knows besides: ``required_if``, ``mutually_exclusive``, …
    """
    module = AnsibleModule({**families(*uses, *optional), **spec}, supports_check_mode=True, **rules)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        outcome = execute(_task(module, uses, optional))
    except LifeboatError as error:
        module.fail_json(msg=error.message, failure=error.failure())
    except KeyboardInterrupt:
        module.fail_json(msg="Interrupted by Ctrl-C.", failure={"code": Interrupted.default_code})
    _succeed(module, outcome)


def _task(module: AnsibleModule, uses: tuple[str, ...], optional: tuple[str, ...]) -> Task:
    given = dict(module.params)
    known: dict[str, Any] = {}
    for family in (*uses, *optional):
        known[family] = given.pop(family)
        if known[family] is None and family in uses:
            known[family], secrets = family_from_environment(family, os.environ)
            module.no_log_values.update(secrets)
        _refuse_empty_secrets(family, known[family])
    # module._diff is what Ansible documents for modules that build their own differences.
    return Task(options=given, check=module.check_mode, diff=module._diff, _families=known)


def _refuse_empty_secrets(family: str, options: Mapping[str, Any] | None) -> None:
    for option in ("password", "api_key"):
        if options and options.get(option) == "":
            raise InvalidOption(f"{family}.{option} is empty; leave it out or give it.", object_name=f"{family}.{option}")


def _succeed(module: AnsibleModule, outcome: Outcome) -> NoReturn:
    result = {"changed": outcome.changed, **outcome.values}
    if module._diff and outcome.before != outcome.after:
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**result)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # What the operation does on its way out (closing scopes, writing the journal) must not be cut short by a second one.
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(f"Ended by signal {signal.Signals(number).name}. What was begun stays journaled; run it again.")
