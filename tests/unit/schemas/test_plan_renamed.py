# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated registries that are imported under other names, with the highest ids kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.strategies import registries

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import same_text
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import ImportOptions, ImportPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    SchemaVersion,
    VersionKey,
    context_of,
    join_subject,
    split_subject,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

KEPT = "lifeboat.kafka.highest-id"
Place = tuple[str, str]


@dataclass(frozen=True)
class Mapped:
    """Mappings, and in other words what they are to do.

    Args:
        subjects: A ``subject_mapping``.
        contexts: A ``context_mapping``.
        place: Returns the new context and name for old ones.
    """

    subjects: dict[str, str]
    contexts: dict[str, str]
    place: Callable[[str, str], Place]

    def name(self, subject: str) -> str:
        """Return a subject's new name."""
        return join_subject(*self.place(*split_subject(subject)))


def prefixed(context: str, name: str) -> Place:
    return context, f"p-{name}" if context == "." else name


def swapped(context: str, name: str) -> Place:
    return {".": ".eu", ".eu": "."}[context], name


def outside(_context: str, name: str) -> Place:
    return ".", name


def together(context: str, name: str) -> Place:
    return ".", f"{name}.eu" if context == ".eu" else name


def apart(context: str, name: str) -> Place:
    return (".eu" if name.startswith("s") else context), f"{name}-{context[1:]}"


MAPPED = st.sampled_from(
    [
        Mapped({"*": "p-*"}, {}, prefixed),
        Mapped({}, {".": ".eu", ".eu": "."}, swapped),
        Mapped({}, {".eu": "."}, outside),
        Mapped({r"~(?::\.eu:)?(.*)": r"x.\1"}, {".": ".us"}, lambda _context, name: (".us", f"x.{name}")),
        Mapped({r"~:\.(eu):(.*)": r":.eu:\2-\1", "s*": ":.eu:s*-", "*": "*-"}, {}, apart),
        Mapped({":.eu:*": ":.eu:*.eu"}, {".eu": "."}, together),
    ]
)


@st.composite
def with_highest_ids(draw: st.DrawFn) -> RegistryState:
    archive = draw(registries())
    highest: dict[str, int] = {}
    for key, version in archive.versions.items():
        context = context_of(key.subject)
        highest[context] = max(version.id, highest.get(context, 0))
    highest |= dict.fromkeys(draw(st.sets(st.sampled_from([".", ".emptied"]))) - highest.keys(), 0)
    return replace(
        archive, highest_ids={context: known + draw(st.integers(0, 3)) for context, known in highest.items()}
    )


def planned(
    archive: RegistryState, registry: ModelRegistry, mapped: Mapped, ids: str
) -> tuple[ImportPlan, ImportOptions]:
    """Plan what can be planned; what cannot be is another test's."""
    options = ImportOptions(
        ids=ids,
        subject_mapping=mapped.subjects,
        context_mapping=mapped.contexts,
        accept_losses=frozenset(LOSS_KINDS),
    )
    try:
        return plan_import(archive, registry.state, registry.capabilities, options), options
    except (InvalidOption, ImportRefused) as refused:
        event(f"refused: {refused.message[:60]}")
        assume(False)
        raise


def check_version(version: SchemaVersion, actual: SchemaVersion, mapped: Mapped) -> None:
    assert same_text(actual.content, version.content)
    for ours, theirs in zip(version.content.references, actual.content.references, strict=True):
        assert theirs.name == ours.name
        wanted = mapped.name(ours.target(version.subject).subject)
        assert theirs.target(actual.subject).subject == wanted


@given(with_highest_ids(), MAPPED, st.sampled_from([CONFLUENT, AXONOPS]))
@settings(max_examples=150)
def test_what_keeps_its_ids_is_found_under_its_new_name(
    archive: RegistryState, mapped: Mapped, capabilities: Capabilities
) -> None:
    registry = ModelRegistry(capabilities)
    plan, options = planned(archive, registry, mapped, "keep")
    registry.apply(plan)
    assert differences(plan.expected({}), registry.state) == []
    left = {item.source for item in plan.items if item.why}
    for key in archive.versions.keys() - left:
        version = archive.versions[key]
        actual = registry.state.versions[VersionKey(mapped.name(key.subject), key.version)]
        assert (actual.id, actual.deleted) == (version.id, version.deleted)
        assert [reference.version for reference in actual.content.references] == [
            reference.version for reference in version.content.references
        ]
        check_version(version, actual, mapped)
    others = {key for key in registry.state.versions if split_subject(key.subject)[1] != KEPT}
    assert len(others) == len(archive.versions) - sum(item.action == "omit" for item in plan.items)
    for old, highest in archive.highest_ids.items():
        new = options.names.context(old)
        brought = [one.id for key, one in archive.versions.items() if context_of(mapped.name(key.subject)) == new]
        held = [one.id for key, one in registry.state.versions.items() if context_of(key.subject) == new]
        assert max([0, *held, *brought]) >= highest
    again = plan_import(archive, registry.state, capabilities, options)
    assert (again.steps, again.settings) == ((), ())


@given(with_highest_ids(), MAPPED, st.sampled_from([CONFLUENT, AXONOPS]))
@settings(max_examples=150)
def test_new_ids_are_told_by_the_old_contexts(
    archive: RegistryState, mapped: Mapped, capabilities: Capabilities
) -> None:
    registry = ModelRegistry(capabilities)
    plan, options = planned(archive, registry, mapped, "assign")
    assigned = plan.assigned(registry.apply(plan), registry.state)
    assert differences(plan.expected(assigned), registry.state, ignored=plan.uncertain) == []
    ids = plan.id_map(assigned)
    left = {item.source for item in plan.items if item.action in ("leave", "omit")}
    for key in archive.versions.keys() - left:
        version = archive.versions[key]
        actual = registry.state.versions[VersionKey(mapped.name(key.subject), assigned[key].version)]
        assert ids[context_of(key.subject)][version.id] == actual.id
        check_version(version, actual, mapped)
        for ours, theirs in zip(version.content.references, actual.content.references, strict=True):
            assert theirs.version == assigned[ours.target(key.subject)].version
    again = plan_import(archive, registry.state, capabilities, options)
    assert again.steps == ()


@given(st.data(), with_highest_ids(), MAPPED)
@settings(max_examples=75)
def test_a_rerun_goes_on(data: st.DataObject, archive: RegistryState, mapped: Mapped) -> None:
    registry = ModelRegistry(CONFLUENT)
    plan, options = planned(archive, copy.deepcopy(registry), mapped, "keep")
    registry.apply(plan, steps=data.draw(st.integers(0, len(plan.steps))))
    rest = plan_import(archive, registry.state, CONFLUENT, replace(options, unfinished=plan.registered))
    registry.apply(rest)
    assert differences(plan.expected({}), registry.state) == []
