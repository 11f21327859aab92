# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire on a broker with TLS, users and access control lists: who gets in, who does not, and what is said then."""

from __future__ import annotations

import base64
import http.server
import itertools
import json
import random
import threading
import time

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from testbed.certificates import Certificates
from testbed.records import LARGE, Message, numbered, send
from testbed.secure_kafka import ADMIN, PLAIN_USERS, SecureKafka
from testbed.topics import Topics

PATIENCE = 20  # seconds: below any time-out of a request or a test
READ = ("read", "describe")
_names = (f"secret-{number}" for number in itertools.count())


def connect(options, **more):
    return Wire(KafkaSettings.from_options(options), **more)


def refusal(options):
    """What is raised for options that do not work; it comes long before any time-out."""
    began = time.monotonic()
    with pytest.raises(KafkaError) as caught:
        connect(options)
    assert time.monotonic() - began < PATIENCE
    assert options["bootstrap_servers"][0] in str(caught.value)
    return caught.value


def read(wire, topic):
    """The records of partition 0, read raw; an error is raised."""
    asked = [Want(topic, wire.topics([topic])[topic].topic_id, 0, 0, 1 << 20)]
    [found] = wire.run(wire.fetch(1, asked, max_bytes=1 << 20, max_wait=0, min_bytes=0, isolation="committed"))
    if found.error:
        raise found.error
    return found.records


@pytest.fixture
def topic(secure_kafka: SecureKafka):
    """A topic with ten records that nobody may read."""
    name = next(_names)
    Topics(secure_kafka.client).create(name)
    send(secure_kafka.client, name, numbered(10))
    return name


def check_reads(broker, options, user, topic):
    """That a user reads a topic as soon as it may, through all that the wire asks."""
    broker.allow(user, *(("topic", topic, operation) for operation in READ))
    with connect(options) as wire:
        assert wire.offsets("latest", [(topic, 0)]) == {(topic, 0): 10}
        assert wire.epoch_ends({(topic, 0): 0}) == {(topic, 0): (0, 10)}
        assert len(wire.headers({(topic, 0): 0})[topic, 0]) == 61
        assert sum(batch.count for batch in batches(read(wire, topic))) == 10


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_users_with_passwords_get_in(secure_kafka, topic, mechanism, tls):
    if mechanism == "PLAIN":
        user, password = next(iter(PLAIN_USERS.items()))
    else:
        user, password = "scram=user,1", "p,w=ü"
        secure_kafka.create_user(user, password)
    check_reads(secure_kafka, secure_kafka.login(user, password, mechanism, tls=tls), user, topic)


def test_clients_with_certificates_get_in(secure_kafka, certificates, topic):
    pair = certificates.issue_client("certified")
    check_reads(secure_kafka, secure_kafka.certified(pair), "certified", topic)


def test_clients_without_certificates_get_in_where_none_is_asked_for(secure_kafka, topic):
    with connect(secure_kafka.uncertified()) as wire:
        assert wire.offsets("latest", [(topic, 0)]) == {(topic, 0): 10}


def test_clients_with_tokens_get_in(token_kafka):
    name = next(_names)
    Topics(token_kafka.client).create(name)
    send(token_kafka.client, name, numbered(10))
    check_reads(token_kafka, token_kafka.token("alice", "alice-secret"), "alice", name)


def test_large_batches_pass_through_tls_both_ways(secure_kafka):
    names = [next(_names) for _number in range(2)]
    Topics(secure_kafka.client).create_many(dict.fromkeys(names, 1), {"max.message.bytes": 6_000_000})
    value = random.Random(1).randbytes(LARGE)
    send(secure_kafka.client, names[0], [Message(b"k", value)], message_max_bytes=6_000_000)
    with connect(secure_kafka.login(*ADMIN)) as wire:
        source = read(wire, names[0])
        batch = bytearray(source)
        batch[12:16] = b"\xff" * 4
        requests = [wire.produce(1, [(names[1], "", 0, batch)], timeout=10) for _number in range(3)]
        done = wire.run(wire.gather(*requests))
        assert [[(each.code, each.base_offset) for each in answer] for answer in done] == [[(0, 0)], [(0, 1)], [(0, 2)]]
        assert bytes(read(wire, names[1])[61:]) == bytes(source[61:])


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_called_one(secure_kafka, mechanism, tls):
    user = "plain-user" if mechanism == "PLAIN" else ADMIN[0]
    error = refusal(secure_kafka.login(user, "wrong sesame", mechanism, tls=tls))
    assert error.code == "authentication_failed"
    assert error.facts["kafka_error"] == "SASL_AUTHENTICATION_FAILED"
    assert "Check the user name and password" in str(error)
    assert "sesame" not in str(error)


def test_an_unknown_user_is_refused(secure_kafka):
    assert refusal(secure_kafka.login("nobody", "x")).code == "authentication_failed"


def test_a_mechanism_that_is_not_offered_is_named(secure_kafka, token_kafka):
    options = {**token_kafka.token("alice", "alice-secret"), "bootstrap_servers": None}
    options["bootstrap_servers"] = secure_kafka.login("x", "y")["bootstrap_servers"]
    error = refusal(options)
    assert (error.code, error.facts["kafka_error"]) == ("authentication_failed", "UNSUPPORTED_SASL_MECHANISM")
    assert "kafka.sasl_mechanism" in str(error)


def test_a_wrong_client_secret_is_called_one(token_kafka):
    options = token_kafka.token("alice", "wrong sesame")
    with pytest.raises(KafkaError, match=r"No token for client 'alice' from http://.*kafka\.oauth") as caught:
        connect(options)
    assert caught.value.code == "authentication_failed"
    assert "sesame" not in str(caught.value)


class Forger(http.server.BaseHTTPRequestHandler):
    """Gives everybody a token that nobody has signed."""

    def do_POST(self):
        claims = {"sub": "alice", "aud": "kafka", "iat": int(time.time()), "exp": int(time.time()) + 600}
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": f"{token}.", "expires_in": 600}).encode())

    def log_message(self, *_arguments):
        pass


def test_a_token_that_the_broker_does_not_take_is_a_failed_login(token_kafka):
    with http.server.HTTPServer(("127.0.0.1", 0), Forger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            options = token_kafka.token("alice", "alice-secret")
            options["oauth"]["token_url"] = f"http://127.0.0.1:{server.server_port}/token"
            error = refusal(options)
        finally:
            server.shutdown()
            thread.join()
    assert (error.code, error.facts["kafka_error"]) == ("authentication_failed", "SASL_AUTHENTICATION_FAILED")
    assert "alice-secret" not in str(error)


def test_an_unknown_authority_is_called_one(secure_kafka, tmp_path):
    foreign = str(Certificates(tmp_path).ca)
    for options in (secure_kafka.login(*ADMIN), secure_kafka.uncertified()):
        error = refusal({**options, "ca_cert": foreign})
        assert error.code == "tls_failed"
        assert "CERTIFICATE_VERIFY_FAILED" in str(error)
        assert "kafka.ca_cert" in str(error)
        error = refusal({key: value for key, value in options.items() if key != "ca_cert"})
        assert (error.code, "kafka.ca_cert" in str(error)) == ("tls_failed", True)


def test_an_unknown_authority_is_taken_when_nothing_is_checked(secure_kafka):
    options = {key: value for key, value in secure_kafka.login(*ADMIN).items() if key != "ca_cert"}
    with connect({**options, "validate_certs": False}) as wire:
        assert wire.brokers == [1]


def test_another_host_name_is_noticed(certificates, tmp_path):
    other = Certificates(tmp_path)
    other.server = other.issue_server("another.example")
    with SecureKafka(other) as broker:
        error = refusal(broker.uncertified())
        assert error.code == "tls_failed"
        assert "127.0.0.1" in str(error)
        unchecked = {"ssl.endpoint.identification.algorithm": "none"}
        with connect({**broker.uncertified(), "client_options": unchecked}) as wire:
            assert wire.brokers == [1]


def test_a_missing_certificate_is_thought_of(secure_kafka):
    error = refusal(secure_kafka.demanding_certificates())
    assert error.code in ("tls_failed", "unreachable")  # a broker may say why it ends the connection, or just end it
    assert "kafka.client_cert" in str(error)


def test_a_certificate_of_a_foreign_authority_is_refused(secure_kafka, tmp_path):
    error = refusal(secure_kafka.certified(Certificates(tmp_path).client))
    assert error.code in ("tls_failed", "unreachable")
    assert "kafka.client_cert" in str(error) or "kafka.security_protocol" in str(error)


@pytest.mark.parametrize("spoken", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_the_wrong_protocol_is_thought_of(secure_kafka, spoken):
    """Each protocol against each listener: what works is right, the rest says where to look."""
    listeners = {
        "PLAINTEXT": secure_kafka.options,
        "SSL": secure_kafka.uncertified(),
        "SASL_PLAINTEXT": secure_kafka.login(*ADMIN, tls=False),
        "SASL_SSL": secure_kafka.login(*ADMIN),
    }
    for wanted, there in listeners.items():
        options = {**listeners[spoken], "bootstrap_servers": there["bootstrap_servers"]}
        if wanted == spoken:
            with connect(options) as wire:
                assert wire.brokers == [1]
        else:
            error = refusal(options)
            assert error.code in ("unreachable", "authentication_failed", "tls_failed"), (wanted, spoken)
            assert "kafka.security_protocol" in str(error), (wanted, spoken, str(error))


def test_topics_that_a_user_may_not_see_are_values(secure_kafka, topic):
    secure_kafka.create_user("stranger", "pw")
    allowed = next(_names)
    Topics(secure_kafka.client).create(allowed)
    send(secure_kafka.client, allowed, numbered(10))
    secure_kafka.allow("stranger", *(("topic", allowed, operation) for operation in READ))
    with connect(secure_kafka.login("stranger", "pw")) as wire:
        assert set(wire.topics()) == {allowed}
        assert wire.topics([topic])[topic].error == "TOPIC_AUTHORIZATION_FAILED"
        asked = [(topic, 0), (allowed, 0)]
        for found in (
            wire.offsets("latest", asked),
            wire.epoch_ends(dict.fromkeys(asked, 0)),
            wire.headers(dict.fromkeys(asked, 0)),
        ):
            assert not isinstance(found[allowed, 0], KafkaError)
            assert (found[topic, 0].code, found[topic, 0].facts["kafka_error"]) == (
                "not_authorized",
                "TOPIC_AUTHORIZATION_FAILED",
            )
            assert topic in str(found[topic, 0])


def test_a_topic_that_a_user_may_see_but_not_read_is_a_value(secure_kafka, topic):
    secure_kafka.create_user("looker", "pw")
    secure_kafka.allow("looker", ("topic", topic, "describe"))
    with connect(secure_kafka.login("looker", "pw")) as wire:
        assert wire.offsets("latest", [(topic, 0)]) == {(topic, 0): 10}
        assert wire.epoch_ends({(topic, 0): 0}) == {(topic, 0): (0, 10)}
        with pytest.raises(KafkaError, match=rf"Reading topic '{topic}', partition 0, failed: .*Read") as caught:
            read(wire, topic)
        assert caught.value.code == "not_authorized"


def test_writing_needs_write(secure_kafka, topic):
    secure_kafka.create_user("writer", "pw")
    secure_kafka.allow("writer", *(("topic", topic, operation) for operation in READ))
    other = next(_names)
    Topics(secure_kafka.client).create(other)
    with connect(secure_kafka.login("writer", "pw")) as wire:
        records = read(wire, topic)
        first = next(batches(records))
        batch = bytearray(records[: first.size])
        batch[12:16] = b"\xff" * 4
        with pytest.raises(KafkaError, match="Asking the cluster for a producer id failed") as caught:
            wire.init_producer()  # granted to whoever may write to any topic (KIP-679)
        assert (caught.value.code, caught.value.facts["kafka_error"]) == (
            "not_authorized",
            "CLUSTER_AUTHORIZATION_FAILED",
        )
        [refused] = wire.run(wire.produce(1, [(other, "", 0, batch)], timeout=10))
        assert refused.error.facts["kafka_error"] == "TOPIC_AUTHORIZATION_FAILED"
        secure_kafka.allow("writer", ("topic", other, "write"))
        wire.init_producer()
        [done] = wire.run(wire.produce(1, [(other, "", 0, batch)], timeout=10))
        assert (done.code, done.base_offset) == (0, 0)


def test_sessions_that_end_do_not_end_the_work(certificates):
    """A broker that demands a new login every other second (KIP-368) ends connections that do not comply."""
    with SecureKafka(certificates, config={"connections.max.reauth.ms": 2000}) as broker:
        Topics(broker.client).create("renewed")
        send(broker.client, "renewed", numbered(10))
        broker.create_user("lasting", "pw")
        broker.allow("lasting", ("topic", "renewed", "read"), ("topic", "renewed", "describe"))
        with connect(broker.login("lasting", "pw")) as wire:
            asked = [Want("renewed", wire.topics(["renewed"])["renewed"].topic_id, 0, 10, 1 << 20)]

            async def poll():
                ends = time.monotonic() + 4.5  # two sessions and a half
                while time.monotonic() < ends:
                    await wire.fetch(1, asked, max_bytes=1 << 20, max_wait=0.05, min_bytes=1, isolation="committed")

            wire.run(wire.gather(poll(), poll()))
            time.sleep(2.5)  # nothing renews a session while nothing runs
            assert wire.offsets("latest", [("renewed", 0)]) == {("renewed", 0): 10}
