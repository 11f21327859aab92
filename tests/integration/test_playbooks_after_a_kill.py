# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook restore says after a restore of a registry was killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import yaml
from faults.registry_proxy import WRITES, Fault, RegistryProxy, Request

from testbed.ansible import Ansible
from testbed.axonops import AxonOpsRegistry
from testbed.fixtures import RegistryFactory
from testbed.modules import RunningModule, run_module, start_module


def test_the_mode_that_is_put_back_is_told(
    registry: AxonOpsRegistry, registry_factory: RegistryFactory, tmp_path: Path
) -> None:
    source = registry_factory()
    source.call("POST", "/subjects/orders-value/versions", {"schema": json.dumps("string")})
    backup = {"store": {"path": str(tmp_path / "store")}, "backup_id": "prod"}
    run_module("backup_store", store=backup["store"]).succeeded()
    run_module("schema_registry_export", registry={"url": source.endpoint}, **backup).succeeded()
    with RegistryProxy(registry.endpoint) as proxy:
        own = {"lifeboat_registry": {"url": proxy.endpoint}, "lifeboat_store": backup["store"]}
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": {"prod": own}}}))
        running: list[RunningModule] = []

        def kill(_request: Request) -> None:
            os.kill(running[0].pid, signal.SIGKILL)

        proxy.add(Fault(WRITES, "/subjects/*", before=kill, drop=True))
        running.append(start_module("schema_registry_import", registry=own["lifeboat_registry"], **backup))
        assert running[0].wait().status == -signal.SIGKILL
        assert registry.call("GET", "/mode") == {"mode": "IMPORT"}
        proxy.clear()

        def told(*arguments: str) -> str:
            variables = {"lifeboat_restore_into": "prod"}
            outcome = Ansible(tmp_path).play("restore", *arguments, inventories=(inventory,), variables=variables)
            assert outcome.status == 0, outcome.output
            return outcome.messages("prod")[-1].partition("of prod")[2]

        done = "1 version registered, 1 setting put back, as it was before an interrupted run."
        assert told("--check") == f" would change: {done}"
        assert told() == f": {done}"
        assert told() == ": nothing, it is all there."
        assert registry.call("GET", "/mode") == {"mode": "READWRITE"}
