# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ZIP archive that Apicurio Registry imports; its entries are those that an export of 3.3.3 has.

An entry is a JSON object whose kind its name's last part tells: ``….Content.json`` with the text beside it as
``….Content.data``, ``….Artifact.json``, ``….ArtifactVersion.json``, ``….Branch.json``. The server takes the rest of a
name for nothing but to tell entries apart.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from .._schemas.model import SchemaContent, SchemaVersion

_CONTENT_TYPES = {"PROTOBUF": "application/x-protobuf"}
_UNSAID = {"name": None, "description": None, "labels": None, "owner": "", "modifiedBy": ""}


def packed(versions: Iterable[SchemaVersion]) -> bytes:
    """Return an archive of the default group with these versions.

    Args:
        versions: All that the registry is to hold; equal texts with equal references have equal ids.
    """
    by_subject: dict[str, list[SchemaVersion]] = defaultdict(list)
    contents: dict[int, SchemaContent] = {}
    for version in versions:
        by_subject[version.subject].append(version)
        contents[version.id] = version.content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        about = {"systemName": "lifeboat.kafka", "systemVersion": "", "systemDescription": "", "exportVersion": "3.0"}
        _write(archive, "about.Manifest", {**about, "exportedBy": "", "exportedOn": 0, "dbVersion": "109"})
        for content_id, content in contents.items():
            _write_content(archive, content_id, content)
        for number, (subject, held) in enumerate(by_subject.items()):
            artifact = {"artifactType": held[0].content.schema_type, "createdOn": 0, "modifiedOn": 0, **_UNSAID}
            _write(archive, f"{number}.Artifact", {**_named(subject), **artifact})
        global_id = 0
        for number, (subject, held) in enumerate(by_subject.items()):
            held.sort(key=lambda version: version.version)
            for version in held:
                global_id += 1
                _write(archive, f"{number}/{version.version}.ArtifactVersion", _version(version, global_id))
            latest = {"branchId": "latest", "description": None, "systemDefined": True, "owner": "", "modifiedBy": ""}
            names = [str(version.version) for version in held]
            moments = {"createdOn": 0, "modifiedOn": 0}
            _write(archive, f"{number}.Branch", {**_named(subject), **latest, **moments, "versions": names})
    return buffer.getvalue()


def _write_content(archive: zipfile.ZipFile, content_id: int, content: SchemaContent) -> None:
    references = [
        {**_named(reference.subject), "version": str(reference.version), "name": reference.name}
        for reference in content.references
    ]
    written = json.dumps(references, separators=(",", ":"), ensure_ascii=False) if references else None
    text = content.text.encode()
    digest = hashlib.sha256(text + (written or "").encode()).hexdigest()
    facts = {"artifactType": None, "contentType": _CONTENT_TYPES.get(content.schema_type, "application/json")}
    hashes = {"contentHash": digest, "canonicalHash": digest}
    _write(
        archive,
        f"{content_id}.Content",
        {"contentId": content_id, **hashes, **facts, "serializedReferences": written},
    )
    archive.writestr(f"{content_id}.Content.data", text)


def _version(version: SchemaVersion, global_id: int) -> dict[str, Any]:
    return {
        "globalId": global_id,
        **_named(version.subject),
        "version": str(version.version),
        "versionOrder": version.version,
        "state": "DISABLED" if version.deleted else "ENABLED",
        **_UNSAID,
        "createdOn": global_id,  # the server lists by it
        "modifiedOn": global_id,
        "contentId": version.id,
    }


def _named(subject: str) -> dict[str, Any]:
    return {"groupId": None, "artifactId": subject}


def _write(archive: zipfile.ZipFile, name: str, value: dict[str, Any]) -> None:
    archive.writestr(f"{name}.json", json.dumps(value))
