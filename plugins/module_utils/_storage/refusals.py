# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system refuses, in words."""

from __future__ import annotations

import errno
import os

from .._core.errors import StoreError


def store_error(error: OSError, tried: str, where: str, writing: bool) -> StoreError:
    """Return the error that says why something could not be done, and what to do.

    Args:
        error: What the system said.
        tried: What was tried, on what.
        where: The path it was tried on.
        writing: Whether something was to be written.
    """
    code, advice = "store_unusable", "Look at the file system and its log."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, advice = "disk_full", "Make room and run again; what was complete before is unharmed."
    elif error.errno == errno.ELOOP:
        code, advice = "unsafe_path", "Symbolic links inside of a store are not followed."
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        code = "not_writable" if writing else "not_readable"
        advice = f"User {os.geteuid()} must be allowed to {'write' if writing else 'read'} there."
    elif error.errno == errno.ENOTDIR:
        advice = "Something on the way there is a file, where a directory is needed."
    elif error.errno == errno.ENOENT:
        advice = "The directory is gone: is its file system mounted?"
    return StoreError(f"{tried}: {error.strerror}. {advice}", code=code, object_name=where)
