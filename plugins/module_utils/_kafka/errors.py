# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Kafka broker's error codes and a connection's failures mean to people, as `KafkaError`."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from .._core.errors import KafkaError, LifeboatError
from .kafka_python import KAFKA_PYTHON_IS_THERE, kafka_errors

# Codes of the Kafka protocol that callers look at (protocol guide, "Error Codes").
NONE = 0
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
LEADER_NOT_AVAILABLE = 5
NOT_LEADER_OR_FOLLOWER = 6
REQUEST_TIMED_OUT = 7
OUT_OF_ORDER_SEQUENCE_NUMBER = 45
DUPLICATE_SEQUENCE_NUMBER = 46
GROUP_ID_NOT_FOUND = 69
UNKNOWN_TOPIC_ID = 100

# The codes that the protocol guide calls retriable, as far as the requests sent here are answered with them.
_RETRIABLE = frozenset(
    {2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 88, 89, 100, 103, 106}
)


# Where kafka-python has another name than the protocol guide.
_RENAMED = {
    -1: "UNKNOWN_SERVER_ERROR",
    6: "NOT_LEADER_OR_FOLLOWER",
    10: "MESSAGE_TOO_LARGE",
    17: "INVALID_TOPIC_EXCEPTION",
}


class _Meaning(NamedTuple):
    code: str
    advice: str


_TOPIC_PERMISSION = "Give the user the operations Read, Write and Describe that it needs on the topic."
_CLUSTER_PERMISSION = "Give the user the operation that it needs on the cluster."
_GONE = "The topic or partition does not exist, or no longer."
_TRIMMED = (
    "The offset is not in the partition, or no longer: see the topic's retention and who deletes its records, and run "
    "again."
)
_NO_LEADER = "Wait until a broker leads the partition, and see that the brokers that hold it run."
_LIMITS = "See the limits of the target topic and of its brokers."
_COORDINATOR = "Wait until the group coordinator is ready, and see that the brokers of __consumer_offsets run."
_MEMBERS = "The group has members, which set its offsets themselves; stop its consumers."
_LOGIN = "Check the user name and password, and that the broker has this SASL mechanism enabled for this user."

_MEANINGS = {
    1: _Meaning("offset_out_of_range", _TRIMMED),
    2: _Meaning("corrupt_message", "The broker found a checksum wrong; see its disks and its log."),
    3: _Meaning("unknown_topic", _GONE),
    5: _Meaning("no_leader", _NO_LEADER),
    6: _Meaning("no_leader", "The leader has moved; try again."),
    7: _Meaning("timed_out", "The broker did not finish in time; see its load, and that all replicas follow."),
    10: _Meaning("too_large", "Raise max.message.bytes of the target topic."),
    12: _Meaning("too_large", "Raise offset.metadata.max.bytes of the target's brokers."),
    14: _Meaning("no_coordinator", _COORDINATOR),
    15: _Meaning("no_coordinator", _COORDINATOR),
    16: _Meaning("no_coordinator", _COORDINATOR),
    17: _Meaning("invalid_topic", "Kafka does not take this topic name."),
    18: _Meaning("too_large", "Raise max.message.bytes or segment.bytes of the target topic."),
    19: _Meaning("not_enough_replicas", "Fewer replicas follow than min.insync.replicas demands; start the brokers."),
    20: _Meaning("not_enough_replicas", "Fewer replicas follow than min.insync.replicas demands; start the brokers."),
    25: _Meaning("has_members", _MEMBERS),
    29: _Meaning("not_authorized", _TOPIC_PERMISSION),
    30: _Meaning("not_authorized", "Give the user the operations Read and Describe on the group."),
    31: _Meaning("not_authorized", _CLUSTER_PERMISSION),
    32: _Meaning("invalid_timestamp", _LIMITS),
    33: _Meaning("authentication_failed", "The broker does not offer this SASL mechanism; see kafka.sasl_mechanism."),
    34: _Meaning("authentication_failed", "This listener does not use SASL; see kafka.security_protocol."),
    35: _Meaning("unsupported", "The broker is too old or too new for this request."),
    36: _Meaning("already_exists", "A topic of this name is there already."),
    37: _Meaning("invalid_partitions", "See the number of partitions, and the limits of the cluster."),
    38: _Meaning("not_enough_brokers", "Lower the replication factor, or start more brokers."),
    40: _Meaning("invalid_config", "The cluster does not know this config or this value of it."),
    44: _Meaning("policy_violation", "A policy of the cluster forbids it."),
    53: _Meaning("not_authorized", "Give the user the operation Write on the transactional id."),
    56: _Meaning("broker_storage", "A disk of the broker has failed; see its log."),
    58: _Meaning("authentication_failed", _LOGIN),
    68: _Meaning("has_members", _MEMBERS),
    69: _Meaning("unknown_group", "There is no such group, or it is of another type."),
    74: _Meaning("no_leader", "The leader has changed; try again."),
    75: _Meaning("no_leader", "The broker does not know of its leadership yet; try again."),
    76: _Meaning("unsupported_codec", "The broker does not take this compression."),
    87: _Meaning("invalid_record", _LIMITS),
    88: _Meaning("unstable_offsets", "A transaction that is still open sets the group's offsets; see its producer."),
    89: _Meaning("throttled", "A quota of the cluster holds it back; try again later."),
    100: _Meaning("unknown_topic", "The topic was deleted, or deleted and made again. Run again."),
    103: _Meaning("unknown_topic", "The topic was deleted and made again. Run again."),
}


def retriable(code: int) -> bool:
    """Whether the protocol calls an error passing, so that the same request may succeed later."""
    return code in _RETRIABLE


def error_name(code: int) -> str:
    """The protocol's name of an error code, such as ``TOPIC_AUTHORIZATION_FAILED``."""
    if code in _RENAMED:
        return _RENAMED[code]
    known = kafka_errors.kafka_errors.get(code) if KAFKA_PYTHON_IS_THERE else None
    return str(known.message) if known is not None else f"ERROR_{code}"


def error_code(name: str) -> int:
    """The code of an error by the protocol's name, or -1 for a name that is not known."""
    return next((code for code in kafka_errors.kafka_errors if code and error_name(code) == name), -1)


def broker_error(
    doing: str, code: int, *, object_name: str | None = None, detail: str | None = None, needs: str | None = None
) -> KafkaError:
    """Make the error for a code that a broker answered with.

    Args:
        doing: What was tried on what, as the beginning of a sentence: ``Reading topic 'a', partition 0``.
        code: The answered error code, not 0.
        object_name: What it failed on.
        detail: The broker's own words, where it sent any.
        needs: The permissions that it takes, for the advice: ``DescribeConfigs on the topic``.
    """
    name = error_name(code)
    meaning = _MEANINGS.get(code, _Meaning("kafka_error", "See the broker's log."))
    if needs is not None and meaning.code == "not_authorized":
        meaning = _Meaning(meaning.code, f"The user needs {needs}.")
    said = f" ({' '.join(detail.split())})" if detail else ""
    return KafkaError(
        f"{doing} failed: the broker answered {name}{said}. {meaning.advice}",
        code=meaning.code,
        object_name=object_name,
        kafka_error=name,
    )


def partition_error(doing: str, code: int, topic: str, partition: int, detail: str | None = None) -> KafkaError:
    """As `broker_error`, for one partition; ``doing`` is a word such as ``Reading``."""
    return broker_error(
        f"{doing} topic {topic!r}, partition {partition},", code, object_name=f"{topic}/{partition}", detail=detail
    )


def connection_error(
    error: BaseException, server: str, *, may_lack_certificate: bool = False, advertised: bool = False
) -> LifeboatError:
    """Say why a connection could not be made or went away.

    Args:
        error: What the library, the socket or the TLS library raised.
        server: ``host:port``.
        may_lack_certificate: Whether TLS is used without a client certificate, which a broker may demand.
        advertised: Whether the address is not the user's, but one that the cluster gave.
    """
    if isinstance(error, LifeboatError):
        return error
    reason = describe(error)
    found = tls_failure(error)
    if found is not None:
        return _tls_failed(server, describe(found))
    if isinstance(error, kafka_errors.InvalidReceiveError):
        advice = "It does not seem to speak Kafka's protocol in this way; see kafka.security_protocol and the port."
        return KafkaError(f"{server} sent a wrong answer ({reason}). {advice}", code="unreachable", object_name=server)
    if isinstance(error, kafka_errors.BrokerResponseError) and error.errno not in (None, 7):
        return broker_error(f"Talking to the Kafka broker {server}", error.errno, object_name=server, detail=reason)
    if isinstance(error, kafka_errors.KafkaTimeoutError | kafka_errors.RequestTimedOutError | TimeoutError):
        return KafkaError(
            f"The Kafka broker {server} did not answer in time ({reason}). See that it runs, and its load.",
            code="timed_out",
            object_name=server,
        )
    if advertised:
        advice = (
            "The cluster names this address to its clients (advertised.listeners), so it must be reachable from here."
        )
    else:
        advice = (
            "Check kafka.bootstrap_servers, that the broker runs, and that kafka.security_protocol is its listener's."
        )
    if may_lack_certificate:
        advice += " It may also demand a client certificate: kafka.client_cert."
    return KafkaError(
        f"No connection to the Kafka broker {server}: {reason}. {advice}", code="unreachable", object_name=server
    )


def tls_failure(error: BaseException | None) -> ssl.SSLError | None:
    """Look for a TLS library's error among an error and its causes; an end of the connection is none."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return error
        error = error.__cause__
    return None


def describe(error: BaseException) -> str:
    """What an error says, in one line, without the library's class names in front."""
    text = " ".join(str(arg) for arg in error.args) if isinstance(error, kafka_errors.KafkaError) else str(error)
    return " ".join(text.split()) or type(error).__name__


def _tls_failed(server: str, reason: str) -> KafkaError:
    upper = reason.upper()
    if "CERTIFICATE_VERIFY_FAILED" in upper:
        advice = "Give the authority that signed the broker's certificate as kafka.ca_cert, and the host name in it."
    elif "WRONG_VERSION_NUMBER" in upper or "RECORD LAYER" in upper:
        advice = "The broker does not speak TLS at this port; see kafka.security_protocol."
    elif "CERTIFICATE" in upper or "ALERT" in upper:
        advice = "The broker may demand another client certificate: kafka.client_cert and kafka.client_key."
    else:
        advice = "Check kafka.security_protocol and the certificates."
    return KafkaError(
        f"No TLS connection to the Kafka broker {server}: {reason}. {advice}", code="tls_failed", object_name=server
    )
