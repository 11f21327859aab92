# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a cluster's groups, with the cluster asked why one that was named is not to be seen."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.errors import KafkaError, NotFound
from .._core.selection import Selection, is_literal
from .._kafka.admin import Admin


def choose_groups(admin: Admin, selection: Selection, names: Iterable[str]) -> list[str]:
    """Return the groups that a selection takes, sorted.

    Args:
        admin: A session with the cluster.
        selection: What is asked for.
        names: All groups that the user may see.

    Raises:
        KafkaError: ``not_authorized``: the user may not see a group that is named.
        NotFound: A group that is named does not exist.
    """
    known = set(names)
    try:
        return selection.select(known, what="group")
    except NotFound:
        hidden = [name for name in selection.include if is_literal(name) and name not in known]
        for found in admin.describe_groups(hidden).values():
            if isinstance(found, KafkaError):
                raise found from None
        raise
