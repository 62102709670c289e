#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_hub_registry
short_description: A remote registry on Galaxy NG
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - A remote registry is where a hub syncs execution environments from. See M(foundry.ee.ee_hub_repository) for these.
  - Options that are left out are left alone on the hub, empty ones clear what is there.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.hub
  - foundry.ee._hub
  - foundry.ee._connection
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_secrets=always) a secret that is given is sent each time, and reported as changed each time.
options:
  name:
    description: Name of the registry on the hub.
    type: str
    required: true
  new_name:
    description:
      - Rename the registry to this.
      - Where the hub has a registry of this name and none named O(name), the renaming was done already.
    type: str
  state:
    description:
      - V(present) creates or changes the registry.
      - V(absent) deletes it. Repositories that sync from it keep their images, but cannot be synced any more.
        They are named in a warning and in RV(orphaned).
    type: str
    choices: [present, absent]
    default: present
  url:
    description:
      - Address of the registry, such as V(https://quay.io). Required to create one.
    type: str
  username:
    description: User at the registry.
    type: str
  password:
    description: Password of O(username).
    type: str
  tls_validation:
    description: Whether the hub checks the registry's certificate. A new registry's is checked.
    type: bool
  ca_cert:
    description: Certificates, in PEM, of the authorities that the hub trusts for this registry.
    type: str
  tls_client_cert:
    description: Certificate, in PEM, that the hub shows to the registry.
    type: str
  tls_client_key:
    description: Key, in PEM, of O(tls_client_cert).
    type: str
  proxy_url:
    description: Address, without a user, of the proxy between hub and registry.
    type: str
  proxy_username:
    description: User at the proxy. The hub takes it only together with O(proxy_password).
    type: str
  proxy_password:
    description: Password of O(proxy_username).
    type: str
  rate_limit:
    description: How many requests per second the hub may send. V(0) lifts the limit.
    type: int
  download_concurrency:
    description: How many downloads the hub may run at a time. V(0) goes back to the hub's own number.
    type: int
  update_secrets:
    description:
      - What to do about secrets (O(username), O(password), O(tls_client_key), O(proxy_username), O(proxy_password))
        that the hub already has. It never tells them, only that they are set, and has no place where a fingerprint
        could be kept with a registry.
      - V(on_change) sends a secret where none is set, and all of them whenever the registry is changed anyway.
        With O(fingerprints) it also sends those that were not what was sent last.
      - V(always) sends them each time. What came of it nobody can tell, so that is a change each time.
      - V(never) leaves secrets of a registry that exists alone.
      - A secret given as an empty text is cleared in any case; the hub does tell whether that is a change.
    type: str
    choices: [on_change, always, never]
    default: on_change
  fingerprints:
    description:
      - File, on the host that runs the task, with fingerprints of the secrets that were sent last.
        It is written where secrets are sent, readable for its owner only, and holds salted, slow hashes, no secrets.
      - With it, O(update_secrets=on_change) notices that a secret is another than before.
        A secret without a fingerprint is sent once more.
      - It does not notice what others changed on the hub.
    type: path
seealso:
  - module: foundry.ee.ee_hub_repository
  - module: foundry.ee.ee_hub_sync
"""

EXAMPLES = r"""
- name: The registry that our EEs are synced from
  foundry.ee.ee_hub_registry:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: quay
    url: https://quay.io
    username: mirror
    password: "{{ quay_password }}"
    rate_limit: 5
    fingerprints: /var/lib/ee/hub-fingerprints.json

- name: It moved behind a proxy, and needs no user any more
  foundry.ee.ee_hub_registry:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: quay
    new_name: quay-by-proxy
    proxy_url: http://proxy.example.com:3128
    username: ""
    password: ""

- name: No longer needed
  foundry.ee.ee_hub_registry:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: quay-by-proxy
    state: absent
"""

RETURN = r"""
registry:
  description: The registry as it is now (in check mode, as it would be). V(none) with O(state=absent).
  returned: success
  type: dict
  contains:
    id:
      description: Its id on the hub, V(none) in check mode for one that would be created.
      type: str
    name:
      description: Its name.
      type: str
    url:
      description: Its address.
      type: str
    tls_validation:
      description: Whether its certificate is checked.
      type: bool
    ca_cert:
      description: Authorities trusted for it.
      type: str
    client_cert:
      description: Certificate shown to it.
      type: str
    proxy_url:
      description: Address of the proxy.
      type: str
    rate_limit:
      description: Requests per second.
      type: int
    download_concurrency:
      description: Downloads at a time.
      type: int
    secrets_set:
      description: For each secret (C(username), C(password), C(client_key), C(proxy_username), C(proxy_password))
        whether the hub has one.
      type: dict
orphaned:
  description: Names of the repositories that sync from the registry that is deleted.
  returned: success
  type: list
  elements: str
  sample: [team/ee-base]
requests:
  description: How many requests were sent to the hub.
  returned: success
  type: int
  sample: 1
denied_for:
  description: Why the hub refused, V(credentials) that it does not take, or V(rights) that the user does not have.
  returned: when the hub refuses with status 403
  type: str
  sample: rights
"""

import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.foundry.ee.plugins.module_utils import _hub
from ansible_collections.foundry.ee.plugins.module_utils._arguments import HUB_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._core import hub_registry
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_registry import Registry, RegistryPlan
from ansible_collections.foundry.ee.plugins.module_utils._fingerprints import Fingerprints
from ansible_collections.foundry.ee.plugins.module_utils._run import converge

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **HUB_ARGUMENTS,
    "name": {"type": "str", "required": True},
    "new_name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "url": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "tls_validation": {"type": "bool"},
    "ca_cert": {"type": "str"},
    "tls_client_cert": {"type": "str"},
    "tls_client_key": {"type": "str", "no_log": True},
    "proxy_url": {"type": "str"},
    "proxy_username": {"type": "str"},
    "proxy_password": {"type": "str", "no_log": True},
    "rate_limit": {"type": "int"},
    "download_concurrency": {"type": "int"},
    "update_secrets": {
        "type": "str",
        "choices": ["on_change", "always", "never"],
        "default": "on_change",
        "no_log": False,
    },
    "fingerprints": {"type": "path"},
}
# `client_cert` and `client_key` are those of the connection to the hub.
OPTION_OF = {"client_cert": "tls_client_cert", "client_key": "tls_client_key"}


def plan(hub: _hub.Hub, fingerprints: Fingerprints, params: t.Mapping[str, t.Any]) -> RegistryPlan:
    """Look at the hub and decide. Raises EEError."""
    names = [params["name"]] if params["new_name"] in (None, params["name"]) else [params["name"], params["new_name"]]
    found = [registry for name in names for registry in registries(hub, name)]
    if params["state"] == "absent":
        current = next((registry for registry in found if registry.name == params["name"]), None)
        orphaned = [] if current is None else hub.repositories_of_registry(current.id)
        return hub_registry.plan_absent(current, orphaned)
    current, name = hub_registry.pick(params["name"], params["new_name"], found)
    options = {key: params[OPTION_OF.get(key, key)] for key in (*hub_registry.READABLE, *hub_registry.SECRET)}
    wanted = hub_registry.normalized(options)
    return hub_registry.plan_present(
        name,
        wanted,
        current,
        params["update_secrets"],
        lambda key, value: fingerprints.same(f"{current.id}.{key}", value) if current is not None else None,
    )


def registries(hub: _hub.Hub, name: str) -> list[Registry]:
    return [
        Registry.from_record(_hub.record_id(record), record)
        for record in hub.find(_hub.REGISTRIES, name=name)
        if record["name"] == name  # a server that does not know the filter ignores it
    ]


def apply(hub: _hub.Hub, fingerprints: Fingerprints, planned: RegistryPlan) -> dict[str, t.Any]:
    """Do what is planned. Raises EEError."""
    current = planned.current
    if planned.body is None:
        if current is not None:
            hub.write("DELETE", f"{_hub.REGISTRIES}{current.id}/")
            fingerprints.forget(f"{current.id}.")
        return {"requests": hub.requests}
    if current is None:
        record = hub.write("POST", _hub.REGISTRIES, planned.body)
    else:
        record = hub.write("PUT", f"{_hub.REGISTRIES}{current.id}/", planned.body)
    registry = Registry.from_record(_hub.record_id(record), record)
    sent = {f"{registry.id}.{key}": planned.body[key] for key in hub_registry.SECRET if key in planned.body}
    fingerprints.remember(sent)
    return {"registry": hub_registry.result_of(registry), "requests": hub.requests}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS, required_together=[("proxy_username", "proxy_password")], supports_check_mode=True
    )
    hub = _hub.hub_of(module)
    fingerprints = Fingerprints(module.params["fingerprints"])
    converge(
        module,
        plan=lambda: replace(plan(hub, fingerprints, module.params), requests=hub.requests),
        apply=lambda planned: apply(hub, fingerprints, planned),
    )


if __name__ == "__main__":
    main()
