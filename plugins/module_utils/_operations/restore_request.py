# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user asks for of a restore of topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import InvalidOption
from .._core.selection import Selection
from .restore_source import TopicsAsked, check_least

_MOST_REPLICAS = 10_000  # librdkafka's limit; Kafka's own is a number of 16 bits


@dataclass(frozen=True)
class RestoreRequest:
    """What a user asks for; the module's options.

    Args:
        asked: Which topics, from where.
        groups: Which groups; None for none.
        only_groups: Whether topics are left as they are, which must have been restored already.
        overwrite_offsets: Whether groups that have read elsewhere at the target are set back.
        isolation: ``committed`` or ``uncommitted``.
        append: Whether topics that have other records get these behind them.
        skip_damaged: Whether what is damaged is left out; otherwise it is an error.
        replication_factor: Of topics that are created; None for the one that they had.
        config_overrides: Configs of topics that are created; None leaves one to the cluster.
        parallel: How many worker processes there may be.
        bytes_per_second: How much all of them may send a second; 0 for no limit.
        journal: A directory for the journal, or None for the store.

    Raises:
        InvalidOption: A number is too small or too large, a config is no text, or nothing is asked for.
    """

    asked: TopicsAsked
    groups: Selection | None
    only_groups: bool
    overwrite_offsets: bool
    isolation: str
    append: bool
    skip_damaged: bool
    replication_factor: int | None
    config_overrides: Mapping[str, Any]
    parallel: int
    bytes_per_second: int
    journal: str | None

    def __post_init__(self) -> None:
        if self.only_groups and self.groups is None:
            raise InvalidOption("only_groups restores nothing where groups is empty.", object_name="only_groups")
        check_least("parallel", self.parallel, 1)
        check_least("max_bytes_per_second", self.bytes_per_second, 0)
        if self.replication_factor is not None:
            check_least("replication_factor", self.replication_factor, 1)
            if self.replication_factor > _MOST_REPLICAS:
                raise InvalidOption(
                    f"replication_factor must be {_MOST_REPLICAS} or less, not {self.replication_factor}.",
                    object_name="replication_factor",
                )
        for name, value in self.config_overrides.items():
            if value is not None and not isinstance(value, (str, int, float)):
                raise InvalidOption(
                    f"config_overrides: {name} must be a text, a number or null, not {value!r}.",
                    object_name="config_overrides",
                )
