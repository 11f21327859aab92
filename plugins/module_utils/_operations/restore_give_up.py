# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores that do not go on: topics that others have made get their configs back, and it is told what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._archive.restores import DONE, TopicRestore
from .._core.counting import named
from .._core.errors import KafkaError, LifeboatError, Refused, VerificationFailed
from .._kafka.admin import Admin

_HOPELESS = ("records_lost", "partitions_differ")
_SHOWN = 5


def is_hopeless(error: LifeboatError) -> bool:
    """Tell whether a restore that failed so would fail again and again until somebody does something else."""
    return isinstance(error, VerificationFailed) or (isinstance(error, Refused) and error.code in _HOPELESS)


def topic_of(error: LifeboatError) -> str:
    """Return the topic at the target that an error is about."""
    return (error.object_name or "").partition("/")[0]


def give_up(error: LifeboatError, restore: TopicRestore, held: Mapping[str, str], admin: Admin | None) -> None:
    """Give a topic back the configs that it had before a restore that cannot go on, and tell what can be done.

    A topic that restores have made keeps its records, and so its configs: it is to be deleted.

    Args:
        error: Why it cannot go on; its message is completed.
        restore: The restore.
        held: What topics have while they are restored to.
        admin: A connection to the target; None where nothing may be written.
    """
    if restore.created:
        error.message += " Delete the topic or name another one with topic_mapping, and restore again."
        return
    error.message += (
        f" This restore has not made the topic, so it must not be deleted for it.{_configs_back(restore, held, admin)}"
        " What was brought stays in it. Restore to another topic with topic_mapping; or, to put all of the records "
        f"once more behind those that are there, see that nobody writes, delete {_document(restore)}, and run again "
        "with on_existing: append."
    )


def tell_held(error: LifeboatError, restores: Iterable[TopicRestore]) -> None:
    """Tell which topics that others have made are held by restores that can go on."""
    names = sorted(restore.topic for restore in restores if _is_held(restore))
    if names:
        error.message += (
            f" Until it is run again to its end, retention and compaction are held off for {named(names, _SHOWN)}."
        )


def how_to_give_up(restore: TopicRestore) -> str:
    """Return what somebody has to do who does not want a restore to go on that could."""
    if restore.created:
        return "delete the topic to begin anew"
    configs = f"give the topic back its configs ({_told(restore.final)}) and " if restore.final else ""
    return f"to give it up, {configs}delete {_document(restore)}"


def _is_held(restore: TopicRestore) -> bool:
    return not restore.created and restore.state != DONE and bool(restore.held)


def _configs_back(restore: TopicRestore, held: Mapping[str, str], admin: Admin | None) -> str:
    if not _is_held(restore):
        return ""
    if admin is None:
        return " It still has the configs of the restore; a run that is not in check mode gives its own back."
    try:
        own = admin.definitions([restore.topic])[restore.topic].configs
        changes = {
            name: value
            for name, value in restore.final.items()
            if own.get(name) == held.get(name) and value != held.get(name)
        }
        for problem in (admin.set_all_configs({restore.topic: changes}) if changes else {}).values():
            if problem is not None:
                raise problem
    except KafkaError as error:
        return (
            f" Its configs could not be given back ({error.message.rstrip('.')}): run again, or set "
            f"{_told(restore.final)}."
        )
    restore.held, restore.final = {}, {}
    restore.save()
    return " It has the configs again that it had before."


def _told(configs: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name}: {'unset' if value is None else value}" for name, value in sorted(configs.items()))


def _document(restore: TopicRestore) -> str:
    return f"{restore.storage.location}/{restore.path}"
