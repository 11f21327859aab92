# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that lifeboat.kafka raises for foreseeable causes."""

from __future__ import annotations

from typing import Any


class LifeboatError(Exception):
    """A foreseeable failure.

    Args:
        message: What was tried, on what, and what to do; one or two sentences, free of secrets.
        code: A machine-readable word; defaults to the class's own.
        object_name: The thing it failed on (a subject, a file, a URL without credentials).
        **facts: Further machine-readable facts, such as ``http_status`` or ``registry_code``; None values are dropped.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, object_name: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.object_name = object_name
        self.facts = {key: value for key, value in facts.items() if value is not None}

    def failure(self) -> dict[str, Any]:
        """Return the ``failure`` object of a module's result: ``code``, ``object`` where known, and the facts."""
        described: dict[str, Any] = {"code": self.code}
        if self.object_name is not None:
            described["object"] = self.object_name
        return {**described, **self.facts}


class InvalidOption(LifeboatError):
    """An option, or a combination of options, cannot be used."""

    default_code = "invalid_option"


class MissingLibrary(LifeboatError):
    """A Python library is missing or too old."""

    default_code = "missing_library"


class NotFound(LifeboatError):
    """Something that was named does not exist."""

    default_code = "not_found"


class Refused(LifeboatError):
    """The operation would be unsafe; the message says how to ask for it."""

    default_code = "refused"


class Busy(LifeboatError):
    """Somebody else is at work on the same thing."""

    default_code = "busy"


class StoreError(LifeboatError):
    """The store cannot be used: not marked, not writable, full."""

    default_code = "store_unusable"


class Damaged(LifeboatError):
    """Archived data are missing or not what was written."""

    default_code = "damaged"


class UnsupportedFormat(LifeboatError):
    """A document was written in a newer or an unknown format."""

    default_code = "unsupported_format"


class RegistryError(LifeboatError):
    """A schema registry could not be reached, refused a request or answered with something unusable."""

    default_code = "registry_error"


class KafkaError(LifeboatError):
    """A Kafka cluster could not be reached, refused a request or answered with something unusable."""

    default_code = "kafka_error"


class VerificationFailed(LifeboatError):
    """What was read back is not what was written."""

    default_code = "verification_failed"
