# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apache Kafka with TLS, users and access control lists.

with SecureKafka(certificates) as broker:
    broker.create_user("backup", "secret")
    broker.allow("backup", ("topic", "orders", "read"), ("topic", "orders", "describe"))
    run_module("topic_backup", kafka=broker.login("backup", "secret"), ...)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from testbed.certificates import Certificates, KeyPair
from testbed.component import LOOPBACK, free_ports
from testbed.kafka import Kafka, Listener
from testbed.oauth import OAuthServer

ADMIN = ("admin", "admin-pw")
PLAIN_USERS = {"plain-user": "plain-pw", "plain-other": "plain-other-pw"}
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
WAIT_SECONDS = 20

Permission = tuple[str, str, str]
"""Kind of resource (topic, group, cluster, transactional_id), its name, and the operation, in lower case.

A name that ends in ``*`` stands for all that begin so; the cluster's name is ``kafka-cluster``.
"""


class SecureKafka(Kafka):
    """A broker that lets nobody do anything unless they are allowed to.

    It has a listener each for `login` by SASL over TLS, by SASL without TLS, by TLS with a client's certificate, and by
    TLS without, where all are the user ``ANONYMOUS``; and with ``oauth`` one for tokens, over TLS. The users of PLAIN
    are `PLAIN_USERS`; others come from `create_user`. `ADMIN` may do everything, and so may whoever comes to the
    ``client`` of this class, which is the broker's own listener.
    """

    name = "secure-kafka"

    def __init__(
        self,
        certificates: Certificates,
        oauth: OAuthServer | None = None,
        *,
        config: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(config=config)
        self.certificates = certificates
        self.oauth = oauth
        self._sasl_ssl, self._sasl_plaintext, self._ssl, self._mtls, self._token = free_ports(5)

    def login(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512", *, tls: bool = True) -> dict[str, Any]:
        """The option ``kafka`` of a user with a password."""
        port = self._sasl_ssl if tls else self._sasl_plaintext
        return {
            **self._reached(port, "SASL_SSL" if tls else "SASL_PLAINTEXT"),
            "sasl_mechanism": mechanism,
            "username": user,
            "password": password,
        }

    def certified(self, pair: KeyPair) -> dict[str, Any]:
        """The option ``kafka`` of a client that shows a certificate; the user is its common name."""
        shown = {"client_cert": str(pair.certificate), "client_key": str(pair.key)}
        return {**self._reached(self._mtls, "SSL"), **shown}

    def uncertified(self) -> dict[str, Any]:
        """The option ``kafka`` of a client without a certificate, at a listener that asks for none."""
        return self._reached(self._ssl, "SSL")

    def demanding_certificates(self) -> dict[str, Any]:
        """The option ``kafka`` of a client that shows no certificate to a listener that demands one."""
        return self._reached(self._mtls, "SSL")

    def token(self, client_id: str, client_secret: str) -> dict[str, Any]:
        """The option ``kafka`` of a client that logs in with a token of the OAuth server."""
        assert self.oauth is not None
        secret = {"client_id": client_id, "client_secret": client_secret, "token_url": self.oauth.token_url}
        return {**self._reached(self._token, "SASL_SSL"), "sasl_mechanism": "OAUTHBEARER", "oauth": secret}

    def create_user(self, name: str, password: str, mechanisms: tuple[str, ...] = SCRAM) -> None:
        """Add a user, or give it another password."""
        for mechanism in mechanisms:  # two for one user in a single request are refused
            info = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], 4096)
            change = UserScramCredentialUpsertion(name, info, password.encode())
            for done in self._admin.alter_user_scram_credentials([change]).values():
                done.result(timeout=WAIT_SECONDS)

    def allow(self, user: str, *permissions: Permission) -> None:
        """Let a user do things."""
        bindings = [_binding(user, *permission) for permission in permissions]
        for done in self._admin.create_acls(bindings).values():
            done.result(timeout=WAIT_SECONDS)

    def forbid(self, user: str) -> None:
        """Take everything from a user that it was allowed."""
        all_of_them = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            f"User:{user}",
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for done in self._admin.delete_acls([all_of_them]).values():
            done.result(timeout=WAIT_SECONDS)

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self.client)

    def _reached(self, port: int, protocol: str) -> dict[str, Any]:
        trust = {"ca_cert": str(self.certificates.ca)} if protocol.endswith("SSL") else {}
        return {"bootstrap_servers": [f"{LOOPBACK}:{port}"], "security_protocol": protocol, **trust}

    def _listeners(self) -> list[Listener]:
        secured = [
            Listener("LOGIN", self._sasl_ssl, self._sasl_ssl, "SASL_SSL"),
            Listener("OPEN_LOGIN", self._sasl_plaintext, self._sasl_plaintext, "SASL_PLAINTEXT"),
            Listener("TLS", self._ssl, self._ssl, "SSL"),
            Listener("MTLS", self._mtls, self._mtls, "SSL"),
        ]
        if self.oauth:
            secured.append(Listener("TOKEN", self._token, self._token, "SASL_SSL"))
        return [*super()._listeners(), *secured]

    def _properties(self) -> dict[str, object]:
        return {**super()._properties(), **self._tls(), **self._logins(), **self._tokens(), **self._rights()}

    def _tls(self) -> dict[str, object]:
        pair = self.certificates.server
        (self.home / "server.pem").write_text(pair.key.read_text() + pair.certificate.read_text())
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.home / "server.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.certificates.ca,
            "listener.name.mtls.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
        }

    def _logins(self) -> dict[str, object]:
        security = "org.apache.kafka.common.security"
        users = " ".join(f'user_{name}="{password}"' for name, password in PLAIN_USERS.items())
        logins: dict[str, object] = {}
        for listener in ("login", "open_login"):
            sasl = f"listener.name.{listener}"
            logins[f"{sasl}.sasl.enabled.mechanisms"] = ",".join([*SCRAM, "PLAIN"])
            logins[f"{sasl}.plain.sasl.jaas.config"] = f"{security}.plain.PlainLoginModule required {users};"
            for mechanism in SCRAM:
                key = f"{sasl}.{mechanism.lower()}.sasl.jaas.config"
                logins[key] = f"{security}.scram.ScramLoginModule required;"
        return logins

    def _tokens(self) -> dict[str, object]:
        if self.oauth is None:
            return {}
        security = "org.apache.kafka.common.security.oauthbearer"
        bearer = "listener.name.token.oauthbearer"
        return {
            "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{bearer}.sasl.jaas.config": f"{security}.OAuthBearerLoginModule required;",
            f"{bearer}.sasl.server.callback.handler.class": f"{security}.OAuthBearerValidatorCallbackHandler",
            f"{bearer}.sasl.oauthbearer.jwks.endpoint.url": self.oauth.keys_url,
            f"{bearer}.sasl.oauthbearer.expected.audience": "kafka",
            f"{bearer}.sasl.oauthbearer.expected.issuer": self.oauth.endpoint,
        }

    def _rights(self) -> dict[str, object]:
        # The controller and the broker's own listener know everybody as ANONYMOUS.
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN[0]};User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "false",
        }

    def _format(self) -> list[str]:
        name, password = ADMIN
        users = [f"{mechanism}=[name={name},password={password}]" for mechanism in SCRAM]
        return [*super()._format(), *(word for user in users for word in ("--add-scram", user))]

    def _java(self, *arguments: str) -> list[str]:
        program, *rest = super()._java(*arguments)
        if self.oauth is None:
            return [program, *rest]
        return [program, f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.oauth.keys_url}", *rest]


def _binding(user: str, kind: str, name: str, operation: str) -> AclBinding:
    begins = name.endswith("*") and name != "*"
    pattern = ResourcePatternType.PREFIXED if begins else ResourcePatternType.LITERAL
    resource = {"cluster": "BROKER"}.get(kind, kind.upper())
    return AclBinding(
        ResourceType[resource],
        name.removesuffix("*") if begins else name,
        pattern,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )
