# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Becomes a component, and leaves a watcher behind that ends it when the process that started it is gone.

Run as a script: ``guard.py PIPE SIGNAL HOME USER COMMAND...``. ``PIPE`` is the reading end of a pipe whose writing end
only the starter holds: its end-of-file means that the starter died, whichever of its threads started the component,
and a byte that the starter ends the component itself. ``SIGNAL`` asks the component to end. ``HOME`` is its working
folder, removed once nobody is left to look into it. ``USER`` is ``uid:gid`` to run the component as, or ``-``.
"""

from __future__ import annotations

import os
import select
import signal
import sys

GRACE_MS = 10_000


def watch(pipe: int, component: int, stop_signal: int, home: str) -> None:
    """Wait until the starter lets go (it writes a byte) or is gone; then end the component (a pidfd) and tidy up."""
    os.setsid()
    if os.read(pipe, 1):
        return
    poll = select.poll()
    poll.register(component, select.POLLIN)
    for number in (stop_signal, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(component, number)
        except ProcessLookupError:
            break
        if poll.poll(GRACE_MS):
            break
    os.chdir("/")
    os.execvp("rm", ["rm", "-rf", "--", home])


def main(arguments: list[str]) -> None:
    pipe, stop_signal, home, user, *command = arguments
    component = os.pidfd_open(os.getpid())
    if os.fork() == 0:
        watch(int(pipe), component, int(stop_signal), home)
        os._exit(0)
    os.set_inheritable(int(pipe), False)
    os.chdir(home)
    if user != "-":
        uid, gid = map(int, user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
