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
        V(LIFEBOAT_REGISTRY_USERNAME), V(LIFEBOAT_REGISTRY_PASSWORD) and so on, O(registry.oauth) from
        V(LIFEBOAT_REGISTRY_OAUTH_TOKEN_URL) and so on; the two are never mixed.
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
        description:
          - User for HTTP basic authentication.
          - Of O(registry.username), O(registry.token), O(registry.oauth) and O(registry.api_key) only one can be given.
        type: str
      password:
        description: Password for O(registry.username).
        type: str
      token:
        description: A bearer token, sent in the header C(Authorization).
        type: str
      oauth:
        description:
          - Where bearer tokens come from, by the grant C(client_credentials) of OAuth 2.0.
          - A token is used until four fifths of its life are over, and renewed once when the registry does not take it.
          - For an C(https://) authorization server O(registry.ca_cert), O(registry.client_cert) and
            O(registry.validate_certs) hold as well.
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
          logical_cluster:
            description: The id of the registry in Confluent Cloud, such as C(lsrc-abc12), sent to it as
              C(target-sr-cluster).
            type: str
          identity_pool:
            description: The id of the identity pool in Confluent Cloud, such as C(pool-abc1), sent to the registry as
              C(Confluent-Identity-Pool-Id).
            type: str
      api_key:
        description: API key, sent in the header C(X-API-Key).
        type: str
      proxy:
        description:
          - URL of an HTTP proxy, such as V(http://proxy.example.org:3128), that all requests go through, those to the
            authorization server of O(registry.oauth) too.
          - Proxies that the environment names in E(HTTPS_PROXY) and its like are not used.
          - User info in the URL is refused, since URLs are shown.
        type: str
      proxy_username:
        description: User for basic authentication at the proxy.
        type: str
      proxy_password:
        description: Password of O(registry.proxy_username).
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
        description:
          - How often a request is repeated after a broken connection or the statuses 408, 429, 500, 502, 503 and 504,
            where a repetition is safe.
          - What must not be done twice is repeated only after a look has shown that it was not done.
        type: int
        default: 3
      retry_backoff:
        description:
          - Seconds before the first repetition. Doubles each time, with full jitter.
          - A server that asks for a pause, by C(Retry-After) or with status 429 by C(X-RateLimit-Reset), gets it, up to
            five minutes. All requests wait for its end.
        type: float
        default: 1
      rate_limit:
        description: How many requests a second are sent at most, repetitions among them, by all of a module's requests
          that are under way at once. V(0) for no limit.
        type: float
        default: 0
      concurrency:
        description:
          - How many requests are under way at once.
          - Most writes follow one another all the same. Only an import that assigns ids registers several versions at
            once, on makes that gain from it.
        type: int
        default: 4
      implementation:
        description:
          - Which registry this is. V(auto) asks the server.
          - A server that is not recognised is only read from until this option says what it is.
        type: str
        choices: [auto, confluent, axonops, karapace, redpanda, apicurio]
        default: auto
"""
