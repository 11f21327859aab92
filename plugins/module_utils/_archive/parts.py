# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of a part: its head, and the index pages that name its files."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from .._core.canonical import sha256_hex
from .._core.fields import Fields
from .documents import FORMAT_VERSION, INDEX_PAGE, PART, encode, sha256, whole_number
from .layout import part_file
from .points import PartRef

SCHEMA_REGISTRY = "schema-registry"
TOPICS = "topics"
GROUPS = "groups"

MOST_ENTRIES = 1000
"""How many entries an index page holds at most."""

_PAGE_ENDS = 256

T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """A piece of data that a part holds.

    Args:
        file: The file that it lies in, relative to the backup's folder.
        at: Where it begins there, in bytes.
        length: How many bytes it has.
        sha256: Their hash.
        facts: What it is, such as ``{"kind": "version", "subject": "orders", "version": 1}``; JSON values.
    """

    file: str
    at: int
    length: int
    sha256: str
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {**self.facts, "file": self.file, "at": self.at, "length": self.length, "sha256": self.sha256}

    def cost(self) -> str:
        """Say what is lost without it, for people."""
        if "subject" in self.facts and "version" in self.facts:
            return f"version {self.facts['version']} of subject {self.facts['subject']}"
        if "kek" in self.facts:
            return f"the key encryption key {self.facts['kek']} and all data encryption keys under it"
        if "subject" in self.facts:
            return f"the list of versions and the settings of subject {self.facts['subject']}"
        match self.facts:
            case {"kind": "segment", "topic": topic, "partition": partition, "start": start, "next": int(after)}:
                return f"offsets {start} to {after - 1} of partition {partition} of topic {topic}"
            case {"kind": "topic", "topic": topic}:
                return f"topic {topic}"
            case {"kind": "definitions"}:
                return "the definitions of all topics"
            case {"kind": "groups"}:
                return "the committed offsets of all groups"
        return str(self.facts.get("kind", self.file)).replace("_", " ")


class PageRef(NamedTuple):
    """How a part names one of its index pages.

    Args:
        file: The page, relative to the backup's folder.
        sha256: Its hash.
        entries: How many entries it has.
    """

    file: str
    sha256: str
    entries: int


@dataclass(frozen=True)
class Part:
    """The head of a part. It tells nothing of the run that wrote it, so that equal sources give equal parts.

    Args:
        name: What it is, such as `SCHEMA_REGISTRY`.
        scope: What was asked for; JSON values.
        complete: Whether all of that is in it.
        summary: What the capturing operation says of it; JSON values.
        pages: Its index, in order.
        files: How many entries the index has.
        size: How many bytes these have.
        format_version: Which releases can read all of it: `FORMAT_VERSION`, or `documents.NEWEST` for a part with
            entries of kinds that came with that.
    """

    name: str
    scope: Mapping[str, Any]
    complete: bool
    summary: Mapping[str, Any]
    pages: tuple[PageRef, ...]
    files: int
    size: int
    format_version: int = FORMAT_VERSION

    @classmethod
    def from_document(cls, fields: Fields) -> Part:
        """Read what `encode` wrote.

        Raises:
            Damaged: It is something else.
        """
        part = cls(
            name=fields.required("name", str),
            scope=fields.required("scope", dict),
            complete=fields.required("complete", bool),
            summary=fields.required("summary", dict),
            pages=tuple(_page_ref(page) for page in fields.objects("pages")),
            files=whole_number(fields, "files"),
            size=whole_number(fields, "bytes"),
            format_version=fields.format_version,
        )
        fields.finish()
        if part.files != sum(page.entries for page in part.pages):
            raise fields.damaged("files must be the number of entries of all pages")
        return part

    def encode(self) -> bytes:
        """Return the document's bytes."""
        return encode(
            PART,
            {
                "name": self.name,
                "scope": dict(self.scope),
                "complete": self.complete,
                "summary": dict(self.summary),
                "pages": [page._asdict() for page in self.pages],
                "files": self.files,
                "bytes": self.size,
            },
            self.format_version,
        )

    def ref(self) -> PartRef:
        """Return how a restore point names it."""
        digest = sha256_hex(self.encode())
        return PartRef(
            self.name, part_file(self.name, digest), digest, self.complete, self.files, self.size, self.summary
        )


def cut_into_pages(entries: Iterable[tuple[str, T]]) -> Iterator[list[T]]:
    """Cut entries into pages of some hundreds.

    A page ends after certain paths, so that a file that comes or goes changes the page it is on, and not those after.

    Args:
        entries: Sorted by path; the path is the one without what tells contents apart.
    """
    page: list[T] = []
    for path, entry in entries:
        page.append(entry)
        if len(page) == MOST_ENTRIES or zlib.crc32(path.encode(errors="surrogatepass")) % _PAGE_ENDS == 0:
            yield page
            page = []
    if page:
        yield page


def encode_page(entries: Iterable[Entry]) -> bytes:
    """Write an index page."""
    return encode(INDEX_PAGE, {"entries": [entry.document() for entry in entries]})


def read_page(fields: Fields) -> list[Entry]:
    """Return the entries of an index page.

    Raises:
        Damaged: It is no index page.
    """
    entries = fields.list_of("entries", read_entry, "a file with at, length and sha256")
    fields.finish()
    return entries


def read_entry(value: Any) -> Entry | None:
    """Return the entry that a JSON value is; None where it is none."""
    match value:
        case {"file": str(file), "at": int(at), "length": int(length), "sha256": str(digest), **facts} if (
            at >= 0 and length >= 0 and _SHA256.fullmatch(digest)
        ):
            return Entry(file, at, length, digest, {str(name): fact for name, fact in facts.items()})
    return None


def _page_ref(fields: Fields) -> PageRef:
    page = PageRef(fields.required("file", str), sha256(fields), whole_number(fields, "entries", 1))
    fields.finish()
    return page
