# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans what an import does about encryption keys.

No strategy replaces or purges a key: what was encrypted with it would be lost. A key whose name another one has on the
target is left, and so are the DEKs that the target's KEK could not unwrap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .capabilities import Capabilities
from .encryption_keys import Dek, DekKey, EncryptionKeys, Kek
from .import_plan import (
    IDENTICAL,
    LIVE_ON_TARGET,
    NEW,
    OVERWRITE,
    SKIP,
    SOFT_DELETED_ON_TARGET,
    ImportOptions,
)
from .key_steps import (
    CREATE,
    KEPT,
    KEY_CONFLICT,
    LEAVE,
    OMIT,
    SOFT_DELETE,
    STAYS_LIVE,
    UNDELETE,
    KeyItem,
    KeyPlan,
    KeyStep,
)
from .losses import DEKS, SOFT_DELETES, Lost
from .problems import Problem

_NOT_WRAPPED = "it has no wrapped key, in place of which the target would make a new one"


@dataclass
class KeyDraft:
    """The plan for encryption keys, with what speaks against it.

    Args:
        plan: What is to be done.
        lost: What the target cannot hold.
        problems: What forbids the import.
    """

    plan: KeyPlan = field(default_factory=KeyPlan)
    lost: list[Lost] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def draft_keys(
    archive: EncryptionKeys | None, target: EncryptionKeys | None, capabilities: Capabilities, options: ImportOptions
) -> KeyDraft:
    """Plan the encryption keys of an import.

    Args:
        archive: Those of the archive; None where it says nothing of them.
        target: All that the target holds; None where it holds none at all.
        capabilities: What it can hold.
        options: What was asked for.
    """
    if not archive:
        return KeyDraft()
    wanted = _renamed(archive, options)
    if not capabilities.encryption_keys:
        return _all_lost(wanted)
    return _Drafting(wanted, EncryptionKeys() if target is None else target, capabilities, options).draft()


def _renamed(archive: EncryptionKeys, options: ImportOptions) -> EncryptionKeys:
    """Return the keys under the target's names; KEKs keep theirs, since rules name them."""
    deks = [
        replace(dek, key=dek.key._replace(subject=options.names.of(dek.key.subject))) for dek in archive.deks.values()
    ]
    return EncryptionKeys(archive.keks, {dek.key: dek for dek in deks})


def _all_lost(wanted: EncryptionKeys) -> KeyDraft:
    names = sorted([*(kek.key for kek in wanted.keks.values()), *wanted.deks])
    items = tuple(KeyItem(name, NEW, OMIT, "the target cannot hold encryption keys") for name in names)
    return KeyDraft(KeyPlan(items), [Lost(DEKS, name.subject or name.kek, str(name)) for name in names])


class _Drafting:
    """Decides key by key, KEKs before the DEKs under them."""

    def __init__(
        self, wanted: EncryptionKeys, target: EncryptionKeys, capabilities: Capabilities, options: ImportOptions
    ) -> None:
        self._wanted = wanted
        self._target = target
        self._capabilities = capabilities
        self._options = options
        self._items: dict[DekKey, KeyItem] = {}
        self._made = KeyDraft()
        self._subjects = {key[:2] for key in target.deks if key not in options.unfinished_keys}

    def draft(self) -> KeyDraft:
        """Make the plan."""
        for kek in self._wanted.keks.values():
            self._items[kek.key] = self._decide_kek(kek)
        for dek in self._wanted.deks.values():
            self._items[dek.key] = self._decide_dek(dek)
        used = {name.kek for name in {*self._target.deks, *self._wanted.deks} if self._lives_after(name)}
        for kek in self._wanted.keks.values():
            if kek.name in used:
                self._keep_used(kek)
        steps = tuple(self._steps())
        for step in steps:
            self._made.problems.extend(self._name_problems(step))
        self._made.plan = KeyPlan(
            items=tuple(self._items[name] for name in sorted(self._items)),
            steps=steps,
            target=self._concerned(self._target),
            after=self._after(steps),
        )
        return self._made

    def _decide_kek(self, kek: Kek) -> KeyItem:
        for hidden in (kek.key, DekKey("", "", "", 0)):
            if hidden in self._target.hidden and kek.name not in self._target.keks:
                why = f"the target does not tell it: {self._target.hidden[hidden]}"
                return KeyItem(kek.key, KEY_CONFLICT, LEAVE, why)
        held = self._target.keks.get(kek.name)
        if held is None:
            return KeyItem(kek.key, NEW, CREATE)
        mine, theirs = kek.facts(), held.facts()
        if mine != theirs:
            fields = ", ".join(name for name in mine if mine[name] != theirs[name])
            why = f"the target has another one of this name, with other {fields}; a key is never replaced"
            return KeyItem(kek.key, KEY_CONFLICT, LEAVE, why)
        return self._same(kek, held)

    def _decide_dek(self, dek: Dek) -> KeyItem:
        name, held = dek.key, self._target.deks.get(dek.key)
        why = self._out_of_reach(dek)
        if why:
            return KeyItem(name, NEW if held is None else KEY_CONFLICT, LEAVE, why)
        if held is not None:
            if held.wrapped != dek.wrapped:
                why = "the target has another key under this number; a key is never replaced"
                return KeyItem(name, KEY_CONFLICT, LEAVE, why)
            return self._same(dek, held)
        if dek.wrapped is None:
            self._made.lost.append(Lost(DEKS, name.subject, str(name)))
            return KeyItem(name, NEW, OMIT, _NOT_WRAPPED)
        if self._is_deleted(name.kek):
            return KeyItem(name, NEW, LEAVE, "its key encryption key is soft-deleted on the target")
        if self._options.strategy == SKIP and name[:2] in self._subjects:
            return KeyItem(name, NEW, LEAVE, "the target has data encryption keys of its subject already")
        return KeyItem(name, NEW, CREATE)

    def _out_of_reach(self, dek: Dek) -> str:
        """Return why nothing can be done about a DEK; empty where something can."""
        name = dek.key
        for hidden in (name, DekKey(name.kek, name.subject, "", 0), DekKey(name.kek, "", "", 0), DekKey("", "", "", 0)):
            if hidden in self._target.hidden:
                return f"the target does not tell it: {self._target.hidden[hidden]}"
        held = self._target.keks.get(name.kek)
        if held is not None and not held.wraps_like(self._wanted.keks[name.kek]):
            return "its key encryption key is another one on the target, which cannot unwrap it"
        return ""

    def _same(self, wanted: Kek | Dek, held: Kek | Dek) -> KeyItem:
        """Decide about a key that the target has, soft-deleted or not."""
        name = wanted.key
        if wanted.deleted == held.deleted:
            return KeyItem(name, IDENTICAL, KEPT)
        if held.deleted:
            if self._options.strategy != OVERWRITE:
                why = "it is soft-deleted on the target; strategy: overwrite brings it back"
                return KeyItem(name, SOFT_DELETED_ON_TARGET, LEAVE, why)
            return KeyItem(name, SOFT_DELETED_ON_TARGET, UNDELETE)
        if self._options.strategy == OVERWRITE or name in self._options.unfinished_keys:
            return KeyItem(name, LIVE_ON_TARGET, SOFT_DELETE)
        return KeyItem(name, LIVE_ON_TARGET, KEPT, "it is soft-deleted in the backup, and lives on the target")

    def _is_deleted(self, kek: str) -> bool:
        """Tell whether a KEK is soft-deleted on the target while DEKs are created."""
        held = self._target.keks.get(kek)
        return held is not None and held.deleted and self._items[held.key].action != UNDELETE

    def _keep_used(self, kek: Kek) -> None:
        """Let a KEK live under which DEKs live afterwards, where the target does not soft-delete such a one."""
        item = self._items[kek.key]
        ends_deleted = item.action == SOFT_DELETE or (item.action == CREATE and kek.deleted)
        if ends_deleted and not self._capabilities.deletes_used_keks:
            self._made.lost.append(Lost(SOFT_DELETES, kek.name, str(kek)))
            action = CREATE if item.action == CREATE else KEPT
            self._items[kek.key] = replace(item, action=action, why=STAYS_LIVE)

    def _lives_after(self, name: DekKey) -> bool:
        item = self._items.get(name)
        held = self._target.deks.get(name)
        if item is None or item.action in (KEPT, LEAVE, OMIT):
            return held is not None and not held.deleted
        return item.action == UNDELETE or (item.action == CREATE and not self._wanted.deks[name].deleted)

    def _steps(self) -> Iterator[KeyStep]:
        keks: list[Kek | Dek] = [self._wanted.keks[name] for name in sorted(self._wanted.keks)]
        deks: list[Kek | Dek] = [self._wanted.deks[name] for name in sorted(self._wanted.deks)]
        for key in keks + deks:
            if self._items[key.key].action in (CREATE, UNDELETE):
                yield KeyStep(self._items[key.key].action, key)
        for key in deks + keks:
            item = self._items[key.key]
            if item.action == SOFT_DELETE or (item.action == CREATE and key.deleted and item.why != STAYS_LIVE):
                yield KeyStep(SOFT_DELETE, key)

    def _name_problems(self, step: KeyStep) -> Iterator[Problem]:
        for name in (step.key.key.kek, step.key.key.subject):
            wrong = sorted(set(name) & self._capabilities.forbidden_characters)
            if wrong:
                shown = ", ".join(map(repr, wrong))
                why = f"{step.key} cannot be stored: the target cannot be asked for names with {shown}"
                yield Problem(step.key.key.subject or name, 0, "forbidden_name", why)

    def _concerned(self, keys: EncryptionKeys) -> EncryptionKeys:
        """Return those keys of the target that the archive has too."""
        keks = {name: kek for name, kek in keys.keks.items() if kek.key in self._items}
        return EncryptionKeys(keks, {name: dek for name, dek in keys.deks.items() if name in self._items})

    def _after(self, steps: tuple[KeyStep, ...]) -> EncryptionKeys:
        after = self._concerned(self._target)
        for step in steps:
            made = replace(step.key, deleted=step.action == SOFT_DELETE)
            if isinstance(made, Kek):
                after.keks[made.name] = made
            else:
                after.deks[made.key] = made
        return after
