# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MariaDB: the system's own server, with data of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from testbed.component import LOOPBACK, Component, UnavailableError
from testbed.toolchain import run

USER = "registry"
PASSWORD = "registry-pw"
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")
FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


def find_program(name: str) -> str:
    """Path of one of the server's programs; `UnavailableError` when there is no server."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS]))
    if not found:
        raise UnavailableError(f"no MariaDB server is installed: there is no {name} (looked on the PATH and in /usr)")
    return found


class MariaDB(Component):
    """A database server, whose user ``registry`` may do everything. Data are not flushed to disk."""

    name = "mariadb"

    @property
    def endpoint(self) -> str:
        """URL of the server for its user."""
        return f"mysql://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        command = [*self._client(), "-e", "select 1"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def create_database(self, name: str) -> None:
        """Create an empty database ``name``, in the place of one that is there."""
        quoted = "`" + name.replace("`", "``") + "`"
        for statement in (f"drop database if exists {quoted}", f"create database {quoted} character set utf8mb4"):
            run([*self._client(), "-e", statement])

    def _prepare(self) -> None:
        for program in PROGRAMS:
            find_program(program)
        install = [find_program("mariadb-install-db"), "--no-defaults", f"--datadir={self.home / 'data'}"]
        run([*install, f"--user={self._account}", "--auth-root-authentication-method=normal", "--skip-test-db"])
        account = f"'{USER}'@'{LOOPBACK}'"
        (self.home / "users.sql").write_text(
            f"create user if not exists {account} identified by '{PASSWORD}';\ngrant all on *.* to {account};\n"
        )

    def _command(self) -> list[str]:
        settings = {
            "user": self._account,
            "datadir": self.home / "data",
            "bind-address": LOOPBACK,
            "port": self.port,
            "socket": self.home / "socket",
            "pid-file": self.home / "pid",
            "init-file": self.home / "users.sql",
            "innodb-flush-log-at-trx-commit": 0,
        }
        return [find_program("mariadbd"), "--no-defaults", *(f"--{key}={value}" for key, value in settings.items())]

    def _client(self) -> list[str]:
        """The beginning of a command line of the client."""
        login = ["--no-defaults", f"--host={LOOPBACK}", f"--port={self.port}", f"--user={USER}"]
        return [find_program("mariadb"), *login, f"--password={PASSWORD}"]

    @property
    def _account(self) -> str:
        """Whom the server runs as: root only where it is told so."""
        return pwd.getpwuid(os.geteuid()).pw_name
