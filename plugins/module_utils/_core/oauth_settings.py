# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suboptions of ``oauth`` say, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from .addresses import is_http_url
from .errors import InvalidOption


@dataclass(frozen=True)
class OAuthSettings:
    """Where a client gets its tokens: an OAuth 2.0 server's client credentials grant (RFC 6749, section 4.4).

    Args:
        token_url: The server's token endpoint.
        client_id: The client's name there.
        client_secret: Its secret.
        scope: What is asked for; None leaves it to the server.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None

    family: ClassVar[str] = "kafka"

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Check the suboptions of ``oauth``.

        Raises:
            InvalidOption: One of them cannot be used; the message names it.
        """
        settings = cls(**options)
        if not is_http_url(settings.token_url) or "@" in urlsplit(settings.token_url).netloc:
            name = f"{cls.family}.oauth.token_url"
            raise InvalidOption(f"{name} must be an http:// or https:// URL without user info.", object_name=name)
        return settings


@dataclass(frozen=True)
class RegistryOAuthSettings(OAuthSettings):
    """The same for a schema registry, with what Confluent Cloud wants to know besides.

    Args:
        logical_cluster: Sent to the registry as ``target-sr-cluster``.
        identity_pool: Sent to the registry as ``Confluent-Identity-Pool-Id``.
    """

    family: ClassVar[str] = "registry"
    logical_cluster: str | None = None
    identity_pool: str | None = None
