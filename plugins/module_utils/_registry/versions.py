# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions that a registry holds: listing them, and reading them whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .._core.errors import RegistryError
from .._schemas.model import DEFAULT_CONTEXT, SchemaVersion, VersionKey, context_scope, split_subject
from . import items
from .codes import NO_SCHEMA, NO_SUBJECT, NO_SUCH_PATH, NO_VERSION, SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED
from .listing import ListedVersion, Listing
from .server import Server


class Versions(Server):
    """What a registry tells of its contexts, subjects and versions."""

    # Listing

    def contexts(self) -> tuple[str, ...]:
        """Return the names of all contexts that the registry lists, ``.`` among them, sorted."""
        if not self.declared.contexts:
            return (DEFAULT_CONTEXT,)
        names = self._list("/contexts", "contexts", absent=(NO_SUCH_PATH,))
        return tuple(sorted({DEFAULT_CONTEXT, *map(str, names)}))

    def list_versions(self) -> Listing:
        """List every version of every context, soft-deleted ones too, in as few requests as the server allows."""
        listing = Listing(contexts=self.contexts())
        subjects = [str(subject) for subject in self._list("/subjects?deleted=true", "subjects")]
        self._list_by_subject(subjects, listing)
        return listing

    def list_subject(self, subject: str) -> list[ListedVersion]:
        """List the versions of a subject, soft-deleted ones too, ascending."""
        path = f"/subjects/{self.address(subject)}/versions"
        every = self._list(f"{path}?deleted=true", "versions", int, absent=(NO_SUBJECT,))
        live = set(self._list(path, "versions", int, absent=(NO_SUBJECT, SUBJECT_SOFT_DELETED)))
        return [ListedVersion(VersionKey(subject, v), deleted=v not in live) for v in sorted({*every, *live})]

    # Reading

    def read_versions(self, listed: Iterable[ListedVersion]) -> list[SchemaVersion]:
        """Read some versions whole, several at once.

        Returns:
            Those that still exist, in the order given.

        Raises:
            RegistryError: One cannot be read.
        """
        read = self.client.map_concurrently(self._read_listed, listed)
        return [version for version in read if version is not None]

    def read_version(self, key: VersionKey, *, deleted: bool = False) -> SchemaVersion | None:
        """Read one version.

        Args:
            key: Its subject and number.
            deleted: Whether a soft-deleted one is wanted too; the answer is then marked as deleted, since few servers
                say whether it is.

        Returns:
            None when there is none.
        """
        path = f"/subjects/{self.address(key.subject)}/versions/{key.version}" + ("?deleted=true" if deleted else "")
        item = self.client.get(path, "version", absent=(NO_SUBJECT, NO_VERSION, VERSION_SOFT_DELETED))
        return self.told_version(item, key.subject, path, deleted=deleted)

    def told_version(self, item: Any, subject: str, path: str, *, deleted: bool = False) -> SchemaVersion | None:
        """Read what the server answered when it was asked for a version; None for none, or one of another subject."""
        if item is None or not self._is_of(item, subject, path):
            return None
        return self._parsed(item, subject, path, deleted=deleted)

    def highest_id(self, context: str, known_id: int) -> int | None:
        """Return the highest id that a context has given out, where the server tells it.

        Args:
            context: The context's name.
            known_id: Any id that exists there.
        """
        path = self._id_path(context, known_id)
        path += ("&" if "?" in path else "?") + "fetchMaxId=true"
        item = self.client.get(path, "highest id", absent=(NO_SCHEMA, NO_SUBJECT, NO_SUCH_PATH))
        highest = item.get("maxId") if isinstance(item, dict) else None
        return highest if isinstance(highest, int) else None

    # For dialects

    def _without_inventions(self, item: Any) -> Any:
        """Take out of a version or schema what the server adds on its own."""
        return item

    def _id_path(self, context: str, schema_id: int) -> str:
        path = f"/schemas/ids/{schema_id}"
        return path if context == DEFAULT_CONTEXT else f"{path}?subject={quote(context_scope(context), safe=':')}"

    def _told_subject(self, told: str, wanted: str) -> str:
        """Return the qualified form of the subject that an answer names; ``wanted`` was asked for."""
        return told

    # Shared

    def _list_by_subject(self, subjects: Iterable[str], listing: Listing) -> None:
        """List subjects one by one: all versions, and the live ones, so that the difference is soft-deleted."""
        usable = []
        for subject in subjects:
            problem = self.name_problem(subject)
            if problem is None:
                usable.append(subject)
            else:
                listing.unaddressable[split_subject(subject)] = problem
        for versions in self.client.map_concurrently(self.list_subject, usable):
            listing.versions.update({version.key: version for version in versions})

    def _read_listed(self, listed: ListedVersion) -> SchemaVersion | None:
        if listed.whole:
            return listed.told
        key = listed.key
        path = f"/subjects/{self.address(key.subject)}/versions/{key.version}?deleted=true"
        item = self.client.get(path, "version", absent=(NO_SUBJECT, NO_VERSION, VERSION_SOFT_DELETED))
        told = self.told_version(item, key.subject, path, deleted=listed.deleted)
        if told is not None and told.key != key:
            raise self._misnumbered(key)
        return told

    def _misnumbered(self, key: VersionKey) -> RegistryError:
        why = f"Asked for {key}, the registry gave another version. Exclude the subject, or see what answers for it."
        return RegistryError(why, code="unaddressable_name", object_name=key.subject)

    def _parsed(self, item: Any, subject: str, path: str, *, deleted: bool) -> SchemaVersion:
        try:
            return items.read_version(self._without_inventions(item), subject, deleted=deleted)
        except ValueError as error:
            raise self.client.unexpected(path, item, f"a version of {subject} ({error})") from error

    def _is_of(self, item: Any, subject: str, path: str) -> bool:
        """Tell whether an answer is about the subject that was asked for.

        Confluent answers for an unqualified name that is not in the default context from another one; and servers
        follow an alias.
        """
        told = item.get("subject") if isinstance(item, dict) else None
        if not isinstance(told, str):
            raise self.client.unexpected(path, item, f"a version of {subject}")
        found = self._told_subject(told, subject)
        if found == subject:
            return True
        if split_subject(found)[1] == split_subject(subject)[1]:
            return False
        raise RegistryError(
            f"The subject {subject!r} cannot be read, since its config has an alias: the registry answered with "
            f"{found!r}. Remove the alias, or exclude the subject.",
            code="aliased_subject",
            object_name=subject,
            path=path,
        )
