# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option families from the environment: ``LIFEBOAT_<FAMILY>_<OPTION>``, the whole family or nothing of it.

Where an option has suboptions, each of these has a name of its own: ``LIFEBOAT_KAFKA_OAUTH_TOKEN_URL``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._core.errors import InvalidOption
from .options import FAMILIES, Spec


def is_in_environment(family: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the environment holds anything of an option family."""
    return bool(_found(family, environment))


def family_from_environment(family: str, environment: Mapping[str, str]) -> tuple[dict[str, Any], set[str]]:
    """Read an option family that a task leaves out.

    Args:
        family: ``registry``, ``kafka`` or ``store``.
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
    secrets = _secrets(found, spec)
    result = ArgumentSpecValidator({family: {"type": "dict", "options": spec}}).validate({family: found})
    if result.error_messages:
        raise InvalidOption(
            f"The option {family}, read from LIFEBOAT_{family.upper()}_* in the environment, cannot be used: "
            f"{'; '.join(result.error_messages)}.",
            object_name=family,
        )
    return result.validated_parameters[family], secrets


def _found(family: str, environment: Mapping[str, str]) -> dict[str, Any]:
    return _options(f"LIFEBOAT_{family}", FAMILIES[family], environment)


def _options(prefix: str, spec: Spec, environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option, rules in spec.items():
        name = f"{prefix}_{option}".upper()
        suboptions = rules.get("options")
        values[option] = _options(name, suboptions, environment) if suboptions else environment.get(name)
        if isinstance(values[option], str) and rules.get("type") != "path":  # of paths, systems take any bytes
            _check_text(name, values[option])
    return {option: value for option, value in values.items() if value}


def _check_text(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidOption(f"The environment variable {name} is not UTF-8.", object_name=name) from error


def _secrets(found: Mapping[str, Any], spec: Spec) -> set[str]:
    secrets = {value for option, value in found.items() if spec[option].get("no_log")}
    for option, value in found.items():
        if "options" in spec[option]:
            secrets |= _secrets(value, spec[option]["options"])
    return secrets
