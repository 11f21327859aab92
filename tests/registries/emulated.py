# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated registry with what the test bed's real ones have, so that a test can take either.

with EmulatedRegistry(Confluent) as registry:
    registry.call("PUT", "/mode", {"mode": "IMPORT"})
    registry.wipe()
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from registries.serving import Make, RegistryServer


class EmulatedRegistry(RegistryServer):
    """A registry that can be emptied.

    Args:
        make: Makes an empty one.
    """

    def __init__(self, make: Callable[[], Make]) -> None:
        super().__init__(make())
        self._make = make

    def wipe(self) -> None:
        """Put an empty registry in the place of this one."""
        self.make = self._make()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer (``None`` when empty).

        Raises `urllib.error.HTTPError` for a status of 400 and above.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.endpoint + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None
