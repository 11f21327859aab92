# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange with one node of a schema registry: the only file that knows httpx."""

from __future__ import annotations

import base64
import copy
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import cast

from .._core.errors import InvalidOption, MissingLibrary, RegistryError
from .._core.releases import release_of
from .._core.settings import RegistrySettings
from .tls import is_tls_failure, tls_context, tls_failed

try:
    import httpx
except ImportError:  # said by `require_httpx`, when a client is made
    HTTPX_IS_THERE = False
else:
    HTTPX_IS_THERE = True

    class ExactURL(httpx.URL):
        """A URL whose path and query go out as they are given, where httpx would resolve the dots in them."""

        def __init__(self, url: httpx.URL, target: bytes) -> None:
            super().__init__(url)
            self._target = target

        @property
        def raw_path(self) -> bytes:
            """Path and query."""
            return self._target


MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"

_NEEDED = (("httpx", (0, 27)), ("httpcore", (1, 0, 4)))  # httpcore 1.0.4 brought the request extension "target"


class NotConnected(Exception):
    """No connection came about, so nothing was sent."""


class Interrupted(Exception):
    """The request was sent, or part of it, and no whole answer came: the server may have carried it out.

    Args:
        reason: What happened.
        timed_out: Whether it was the time limit.
    """

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it came: status, headers with lower-case names, and the unpacked body."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Sends requests to the nodes of one registry over kept-alive connections; threads may share it.

    It works below ``httpx.Client``, whose cookies, redirects and merging of settings cost a third of a request's time
    and are of no use here. The only proxy is that of the settings; the environment's are not used.

    Args:
        settings: How the registry is reached.
        inner: What carries the requests instead of the network; for tests.

    Raises:
        MissingLibrary: httpx is missing or too old.
        InvalidOption: A certificate file, or a header's value, cannot be used.
    """

    def __init__(self, settings: RegistrySettings, inner: httpx.BaseTransport | None = None) -> None:
        require_httpx()
        _check_urls(settings)
        self.urls = settings.urls
        self._timeout = settings.timeout
        self._nodes = [(httpx.URL(url).copy_with(path="/"), _base_path(url)) for url in settings.urls]
        self._reading = [_headers(settings, url, writes=False) for url, _path in self._nodes]
        self._writing = [_headers(settings, url, writes=True) for url, _path in self._nodes]
        self._proxied = settings.proxy is not None
        self._through = f" through the proxy {settings.proxy}" if self._proxied else ""
        self._inner = inner or _network(settings)

    def beside(self, urls: Sequence[str], headers: Mapping[str, str]) -> Transport:
        """Return a transport to other paths on the same nodes, which shares the connections; see `RegistryClient`."""
        twin = copy.copy(self)
        twin.urls = tuple(urls)
        twin._nodes = [(url, _base_path(path)) for (url, _path), path in zip(self._nodes, urls, strict=True)]
        twin._reading, twin._writing = (
            [_replaced(known, headers) for known in every] for every in (self._reading, self._writing)
        )
        return twin

    def exchange(self, node: int, method: str, path: str, content: bytes | None, token: str | None = None) -> RawAnswer:
        """Send one request and read its whole answer.

        Args:
            node: Which of the settings' URLs.
            method: ``GET``, ``PUT``, …
            path: Percent-encoded path below the URL, and query; sent as it is (dots are not resolved).
            content: The body, or None.
            token: A bearer token to send along, beside what the settings hold.

        Raises:
            NotConnected: Nothing was sent.
            Interrupted: No whole answer came.
            RegistryError: ``tls_failed``; or the proxy refused: ``authentication_failed``, ``permission_denied``.
        """
        url, base_path = self._nodes[node]
        headers = (self._reading if content is None else self._writing)[node]
        target = base_path + path.encode("ascii")
        request = httpx.Request(
            method,
            url,
            headers=headers if token is None else [*headers.raw, (b"Authorization", b"Bearer " + token.encode())],
            content=content,
            stream=httpx.ByteStream(b"") if content is None else None,  # spares httpx working out that there is no body
            extensions={"timeout": self._limits(), **({} if self._proxied else {"target": target})},
        )
        if self._proxied:  # the extension would also take the place of what the proxy is asked for
            request.url = ExactURL(url, target)
        return self._carry(request, "the schema registry", self.urls[node])

    def post(self, url: str, headers: Mapping[str, str], content: bytes) -> RawAnswer:
        """Send a POST request to the authorization server.

        Args:
            url: The token endpoint.
            headers: All that the request needs.
            content: The body.

        Raises:
            NotConnected, Interrupted, RegistryError: As `exchange`.
        """
        request = httpx.Request("POST", url, headers=headers, content=content, extensions={"timeout": self._limits()})
        return self._carry(request, "the authorization server", url)

    def _carry(self, request: httpx.Request, what: str, url: str) -> RawAnswer:
        try:
            answer = self._inner.handle_request(request)
            try:
                return RawAnswer(answer.status_code, answer.headers, _body(answer))
            finally:
                answer.close()
        except (httpx.RequestError, ssl.SSLError) as error:
            reason, what = _describe(error), f"{what} at {url}{self._through}"
            if is_tls_failure(error):
                raise tls_failed(what, url, reason) from error
            if isinstance(error, httpx.ProxyError):
                raise _not_let_through(what, url, reason) from error
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                raise NotConnected(reason) from error
            raise Interrupted(reason, timed_out=isinstance(error, httpx.TimeoutException)) from error

    def _limits(self) -> dict[str, float | None]:
        return {"connect": self._timeout, "read": self._timeout, "write": self._timeout, "pool": None}


def require_httpx() -> None:
    """Check that httpx is there and new enough.

    Raises:
        MissingLibrary: It is not.
    """
    for name, needed in _NEEDED:
        try:
            found = metadata.version(name) if HTTPX_IS_THERE else ""
        except metadata.PackageNotFoundError:
            found = ""
        if release_of(found) < needed:
            wanted = ".".join(map(str, needed))
            state = f"{name} {found} is too old" if found else f"{name} is missing"
            raise MissingLibrary(
                "Schema registries are reached with the Python library httpx >= 0.27 (httpcore >= 1.0.4 below it), "
                f"but {state}. Install {name} >= {wanted} into the Python that runs this module.",
                object_name=name,
            )


def _body(answer: httpx.Response) -> bytes:
    """Read the whole body; httpx's own reading costs more, so only what is compressed is left to it."""
    if "content-encoding" in answer.headers:
        return answer.read()
    return b"".join(cast(httpx.SyncByteStream, answer.stream))


def _replaced(known: httpx.Headers, headers: Mapping[str, str]) -> httpx.Headers:
    changed = known.copy()
    changed.update(headers)
    return changed


def _base_path(url: str) -> bytes:
    return httpx.URL(url).raw_path.rstrip(b"/")


def _check_urls(settings: RegistrySettings) -> None:
    """Refuse URLs that the library does not take, such as those of hosts whose names are no international ones."""
    given = [("registry.url", url) for url in settings.urls]
    if settings.proxy is not None:
        given.append(("registry.proxy", settings.proxy))
    if settings.oauth is not None:
        given.append(("registry.oauth.token_url", settings.oauth.token_url))
    for option, url in given:
        try:
            _host = httpx.URL(url).host
        except (httpx.InvalidURL, UnicodeError) as error:
            raise InvalidOption(f"{option} holds no usable URL: {_describe(error)}.", object_name=option) from error


def _network(settings: RegistrySettings) -> httpx.HTTPTransport:
    context = tls_context(settings)
    proxy = None
    if settings.proxy is not None:
        user = settings.proxy_username
        pair = None if user is None else (user, settings.proxy_password or "")
        tls = context if settings.proxy.startswith("https:") else None
        proxy = httpx.Proxy(settings.proxy, auth=pair, ssl_context=tls)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=max(settings.concurrency, 1))
    return httpx.HTTPTransport(verify=context, limits=limits, proxy=proxy)


def _headers(settings: RegistrySettings, url: httpx.URL, *, writes: bool) -> httpx.Headers:
    host = url.netloc.decode("ascii")
    headers = {"Host": host, "User-Agent": "lifeboat.kafka", "Accept": MEDIA_TYPE, "Accept-Encoding": "gzip"}
    headers["Confluent-Accept-Unknown-Properties"] = "true"  # else Confluent Cloud leaves out guid, ts and deleted
    if writes:
        headers["Content-Type"] = MEDIA_TYPE
    if settings.username is not None:
        pair = f"{settings.username}:{settings.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {_checked_header('registry.token', settings.token)}"
    if settings.oauth is not None:
        for name, option, value in (
            ("target-sr-cluster", "logical_cluster", settings.oauth.logical_cluster),
            ("Confluent-Identity-Pool-Id", "identity_pool", settings.oauth.identity_pool),
        ):
            if value is not None:
                headers[name] = _checked_header(f"registry.oauth.{option}", value)
    if settings.api_key is not None:
        headers["X-API-Key"] = _checked_header("registry.api_key", settings.api_key)
    for name, value in settings.headers.items():
        headers[name] = _checked_header("registry.headers", str(value))
        _checked_header("registry.headers", name)
    return httpx.Headers(headers, encoding="utf-8")


def _checked_header(option: str, value: str) -> str:
    """Refuse what HTTP cannot carry here, since the library's own message would show the value."""
    if not value.isprintable() or value != value.strip():
        raise InvalidOption(
            f"{option} holds control characters or surrounding spaces, which an HTTP header cannot carry.",
            object_name=option,
        )
    return value


def _describe(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _not_let_through(what: str, url: str, reason: str) -> RegistryError | NotConnected:
    """The error for a proxy that answers ``CONNECT`` with another status than success."""
    if not reason.startswith(("407", "403")):
        return NotConnected(f"the proxy says {reason}")
    code, advice = "permission_denied", "The proxy must allow this way."
    if reason.startswith("407"):
        code, advice = "authentication_failed", "Check registry.proxy_username and registry.proxy_password."
    status = int(reason[:3])
    return RegistryError(f"No way to {what}: {reason}. {advice}", code=code, object_name=url, http_status=status)
