# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``registry`` option family."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the ``registry`` family."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.11
  - httpx >= 0.27
options:
  registry:
    description:
      - How the schema registry is reached.
      - When this option is left out altogether, all of it is read from the environment, from V(LIFEBOAT_REGISTRY_URL),
        V(LIFEBOAT_REGISTRY_USERNAME), V(LIFEBOAT_REGISTRY_PASSWORD) and so on; the two are never mixed.
      - Nested options are not merged with C(module_defaults). What a task gives here replaces the whole dictionary.
      - Ansible hides secrets by their value. With a password that is also a number or a subject's name, these
        characters are masked in what the module returns, but never in what it writes to the store or the registry.
    type: dict
    suboptions:
      url:
        description:
          - Base URL of the registry, or a list of the URLs of its nodes, which are tried in order.
          - User info in a URL is refused, since URLs are shown.
        type: list
        elements: str
        required: true
      username:
        description: User for HTTP basic authentication.
        type: str
      password:
        description: Password for O(registry.username).
        type: str
      api_key:
        description: API key, sent in the header C(X-API-Key). Excludes O(registry.username).
        type: str
      ca_cert:
        description: Path of a PEM file with the certificate authorities to trust, instead of the system's.
        type: path
      client_cert:
        description: Path of a PEM file with the client's certificate.
        type: path
      client_key:
        description: Path of a PEM file with the private key of O(registry.client_cert), unless that file holds it.
        type: path
      validate_certs:
        description: Whether the server's certificate is checked.
        type: bool
        default: true
      headers:
        description:
          - Further headers of every request.
          - They are not hidden, so a header whose name looks like a secret is refused.
        type: dict
      timeout:
        description: Seconds to wait for a connection and for each answer.
        type: float
        default: 30
      retries:
        description: How often a request is repeated after a broken connection or the statuses 429, 500, 502, 503 and
          504, where a repetition is safe.
        type: int
        default: 3
      retry_backoff:
        description: Seconds before the first repetition. Doubles each time, with full jitter; a C(Retry-After) of the
          server is honoured.
        type: float
        default: 1
      concurrency:
        description: How many requests are under way at once.
        type: int
        default: 4
      implementation:
        description:
          - Which registry this is. V(auto) asks the server.
          - A server that is not recognised is only read from until this option says what it is.
        type: str
        choices: [auto, confluent, axonops, karapace]
        default: auto
"""
