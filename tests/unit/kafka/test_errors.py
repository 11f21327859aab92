# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What error codes and failed connections are called."""

from __future__ import annotations

import ssl

import pytest
from kafka import errors as library

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.errors import (
    broker_error,
    connection_error,
    error_code,
    error_name,
    partition_error,
    retriable,
)


@pytest.mark.parametrize(
    ("number", "name", "code", "again"),
    [
        (-1, "UNKNOWN_SERVER_ERROR", "kafka_error", False),
        (1, "OFFSET_OUT_OF_RANGE", "offset_out_of_range", False),
        (3, "UNKNOWN_TOPIC_OR_PARTITION", "unknown_topic", True),
        (5, "LEADER_NOT_AVAILABLE", "no_leader", True),
        (6, "NOT_LEADER_OR_FOLLOWER", "no_leader", True),
        (10, "MESSAGE_TOO_LARGE", "too_large", False),
        (19, "NOT_ENOUGH_REPLICAS", "not_enough_replicas", True),
        (29, "TOPIC_AUTHORIZATION_FAILED", "not_authorized", False),
        (31, "CLUSTER_AUTHORIZATION_FAILED", "not_authorized", False),
        (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", "kafka_error", False),
        (58, "SASL_AUTHENTICATION_FAILED", "authentication_failed", False),
        (100, "UNKNOWN_TOPIC_ID", "unknown_topic", True),
    ],
)
def test_codes_have_the_protocols_names_and_ours(number, name, code, again):
    error = broker_error("Trying", number)
    assert (error.code, error.facts) == (code, {"kafka_error": name})
    assert str(error).startswith(f"Trying failed: the broker answered {name}. ")
    assert retriable(number) is again
    assert error_code(name) == number


def test_a_code_that_is_not_known_yet_keeps_its_number():
    assert error_name(9999) == "ERROR_9999"
    assert broker_error("Trying", 9999).code == "kafka_error"


def test_a_name_that_is_not_known_has_no_code():
    assert error_code("NO_SUCH_ERROR") == -1


def test_an_error_of_a_partition_says_which_and_what_the_broker_said():
    error = partition_error("Writing to", 87, "orders", 3, "Record 0\n is bad")
    assert error.object_name == "orders/3"
    assert "Writing to topic 'orders', partition 3, failed: the broker answered INVALID_RECORD" in str(error)
    assert "(Record 0 is bad)" in str(error)


def verify_failure():
    try:
        raise ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    except ssl.SSLError as error:
        wrapped = library.KafkaConnectionError("handshake")
        wrapped.__cause__ = error
        return wrapped


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "unreachable", "Connection refused"),
        (OSError(-2, "Name or service not known"), "unreachable", "Name or service not known"),
        (ConnectionError("it closed the connection"), "unreachable", "it closed the connection"),
        (TimeoutError("no answer to the attempt to connect"), "timed_out", "did not answer in time"),
        (library.RequestTimedOutError("Request timed out after 5 ms"), "timed_out", "did not answer in time"),
        (library.KafkaTimeoutError(), "timed_out", "did not answer in time"),
        (library.SaslAuthenticationFailedError("invalid"), "authentication_failed", "user name and password"),
        (library.UnsupportedSaslMechanismError("PLAIN"), "authentication_failed", "kafka.sasl_mechanism"),
        (library.IllegalSaslStateError(), "authentication_failed", "kafka.security_protocol"),
        (library.IncompatibleBrokerVersion("no"), "unsupported", "UNSUPPORTED_VERSION"),
        (verify_failure(), "tls_failed", "kafka.ca_cert"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls_failed", "does not speak TLS"),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] x"), "tls_failed", "kafka.client_cert"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "unreachable", "EOF occurred"),
        (KeyError("r"), "unreachable", "'r'"),
    ],
)
def test_failed_connections_are_called_by_their_cause(error, code, says):
    described = connection_error(error, "kafka:9092")
    assert isinstance(described, KafkaError)
    assert (described.code, described.object_name) == (code, "kafka:9092")
    assert says in str(described)
    assert "kafka:9092" in str(described)


def test_a_missing_client_certificate_is_thought_of():
    lost = ConnectionError("it closed the connection")
    assert "kafka.client_cert" in str(connection_error(lost, "kafka:9092", may_lack_certificate=True))
    assert "kafka.client_cert" not in str(connection_error(lost, "kafka:9092"))


def test_an_address_that_the_cluster_gave_is_called_so():
    refused = ConnectionRefusedError(111, "Connection refused")
    error = connection_error(refused, "internal:9092", advertised=True)
    assert "advertised.listeners" in str(error)
    assert "kafka.bootstrap_servers" not in str(error)


def test_what_is_an_error_of_ours_already_stays_what_it_is():
    error = KafkaError("No token.", code="authentication_failed")
    assert connection_error(error, "kafka:9092") is error
