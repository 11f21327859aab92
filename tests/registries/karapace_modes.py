# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modes of Karapace from 6.2.4 on, as its page on import mode tells of them; nothing of it was seen on a real one.

A subject without a mode of its own answers with the global one, and its own always wins. The global one cannot be
removed. What a mode does to registrations is not emulated.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from registries.holdings import Refusal, Subject
from registries.karapace import Handlers, Karapace
from registries.serving import Request

MODES = ("READWRITE", "IMPORT")
GLOBAL = ""


class KarapaceWithModes(Karapace):
    """One registry.

    Args:
        removes: Whether a subject's mode can be removed; the first documents of this knew no such request.
    """

    def __init__(self, *, removes: bool = True) -> None:
        super().__init__("6.2.4")
        self.removes = removes
        self.modes: dict[str, str] = {}

    def _handlers(self, path: str) -> Handlers:
        match list(map(unquote_plus, path.removesuffix("/").split("/")[1:])):
            case ["mode"]:
                return {"GET": partial(self._mode, GLOBAL), "PUT": partial(self._set_mode, GLOBAL)}
            case ["mode", name] if name:
                handlers = {"GET": partial(self._mode, name), "PUT": partial(self._set_mode, name)}
                return handlers | ({"DELETE": partial(self._remove_mode, name)} if self.removes else {})
        return super()._handlers(path)

    def _mode(self, name: str, _request: Request) -> dict[str, Any]:
        if name != GLOBAL:
            self.state.known(name)
        return {"mode": self.modes.get(name, self.modes.get(GLOBAL, "READWRITE"))}

    def _set_mode(self, name: str, request: Request) -> dict[str, Any]:
        mode = json.loads(request.body)["mode"]
        if mode not in MODES:
            raise Refusal(422, 42204, f"Invalid mode {mode}.")
        if name != GLOBAL:
            self.state.subjects.setdefault(name, Subject())
        self.modes[name] = mode
        return {"mode": mode}

    def _remove_mode(self, name: str, _request: Request) -> dict[str, Any]:
        self.state.known(name)
        if name not in self.modes:
            raise Refusal(404, 40409, f"Subject '{name}' does not have subject-level mode configured")
        return {"mode": self.modes.pop(name)}
