# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting versions and contexts in the emulated Confluent Schema Registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registries.confluent_reading import existing_subject, version_number
from registries.confluent_routes import Call, Fault, Route, version_not_found
from registries.confluent_settings import Settings, reference_exists
from registries.confluent_store import Store
from registries.serving import Answer


class Deleting:
    """Soft deletes, and deletes for good; a resource.

    Args:
        store: The versions.
        settings: The modes.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        yield Route("DELETE", "subjects/*/versions/*", self._delete_version)
        yield Route("DELETE", "subjects/*", self._delete_subject)
        yield Route("DELETE", "contexts/*", self._delete_context)

    def _delete_version(self, call: Call, subject: str, version: str) -> Any:
        number, permanent = version_number(version), call.flag("permanent")
        subject = existing_subject(self._store, subject, deleted=True)
        found = self._store.get(subject, number, deleted=True)
        if found is None:
            raise version_not_found(number)
        if not permanent and found.deleted:
            told = f"Subject '{subject}' Version {found.version} was soft deleted."
            raise Fault(40406, f"{told} Set permanent=true to delete permanently")
        if permanent and not found.deleted:
            told = f"Subject '{subject}' Version {found.version} was not deleted first"
            raise Fault(40407, f"{told} before being permanently deleted")
        self._settings.require_writable(subject)
        if self._store.referrers(subject, found.version, deleted=permanent):
            raise reference_exists(subject, found.version)
        if permanent:
            self._store.purge(found)
        else:
            self._store.soft_delete(found)
        return found.version

    def _delete_subject(self, call: Call, subject: str) -> Any:
        permanent = call.flag("permanent")
        subject = existing_subject(self._store, subject, deleted=True)
        if permanent and self._store.has(subject, deleted=False):
            raise Fault(40405, f"Subject '{subject}' was not deleted first before being permanently deleted")
        if not permanent and not self._store.has(subject, deleted=False):
            told = f"Subject '{subject}' was soft deleted."
            raise Fault(40404, f"{told} Set permanent=true to delete permanently")
        self._settings.require_writable(subject)
        versions = self._store.all(subject, deleted=permanent)
        for version in versions:
            referrers = self._store.referrers(subject, version.version, deleted=permanent)
            if any(referrer.subject != subject for referrer in referrers):
                raise reference_exists(subject, version.version)
        if permanent:
            for version in reversed(versions):
                self._store.purge(version)
        elif versions:
            self._store.soft_delete_subject(subject, versions)
        return [version.version for version in versions]

    def _delete_context(self, call: Call, context: str) -> Any:
        scope = f":{context.strip(':')}:"
        if self._store.has(scope, deleted=True):
            raise Fault(42211, f"The specified context '{scope}' is not empty.")
        self._store.drop_context(context.strip(":"))
        return Answer(204)
