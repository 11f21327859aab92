# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata and rule sets as people write them, and as servers show them.

The fields are those of Confluent's REST API (``Metadata``, ``RuleSet`` and ``Rule`` of its client's entities). A server
drops what it does not know without a word, so a misspelt name is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import InvalidOption

_RULE_LISTS = ("migrationRules", "domainRules", "encodingRules")
_RULE_TEXTS = ("name", "doc", "kind", "mode", "type", "expr", "onSuccess", "onFailure")
_RULE_FIELDS = (*_RULE_TEXTS, "tags", "params", "disabled")
_SETS = frozenset({"tags", "sensitive"})
"""Lists whose order means nothing, so that servers sort them, and keep each member once."""


def check_metadata(option: str, value: Mapping[str, Any]) -> None:
    """Check a metadata object.

    Args:
        option: Names it in the error.
        value: ``{tags: {path: [tag]}, properties: {name: text}, sensitive: [name]}``, each of them optional.

    Raises:
        InvalidOption: It has another field, or a value of another type.
    """
    _check_names(option, value, ("tags", "properties", "sensitive"))
    for name in ("tags", "properties"):
        if not isinstance(value.get(name) or {}, Mapping):
            raise _wrong(f"{option}.{name}", "a dictionary")
    for path, tags in (value.get("tags") or {}).items():
        _check_texts(f"{option}.tags[{path!r}]", tags)
    for name, text in (value.get("properties") or {}).items():
        if not isinstance(text, str):
            raise _wrong(f"{option}.properties[{name!r}]", "a text; put quotes around it")
    _check_texts(f"{option}.sensitive", value.get("sensitive") or [])


def check_rule_set(option: str, value: Mapping[str, Any]) -> None:
    """Check a rule set object.

    Args:
        option: Names it in the error.
        value: ``{migrationRules: [rule], domainRules: [rule], encodingRules: [rule], enableAt: text}``, each of them
            optional; a rule has a ``name``, and whatever else Confluent's rules have.

    Raises:
        InvalidOption: It has another field, or a value of another type.
    """
    _check_names(option, value, (*_RULE_LISTS, "enableAt"))
    for kind in _RULE_LISTS:
        rules = value.get(kind, [])
        if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
            raise _wrong(f"{option}.{kind}", "a list of dictionaries")
        for number, rule in enumerate(rules):
            _check_rule(f"{option}.{kind}[{number}]", rule)


def comparable(value: Any) -> Any:
    """Return a config, metadata or a rule set so that what says the same is equal.

    Empty members say nothing, nor does it say anything that a rule is not disabled, which servers add.
    """
    if isinstance(value, Mapping):
        members = {name: _member(name, member) for name, member in value.items()}
        return {
            name: member
            for name, member in members.items()
            if member not in (None, {}, []) and not (name == "disabled" and member is False)
        }
    return [comparable(member) for member in value] if isinstance(value, list) else value


def _member(name: str, value: Any) -> Any:
    if name == "tags" and isinstance(value, Mapping):
        return {path: _member(name, tags) for path, tags in value.items()}
    if name in _SETS and isinstance(value, list) and all(isinstance(member, str) for member in value):
        return sorted(set(value))
    return comparable(value)


def _check_rule(where: str, rule: Mapping[str, Any]) -> None:
    _check_names(where, rule, _RULE_FIELDS)
    if not rule.get("name"):
        raise _wrong(f"{where}.name", "the rule's name")
    for name in _RULE_TEXTS:
        if not isinstance(rule.get(name, ""), str):
            raise _wrong(f"{where}.{name}", "a text; put quotes around it")
    _check_texts(f"{where}.tags", rule.get("tags") or [])
    if not isinstance(rule.get("params") or {}, Mapping):
        raise _wrong(f"{where}.params", "a dictionary")
    if not isinstance(rule.get("disabled", False), bool):
        raise _wrong(f"{where}.disabled", "true or false")


def _check_names(where: str, value: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in value:
        if name not in known:
            raise InvalidOption(
                f"{where} has the field {name!r}, which a registry would drop; it has {', '.join(known)}.",
                object_name=where,
            )


def _check_texts(where: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise _wrong(where, "a list of texts")


def _wrong(where: str, wanted: str) -> InvalidOption:
    return InvalidOption(f"{where} must be {wanted}.", object_name=where)
