# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that record batches are checked and unpacked with: the only file that imports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .._core.errors import MissingLibrary


def _missing(name: str, needed: str, purpose: str) -> NoReturn:
    raise MissingLibrary(
        f"{purpose} with the Python library {name} >= {needed}, but {name} is missing. "
        f"Install {name} >= {needed} into the Python that runs this module.",
        object_name=name,
    )


def _no_crc32c(data: Any, value: int = 0) -> NoReturn:
    _missing("crc32c", "2.7", "Kafka's record batches are checked")


class _NoCramjam:
    """Takes cramjam's place: any use of it says what to install."""

    def __getattr__(self, name: str) -> NoReturn:
        _missing("cramjam", "2.10", "Compressed record batches are unpacked and rebuilt")


# The stand-ins cost nothing where the libraries are there: what is imported is called directly, once a batch.
crc32c: Callable[..., int]
try:
    import crc32c as _crc32c
except ImportError:
    crc32c = _no_crc32c
else:
    crc32c = _crc32c.crc32c

cramjam: Any
UnpackingError: type[Exception]  # what cramjam raises for packed bytes that are none
try:
    import cramjam
except ImportError:
    cramjam, UnpackingError = _NoCramjam(), MissingLibrary
else:
    UnpackingError = cramjam.DecompressionError

__all__ = ["UnpackingError", "cramjam", "crc32c"]
