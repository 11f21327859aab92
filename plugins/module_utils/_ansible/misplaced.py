# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding secrets in options that are shown.

Such options are refused with a hint, but Ansible's results repeat them all the same: what is found here is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.settings import is_secret_client_option, is_secret_header
from .._operations.link_requests import is_secret

_OPTIONS = ("registry", "kafka", "config")
"""Options with addresses; texts such as schemas are none, and are shown as they are."""

_FREE = {"headers": is_secret_header, "client_options": is_secret_client_option, "config": is_secret}
"""Options whose keys the user chooses, and which of these must not be there."""

_NETWORK = re.compile(r"[^/?#]*")
_HOST_AND_PORT = re.compile(r"\[.*\](:\d*)?|[^:]*(:\d*)?")
_PARAMETER = re.compile(r"[?&]([^=&#]+)=[^&#\s]+")


def misplaced_secrets(options: Mapping[str, Any]) -> set[str]:
    """Return the texts among a module's options that look secret, but stand where nothing is hidden.

    Args:
        options: All of a module's options, as it was given them.
    """
    return {secret for name in _OPTIONS for secret in _found(name, options.get(name))}


def _found(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        looks_secret = _FREE.get(name)
        for key, member in value.items():
            if looks_secret and member is not None and looks_secret(str(key)):
                yield str(member)
            yield from _found(str(key), member)
    elif isinstance(value, list):
        for member in value:
            yield from _found(name, member)
    elif isinstance(value, str):
        yield from _in_addresses(value)


def _in_addresses(text: str) -> Iterator[str]:
    """Return the user info of URLs, its ``@`` included, and parameters of theirs that look secret."""
    for rest in text.split("://")[1:]:
        found = _NETWORK.match(rest)
        network = found[0] if found else ""
        # A password that is not encoded may hold what ends a host.
        is_whole = "@" in network or _HOST_AND_PORT.fullmatch(network)
        user_info, at, _host = (network if is_whole else rest).rpartition("@")
        if user_info:
            yield user_info + at
        for parameter in _PARAMETER.finditer(rest):
            if is_secret_header(parameter[1]):
                yield parameter[0][1:]
