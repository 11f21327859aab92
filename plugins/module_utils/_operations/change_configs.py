# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting, clearing and removing the configs of many scopes, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import InvalidOption
from .._core.settings import RegistrySettings
from .._registry import administration
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.attachments import check_metadata, check_rule_set, comparable
from .._schemas.model import Setting
from .change_settings import ScopesChange, named_scopes

LEVEL = "compatibilityLevel"

FIELDS = {
    "compatibility": LEVEL,
    "normalize": "normalize",
    "validate_fields": "validateFields",
    "validate_new_schemas": "validateNewSchemas",
    "validate_rules": "validateRules",
    "compatibility_policy": "compatibilityPolicy",
    "compatibility_group": "compatibilityGroup",
    "alias": "alias",
    "alias_for_deks": "aliasForDeks",
    "default_metadata": "defaultMetadata",
    "override_metadata": "overrideMetadata",
    "default_rule_set": "defaultRuleSet",
    "override_rule_set": "overrideRuleSet",
}
"""The options that are fields of a config, with Confluent's GET names (``ConfigValue`` of its source)."""

_OPTIONS = {field: option for option, field in FIELDS.items()}


@dataclass(frozen=True)
class ConfigChange(ScopesChange):
    """The plan to change or remove configs.

    Args:
        wanted: The config that each scope is to have, with Confluent's GET names; None for none.
    """

    wanted: Mapping[str, Mapping[str, Any] | None]

    result = "configs"

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        *,
        subjects: Sequence[str] | None,
        contexts: Sequence[str] | None,
        fields: Mapping[str, Any],
        clear: Sequence[str] = (),
        replace: bool = False,
        remove: bool = False,
    ) -> ConfigChange:
        """Read the configs.

        Args:
            settings: Which registry.
            subjects: The subjects that are meant.
            contexts: The contexts that are meant.
            fields: The keys of `FIELDS` and what each is to be: None to leave it, empty to clear it.
            clear: Further keys of `FIELDS` that are cleared.
            replace: Whether fields that are not given are cleared too.
            remove: Whether the configs are removed.

        Raises:
            InvalidOption: A name is none, or what is wanted contradicts itself, or the registry cannot hold it.
            RegistryError: The registry gave no usable answer.
        """
        given, cleared = _asked(fields, clear, replace=replace, remove=remove)
        registry = connect(settings)
        registry.require_writable()
        _check_kept(registry, given)
        scopes = named_scopes(registry, subjects, contexts)
        current = {scope: registry.get_config(scope) for scope in scopes}
        wanted: dict[str, Mapping[str, Any] | None] = {}
        for scope, held in current.items():
            kept = {} if replace or remove else held.value or {}
            wanted[scope] = {**{n: v for n, v in kept.items() if n not in cleared}, **given} or None
            _check_level(registry, wanted[scope])
            if held.is_set is None and wanted[scope] is None:
                is_set = administration.is_level_set(registry, scope, held.value.get(LEVEL))
                current[scope] = Setting(held.value, is_set)
        return cls(registry, current, wanted)

    def _differs(self, scope: str) -> bool:
        held, wanted = self.current[scope], self.wanted[scope]
        return bool(held.is_set if wanted is None else comparable(held.value or {}) != comparable(wanted))

    def _shown(self, scope: str) -> Any:
        return _with_options(self.current[scope].value)

    def _shown_after(self, scope: str) -> Any:
        return _with_options(self.wanted[scope])

    def _make(self, scope: str) -> None:
        held, wanted = self.current[scope].value or {}, self.wanted[scope]
        if wanted is None:
            self.registry.delete_config(scope)
        elif set(held) <= set(wanted):
            changed = [name for name in wanted if comparable(wanted[name]) != comparable(held.get(name))]
            self.registry.change_config(scope, wanted, changed)
        else:
            self.registry.set_config(scope, wanted)


def _asked(
    fields: Mapping[str, Any], clear: Sequence[str], *, replace: bool, remove: bool
) -> tuple[dict[str, Any], set[str]]:
    """Return what is to be set and what is to be cleared, by Confluent's names."""
    given = {option: value for option, value in fields.items() if value is not None}
    named = [*given, *(["clear"] if clear else []), *(["replace"] if replace else [])]
    if remove and named:
        raise InvalidOption(f"{named[0]} does not go with state: absent, which removes all.", object_name=named[0])
    if not remove and not named:
        raise InvalidOption(
            f"Nothing is asked for. Give compatibility or another field of a config ({', '.join(FIELDS)}), or clear.",
            object_name="compatibility",
        )
    twice = sorted(set(given).intersection(clear))
    if twice:
        raise InvalidOption(f"{twice[0]} is given and in clear as well.", object_name=twice[0])
    cleared = {*clear, *(option for option, value in given.items() if value in ("", {}))}
    for option in set(given) - cleared:
        if option.endswith("_metadata"):
            check_metadata(option, given[option])
        elif option.endswith("_rule_set"):
            check_rule_set(option, given[option])
    wanted = {FIELDS[option]: value for option, value in given.items() if option not in cleared}
    return wanted, {FIELDS[option] for option in cleared}


def _check_kept(registry: Registry, given: Mapping[str, Any]) -> None:
    known = registry.capabilities.config_fields
    rules = [_OPTIONS[field] for field in given if field.endswith("RuleSet")]
    if rules and not registry.capabilities.register_keeps_rule_sets:
        raise InvalidOption(
            f"The schema registry at {registry.client.url} would drop {', '.join(rules)}, and say nothing of it.",
            object_name=rules[0],
        )
    lost = [_OPTIONS[field] for field in given if known is not None and field not in known]
    if lost:
        held = ", ".join(option for option, field in FIELDS.items() if known is not None and field in known)
        raise InvalidOption(
            f"{registry.implementation} does not keep {', '.join(lost)}; its configs have {held}.", object_name=lost[0]
        )


def _check_level(registry: Registry, config: Mapping[str, Any] | None) -> None:
    if registry.capabilities.configs_need_level and config is not None and not config.get(LEVEL):
        raise InvalidOption(
            f"{registry.implementation} ignores a config without a compatibility level. Give compatibility too.",
            object_name="compatibility",
        )


def _with_options(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Name the fields of a config as the options; one that has none keeps its name."""
    return None if config is None else {_OPTIONS.get(name, name): value for name, value in sorted(config.items())}
