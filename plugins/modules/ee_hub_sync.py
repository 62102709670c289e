#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_hub_sync
short_description: Sync execution environments of Galaxy NG from remote registries
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - Syncs repositories (see M(foundry.ee.ee_hub_repository)), or all those of a remote registry, and waits until the hub
    has done all that this takes, tasks that start further tasks included.
  - It is a change only if tags came, went, or stand for other images afterwards. A sync without news is none.
  - A sync mirrors. Tags that the upstream does not have, or that the filters leave out, are taken away.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.hub
  - foundry.ee._hub
  - foundry.ee._connection
attributes:
  check_mode:
    support: partial
    details:
      - The hub cannot tell what a sync would bring. The module asks the upstream registry for its tags and digests, as
        the hub would, from the host that runs the task, and with the credentials of O(upstream), since the hub does not
        tell its own. What it says is what the real run does, as long as nothing changes upstream in between.
      - Where the upstream cannot be asked, a warning says so, C(known) is V(false), and that counts as a change.
      - A repository that is not there only makes for a warning, since an earlier task may be about to create it.
  diff_mode:
    support: full
    details:
      - Shows, by repository, the tags that differ with their digests.
  idempotent:
    support: full
    details:
      - As long as nothing changes upstream.
options:
  repositories:
    description: Names of the repositories to sync.
    type: list
    elements: str
  registry:
    description: Name of a remote registry on the hub. All repositories that are synced from it are synced.
    type: str
  tasks:
    description:
      - Pick up syncs that were started before, with what RV(tasks) held then. In check mode too, since waiting changes
        nothing.
    type: list
    elements: dict
    suboptions:
      task:
        description: Address of the hub's task.
        type: str
        required: true
      repositories:
        description: The repositories that the task syncs.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Name of the repository.
            type: str
            required: true
          id:
            description: Its id on the hub.
            type: str
            required: true
          tags:
            description: Its tags, with their digests, before the sync.
            type: dict
            required: true
  wait:
    description:
      - Whether to wait until the syncs are done.
      - Otherwise RV(tasks) holds what a later task gives to O(tasks), and that task tells whether anything changed.
        The one that only starts syncs reports no change.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for all of it. When they are over the task fails, with the syncs in RV(tasks). These go on.
    type: float
    default: 1800.0
  allow_empty:
    description:
      - Whether a sync may leave a repository that has tags without any.
      - Otherwise the task fails. Where the filters leave none of the tags that are there, the upstream is asked first,
        as in check mode, and no sync is started if it has none either.
        A sync that emptied a repository all the same is taken back. That needs an administrator of the hub;
        for others the task fails, says so, and the repository is empty until it is synced with other filters.
      - All repositories are looked at before the first sync is started.
    type: bool
    default: false
  upstream:
    description:
      - How this module logs in to the upstream registries, to foretell. The hub has its own credentials.
      - O(upstream.username) and O(upstream.token) are for one registry. They are refused where the repositories are
        synced from several, in the real run as well; O(upstream.authfile) holds credentials by registry.
    type: dict
    default: {}
    suboptions:
      username:
        description: User at the registry. Without it, the credentials come from where podman and docker keep theirs.
        type: str
      password:
        description: Password of O(upstream.username).
        type: str
      token:
        description: A bearer token for the registry, in place of user and password.
        type: str
      authfile:
        description: File with credentials as C(podman login) writes it.
        type: path
      validate_certs:
        description: Whether to check the registry's certificate. Default is what the hub does.
        type: bool
      ca_path:
        description: File with the certificates of the authorities to trust.
        type: path
seealso:
  - module: foundry.ee.ee_hub_registry
  - module: foundry.ee.ee_hub_repository
"""

EXAMPLES = r"""
- name: Sync two repositories
  foundry.ee.ee_hub_sync:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    repositories: [mirror/creator-ee, mirror/awx-ee]

- name: What would a sync of everything from that registry bring?
  foundry.ee.ee_hub_sync:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    registry: quay
    upstream:
      username: mirror
      password: "{{ quay_password }}"
  check_mode: true
  diff: true

- name: Start a long sync
  foundry.ee.ee_hub_sync:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    registry: quay
    wait: false
  register: started

- name: Do something else
  ansible.builtin.debug:
    msg: Meanwhile

- name: Wait for it
  foundry.ee.ee_hub_sync:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    tasks: "{{ started.tasks }}"
"""

RETURN = r"""
repositories:
  description: What came of each repository. In check mode, what would. Empty with O(wait=false).
  returned: success, and when a sync failed or was to be taken back
  type: list
  elements: dict
  contains:
    name:
      description: Name of the repository.
      type: str
    changed:
      description: Whether its tags differ.
      type: bool
    known:
      description: V(false) in check mode if the upstream could not be asked.
      type: bool
    added:
      description: Tags that came, with their digests.
      type: dict
    removed:
      description: Tags that went, with the digests they had.
      type: dict
    moved:
      description: Tags that stand for another image, each with its digest C(before) and C(after).
      type: dict
    digests_added:
      description: Digests that tags stand for now, and none did before.
      type: list
      elements: str
    digests_removed:
      description: Digests that no tag stands for any more.
      type: list
      elements: str
    progress:
      description: How much the hub did of each kind of work, such as C(Downloading Artifacts). Empty in check mode.
      type: dict
    failure:
      description: The hub's own words if the sync failed, or what came of it if it was to be taken back.
      type: str
tasks:
  description:
    - What to give to O(tasks) of a later task, with O(wait=false), when the time was up, or when the hub refused to
      start one of several. Those that were started go on.
  returned: success, when the time was up, and when only some were started
  type: list
  elements: dict
  contains:
    task:
      description: Address of the hub's task.
      type: str
    repositories:
      description: The repositories that it syncs, with their tags before.
      type: list
      elements: dict
requests:
  description: How many requests were sent, those to upstream registries included.
  returned: success
  type: int
  sample: 6
denied_for:
  description: Why the hub refused, V(credentials) that it does not take, or V(rights) that the user does not have.
  returned: when the hub refuses with status 403
  type: str
  sample: rights
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.foundry.ee.plugins.module_utils import _hub, _hub_sync
from ansible_collections.foundry.ee.plugins.module_utils._arguments import HUB_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_sync import Outcome, SyncPlan
from ansible_collections.foundry.ee.plugins.module_utils._run import conclude

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **HUB_ARGUMENTS,
    "repositories": {"type": "list", "elements": "str"},
    "registry": {"type": "str"},
    "tasks": {
        "type": "list",
        "elements": "dict",
        "options": {
            "task": {"type": "str", "required": True},
            "repositories": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "id": {"type": "str", "required": True},
                    "tags": {"type": "dict", "required": True},
                },
            },
        },
    },
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 1800.0},
    "allow_empty": {"type": "bool", "default": False},
    "upstream": {
        "type": "dict",
        "default": {},
        "options": {
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "token": {"type": "str", "no_log": True},
            "authfile": {"type": "path"},
            "validate_certs": {"type": "bool"},
            "ca_path": {"type": "path"},
        },
    },
}

Params = t.Mapping[str, t.Any]


def sync(hub: _hub.Hub, params: Params) -> SyncPlan:
    """Sync, or pick up syncs. Raises EEError."""
    foreteller = _hub_sync.Foreteller(hub, params["upstream"], params["timeout"])
    handles = params["tasks"] if params["tasks"] is not None else start(hub, params, foreteller)
    outcomes: list[Outcome] = []
    if params["wait"]:
        outcomes = _hub_sync.finish(hub, handles, params["wait_timeout"], params["allow_empty"])
        handles = []
    return SyncPlan(outcomes, handles, requests=hub.requests + foreteller.requests)


def start(hub: _hub.Hub, params: Params, foreteller: _hub_sync.Foreteller) -> list[_hub_sync.Handle]:
    """Start what is asked for. Raises EEError."""
    if params["registry"] is not None:
        identifier, targets = _hub_sync.targets_of_registry(hub, params["registry"])
        syncs = [_hub_sync.Sync(f"{_hub.REGISTRIES}{identifier}/", targets)]
    else:
        targets = [_hub_sync.target(hub.repository(name)) for name in unique(params["repositories"])]
        syncs = [_hub_sync.Sync(_hub.repository_path(target.name) + "_content/", [target]) for target in targets]
    foreteller.check(targets)
    return _hub_sync.start(hub, syncs, None if params["allow_empty"] else foreteller)


def foretell(hub: _hub.Hub, params: Params) -> SyncPlan:
    """Say what a sync would bring. Raises EEError."""
    if params["tasks"] is not None:
        return sync(hub, {**params, "allow_empty": True})  # what it brought is there; nothing may be taken back now
    warnings: list[str] = []
    try:
        targets = to_foretell(hub, params, warnings)
    except NotFound as error:
        return SyncPlan((), warnings=[f"{error} What a sync would bring is not known."], requests=hub.requests)
    foreteller = _hub_sync.Foreteller(hub, params["upstream"], params["timeout"])
    foreteller.check(targets)
    if not params["wait"]:
        return SyncPlan((), warnings=warnings, requests=hub.requests)
    outcomes = []
    for target in targets:
        outcome, words = foreteller.outcome(target, hub.tags(target.name))
        outcomes.append(outcome)
        warnings += [] if outcome.emptied and params["allow_empty"] else words
    return SyncPlan(outcomes, warnings=warnings, requests=hub.requests + foreteller.requests)


def to_foretell(hub: _hub.Hub, params: Params, warnings: list[str]) -> list[_hub_sync.Target]:
    if params["registry"] is not None:
        return _hub_sync.targets_of_registry(hub, params["registry"])[1]
    targets = []
    for name in unique(params["repositories"]):
        record = hub.find_repository(name)
        if record is None:
            warnings.append(f"The hub has no repository `{name}`. What a sync would bring is not known.")
        else:
            targets.append(_hub_sync.target(record))
    return targets


def unique(names: t.Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_one_of=[("repositories", "registry", "tasks")],
        mutually_exclusive=[("repositories", "registry", "tasks")],
        supports_check_mode=True,
    )
    hub = _hub.hub_of(module)
    conclude(module, lambda: (foretell if module.check_mode else sync)(hub, module.params))


if __name__ == "__main__":
    main()
