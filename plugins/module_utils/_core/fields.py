# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading JSON objects that must be exactly what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from .errors import Damaged, UnsupportedFormat

T = TypeVar("T")

_KINDS = {str: "text", int: "an integer", bool: "true or false", dict: "an object", list: "a list"}


class Fields:
    """The fields of a JSON object; each is read once, with its type checked.

    Args:
        document: Names the document in errors.
        value: The parsed JSON value.
        where: The place in the document, such as ``versions[3]``; empty for the whole.

    Attributes:
        format_version: Of a whole document, the version of its format.

    Raises:
        Damaged: The value is not an object.
    """

    def __init__(self, document: str, value: Any, where: str = "") -> None:
        self.document = document
        self._where = where
        self.format_version = 0
        if not isinstance(value, dict):
            raise self.damaged(f"{where or 'it'} must be an object")
        self._left = dict(value)

    @classmethod
    def of_document(cls, document: str, value: Any, *, format_name: str, format_version: int) -> Fields:
        """Begin reading a whole document, whose ``format`` must fit, and whose ``format_version`` must not be newer.

        Raises:
            Damaged: It is not a document of that format.
            UnsupportedFormat: It is one of a newer version.
        """
        fields = cls(document, value)
        if fields.required("format", str) != format_name:
            raise fields.damaged(f"format must be {format_name!r}")
        version = fields.required("format_version", int)
        if version > format_version:
            raise UnsupportedFormat(
                f"{document} is in version {version} of the format {format_name}; this release reads up to version "
                f"{format_version}. Use a newer release of lifeboat.kafka.",
                object_name=document,
            )
        if version < 1:
            raise fields.damaged(f"format_version {version} never existed")
        fields.format_version = version
        return fields

    def damaged(self, reason: str) -> Damaged:
        """Return the error that says why the document is not what was written."""
        message = f"The archived document {self.document} is damaged: {reason}."
        return Damaged(message, object_name=self.document, reason=reason)

    def required(self, name: str, kind: type[T]) -> T:
        """Return a field that must be there and of a type.

        Raises:
            Damaged: It is not.
        """
        if name not in self._left:
            raise self.damaged(f"{self._path(name)} is missing")
        value = self._left.pop(name)
        # bool is a subclass of int, and yet true is not a number in JSON
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.damaged(f"{self._path(name)} must be {_KINDS[kind]}")
        return value

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Return a field that must be there, and be null or of a type.

        Raises:
            Damaged: It is not.
        """
        if name in self._left and self._left[name] is None:
            del self._left[name]
            return None
        return self.required(name, kind)

    def any_value(self, name: str) -> Any:
        """Return a field of any type that must be there.

        Raises:
            Damaged: It is missing.
        """
        if name not in self._left:
            raise self.damaged(f"{self._path(name)} is missing")
        return self._left.pop(name)

    def object(self, name: str) -> Fields:
        """Return the fields of an object that must be there.

        Raises:
            Damaged: It is not.
        """
        return Fields(self.document, self.required(name, dict), self._path(name))

    def objects(self, name: str) -> Iterator[Fields]:
        """Yield the members of a list of objects that must be there.

        Raises:
            Damaged: It is not.
        """
        for number, value in enumerate(self.required(name, list)):
            yield Fields(self.document, value, f"{self._path(name)}[{number}]")

    def list_of(self, name: str, read: Callable[[Any], T | None], what: str) -> list[T]:
        """Return a list whose members a function accepts.

        Args:
            name: The field.
            read: Returns what a member means, or None when it is wrong.
            what: What a member must be, for the error.

        Raises:
            Damaged: It is not such a list.
        """
        members = []
        for number, value in enumerate(self.required(name, list)):
            member = read(value)
            if member is None:
                raise self.damaged(f"{self._path(name)}[{number}] must be {what}")
            members.append(member)
        return members

    def counts(self, name: str) -> Mapping[str, int]:
        """Return an object of whole numbers that must be there.

        Raises:
            Damaged: It is not.
        """
        counts = self.required(name, dict)
        for key, value in counts.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise self.damaged(f"{self._path(name)}.{key} must be an integer")
        return counts

    def finish(self) -> None:
        """Check that every field was read.

        Raises:
            Damaged: There is another one.
        """
        if self._left:
            raise self.damaged(f"{self._path(min(self._left))} is not known")

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name
