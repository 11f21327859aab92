# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens for SASL OAUTHBEARER, by OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from .._core.errors import KafkaError
from .._core.settings import OAuthSettings
from .kafka_python import AbstractTokenProvider

_TIMEOUT = 10.0
_MARGIN = 0.2  # of a token's life that is left when a new one is fetched
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
            answer = self._ask()
            token = answer.get("access_token")
            if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
                raise self._refused("its answer holds no access_token")
            self._token = token
            lifetime = answer.get("expires_in")
            seconds = float(lifetime) if isinstance(lifetime, int | float | str) and _is_number(lifetime) else 0.0
            self._fresh_until = time.monotonic() + seconds * (1 - _MARGIN)
        return self._token

    def _ask(self) -> dict[str, Any]:
        oauth = self._oauth
        form = {"grant_type": "client_credentials", **({"scope": oauth.scope} if oauth.scope else {})}
        pair = f"{urllib.parse.quote_plus(oauth.client_id)}:{urllib.parse.quote_plus(oauth.client_secret)}"
        headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Accept": "application/json",
            "User-Agent": "lifeboat.kafka",
        }
        request = urllib.request.Request(oauth.token_url, urllib.parse.urlencode(form).encode(), headers)
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                content = answer.read(_LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(f"HTTP {error.code}{_said(error.read(_LARGEST))}", status=error.code) from None
        except OSError as error:
            raise self._no_answer(error) from error
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self._refused("its answer is no JSON object")
        return document

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


def _is_number(value: float | str) -> bool:
    try:
        return float(value) >= 0
    except ValueError:
        return False


def _said(content: bytes) -> str:
    """The error code that the server names (RFC 6749, section 5.2); nothing else of its answer is shown."""
    try:
        code = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({code})" if isinstance(code, str) and len(code) < 80 and code.isprintable() else ""
