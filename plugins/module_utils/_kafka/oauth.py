# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens for SASL OAUTHBEARER, by OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from .._core.client_credentials import LIFE_USED, Token, read_token, refusal, token_request
from .._core.errors import KafkaError
from .._core.oauth_settings import OAuthSettings
from .kafka_python import AbstractTokenProvider

_TIMEOUT = 10.0
_LARGEST = 1 << 20


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
    """Fetches tokens from an authorization server, and uses each until shortly before it expires.

    Args:
        oauth: Whom to ask, and as whom.
        context: Which certificates are trusted.
    """

    def __init__(self, oauth: OAuthSettings, context: ssl.SSLContext) -> None:
        super().__init__()
        self._oauth = oauth
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirects()
        ).open
        self._token = ""
        self._fresh_until = 0.0

    def token(self) -> str:
        """The token to log in with.

        Raises:
            KafkaError: ``authentication_failed`` or ``unreachable``: the authorization server gave none.
        """
        if time.monotonic() >= self._fresh_until:
            token = self._ask()
            self._token = token.value
            self._fresh_until = time.monotonic() + (token.lifetime or 0.0) * LIFE_USED
        return self._token

    def _ask(self) -> Token:
        headers, body = token_request(self._oauth)
        request = urllib.request.Request(self._oauth.token_url, body, headers)
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                content = answer.read(_LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                said = refusal(self._oauth, error.read(_LARGEST))
                raise self._refused(f"HTTP {error.code}{said}", status=error.code) from None
        except OSError as error:
            raise self._no_answer(error) from error
        try:
            return read_token(content)
        except ValueError as error:
            raise self._refused(str(error)) from error

    def _refused(self, reason: str, status: int | None = None) -> KafkaError:
        url = self._oauth.token_url
        return KafkaError(
            f"No token for client {self._oauth.client_id!r} from {url}: {reason}. Check kafka.oauth: token_url, "
            "client_id, client_secret and scope.",
            code="authentication_failed",
            object_name=url,
            http_status=status,
        )

    def _no_answer(self, error: OSError) -> KafkaError:
        url = self._oauth.token_url
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        tls = isinstance(reason, ssl.SSLError)
        advice = "See kafka.ca_cert." if tls else "Check kafka.oauth.token_url and that the server runs."
        return KafkaError(
            f"No answer from the authorization server at {url}: {' '.join(str(reason).split())}. {advice}",
            code="tls_failed" if tls else "unreachable",
            object_name=url,
        )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the client's secret to somebody else."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None
