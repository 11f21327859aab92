# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests: what is repeated, which URL is asked, and what errors say."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from contextlib import suppress
from importlib import metadata

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    InvalidOption,
    MissingLibrary,
    RegistryError,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry import transport
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient

ANSWER = ["orders"]


class Script(httpx.BaseTransport):
    """Answers requests in turn by what it was given: a response, or an error to raise."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.requests = []

    def handle_request(self, request):
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def ok(*values):
    return httpx.Response(200, json=values[0] if values else ANSWER)


def refused(status, **options):
    return httpx.Response(status, **{"json": {"error_code": status * 100 + 1, "message": "no"}, **options})


def test_keeps_to_the_bytes_of_a_path_and_to_the_base_path(client_of):
    script = Script(ok())
    client = client_of(script, url=["http://registry.example:8081/team a/"])
    assert client.get("/subjects/../versions/1", "version") == ANSWER
    assert script.requests[0].extensions["target"] == b"/team%20a/subjects/../versions/1"
    assert str(script.requests[0].url) == "http://registry.example:8081/"
    assert script.requests[0].headers["host"] == "registry.example:8081"


def test_sends_credentials_and_media_types(client_of):
    script = Script(ok(), ok())
    client = client_of(script, username="ann", password="pä:ß", headers={"X-Team": 7})
    client.get("/subjects", "subjects")
    client.send("PUT", "/mode", "mode", body={"mode": "IMPORT"})
    reading, writing = (request.headers for request in script.requests)
    assert base64.b64decode(reading["authorization"].removeprefix("Basic ")).decode() == "ann:pä:ß"
    assert reading["accept"] == writing["content-type"] == "application/vnd.schemaregistry.v1+json"
    assert "content-type" not in reading
    assert reading["x-team"] == "7"
    assert json.loads(script.requests[1].content) == {"mode": "IMPORT"}


@pytest.mark.parametrize("answer", [httpx.Response(200), httpx.Response(204), httpx.Response(200, content=b"null")])
def test_an_empty_answer_does_not_mean_that_nothing_is_there(client_of, answer):
    with pytest.raises(RegistryError, match=r"GET /subjects at .*Is this URL a schema registry's\?") as caught:
        client_of(Script(answer)).get("/subjects", "subjects")
    assert caught.value.failure()["code"] == "not_a_registry"


def test_an_empty_list_may_be_null_where_a_server_writes_it_so(client_of):
    assert client_of(Script(httpx.Response(200, content=b"null"))).get("/subjects", "subjects", null=True) is None
    with pytest.raises(RegistryError, match="without a body"):
        client_of(Script(httpx.Response(200))).get("/subjects", "subjects", null=True)


def test_sends_an_api_key(client_of):
    script = Script(ok())
    client_of(script, api_key="sr_1").get("/subjects", "subjects")
    assert script.requests[0].headers["x-api-key"] == "sr_1"


@pytest.mark.parametrize(
    "option", [{"api_key": "sr_secret\n"}, {"token": " secret"}, {"headers": {"X-Team": "a\r\nb"}}]
)
def test_refuses_header_values_without_showing_them(client_of, option):
    with pytest.raises(InvalidOption) as caught:
        client_of(Script(), **option)
    assert "secret" not in caught.value.message
    assert caught.value.object_name == f"registry.{next(iter(option))}"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_repeats_reads(client_of, clock, status):
    client = client_of(Script(refused(status), refused(status), ok()), retry_backoff=2)
    assert client.get("/subjects", "subjects") == ANSWER
    assert 0 <= clock.slept[0] <= 2
    assert 0 <= clock.slept[1] <= 4
    assert client.requests == {"subjects": 3}


def test_repeats_no_more_than_it_may(client_of, clock):
    client = client_of(Script(*[refused(503) for _number in range(3)]), retries=2)
    with pytest.raises(RegistryError, match="HTTP 503, code 50301: 'no'"):
        client.get("/subjects", "subjects")
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    ("step", "repeatable", "repeated"),
    [
        (refused(429), False, True),
        (httpx.ConnectError("refused"), False, True),
        (refused(502), False, False),
        (refused(502), True, True),
        (httpx.ReadTimeout("slow"), False, False),
        (httpx.ReadTimeout("slow"), True, True),
        (httpx.RemoteProtocolError("cut"), False, False),
        (httpx.RemoteProtocolError("cut"), True, True),
        (refused(500), True, False),
    ],
)
def test_repeats_writes_only_where_that_does_no_harm(client_of, step, repeatable, repeated):
    script = Script(step, ok({"id": 1}))
    client = client_of(script)
    if repeated:
        answer = client.send("POST", "/subjects/a/versions", "register", body={}, repeatable=repeatable)
        assert answer.value == {"id": 1}
    else:
        with pytest.raises(RegistryError):
            client.send("POST", "/subjects/a/versions", "register", body={}, repeatable=repeatable)
    assert len(script.requests) == 1 + repeated


LOST = [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), refused(500), refused(502), refused(503)]


def send_once(client, look):
    return client.send("POST", "/subjects/a/versions", "register", body={}, repeatable=False, look=look).value


@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("step", LOST)
def test_a_look_stands_in_for_a_lost_answer(client_of, step, retries):
    script = Script(step)
    assert send_once(client_of(script, retries=retries), lambda: {"id": 7}) == {"id": 7}
    assert len(script.requests) == 1


@pytest.mark.parametrize("step", LOST)
def test_what_did_not_arrive_is_sent_again_after_a_look(client_of, step):
    script = Script(step, step, ok({"id": 1}))
    looks = []
    assert send_once(client_of(script), lambda: looks.append(len(script.requests))) == {"id": 1}
    assert looks == [1, 2]


@pytest.mark.parametrize("step", [refused(409), refused(422), refused(429), ok({"id": 1})])
def test_nobody_looks_where_nothing_is_in_doubt(client_of, step):
    client = client_of(Script(step), retries=0)
    with suppress(RegistryError):
        send_once(client, lambda: pytest.fail("looked"))


def test_when_nobody_can_look_it_stays_unknown(client_of):
    script = Script(httpx.ReadTimeout("slow"), refused(401))
    client = client_of(script)
    with pytest.raises(RegistryError, match="Whether it was carried out is not known") as caught:
        send_once(client, lambda: client.get("/subjects/a/versions", "versions"))
    assert caught.value.code == "timeout"
    assert len(script.requests) == 2


def test_asks_the_next_url_when_one_cannot_be_reached_and_stays_with_it(client_of):
    script = Script(httpx.ConnectError("refused"), ok(), ok())
    client = client_of(script, url=["http://a.example", "http://b.example"])
    client.get("/subjects", "subjects")
    assert client.url == "http://b.example"
    client.get("/subjects", "subjects")
    assert [request.url.host for request in script.requests] == ["a.example", "b.example", "b.example"]


def test_says_which_urls_cannot_be_reached(client_of):
    client = client_of(
        Script(httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")),
        url=["http://a.example", "http://b.example"],
        retries=0,
    )
    with pytest.raises(RegistryError, match=r"a\.example \(refused\), http://b\.example \(slow\)") as caught:
        client.get("/subjects", "subjects")
    assert caught.value.failure()["code"] == "unreachable"


def test_tells_a_time_limit_from_a_cut(client_of):
    client = client_of(Script(httpx.ReadTimeout("x"), httpx.ReadError("reset")), retries=0, timeout=2.5)
    with pytest.raises(RegistryError, match=r"no answer within 2\.5 s") as caught:
        client.get("/subjects", "subjects")
    assert caught.value.code == "timeout"
    with pytest.raises(RegistryError, match=r"cut off: reset\. Whether it was carried out is not known") as caught:
        client.send("DELETE", "/subjects/a", "purge")
    assert caught.value.code == "unreachable"


def tls_error(text):
    error = httpx.ConnectError(text)
    error.__cause__ = ssl.SSLError(1, text)
    return error


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer", "registry.ca_cert"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "an http:// URL may be meant"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert", "registry.client_cert"),
    ],
)
def test_a_tls_failure_is_said_at_once(client_of, clock, text, advice):
    with pytest.raises(RegistryError, match=advice) as caught:
        client_of(Script(tls_error(text))).get("/subjects", "subjects")
    assert caught.value.code == "tls_failed"
    assert not clock.slept


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": ["http://\u2603.example"]}, "registry.url"),
        ({"proxy": "http://\u2603.example"}, "registry.proxy"),
        (
            {"oauth": {"token_url": "http://xn--a.example", "client_id": "a", "client_secret": "b"}},
            "registry.oauth.token_url",
        ),
    ],
)
def test_a_host_whose_name_is_none_is_refused(client_of, options, named):
    with pytest.raises(InvalidOption, match=f"^{named} holds no usable URL") as caught:
        client_of(Script(), **options)
    assert caught.value.object_name == named


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (httpx.Response(401, text="Unauthorized\n"), "authentication_failed", "registry.password"),
        (httpx.Response(403, text="Forbidden"), "permission_denied", "lacks the right"),
        (httpx.Response(200, html="<h1>Hello</h1>"), "not_a_registry", "text/html"),
        (httpx.Response(302, headers={"Location": "https://login.example/"}), "not_a_registry", "login.example"),
        (httpx.Response(404, html="<h1>Nothing here</h1>"), "registry_error", "Nothing here"),
        (
            httpx.Response(422, json={"error_code": 42205, "message": "m"}),
            "registry_error",
            "HTTP 422, code 42205: 'm'",
        ),
        (httpx.Response(200, content=b'["a",'), "not_a_registry", "instead of JSON"),
        (httpx.Response(200, content=b"[" * 100_000), "not_a_registry", "instead of JSON"),
    ],
)
def test_every_useless_answer_has_its_code(client_of, answer, code, said):
    with pytest.raises(RegistryError, match=said) as caught:
        client_of(Script(answer)).get("/subjects", "subjects")
    failure = caught.value.failure()
    assert failure["code"] == code
    assert failure["http_status"] == answer.status_code
    assert failure["method"] == "GET"
    assert failure["path"] == "/subjects"


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(200, html="<p>Proxy-Authorization: Basic c2VjcmV0</p>"),
        httpx.Response(502, json={"message": '{"authorization": "Bearer c2VjcmV0", "host": "a"}'}),
    ],
)
def test_credentials_that_a_proxy_repeats_are_not_shown(client_of, said):
    with pytest.raises(RegistryError, match=r"(?i)authorization.*…") as caught:
        client_of(Script(said), retries=0).get("/subjects", "subjects")
    assert "c2VjcmV0" not in caught.value.message


@pytest.mark.parametrize(
    ("options", "status", "advice"),
    [
        ({}, 401, "give registry.username and registry.password, registry.token, registry.oauth or registry.api_key"),
        ({"username": "ann", "password": "x"}, 401, "Check registry.username and registry.password."),
        ({"api_key": "x"}, 401, "Check registry.api_key."),
        ({"token": "x"}, 401, "Check registry.token; it may have expired."),
        ({"username": "ann", "password": "x"}, 403, "This was asked as user ann, which lacks the right."),
        ({"token": "x"}, 403, "This was asked as bearer token, which lacks the right."),
        ({"proxy": "http://proxy.example"}, 407, "Check registry.proxy_username and registry.proxy_password."),
    ],
)
def test_who_is_turned_away_is_told_what_to_look_at(client_of, options, status, advice):
    client = client_of(Script(httpx.Response(status, text="no")), **options)
    with pytest.raises(RegistryError) as caught:
        client.get("/subjects", "subjects")
    assert advice in caught.value.message
    assert "through the proxy" in caught.value.message or "proxy" not in options


def test_says_that_a_proxy_is_in_between(client_of):
    client = client_of(Script(httpx.ConnectError("refused")), proxy="http://proxy.example:3128", retries=0)
    with pytest.raises(RegistryError, match=r"8081 through the proxy http://proxy\.example:3128 \(refused\)"):
        client.get("/subjects", "subjects")


def test_quotes_little_of_what_a_server_says(client_of):
    with pytest.raises(RegistryError) as caught:
        client_of(Script(httpx.Response(400, text="x\n\x00" * 10000))).get("/subjects", "subjects")
    assert len(caught.value.message) < 500
    assert caught.value.message.isprintable()


def test_an_expected_error_is_an_answer(client_of):
    client = client_of(Script(refused(404), refused(404)))
    assert client.get("/config/a", "config", absent=(40401,)) is None
    assert client.send("DELETE", "/config/a", "config", accept=(40401,)).code == 40401


def test_sends_and_reads_text_that_utf8_cannot_hold(client_of):
    script = Script(httpx.Response(200, content=rb'{"schema":"\ud800"}'))
    answer = client_of(script).send("POST", "/subjects/a", "lookup", body={"schema": "\ud800"})
    assert json.loads(script.requests[0].content) == answer.value == {"schema": "\ud800"}


@pytest.mark.parametrize(("name", "version"), [("httpx", "0.26.0"), ("httpcore", "1.0.3")])
def test_a_library_that_is_too_old_is_named(monkeypatch, name, version):
    found = {"httpx": "0.28.1", "httpcore": "1.0.9", name: version}
    monkeypatch.setattr(transport.metadata, "version", lambda wanted: found[wanted])
    with pytest.raises(MissingLibrary, match=f"{name} {version} is too old") as caught:
        RegistryClient(RegistrySettings(urls=("http://registry.example",)))
    assert caught.value.failure() == {"code": "missing_library", "object": name}


def test_a_library_that_is_missing_is_named(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(transport.metadata, "version", missing)
    with pytest.raises(MissingLibrary, match="httpx is missing"):
        RegistryClient(RegistrySettings(urls=("http://registry.example",)))


@pytest.mark.parametrize(
    "options", [{"ca_cert": "/nowhere/ca.pem"}, {"client_cert": "/nowhere/c.pem"}, {"ca_cert": __file__}]
)
def test_a_certificate_file_that_cannot_be_used_is_named(options):
    with pytest.raises(InvalidOption, match=next(iter(options.values()))) as caught:
        RegistryClient(RegistrySettings(urls=("https://registry.example",), **options))
    assert caught.value.object_name == f"registry.{next(iter(options))}"


def test_nothing_needs_the_library_before_a_client_is_made():
    script = """
import sys
sys.modules["httpx"] = None
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import MissingLibrary
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
try:
    connect(RegistrySettings(urls=("http://registry.example",)))
except MissingLibrary as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert "httpx is missing" in run.stdout
