# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version's release is, and which is the newer one."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.releases import release_of


@pytest.mark.parametrize(
    ("version", "release"),
    [("3.0.1", (3, 0, 1)), ("3.0.rc1", (3, 0)), ("0.28.0.dev3", (0, 28, 0)), ("10", (10,)), ("unknown", ()), ("", ())],
)
def test_a_release_is_the_numbers_in_front(version: str, release: tuple[int, ...]) -> None:
    assert release_of(version) == release


def test_numbers_are_compared_as_numbers() -> None:
    assert release_of("2.9.12") < release_of("2.10")
