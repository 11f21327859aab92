# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL: the system's own server, with data of its own."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

from testbed.component import LOOPBACK, Component, UnavailableError
from testbed.toolchain import run

SUPERUSER = "postgres"
PASSWORD = "postgres-pw"


def find_programs() -> Path:
    """Folder that holds ``initdb``, ``postgres`` and their like; `UnavailableError` when there is no server."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    folders += sorted(installed, key=lambda folder: int(re.findall(r"\d+", str(folder))[0]), reverse=True)
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "postgres", "pg_isready", "psql")):
            return folder
    raise UnavailableError("no PostgreSQL server is installed (looked on the PATH and in /usr/lib/postgresql)")


class PostgreSQL(Component):
    """A database server. Data are not flushed to disk: they need not survive a power cut."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # the fast shutdown, which does not wait for clients

    @property
    def endpoint(self) -> str:
        """URL of the database ``postgres`` for the superuser."""
        return f"postgresql://{SUPERUSER}:{PASSWORD}@{LOOPBACK}:{self.port}/postgres"

    def ready(self) -> bool:
        command = [str(find_programs() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def create_database(self, name: str) -> None:
        """Create an empty database ``name``, in the place of one that is there."""
        for statement in (f'drop database if exists "{name}" with (force)', f'create database "{name}"'):
            run([str(find_programs() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, self.endpoint])

    def _user(self) -> tuple[int, int] | None:
        """PostgreSQL refuses to run as root, so that root starts it as somebody else."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return entry.pw_uid, entry.pw_gid
        raise UnavailableError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")

    def _prepare(self) -> None:
        password = self.home / "password"
        password.write_text(PASSWORD)
        initdb = [str(find_programs() / "initdb"), f"--pgdata={self.home / 'data'}", f"--username={SUPERUSER}"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={password}"]
        initdb += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        user = self._user()
        if user:
            os.chown(self.home, *user)
            os.chown(password, *user)
        run(initdb, cwd=self.home, user=user)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        server = [str(find_programs() / "postgres"), "-D", str(self.home / "data")]
        return server + [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
