# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says of an exporter or importer, and what that changes in one that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import InvalidOption, Refused

PRESENT, RUNNING, PAUSED, ABSENT = "present", "running", "paused", "absent"
ALWAYS = "always"
HIDDEN = "********"

FIELDS = {
    "context_type": "contextType",
    "context": "context",
    "subjects": "subjects",
    "subject_rename_format": "subjectRenameFormat",
    "kek_rename_format": "kekRenameFormat",
}
"""The options that are fields of a definition, with the API's names."""

_SECRET = re.compile(
    r"secret|passw|passphrase|jaas|token|credential|user\.info|api[-_.]?key|keystore\.key|private", re.IGNORECASE
)
_HARMLESS = re.compile(r"(\.source|\.url|\.class|\.provider)$", re.IGNORECASE)
"""Ends of names that look secret and are not, such as ``basic.auth.credentials.source``."""

_USER_INFO = re.compile(r"(?<=://)[^/?#,\s]*@")


@dataclass(frozen=True)
class LinkRequest:
    """What a task says of one exporter or importer; what it does not say is None.

    Args:
        name: Its name.
        state: `PRESENT`, `RUNNING`, `PAUSED` or `ABSENT`.
        context_type: ``AUTO``, ``CUSTOM``, ``NONE`` or ``DEFAULT``.
        context: The context, for ``CUSTOM`` and ``DEFAULT``.
        subjects: Which subjects it carries.
        subject_rename_format: The name of a subject on the other side; for exporters.
        kek_rename_format: The name of a key encryption key on the other side; for exporters.
        config: How the other registry is reached, without secrets; a None removes a key.
        secrets: The secret part of the config.
        update_secrets: ``on_create``, or `ALWAYS` when they are set each time, as nobody can tell whether they differ.
        reset: Whether it starts over.
        wait: Whether its state is waited for.
        wait_timeout: Seconds to wait at most.
    """

    name: str
    state: str
    context_type: str | None = None
    context: str | None = None
    subjects: Sequence[str] | None = None
    subject_rename_format: str | None = None
    kek_rename_format: str | None = None
    config: Mapping[str, Any] | None = None
    secrets: Mapping[str, Any] | None = field(default=None, repr=False)
    update_secrets: str = "on_create"
    reset: bool = False
    wait: bool = True
    wait_timeout: int = 60

    def check(self) -> None:
        """Check what does not need the server.

        Raises:
            InvalidOption: An option cannot be used, alone or with another.
        """
        given = [name for name in (*FIELDS, "config", "secrets") if getattr(self, name) is not None]
        for name, wrong, rule in (
            ("name", not self.name, "is empty"),
            ("wait_timeout", self.wait_timeout < 0, "must not be negative"),
            ("context", self.context_type == "CUSTOM" and not self.context, "is needed with context_type: CUSTOM"),
            (
                "context",
                bool(self.context) and self.context_type not in ("CUSTOM", "DEFAULT"),
                "goes with context_type: CUSTOM or DEFAULT",
            ),
            (given[0] if given else "", self.state == ABSENT and bool(given), "does not go with state: absent"),
            ("reset", self.state == ABSENT and self.reset, "does not go with state: absent"),
        ):
            if wrong:
                raise InvalidOption(f"{name} {rule}.", object_name=name)
        self._check_values()
        for name in filter(is_secret, self._config()):
            raise InvalidOption(
                f"config must not hold the secret-looking {name!r}, since it is shown. Give it in secrets.",
                object_name="config",
            )
        for name, value in self._config().items():
            if _USER_INFO.search(value):
                raise InvalidOption(
                    f"{name} of config must not carry user info, since URLs are shown. Give secrets the key "
                    "basic.auth.user.info.",
                    object_name="config",
                )

    def _check_values(self) -> None:
        config, secrets = self.config or {}, self.secrets or {}
        for option, values in (("config", config), ("secrets", secrets)):
            for name, value in values.items():
                if isinstance(value, dict | list) or (value is None and option == "secrets"):
                    raise InvalidOption(
                        f"{name!r} of {option} must be a text, a number, true or false.", object_name=option
                    )
        for name in sorted(set(config) & set(secrets)):
            raise InvalidOption(f"{name!r} is in config and in secrets; give it in one of them.", object_name="config")

    def definition(self) -> dict[str, Any]:
        """Return the body that makes it.

        Raises:
            InvalidOption: There is no config.
        """
        if not self.config:
            raise InvalidOption(
                f"{self.name} does not exist yet, and without config it cannot be made: it needs the other registry's "
                "address, schema.registry.url.",
                object_name="config",
            )
        return {**self._fields(), "config": {**self._config(), **self._secrets()}}

    def changes(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body that makes one that is there as asked for; empty when it is.

        Args:
            held: Its definition, with the API's names.

        Raises:
            Refused: Its config would lose secrets that are not given.
        """
        changed = {name: value for name, value in self._fields().items() if not _same(name, value, held.get(name))}
        there = {name: str(value) for name, value in held["config"].items()}
        shown = {name: value for name, value in there.items() if not is_secret(name) and name not in self._secrets()}
        removed = {name for name, value in (self.config or {}).items() if value is None}
        wanted = {name: value for name, value in {**shown, **self._config()}.items() if name not in removed}
        if wanted == shown and not (self.update_secrets == ALWAYS and self.secrets):
            return changed
        lost = sorted(set(filter(is_secret, there)) - set(self._secrets()) - removed)
        if self.secrets is None or lost:
            raise Refused(
                f"The config of {self.name} changes, and is sent as a whole, so that it would lose its secrets"
                + (f" ({', '.join(lost)})" if lost else "")
                + ". Give them in secrets; an empty dictionary says that there are none.",
                object_name=self.name,
            )
        return {**changed, "config": {**wanted, **self._secrets()}}

    def shown(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """Return a definition by the names of the options, its secrets hidden."""
        told = {option: held.get(name) for option, name in FIELDS.items() if held.get(name) is not None}
        secret = {name for name in held["config"] if is_secret(name) or name in self._secrets()}
        config = {name: HIDDEN if name in secret else _without_user(v) for name, v in sorted(held["config"].items())}
        return {**told, "config": config}

    def _fields(self) -> dict[str, Any]:
        given = (self.context_type, self.context, self.subjects, self.subject_rename_format, self.kek_rename_format)
        return {name: value for name, value in zip(FIELDS.values(), given, strict=True) if value is not None}

    def _config(self) -> dict[str, str]:
        return {name: _text(value) for name, value in (self.config or {}).items() if value is not None}

    def _secrets(self) -> dict[str, str]:
        return {name: _text(value) for name, value in (self.secrets or {}).items()}


def is_secret(name: str) -> bool:
    """Tell whether a key of a config looks as if its value were secret."""
    return bool(_SECRET.search(name)) and not _HARMLESS.search(name)


def _without_user(value: Any) -> Any:
    return _USER_INFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value


def _same(name: str, wanted: Any, held: Any) -> bool:
    if name == "subjects":
        return sorted(wanted) == sorted(held or [])
    return bool(wanted == (held or ("AUTO" if name == "contextType" else held)))


def _text(value: Any) -> str:
    """Write a value as properties files do, in which servers keep it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
