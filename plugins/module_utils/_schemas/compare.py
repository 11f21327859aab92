# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a registry differs from what it should hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .._core.canonical import compact_bytes
from .attachments import comparable
from .content import same_text
from .model import RegistryState, SchemaContent, SchemaVersion, ScopeSettings, Setting, VersionKey

ABSENT = "absent"
PRESENT = "present"
LEVEL = "compatibilityLevel"
DEFAULT_LEVEL = "BACKWARD"
_SHOWN_CHARACTERS = 120


@dataclass(frozen=True)
class Mismatch:
    """One field of one object that is not as expected.

    Args:
        subject: The qualified subject, or the scope of settings.
        version: The version number; None for settings.
        field: ``version`` (is it there at all), ``id``, ``deleted``, ``schemaType``, ``schema``, ``references``,
            ``metadata``, ``ruleSet``, ``mode``, ``config`` or ``config.<field>``.
        expected: What should be there, shortened for people.
        actual: What is there, shortened for people.
    """

    subject: str
    version: int | None
    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        place = self.subject or "the registry" if self.version is None else f"{self.subject} version {self.version}"
        return f"{place}: {self.field} should be {self.expected} and is {self.actual}"


def differences(
    expected: RegistryState,
    actual: RegistryState,
    *,
    subjects: Collection[str] | None = None,
    ignored: Collection[VersionKey] = (),
) -> list[Mismatch]:
    """Compare what a registry should hold with what it holds, field by field.

    Timestamps, GUIDs and tags, which follow the text, are not compared; nor are scopes of settings of which
    ``expected`` says nothing. Whether a setting is set is only compared where both sides tell it.

    Args:
        expected: What should be there.
        actual: What was read.
        subjects: Compares only the versions of these; all by default. Settings are always compared.
        ignored: Versions that may be there or not, in any state.

    Returns:
        Every difference, sorted by subject and version, those of settings last.
    """
    keys = {
        key
        for key in {*expected.versions, *actual.versions}
        if (subjects is None or key.subject in subjects) and key not in ignored
    }
    found: list[Mismatch] = []
    for key in sorted(keys):
        found.extend(_of_version(key, expected.versions.get(key), actual.versions.get(key)))
    for scope in sorted(expected.settings):
        found.extend(_of_settings(scope, expected.settings[scope], actual.settings.get(scope, ScopeSettings())))
    return found


def render(value: Any) -> str:
    """Write a value for people on one line, cut off when it is long."""
    text = value if isinstance(value, str) else compact_bytes(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"


def _of_version(key: VersionKey, expected: SchemaVersion | None, actual: SchemaVersion | None) -> Iterator[Mismatch]:
    if expected is None or actual is None:
        states = [ABSENT if version is None else PRESENT for version in (expected, actual)]
        yield Mismatch(key.subject, key.version, "version", states[0], states[1])
        return
    wanted, given = _fields(expected), _fields(actual)
    texts_equal = same_text(expected.content, actual.content)
    for field in wanted:
        if wanted[field] != given[field] and not (field == "schema" and texts_equal):
            shown = _around(wanted[field], given[field]) if field == "schema" else (wanted[field], given[field])
            yield Mismatch(key.subject, key.version, field, render(shown[0]), render(shown[1]))


def _fields(version: SchemaVersion) -> dict[str, Any]:
    content: SchemaContent = version.content
    return {
        "id": version.id,
        "deleted": version.deleted,
        "schemaType": content.schema_type,
        "schema": content.text,
        "references": [list(reference.key()) for reference in content.references],
        "metadata": comparable(content.metadata or {}) or None,
        "ruleSet": comparable(content.rule_set or {}) or None,
    }


def _around(expected: str, actual: str) -> tuple[str, str]:
    """Cut both texts to where they begin to differ."""
    shorter = min(len(expected), len(actual))
    start = next((n for n in range(shorter) if expected[n] != actual[n]), shorter)
    begin = max(0, start - _SHOWN_CHARACTERS // 4)
    lead = "…" if begin else ""
    return lead + expected[begin:], lead + actual[begin:]


def _of_settings(scope: str, expected: ScopeSettings, actual: ScopeSettings) -> Iterator[Mismatch]:
    if not same_setting(expected.mode, actual.mode):
        yield Mismatch(scope, None, "mode", _shown(expected.mode), _shown(actual.mode))
    config = _with_level_told(expected.config, actual.config)
    if same_setting(config, actual.config):
        return
    if not isinstance(config.value, dict) or not isinstance(actual.config.value, dict):
        yield Mismatch(scope, None, "config", _shown(config), _shown(actual.config))
        return
    before, after = comparable(config.value), comparable(actual.config.value)
    for field in sorted({*before, *after}):
        wanted, given = before.get(field), after.get(field)
        if wanted != given:
            yield Mismatch(scope, None, f"config.{field}", _or_absent(wanted), _or_absent(given))
    if before == after:
        yield Mismatch(scope, None, "config", _shown(config), _shown(actual.config))


def _with_level_told(expected: Setting, actual: Setting) -> Setting:
    """Return a config with the level that a registry tells, where it should have none: the server's own is told then.

    Source: Confluent Schema Registry 8.3.1, ``GET /config/{subject}``.
    """
    wanted, given = expected.value, actual.value
    if not isinstance(wanted, dict) or not isinstance(given, dict) or LEVEL in wanted or LEVEL not in given:
        return expected
    return replace(expected, value={**wanted, LEVEL: given[LEVEL]})


def same_setting(one: Setting, other: Setting) -> bool:
    """Tell whether two settings are the same, as far as both say whether they are set.

    Of configs counts what says anything (`comparable`), and a config without a level is one with the default level:
    some registries tell that one in its place.
    """
    if None not in (one.is_set, other.is_set) and one.is_set != other.is_set:
        return False
    if one.is_set is False or other.is_set is False:
        return one.is_set is other.is_set
    return bool(_comparable(one.value) == _comparable(other.value))


def _comparable(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {LEVEL: DEFAULT_LEVEL, **comparable(value)}


def _shown(setting: Setting) -> str:
    return "unset" if setting.is_set is False else render(setting.value)


def _or_absent(value: Any) -> str:
    return ABSENT if value is None else render(value)
