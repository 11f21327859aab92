# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option families from the environment: ``LIFEBOAT_<FAMILY>_<OPTION>``, the whole family or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._core.errors import InvalidOption
from .options import FAMILIES


def is_in_environment(family: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the environment holds anything of an option family."""
    return bool(_found(family, environment))


def family_from_environment(family: str, environment: Mapping[str, str]) -> tuple[dict[str, Any], set[str]]:
    """Read an option family that a task leaves out.

    Args:
        family: ``registry`` or ``store``.
        environment: The process's environment.

    Returns:
        The family's options, typed and with their defaults, and the values that must stay hidden.

    Raises:
        InvalidOption: The environment holds nothing of the family, or something that does not fit.
    """
    spec = FAMILIES[family]
    found = _found(family, environment)
    required = [option for option, rules in spec.items() if rules.get("required")]
    if not found:
        names = " and ".join(f"LIFEBOAT_{family}_{option}".upper() for option in required)
        raise InvalidOption(
            f"The option {family} is missing; give it, or set {names} in the environment.", object_name=family
        )
    secrets = {value for option, value in found.items() if spec[option].get("no_log")}
    result = ArgumentSpecValidator({family: {"type": "dict", "options": spec}}).validate({family: found})
    if result.error_messages:
        raise InvalidOption(
            f"The option {family}, read from LIFEBOAT_{family.upper()}_* in the environment, cannot be used: "
            f"{'; '.join(result.error_messages)}.",
            object_name=family,
        )
    return result.validated_parameters[family], secrets


def _found(family: str, environment: Mapping[str, str]) -> dict[str, str]:
    values = {option: environment.get(f"LIFEBOAT_{family}_{option}".upper(), "") for option in FAMILIES[family]}
    return {option: value for option, value in values.items() if value != ""}
