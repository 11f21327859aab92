# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast requests may follow each other, and how long a server wants to be left alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .._core.clock import Clock
from .transport import RawAnswer

TURNED_AWAY = frozenset({429})
"""The server did not carry the request out: anything may be repeated."""

LONGEST_WAIT = 300.0
_MOMENT = 1e9  # other services write a moment there, in seconds since 1970: it is none of ours


class Pace:
    """Gives each request a moment of its own, evenly spaced, so that no stretch of time holds more than it may.

    Args:
        rate: Requests a second; 0 for as many as come.
        clock: Tells the time and sleeps.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is this caller's turn to send one request."""
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._next)
            if self._gap:
                self._next = turn + self._gap
        if turn > now:
            self._clock.sleep(turn - now)

    def hold(self, seconds: float) -> None:
        """Let nobody have a turn for so long, since the server asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock.monotonic() + seconds)


def asked_to_wait(raw: RawAnswer, clock: Clock) -> float:
    """Return for how many seconds an answer asks to be left alone; no more than `LONGEST_WAIT`.

    It says so in ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3). Confluent Cloud, where it turns a
    request away, says it in ``X-RateLimit-Reset`` too, in seconds from now. What cannot be read asks for nothing.
    """
    asked = _retry_after(raw.headers.get("retry-after", "").strip(), clock)
    reset = raw.headers.get("x-ratelimit-reset", "").strip()
    if raw.status in TURNED_AWAY and not asked and reset.isdecimal() and float(reset) < _MOMENT:
        asked = float(reset)
    return min(max(asked, 0.0), LONGEST_WAIT)


def _retry_after(text: str, clock: Clock) -> float:
    try:
        return float(text) if text.isdecimal() else (_utc(parsedate_to_datetime(text)) - clock.now()).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
