# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves an emulated registry until its input ends; a line of input empties it. Each time it prints its endpoint."""

from __future__ import annotations

import sys

from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry


def main() -> None:
    with EmulatedRegistry(Confluent) as registry:
        print(registry.endpoint, flush=True)
        for _line in sys.stdin:
            registry.wipe()
            print(registry.endpoint, flush=True)


if __name__ == "__main__":
    main()
