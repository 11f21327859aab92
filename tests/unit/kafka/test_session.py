# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that cannot begin."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    InvalidOption,
    KafkaError,
    LifeboatError,
    MissingLibrary,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import confluent
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.session import Session, settled
from testbed.certificates import Certificates

SERVERS = ("127.0.0.1:9",)


def refusal(settings: KafkaSettings) -> LifeboatError:
    with pytest.raises(LifeboatError) as failed:
        Session(settings)
    return failed.value


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confluent, "CONFLUENT_KAFKA_IS_THERE", False)
    problem = refusal(KafkaSettings(SERVERS))
    assert isinstance(problem, MissingLibrary)
    assert problem.object_name == "confluent-kafka"
    assert "confluent-kafka >= 2.11, but it is missing" in problem.message


def test_a_library_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confluent, "libversion", lambda: ("2.10.1", 0x020A01FF))
    problem = refusal(KafkaSettings(SERVERS))
    assert isinstance(problem, MissingLibrary)
    assert "but 2.10.1 is too old" in problem.message


def test_what_librdkafka_refuses_is_named(certificates: Certificates) -> None:
    other = certificates.issue_client("other")
    mixed = KafkaSettings(SERVERS, "SSL", client_cert=str(certificates.client.certificate), client_key=str(other.key))
    ciphers = KafkaSettings(SERVERS, "SSL", client_options={"ssl.cipher.suites": "none-that-is"})
    for settings, named in ((mixed, "kafka.client_key"), (ciphers, "kafka.client_options")):
        problem = refusal(settings)
        assert isinstance(problem, InvalidOption)
        assert problem.object_name == named
        assert problem.message.startswith(f"The option {named} cannot be used: ssl.")


def test_a_session_can_end_at_once() -> None:
    with Session(KafkaSettings(SERVERS)) as session:
        assert session.settings.bootstrap_servers == SERVERS


def test_the_first_error_is_raised() -> None:
    assert settled({"a": 1, "b": None}) == {"a": 1, "b": None}
    with pytest.raises(KafkaError, match="second"):
        settled({"a": 1, "b": KafkaError("second"), "c": KafkaError("third")})
