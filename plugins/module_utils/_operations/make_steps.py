# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the steps of an import plan: one after the other, or several at once where the registry gains from that."""

from __future__ import annotations

from itertools import count

from .._core.errors import RegistryError, VerificationFailed
from .._registry.dialect import Registry
from .._schemas.import_plan import KEEP, ImportPlan, PurgeSubject, Register, SoftDelete
from .._schemas.model import SchemaVersion, VersionKey
from .._schemas.schedule import steps_before


class Steps:
    """The steps of a plan, and what the registry made of them.

    Args:
        plan: What to do.
        registry: Where.
    """

    def __init__(self, plan: ImportPlan, registry: Registry) -> None:
        self.ids: dict[VersionKey, int] = {}
        """The ids that registrations returned, by source."""
        self._plan = plan
        self._registry = registry
        self._numbers: dict[VersionKey, int] = {}
        self._made: set[int] = set()

    @property
    def done(self) -> int:
        """How many steps are made, from the first on to the first that is not; later ones may be made as well."""
        return next(number for number in count() if number not in self._made)

    def make_all(self) -> None:
        """Make the steps; all at once where that is the only way to keep ids.

        Raises:
            RegistryError: The registry refused something, or could not be reached.
            VerificationFailed: The registry made something else of a step. After an error no further step is begun, and
                those under way are awaited.
        """
        plan, capabilities = self._plan, self._registry.capabilities
        if not plan.steps:
            return
        if plan.options.ids == KEEP and capabilities.ids_at_once:
            self._registry.fill(plan.after.versions[key] for key in sorted(plan.after.versions))
            self._made.update(range(len(plan.steps)))
        elif plan.options.ids == KEEP or capabilities.parallel_registrations == 1:
            for number in range(len(plan.steps)):
                self._make(number)
        else:
            before = steps_before(plan, capabilities)
            self._registry.client.do_in_order(self._make, before, most=capabilities.parallel_registrations)

    def _make(self, number: int) -> None:
        step = self._plan.steps[number]
        if isinstance(step, Register):
            self._register(step)
        elif isinstance(step, SoftDelete):
            version = self._numbers.get(step.source, step.key.version) if step.source else step.key.version
            self._registry.soft_delete(VersionKey(step.subject, version))
        else:
            self._purge(step)
        self._made.add(number)

    def _purge(self, step: PurgeSubject) -> None:
        self._registry.purge_subject(step.subject)
        # The server may have forgotten the subject's mode with the subject.
        for temporary in self._plan.temporary:
            if (temporary.kind, temporary.scope) == ("mode", step.subject):
                self._registry.set_mode(temporary.scope, temporary.value, force=True)

    def _register(self, step: Register) -> None:
        content = self._plan.content(step, self._numbers)
        version = SchemaVersion(step.version.subject, step.version.version, step.version.id, content)
        try:
            given = self._registry.register(version, with_id=step.with_id)
        except RegistryError as error:
            error.message += f" This was {step.source} of the backup" + (f", id {version.id}." if step.with_id else ".")
            error.facts |= {"subject": step.source.subject, "version": step.source.version}
            raise
        if step.with_id and given != version.id:
            raise VerificationFailed(
                f"{version.key} was registered with the id {version.id}, and the registry answered {given}: it kept "
                "something else. Nothing more was written.",
                object_name=str(version.key),
            )
        self.ids[step.source] = given
        if step.needs_number:
            self._numbers[step.source] = self._number_of(step, given)

    def _number_of(self, step: Register, schema_id: int) -> int:
        """Return the number that the registry gave: the newest of the subject's versions with that id."""
        predicted = self._registry.read_version(step.version.key)
        if predicted is not None and predicted.id == schema_id:
            return predicted.version
        held = [
            key.version
            for key in sorted(self._registry.list_versions().versions)
            if key.subject == step.subject
            and (version := self._registry.read_version(key)) is not None
            and version.id == schema_id
        ]
        if not held:
            raise VerificationFailed(
                f"{step.source} was registered as a version of {step.subject} with the id {schema_id}, but the subject "
                "has no such version.",
                object_name=step.subject,
            )
        return held[-1]
