# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every schema registry can be asked, by the requests that all implementations have in common.

A dialect is a subclass that states its capabilities and overrides what its implementation does in another way. As it
stands the class serves implementations that are not known: it reads one version at a time, and refuses to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import Any, ClassVar
from urllib.parse import quote

from .._core.errors import Refused, RegistryError
from .._schemas.capabilities import Capabilities
from .._schemas.model import (
    DEFAULT_CONTEXT,
    GLOBAL_SCOPE,
    UNSET,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    context_scope,
    split_subject,
)
from . import items
from .arrival import arrived
from .client import RegistryClient
from .listing import Health, ListedVersion, Listing
from .unknown import READING_ONLY

NO_SUBJECT, NO_VERSION, NO_SCHEMA = 40401, 40402, 40403
SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED = 40404, 40406
NO_CONFIG, NO_MODE, NO_SUCH_PATH = 40408, 40409, 404


class Registry:
    """A schema registry.

    Args:
        client: How it is reached.
        version: The server's version, where it told one.
    """

    implementation: ClassVar[str] = "unknown"
    declared: ClassVar[Capabilities] = READING_ONLY
    health_path: ClassVar[str] = "/subjects"
    hides_in_silence: ClassVar[bool] = True
    """Whether the server leaves out of its lists what the user may not see, and says that it is not there."""
    literal_in_paths: ClassVar[str] = ":"
    """Reserved characters that stand in paths as they are."""
    config_needs_level: ClassVar[bool] = False
    """Whether a config without ``compatibilityLevel`` is ignored."""

    def __init__(self, client: RegistryClient, version: str | None = None) -> None:
        self.client = client
        self.version = version

    @cached_property
    def capabilities(self) -> Capabilities:
        """What this server can hold and do; a dialect may ask it."""
        return self.declared

    def server(self) -> dict[str, Any]:
        """Return what is known of the server: ``implementation``, ``version`` and the ``url`` in use."""
        return {"implementation": self.implementation, "version": self.version, "url": self.client.url}

    def identity(self) -> str:
        """Return a text that names this registry and no other, whichever of its URLs it is reached by.

        Without an id of the server's own: the smallest of the URLs, normalised.
        """
        return self.client.settings.address

    def health(self) -> Health:
        """Ask whether it can work.

        Raises:
            RegistryError: It cannot be reached, or answers like no registry.
        """
        answer = self.client.send("GET", self.health_path, "health", repeatable=False, accept=(500, 503, 50001, 50002))
        said = answer.value.get("reason") or answer.value.get("message") if isinstance(answer.value, dict) else None
        return Health(healthy=answer.code is None, detail=f"HTTP {answer.status}" + (f": {said}" if said else ""))

    def require_writable(self) -> None:
        """Look whether this make of registry is written to at all.

        Raises:
            Refused: It is of an unknown make.
        """
        if not self.declared.writes:
            raise Refused(
                f"The schema registry at {self.client.url} is of an unknown make and is only read. "
                "If you know it to behave like a supported one, say so with registry.implementation.",
                object_name=self.client.url,
            )

    # Names

    def name_problem(self, subject: str) -> str | None:
        """Return why a qualified name (or scope) cannot be used in a path of this API; None when it can."""
        bad = sorted(self.declared.forbidden_characters.intersection(subject))
        if bad:
            return f"{self.implementation} cannot be asked for names with {', '.join(map(repr, bad))}"
        if not subject:
            return "it is empty"
        try:
            subject.encode()
        except UnicodeEncodeError:
            return "it holds half of a character (a lone surrogate), which no URL can carry"
        return None

    def address(self, subject: str) -> str:
        """Return the path segment for a subject's qualified name, or for a scope.

        Raises:
            RegistryError: ``unaddressable_name``.
        """
        problem = self.name_problem(subject)
        if problem is not None:
            raise RegistryError(
                f"The subject {subject!r} cannot be addressed: {problem}. Exclude it, or give it another name.",
                code="unaddressable_name",
                object_name=subject,
            )
        return quote(subject, safe=self.literal_in_paths)

    # Listing and reading

    def contexts(self) -> tuple[str, ...]:
        """Return the names of all contexts that the registry lists, ``.`` among them, sorted."""
        if not self.declared.contexts:
            return (DEFAULT_CONTEXT,)
        names = self._list("/contexts", "contexts", absent=(NO_SUCH_PATH,))
        return tuple(sorted({DEFAULT_CONTEXT, *map(str, names)}))

    def setting_scopes(self, contexts: Iterable[str]) -> tuple[str, ...]:
        """Return the scopes wider than a subject that may have a config and a mode."""
        return tuple(sorted({GLOBAL_SCOPE, *map(context_scope, contexts)}))

    def list_versions(self) -> Listing:
        """List every version of every context, soft-deleted ones too, in as few requests as the server allows."""
        listing = Listing(contexts=self.contexts())
        subjects = [str(subject) for subject in self._list("/subjects?deleted=true", "subjects")]
        self._list_by_subject(subjects, listing)
        return listing

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

    # Settings

    def get_config(self, scope: str) -> Setting:
        """Read the config of a scope: its value has Confluent's GET names (``compatibilityLevel``, …)."""
        value = self._get_setting("config", scope, (NO_CONFIG, NO_SUBJECT))
        if value is None:
            return UNSET
        return Setting(value, self._is_config_set(scope, value))

    def get_mode(self, scope: str) -> Setting:
        """Read the mode of a scope: its value is the mode's name."""
        value = self._get_setting("mode", scope, (NO_MODE, NO_SUBJECT))
        if value is None:
            return UNSET
        mode = str(value.get("mode"))
        return Setting(mode, self._is_mode_set(scope, mode))

    def read_settings(self, scopes: Iterable[str]) -> dict[str, ScopeSettings]:
        """Read config and mode of some scopes, several at once; what cannot be addressed is left out."""
        wanted = [scope for scope in scopes if scope == GLOBAL_SCOPE or self.name_problem(scope) is None]
        configs = self.client.map_concurrently(self.get_config, wanted)
        modes = self.client.map_concurrently(self.get_mode, wanted)
        pairs = zip(configs, modes, strict=True)
        return {scope: ScopeSettings(config, mode) for scope, (config, mode) in zip(wanted, pairs, strict=True)}

    def set_config(self, scope: str, value: Mapping[str, Any]) -> None:
        """Make a scope's config exactly this; ``value`` has Confluent's GET names."""
        self._write("PUT", self._scope_path("config", scope), "config", body=items.config_body(value))

    def change_config(self, scope: str, value: Mapping[str, Any], changed: Iterable[str]) -> None:
        """Make a scope's config exactly this, where only the fields ``changed`` are not yet so, none too many."""
        self.set_config(scope, value)

    def delete_config(self, scope: str) -> None:
        """Remove a scope's config; nothing happens where there is none."""
        self._write("DELETE", self._scope_path("config", scope), "config", accept=(NO_SUBJECT, NO_CONFIG))

    def set_mode(self, scope: str, mode: str, *, force: bool = False) -> None:
        """Set a scope's mode.

        Args:
            scope: The scope.
            mode: ``READWRITE``, ``READONLY``, ``IMPORT``, …
            force: Whether IMPORT is entered although the scope holds schemas.
        """
        path = self._scope_path("mode", scope) + ("?force=true" if force else "")
        self._write("PUT", path, "mode", body={"mode": mode})

    def delete_mode(self, scope: str) -> None:
        """Remove a scope's mode, so that it inherits again; nothing happens where there is none."""
        self._write("DELETE", self._scope_path("mode", scope), "mode", accept=(NO_SUBJECT, NO_MODE))

    # Writing

    def register(self, version: SchemaVersion, *, with_id: bool) -> int:
        """Register a version.

        Args:
            version: What to register; its references must exist. Without ids a registry lets it inherit the metadata
                and the rule set of the subject's newest version, unless it has empty ones of its own.
            with_id: Whether under its id and version number (the mode must be IMPORT); else the registry chooses.

        Returns:
            The id that the registry answered, which need not be the wanted one.

        Raises:
            RegistryError: It was refused; ``registry_code`` is among the facts.
        """
        return self._register(version, items.registration(version, with_id=with_id), with_id=with_id)

    def _register(self, version: SchemaVersion, body: dict[str, Any], *, with_id: bool) -> int:
        """Send a registration; see `register`."""
        path = f"/subjects/{self.address(version.subject)}/versions"
        # With id and number a second registration changes nothing; without, a lost answer might hide a first one.
        look = None if with_id else partial(arrived, self, version)
        answer = self._write("POST", path, "register", body=body, repeatable=with_id, look=look)
        schema_id = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(schema_id, int):
            raise self.client.unexpected(path, answer, "the id of the registered schema", method="POST")
        return schema_id

    def fill(self, versions: Iterable[SchemaVersion]) -> None:
        """Bring all versions at once into an empty registry, where that is the way to keep ids (`ids_at_once`)."""
        raise Refused(f"{self.implementation} takes versions one by one.")

    def soft_delete(self, key: VersionKey) -> None:
        """Soft-delete one version; one that already is stays so."""
        path = f"/subjects/{self.address(key.subject)}/versions/{key.version}"
        done = (NO_SUBJECT, NO_VERSION, SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED)
        self._write("DELETE", path, "soft delete", accept=done)

    def purge_subject(self, subject: str) -> None:
        """Delete a subject with all its versions for good; nothing happens where there is none."""
        path = f"/subjects/{self.address(subject)}"
        self._write("DELETE", path, "purge", accept=(NO_SUBJECT, SUBJECT_SOFT_DELETED))
        self._write("DELETE", f"{path}?permanent=true", "purge", accept=(NO_SUBJECT,))

    # For dialects

    def _without_inventions(self, item: Any) -> Any:
        """Take out of a version or schema what the server adds on its own."""
        return item

    def _is_config_set(self, scope: str, value: dict[str, Any]) -> bool | None:
        """Tell whether a config that was answered is set at this scope; None when the answer may be a default."""
        return None if scope == GLOBAL_SCOPE else True

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if scope == GLOBAL_SCOPE else True

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

    def list_subject(self, subject: str) -> list[ListedVersion]:
        """List the versions of a subject, soft-deleted ones too, ascending."""
        path = f"/subjects/{self.address(subject)}/versions"
        every = self._list(f"{path}?deleted=true", "versions", int, absent=(NO_SUBJECT,))
        live = set(self._list(path, "versions", int, absent=(NO_SUBJECT, SUBJECT_SOFT_DELETED)))
        return [ListedVersion(VersionKey(subject, v), deleted=v not in live) for v in sorted({*every, *live})]

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

    def told_version(self, item: Any, subject: str, path: str, *, deleted: bool = False) -> SchemaVersion | None:
        """Read what the server answered when it was asked for a version; None for none, or one of another subject."""
        if item is None or not self._is_of(item, subject, path):
            return None
        return self._parsed(item, subject, path, deleted=deleted)

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

    def _list(self, path: str, kind: str, members: type[Any] = object, *, absent: tuple[int, ...] = ()) -> list[Any]:
        value = self.client.get(path, kind, absent=absent)
        if value is None:  # AxonOps gives null for an empty list
            return []
        if not isinstance(value, list) or not all(isinstance(member, members) for member in value):
            raise self.client.unexpected(path, value, "a list")
        return value

    def _get_setting(self, what: str, scope: str, absent: tuple[int, ...]) -> dict[str, Any] | None:
        path = self._scope_path(what, scope)
        value = self.client.get(path, what, absent=absent)
        if value is not None and not isinstance(value, dict):
            raise self.client.unexpected(path, value, f"a {what}")
        return value

    def _scope_path(self, what: str, scope: str) -> str:
        return f"/{what}" if scope == GLOBAL_SCOPE else f"/{what}/{self.address(scope)}"

    def _write(self, method: str, path: str, kind: str, **how: Any) -> Any:
        """Send what changes something, as `RegistryClient.send` does, to a registry that may be written to."""
        self.require_writable()
        return self.client.send(method, path, kind, **how).value
