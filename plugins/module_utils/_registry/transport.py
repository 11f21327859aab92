# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange with one node of a schema registry: the only file that knows httpx."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import cast

from .._core.errors import InvalidOption, MissingLibrary, RegistryError
from .._core.settings import RegistrySettings

try:
    import httpx
except ImportError:  # said by `require_httpx`, when a client is made
    HTTPX_IS_THERE = False
else:
    HTTPX_IS_THERE = True

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
    and are of no use here. Proxies of the environment are not used.

    Args:
        settings: How the registry is reached.
        inner: What carries the requests instead of the network; for tests.

    Raises:
        MissingLibrary: httpx is missing or too old.
        InvalidOption: A certificate file, or a header's value, cannot be used.
    """

    def __init__(self, settings: RegistrySettings, inner: httpx.BaseTransport | None = None) -> None:
        require_httpx()
        self.urls = settings.urls
        self._timeout = settings.timeout
        self._nodes = [(httpx.URL(url).copy_with(path="/"), _base_path(url)) for url in settings.urls]
        self._reading = [_headers(settings, url, writes=False) for url, _path in self._nodes]
        self._writing = [_headers(settings, url, writes=True) for url, _path in self._nodes]
        self._inner = inner or httpx.HTTPTransport(
            verify=_tls_context(settings),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=max(settings.concurrency, 1)),
        )

    def exchange(self, node: int, method: str, path: str, content: bytes | None) -> RawAnswer:
        """Send one request and read its whole answer.

        Args:
            node: Which of the settings' URLs.
            method: ``GET``, ``PUT``, …
            path: Percent-encoded path below the URL, and query; sent as it is (dots are not resolved).
            content: The body, or None.

        Raises:
            NotConnected: Nothing was sent.
            Interrupted: No whole answer came.
            RegistryError: ``tls_failed``.
        """
        url, base_path = self._nodes[node]
        request = httpx.Request(
            method,
            url,
            headers=(self._reading if content is None else self._writing)[node],
            content=content,
            stream=httpx.ByteStream(b"") if content is None else None,  # spares httpx working out that there is no body
            extensions={"timeout": self._limits(), "target": base_path + path.encode("ascii")},
        )
        try:
            answer = self._inner.handle_request(request)
            try:
                return RawAnswer(answer.status_code, answer.headers, _body(answer))
            finally:
                answer.close()
        except (httpx.RequestError, ssl.SSLError) as error:
            reason = _describe(error)
            if _is_tls_failure(error):
                raise _tls_failed(self.urls[node], reason) from error
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
        if _release(found) < needed:
            wanted = ".".join(map(str, needed))
            state = f"{name} {found} is too old" if found else f"{name} is missing"
            raise MissingLibrary(
                "Schema registries are reached with the Python library httpx >= 0.27 (httpcore >= 1.0.4 below it), "
                f"but {state}. Install {name} >= {wanted} into the Python that runs this module.",
                object_name=name,
            )


def _release(version: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _body(answer: httpx.Response) -> bytes:
    """Read the whole body; httpx's own reading costs more, so only what is compressed is left to it."""
    if "content-encoding" in answer.headers:
        return answer.read()
    return b"".join(cast(httpx.SyncByteStream, answer.stream))


def _base_path(url: str) -> bytes:
    return httpx.URL(url).raw_path.rstrip(b"/")


def _headers(settings: RegistrySettings, url: httpx.URL, *, writes: bool) -> httpx.Headers:
    host = url.netloc.decode("ascii")
    headers = {"Host": host, "User-Agent": "lifeboat.kafka", "Accept": MEDIA_TYPE, "Accept-Encoding": "gzip"}
    headers["Confluent-Accept-Unknown-Properties"] = "true"  # else Confluent Cloud leaves out guid, ts and deleted
    if writes:
        headers["Content-Type"] = MEDIA_TYPE
    if settings.username is not None:
        pair = f"{settings.username}:{settings.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
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


def _tls_context(settings: RegistrySettings) -> ssl.SSLContext:
    """Trust what the operating system trusts, or ``ca_cert`` alone."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_cert)
    except OSError as error:
        raise _bad_file("ca_cert", settings.ca_cert, error, "must be a PEM file with certificates") from error
    if not settings.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.client_cert is not None:
        try:
            # An empty password, so that OpenSSL does not ask for one on the terminal.
            context.load_cert_chain(settings.client_cert, settings.client_key, password="")
        except OSError as error:
            files = " and ".join(name for name in (settings.client_cert, settings.client_key) if name)
            rule = "must hold a PEM certificate and its unencrypted private key"
            raise _bad_file("client_cert", files, error, rule) from error
    return context


def _bad_file(option: str, path: str | None, error: OSError, rule: str) -> InvalidOption:
    reason = error.strerror or "not readable as such"
    return InvalidOption(
        f"registry.{option}: {path} cannot be used ({reason}); it {rule}.", object_name=f"registry.{option}"
    )


def _describe(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _is_tls_failure(error: BaseException | None) -> bool:
    """Look for a TLS library's error below those that httpcore and httpx wrap around it."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tls_failed(url: str, reason: str) -> RegistryError:
    upper = reason.upper()
    if "CERTIFICATE_VERIFY_FAILED" in upper:
        advice = "Give the authority that signed the server's certificate as registry.ca_cert, and the host name in it."
    elif "WRONG_VERSION_NUMBER" in upper or "RECORD LAYER" in upper:
        advice = "The server does not speak TLS at this port; an http:// URL may be meant."
    elif "CERTIFICATE" in upper or "ALERT" in upper:
        advice = "The server may demand a client certificate: registry.client_cert and registry.client_key."
    else:
        advice = "Check the URL and the certificates."
    return RegistryError(
        f"No TLS connection to the schema registry at {url}: {reason}. {advice}", code="tls_failed", object_name=url
    )
