# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies in a store, and how names become paths."""

from __future__ import annotations

import hashlib
import re

from .._core.errors import InvalidOption

MARKER = "store.json"
JOURNAL = "journal"
_RESERVED = frozenset({MARKER, JOURNAL, "keys"})

RESTORE_POINTS = "restore-points"
OPEN = "open"
PARTS = "parts"
TOPICS_FOLDER = "topics"
PACKS = f"{TOPICS_FOLDER}/_packs"
_UNFINISHED = "unfinished"

LONGEST_SEGMENT = 200
"""Bytes of a path segment that stands for a name. File systems take 255; suffixes need some of them."""

_SHORTENED = "%~"
_UNSAFE = re.compile(r"[/\\%<>:\"|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\.")
_ENCODED = re.compile(r"(?:%[0-9A-F]{2})+")
_POINT_FILE = re.compile(r"([0-9]{8,})\.json")
_UNFINISHED_FILE = re.compile(r"([0-9]{8,})-[0-9a-f]{16}\.json")
_POINT_ID = re.compile(r"([0-9]{8,})-[0-9a-f]{8}")


def encode_segment(name: str) -> str:
    """Make a path segment of a name.

    Args:
        name: Any text.

    Returns:
        The name, with ``%``, ``/``, backslash, ``<>:"|?*`` (which not every file system takes), control characters,
        lone surrogates and a leading ``.`` percent-encoded (UTF-8, upper-case digits). What would be longer than
        `LONGEST_SEGMENT` is cut and ended by ``%~`` and 32 hexadecimal digits of the name's SHA-256. The empty name
        gives ``%``. Different names give different segments.
    """
    encoded = _UNSAFE.sub(lambda found: _percent(found[0]), name) or "%"
    if len(encoded) * 4 <= LONGEST_SEGMENT or len(encoded.encode()) <= LONGEST_SEGMENT:
        return encoded
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
    kept = encoded.encode()[: LONGEST_SEGMENT - len(_SHORTENED) - len(digest)].decode(errors="ignore")
    return re.sub(r"%[0-9A-F]?$", "", kept) + _SHORTENED + digest


def decode_segment(segment: str) -> str | None:
    """Return the name that a segment stands for, or None where it was shortened and only its documents tell.

    Raises:
        ValueError: `encode_segment` does not make such a segment.
    """
    if _SHORTENED in segment:
        return None
    if segment == "%":
        return ""
    name = _unpercent(segment)
    if encode_segment(name) != segment:
        raise ValueError(f"{segment!r} does not stand for a name")
    return name


def _percent(characters: str) -> str:
    return "".join(f"%{byte:02X}" for byte in characters.encode(errors="surrogatepass"))


def _unpercent(segment: str) -> str:
    return _ENCODED.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="surrogatepass"), segment)


def path_of(*names: str) -> str:
    """Join names to a path, each a segment of its own: ``path_of("topics", "orders/eu")`` is ``topics/orders%2Feu``."""
    return "/".join(encode_segment(name) for name in names)


def backup_folder(backup_id: str) -> str:
    """Return the folder of a backup.

    Raises:
        InvalidOption: The name is empty or too long for a folder, which must tell it.
    """
    folder = encode_segment(backup_id)
    if not backup_id or decode_segment(folder) is None:
        raise InvalidOption(
            f"backup_id must have between 1 and {LONGEST_SEGMENT} bytes, not {len(folder.encode())}.",
            object_name="backup_id",
        )
    return _percent(folder[0]) + folder[1:] if folder in _RESERVED else folder


def backup_id_of(folder: str) -> str | None:
    """Return the name of the backup that a folder of a store belongs to, or None where it is no backup's."""
    if folder in _RESERVED:
        return None
    try:
        name = _unpercent(folder)
        return name if backup_folder(name) == folder else None
    except (ValueError, InvalidOption):
        return None


def points_folder(backup_id: str) -> str:
    """Return the folder of a backup's restore points."""
    return f"{backup_folder(backup_id)}/{RESTORE_POINTS}"


def point_path(backup_id: str, sequence: int) -> str:
    """Return where a restore point lies."""
    return f"{points_folder(backup_id)}/{sequence:08d}.json"


def point_sequence(path: str) -> int | None:
    """Return the number of the restore point that lies at a path, or None for other files."""
    found = _POINT_FILE.fullmatch(path.rpartition("/")[2])
    return int(found[1]) if found else None


def point_id_sequence(point_id: str) -> int | None:
    """Return the number that an open restore point's id (``00000042-1a2b3c4d``) begins with, or None for other text."""
    found = _POINT_ID.fullmatch(point_id)
    return int(found[1]) if found else None


def manifest_path(backup_id: str) -> str:
    """Return where the copy of the newest complete restore point lies."""
    return f"{backup_folder(backup_id)}/manifest.json"


def last_run_path(backup_id: str) -> str:
    """Return where the note of the last run lies."""
    return f"{backup_folder(backup_id)}/last-run.json"


def lease_path(backup_id: str) -> str:
    """Return where a backup's lease lies: one name, since there is one writer."""
    return f"{backup_folder(backup_id)}/{OPEN}/lease.json"


def open_folder(backup_id: str, point_id: str = "") -> str:
    """Return the folder of a restore point in the making; without an id, of all of them."""
    return f"{backup_folder(backup_id)}/{OPEN}/{point_id}".rstrip("/")


def part_file(name: str, sha256: str) -> str:
    """Return where a part's document lies in its backup's folder."""
    return f"{PARTS}/{name}.{sha256[:32]}.json"


def page_file(name: str, sha256: str) -> str:
    """Return where an index page of a part lies in its backup's folder."""
    return f"{PARTS}/{name}/{sha256[:32]}.json"


def segment_file(topic: str, lineage: str, partition: int, base_offset: int) -> str:
    """Return where a segment lies in its backup's folder.

    Args:
        topic: The topic's true name.
        lineage: The name of the partition's lineage.
        partition: Its number.
        base_offset: The base offset of the first batch.
    """
    return f"{path_of(TOPICS_FOLDER, topic, lineage)}/{partition}/{base_offset:020d}.log"


def pack_file(sha256: str) -> str:
    """Return where a pack, which holds small pieces of many partitions, lies in its backup's folder."""
    return f"{PACKS}/{sha256[:32]}.pack"


def unfinished_folder(backup_id: str) -> str:
    """Return the folder of what runs note of topics before they have finished."""
    return f"{backup_folder(backup_id)}/{_UNFINISHED}"


def unfinished_path(backup_id: str, generation: int, name: str) -> str:
    """Return where one of these notes lies.

    Args:
        backup_id: The backup.
        generation: Which run since the last one that finished.
        name: 16 hexadecimal digits.
    """
    return f"{unfinished_folder(backup_id)}/{generation:08d}-{name}.json"


def unfinished_generation(path: str) -> int | None:
    """Return the generation of the note that lies at a path, or None for other files."""
    found = _UNFINISHED_FILE.fullmatch(path.rpartition("/")[2])
    return int(found[1]) if found else None


def target_folder(target: str) -> str:
    """Return the folder of a journal that belongs to a target, by the target's identity."""
    return f"{JOURNAL}/{hashlib.sha256(target.encode(errors='surrogatepass')).hexdigest()[:32]}"


def hashed_file(file: str, sha256: str) -> str:
    """Return the name for other content of a file that exists: ``.<16 hex digits>`` before its extension."""
    folder, slash, name = file.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = extension, ""
    return f"{folder}{slash}{stem}.{sha256[:16]}{dot}{extension}"
