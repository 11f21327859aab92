# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens by OAuth 2.0 client credentials: what is sent to a token endpoint, and what is read from its answer.

As RFC 6749 says: section 4.4 the grant, 2.3.1 the client's authentication, 5.1 and 5.2 the answers.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from .oauth_settings import OAuthSettings

LIFE_USED = 0.8
"""The part of a token's life after which a new one is asked for."""

_SHOWN = 200
_TOKEN = re.compile("[!-~]+")  # without spaces, which the libraries that send it would show it for


@dataclass(frozen=True)
class Token:
    """What was given.

    Args:
        value: The access token.
        lifetime: Seconds that it is good for; None when the server does not say.
    """

    value: str = field(repr=False)
    lifetime: float | None


def token_request(oauth: OAuthSettings) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of the POST request that asks for a token."""
    form = {"grant_type": "client_credentials", **({"scope": oauth.scope} if oauth.scope else {})}
    pair = f"{quote_plus(oauth.client_id)}:{quote_plus(oauth.client_secret)}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "lifeboat.kafka",
    }
    return headers, urlencode(form).encode()


def read_token(content: bytes) -> Token:
    """Read a successful answer.

    Raises:
        ValueError: It holds no usable token; the message says why, and nothing of the answer.
    """
    document = _document(content)
    if document is None:
        raise ValueError("its answer is no JSON object")
    token = document.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise ValueError("its answer holds no access_token")
    return Token(token, _seconds(document.get("expires_in")))


def refusal(oauth: OAuthSettings, content: bytes) -> str:
    """Return what an answer without a token gives as its reason, as `` (code: description)``; empty where nothing.

    The rest of the answer is not shown, nor is the client's secret, should the server repeat it.
    """
    document = _document(content) or {}
    said = [document.get(name) for name in ("error", "error_description")]
    shown = ": ".join(text for text in said if isinstance(text, str) and text.strip())
    for secret in {oauth.client_secret, quote_plus(oauth.client_secret)} - {""}:
        shown = shown.replace(secret, "…")
    flat = " ".join(shown.split()).rstrip(".")[:_SHOWN]
    return f" ({flat})" if flat and flat.isprintable() else ""


def _document(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object that an answer holds; None where it is no such."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _seconds(expires_in: object) -> float | None:
    """Some servers write the number as a text."""
    try:
        seconds = float(expires_in) if isinstance(expires_in, int | float | str) else -1.0
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
