# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``kafka`` option family."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the ``kafka`` family."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.11
  - confluent-kafka >= 2.11
  - kafka-python >= 3.0.12
options:
  kafka:
    description:
      - How the Kafka cluster is reached.
      - When this option is left out altogether, all of it is read from the environment, from
        V(LIFEBOAT_KAFKA_BOOTSTRAP_SERVERS), V(LIFEBOAT_KAFKA_SECURITY_PROTOCOL) and so on, O(kafka.oauth) from
        V(LIFEBOAT_KAFKA_OAUTH_TOKEN_URL) and so on; the two are never mixed.
      - Nested options are not merged with C(module_defaults). What a task gives here replaces the whole dictionary.
      - Ansible hides secrets by their value. With a password that is also a number or a topic's name, these characters
        are masked in what the module returns, but never in what it writes to the store or the cluster.
    type: dict
    suboptions:
      bootstrap_servers:
        description: Some of the cluster's brokers, as C(host:port), which tell where the others are.
        type: list
        elements: str
        required: true
      security_protocol:
        description: Whether the brokers' listener uses TLS and SASL.
        type: str
        choices: [PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL]
        default: PLAINTEXT
      sasl_mechanism:
        description: How a user logs in. Needed for V(SASL_PLAINTEXT) and V(SASL_SSL).
        type: str
        choices: [PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER]
      username:
        description: User for V(PLAIN), V(SCRAM-SHA-256) and V(SCRAM-SHA-512).
        type: str
      password:
        description: Password of O(kafka.username).
        type: str
      oauth:
        description: Where tokens for V(OAUTHBEARER) come from, by the grant C(client_credentials) of OAuth 2.0.
        type: dict
        suboptions:
          token_url:
            description: The token endpoint of the authorization server.
            type: str
            required: true
          client_id:
            description: The client's name at the authorization server.
            type: str
            required: true
          client_secret:
            description: Its secret.
            type: str
            required: true
          scope:
            description: The scope that is asked for.
            type: str
      ca_cert:
        description: Path of a PEM file with the certificate authorities to trust, instead of the system's.
        type: path
      client_cert:
        description: Path of a PEM file with the client's certificate.
        type: path
      client_key:
        description: Path of a PEM file with the unencrypted private key of O(kafka.client_cert), unless that file holds
          it.
        type: path
      validate_certs:
        description: Whether the brokers' certificates, and the host names in them, are checked.
        type: bool
        default: true
      client_options:
        description:
          - Further properties of the client, by the names that librdkafka has for them.
          - C(client.id), C(socket.keepalive.enable), C(socket.receive.buffer.bytes), C(socket.send.buffer.bytes),
            C(ssl.cipher.suites), C(ssl.crl.location) and C(ssl.endpoint.identification.algorithm) are taken; any other
            is refused.
          - They are not hidden, so one whose name looks like a secret is refused.
        type: dict
"""
