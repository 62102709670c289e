#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_hub_namespace
short_description: An execution environment namespace on Galaxy NG, and who may do what in it
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - On a hub the rights to execution environments are held on their namespace.
    The namespace of C(team/ee-base) is C(team), that of C(ee-base) is C(ee-base) itself.
  - A namespace cannot be renamed.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.hub
  - foundry.ee._hub
  - foundry.ee._connection
options:
  name:
    description: Name of the namespace.
    type: str
    required: true
  state:
    description:
      - V(present) creates the namespace, and cares for O(roles). The hub makes its creator an owner.
      - V(absent) deletes it. That is refused while it holds repositories, unless O(force) is given.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - With O(state=absent) delete the repositories of the namespace too, with all their images.
      - That takes along what can be pushed to a hub but has no address in its API, such as C(team/ee/base).
    type: bool
    default: false
  roles:
    description:
      - Roles that groups and users hold on the namespace. If left out, they are left alone.
      - Groups, users and roles that get an assignment must exist. That is looked at before anything is changed.
        Users are not, if the hub does not let the task's own user see them.
      - What O(roles_mode=absent) takes away is not looked at. Who does not exist holds no role, which is what was asked
        for.
    type: list
    elements: dict
    suboptions:
      role:
        description: Name of the role, such as V(galaxy.execution_environment_collaborator).
        type: str
        required: true
      groups:
        description: Names of groups.
        type: list
        elements: str
        default: []
      users:
        description: Names of users.
        type: list
        elements: str
        default: []
  roles_mode:
    description:
      - V(present) assigns O(roles), and leaves others alone.
      - V(exact) also takes all others away, the creator's included.
      - V(absent) takes O(roles) away. Names that the hub does not know are no error.
    type: str
    choices: [present, exact, absent]
    default: present
  wait_timeout:
    description: Seconds that the hub may take for what it does in the background.
    type: float
    default: 120.0
notes:
  - When nothing is to be changed, one request is sent for the namespace, and one for its roles if O(roles) is given.
seealso:
  - module: foundry.ee.ee_hub_repository
"""

EXAMPLES = r"""
- name: A namespace that the network team pushes to
  foundry.ee.ee_hub_namespace:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: network
    roles:
      - role: galaxy.execution_environment_collaborator
        groups: [network-developers]
      - role: galaxy.execution_environment_namespace_owner
        users: [alice, bob]
    roles_mode: exact

- name: Bob has left
  foundry.ee.ee_hub_namespace:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: network
    roles:
      - role: galaxy.execution_environment_namespace_owner
        users: [bob]
    roles_mode: absent

- name: No longer needed, with all that is in it
  foundry.ee.ee_hub_namespace:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: network
    state: absent
    force: true
"""

RETURN = r"""
namespace:
  description: The namespace as it is now (in check mode, as it would be). V(none) with O(state=absent).
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    roles:
      description: Who holds which role on it, if O(roles) is given. Each entry has C(role), C(groups) and C(users).
      type: list
      elements: dict
repositories:
  description: Names of the repositories that are deleted along with the namespace, or that kept it from being deleted.
  returned: success, and when the namespace holds repositories
  type: list
  elements: str
requests:
  description: How many requests were sent to the hub.
  returned: success
  type: int
  sample: 2
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
from ansible_collections.foundry.ee.plugins.module_utils._core import hub_namespace
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_namespace import (
    Assignments,
    Namespace,
    NamespacePlan,
)
from ansible_collections.foundry.ee.plugins.module_utils._run import converge

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **HUB_ARGUMENTS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force": {"type": "bool", "default": False},
    "roles": {
        "type": "list",
        "elements": "dict",
        "options": {
            "role": {"type": "str", "required": True},
            "groups": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "list", "elements": "str", "default": []},
        },
    },
    "roles_mode": {"type": "str", "choices": ["present", "exact", "absent"], "default": "present"},
    "wait_timeout": {"type": "float", "default": 120.0},
}

Params = t.Mapping[str, t.Any]


def plan(hub: _hub.Hub, params: Params) -> NamespacePlan:
    """Look at the hub and decide. Raises EEError."""
    name = params["name"]
    current = find(hub, name)
    if params["state"] == "absent":
        repositories = [] if current is None else hub.repositories_in(name)
        return hub_namespace.plan_absent(current, repositories, params["force"])
    wanted = None if params["roles"] is None else hub_namespace.assignments(params["roles"])
    creator = None
    if current is not None and wanted is not None:
        current = replace(current, held=held(hub, current.id))
    elif wanted is not None:
        creator = str(hub.get("_ui/v1/me/")["username"])
    planned = hub_namespace.plan_present(name, current, wanted, params["roles_mode"], creator)
    if planned.add:
        check(hub, planned.add)
    return planned


def find(hub: _hub.Hub, name: str) -> Namespace | None:
    found = hub.find(_hub.NAMESPACES, name=name)
    return Namespace(_hub.record_id(found[0]), name) if found else None


def held(hub: _hub.Hub, identifier: str) -> Assignments:
    return hub_namespace.assignments(hub.get(f"{_hub.NAMESPACES}{identifier}/list_roles/")["roles"])


def check(hub: _hub.Hub, wanted: Assignments) -> None:
    """Refuse what the hub would refuse half-way. Raises Invalid."""
    hub_namespace.check_roles(wanted, hub.find("pulp/api/v3/roles/"))
    groups = sorted(hub_namespace.names("groups", wanted))
    if groups:
        records = hub.find("pulp/api/v3/groups/", name__in=",".join(groups))
        hub_namespace.check_names("groups", wanted, [record["name"] for record in records])
    users = sorted(hub_namespace.names("users", wanted))
    if users:
        try:
            records = hub.find("pulp/api/v3/users/", username__in=",".join(users))
        except Denied:
            return  # only administrators see users; the hub itself refuses who is not there
        hub_namespace.check_names("users", wanted, [record["username"] for record in records])


def apply(hub: _hub.Hub, params: Params, planned: NamespacePlan) -> dict[str, t.Any]:
    """Do what is planned. Raises EEError."""
    if planned.delete and planned.current is not None:
        # One by one: the namespace alone would leave what they are synced with. Those without an address are all
        # pushed to, and nothing of these is left when the namespace is gone.
        for name in filter(_hub.is_addressable, planned.repositories):
            hub.finish("DELETE", _hub.repository_path(name), None, params["wait_timeout"])
        hub.finish("DELETE", f"{_hub.NAMESPACES}{planned.current.id}/", None, params["wait_timeout"])
        return {"requests": hub.requests}
    if planned.create:
        record = hub.write("POST", _hub.NAMESPACES, {"name": params["name"]})
        identifier = _hub.record_id(record)
    else:
        identifier = planned.current.id if planned.current is not None else ""
    for entry in hub_namespace.listed(planned.add):
        hub.write("POST", f"{_hub.NAMESPACES}{identifier}/add_role/", entry)
    # That of the owners last: it may be what lets us do this.
    for entry in sorted(hub_namespace.listed(planned.remove), key=hub_namespace.is_owners):
        hub.write("POST", f"{_hub.NAMESPACES}{identifier}/remove_role/", entry)
    return {"requests": hub.requests}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    hub = _hub.hub_of(module)
    converge(
        module,
        plan=lambda: replace(plan(hub, module.params), requests=hub.requests),
        apply=lambda planned: apply(hub, module.params, planned),
    )


if __name__ == "__main__":
    main()
