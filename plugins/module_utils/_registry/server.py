# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema registry as a server: who it is, whether it works, how names go into its paths, how it is written to."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from .._core.errors import Refused, RegistryError
from .._schemas.capabilities import Capabilities
from .client import RegistryClient
from .listing import Health
from .unknown import READING_ONLY


class Server:
    """What can be said of a registry without looking at what it holds.

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
        longest = self.declared.longest_name
        if longest is not None and len(subject) > longest:
            return f"{self.implementation} has names of up to {longest} characters"
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

    # Shared

    def _list(self, path: str, kind: str, members: type[Any] = object, *, absent: tuple[int, ...] = ()) -> list[Any]:
        value = self.client.get(path, kind, absent=absent, null=True)
        if value is None:  # AxonOps gives null for an empty list
            return []
        if not isinstance(value, list) or not all(isinstance(member, members) for member in value):
            raise self.client.unexpected(path, value, "a list")
        return value

    def _write(self, method: str, path: str, kind: str, **how: Any) -> Any:
        """Send what changes something, as `RegistryClient.send` does, to a registry that may be written to."""
        self.require_writable()
        return self.client.send(method, path, kind, **how).value
