# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command line of the test bed."""

from __future__ import annotations

import argparse
import sys

import yaml

from testbed.bed import KINDS, Bed
from testbed.cache import cache_root
from testbed.component import ComponentError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m testbed", description="Real components on loopback for tests.")
    parser.add_argument("--bed", default="default", metavar="NAME", help="which bed, when there are several")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (
        ("up", "start components in the background and print their endpoints"),
        ("fetch", "download and build what components need"),
        ("supervise", "start components and stay until told to end; used by up"),
    ):
        verbs.add_parser(verb, help=text).add_argument("components", nargs="+", choices=sorted(KINDS))
    verbs.add_parser("status", help="print the endpoints of what runs")
    verbs.add_parser("inventory", help="print an Ansible inventory of what runs")
    verbs.add_parser("down", help="end what up has started")
    chosen = parser.parse_args()
    try:
        return run(chosen)
    except ComponentError as error:
        print(error, file=sys.stderr)
        return 1


def run(chosen: argparse.Namespace) -> int:
    """Do what the command line asks; returns the exit status."""
    bed = Bed(chosen.bed)
    if chosen.verb == "supervise":
        bed.supervise(chosen.components)
    elif chosen.verb == "fetch":
        for name in chosen.components:
            KINDS[name].fetch()
            print(f"{name} is ready in {cache_root()}")
    elif chosen.verb == "down":
        print(f"bed {bed.name} {'ended' if bed.down() else 'was not up'}")
    else:
        endpoints = bed.up(chosen.components) if chosen.verb == "up" else bed.endpoints()
        if not endpoints:
            print(f"bed {bed.name} is down")
            return 3
        if chosen.verb == "inventory":
            print(yaml.safe_dump(bed.inventory(), sort_keys=False), end="")
            return 0
        for name, endpoint in endpoints.items():
            print(f"{name} {endpoint}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
