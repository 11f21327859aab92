# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens for a schema registry, by OAuth 2.0 client credentials."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from .._core.client_credentials import LIFE_USED, Token, read_token, refusal, token_request
from .._core.clock import Clock
from .._core.errors import RegistryError
from .._core.oauth_settings import RegistryOAuthSettings
from .transport import Interrupted, NotConnected, RawAnswer

_PASSING = frozenset({408, 429, 500, 502, 503, 504})

Post = Callable[[str, Mapping[str, str], bytes], RawAnswer]
"""Sends a POST request to a URL with these headers and this body, as `Transport.post` does."""


class NoTokenYet(RegistryError):
    """The authorization server gave no token for a reason that may pass."""


class Tokens:
    """Keeps one token for all threads, and renews it before it expires.

    Args:
        oauth: Whom to ask, and as whom.
        post: How to ask.
        clock: Tells the time.
    """

    def __init__(self, oauth: RegistryOAuthSettings, post: Post, clock: Clock) -> None:
        self._oauth = oauth
        self._post = post
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._fresh_until = self._good_until = 0.0

    def token(self) -> str:
        """Return a token; one without a stated life is used until it is refused.

        Raises:
            NoTokenYet: Asking again may help.
            RegistryError: ``authentication_failed`` or ``tls_failed``.
        """
        with self._lock:
            if not self._token or self._clock.monotonic() >= self._fresh_until:
                self._renew()
            return self._token

    def refused(self, token: str) -> None:
        """Drop a token that the registry did not take, unless another thread has had it renewed already."""
        with self._lock:
            if token == self._token:
                self._token = ""

    def _renew(self) -> None:
        try:
            token = self._ask()
        except NoTokenYet:
            if self._token and self._clock.monotonic() < self._good_until:
                return  # it is renewed early, so that there is time to try again
            raise
        life = float("inf") if token.lifetime is None else token.lifetime
        now = self._clock.monotonic()
        self._token, self._fresh_until, self._good_until = token.value, now + life * LIFE_USED, now + life

    def _ask(self) -> Token:
        headers, body = token_request(self._oauth)
        try:
            answer = self._post(self._oauth.token_url, headers, body)
        except (NotConnected, Interrupted) as error:
            raise NoTokenYet(
                f"No answer from the authorization server at {self._oauth.token_url}: {error}. "
                "Check registry.oauth.token_url, and that the server runs.",
                code="unreachable",
                object_name=self._oauth.token_url,
            ) from error
        if answer.status != 200:
            kind = NoTokenYet if answer.status in _PASSING else RegistryError
            raise self._no_token(kind, f"HTTP {answer.status}{refusal(self._oauth, answer.content)}", answer.status)
        try:
            return read_token(answer.content)
        except ValueError as error:
            raise self._no_token(RegistryError, str(error)) from error

    def _no_token(self, kind: type[RegistryError], reason: str, status: int | None = None) -> RegistryError:
        oauth = self._oauth
        return kind(
            f"No token for client {oauth.client_id!r} from {oauth.token_url}: {reason}. Check registry.oauth: "
            "token_url, client_id, client_secret and scope.",
            code="authentication_failed",
            object_name=oauth.token_url,
            oauth_http_status=status,  # http_status is the registry's, which callers take for its word on what it has
        )
