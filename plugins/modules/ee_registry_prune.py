#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_registry_prune
short_description: Delete images that no rule keeps from a container registry
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - Looks at every tagged image of the repositories, keeps what a rule keeps, and deletes the others with their tags.
  - Each decision comes with its reasons. In check mode they are exactly those that a real run acts on.
  - An image is one unit. If a rule keeps one of its tags, the image stays with all of its tags.
  - An image that O(in_use) names by its digest is looked at even without a tag, and keeps what it holds.
  - Never deleted is what O(in_use) or O(build_keys) name, what a kept index holds, and what a kept tag stood for before
    (the tag with C(.previous) that M(foundry.ee.ee_registry_image) writes). An image to which something is attached
    stays unless O(keep_attached=false). In doubt, an image stays.
  - What is attached to an image that goes, goes with it. So do the parts of an index that nothing else holds.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._registry
  - foundry.ee._connection
options:
  repositories:
    description:
      - Repositories such as C(registry.example.com/team/ee), without a tag.
      - The path may be a pattern such as C(registry.example.com/team/*). The registry's catalog must be readable then.
      - With O(username) or O(token) all are of one registry, for which they are.
    type: list
    elements: str
    required: true
  keep_newest:
    description:
      - Keep this many images of each repository, the newest by the date that the images themselves hold, the later of
        their label C(org.opencontainers.image.created) and the date of their configuration.
      - V(0) keeps none for its age, so that all goes that nothing else keeps.
      - One without a date, or with one that is still to come, is kept and does not count. The images of an index go the
        way of the index and do not count beside it, even if they have tags of their own.
    type: int
  keep_younger_than:
    description: Keep images that were made within this time, such as V(30d), V(12h) or V(8w).
    type: str
  keep_tags:
    description: Keep images that have a tag like one of these, such as V(latest) or V(prod-*).
    type: list
    elements: str
  keep_line:
    description:
      - Keep the newest of each line of semantic versions among the tags.
      - With V(minor), C(1.4.2) and C(1.4.3) are of one line. With V(major), C(1.4.2) and C(1.5.0) are as well.
      - A pre-release such as C(1.4.3-rc.1) pushes no release out. The newest releases are kept beside it.
    type: str
    choices: [major, minor]
  keep_per_line:
    description: How many versions of each line to keep.
    type: int
    default: 1
  only_tags:
    description:
      - Look only at images all of whose tags are like one of these. Others are kept.
      - The tags that this collection writes itself (C(key-…), C(….previous)) do not count, unless an image has no
        others.
    type: list
    elements: str
    default: ["*"]
  in_use:
    description:
      - Images that something uses, by tag or digest. They are kept.
      - Such as the images of the environments that M(foundry.ee.ee_usage_info) found on all your controllers.
      - A name without a registry keeps the image in every registry. The names of registries are compared without regard
        to case, the port 443, and by which of its names Docker Hub is meant.
    type: list
    elements: str
  aliases:
    description: Other names under which O(in_use) may know the registries, such as V(hub.internal.example.com).
    type: list
    elements: str
  build_keys:
    description: Build keys that are in use, whole or as their tags. Images that carry one are kept.
    type: list
    elements: str
  keep_attached:
    description:
      - Keep images to which a signature, an SBOM or the like is attached, and indexes with one attached to a part.
      - V(false) deletes them together with what is attached, if no other rule keeps them. What is attached stays if a
        rule names it itself.
    type: bool
    default: true
  wait_timeout:
    description: Seconds that a Galaxy NG may take for each change that it makes in the background.
    type: float
    default: 120.0
    version_added: 0.2.0
notes:
  - Only images with a tag are looked at, on Galaxy NG too, as the distribution API lists no others. What has lost its
    last tag is left to the registry's own collection of garbage, such as C(registry garbage-collect --delete-untagged).
  - Registries free the space of deleted blobs later, when they collect their garbage.
  - Galaxy NG is recognized, and deletes through its own API, as the user of O(username) and O(password), or of
    O(authfile). It takes no O(token). It is warned of where it may lose blobs that other repositories share.
seealso:
  - module: foundry.ee.ee_registry_image
  - module: foundry.ee.ee_usage_info
"""

EXAMPLES = r"""
- name: Find out what the controller uses
  foundry.ee.ee_usage_info:
    controller_host: https://controller.example.com
  register: usage

- name: Keep the two newest of each, a month, what is in production, and whatever the controller uses
  foundry.ee.ee_registry_prune:
    repositories:
      - hub.example.com/team/*
    keep_newest: 2
    keep_younger_than: 30d
    keep_tags: [latest, "prod*"]
    in_use: "{{ usage.in_use }}"
  check_mode: true
  register: would

- name: Say what would go, and why
  ansible.builtin.debug:
    msg: "{{ would.decisions | selectattr('action', 'eq', 'delete') }}"

- name: Keep the two newest patches of each minor version
  foundry.ee.ee_registry_prune:
    repositories: [hub.example.com/team/ee]
    keep_line: minor
    keep_per_line: 2
    in_use: "{{ usage.in_use }}"
"""

RETURN = r"""
decisions:
  description: One entry for each image, the newest of a repository first.
  returned: always
  type: list
  elements: dict
  contains:
    repository:
      description: The repository, with its registry.
      type: str
      sample: hub.example.com/team/ee
    digest:
      description: The image's digest.
      type: str
    tags:
      description: The image's tags.
      type: list
      elements: str
    action:
      description: V(keep) or V(delete).
      type: str
    because:
      description: The reasons, in words.
      type: list
      elements: str
      sample: ["its tag `prod` matches `prod*` of `keep_tags`"]
    created:
      description: When the image was made, as it says itself; null where it does not.
      type: str
      sample: "2026-11-20T08:00:00Z"
    size:
      description: Bytes of all blobs that it stands on, shared ones included.
      type: int
    bytes_freed:
      description:
        - Bytes of blobs that this decision frees and no other, zero for what is kept.
        - What several of the deleted images share is only in the sum of them all, RV(bytes_freed).
      type: int
kept:
  description: How many images stay.
  returned: always
  type: int
deleted:
  description: How many images go.
  returned: always
  type: int
bytes_freed:
  description: Bytes of blobs that only deleted images of these repositories use, each blob counted once.
  returned: always
  type: int
requests:
  description: Requests that were sent to the registries and their token services.
  returned: always
  type: int
"""

import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._arguments import REGISTRY_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.retention import (
    Policy,
    build_key,
    duration,
    references,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Registries
from ansible_collections.foundry.ee.plugins.module_utils._oci_prune import (
    RepositoryPlan,
    apply_all,
    find_repositories,
    freed,
    freed_alone,
    parse_repository,
    plan_repository,
)
from ansible_collections.foundry.ee.plugins.module_utils._run import converge

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **REGISTRY_ARGUMENTS,
    "repositories": {"type": "list", "elements": "str", "required": True},
    "keep_newest": {"type": "int"},
    "keep_younger_than": {"type": "str"},
    "keep_tags": {"type": "list", "elements": "str", "no_log": False},
    "keep_line": {"type": "str", "choices": ["major", "minor"]},
    "keep_per_line": {"type": "int", "default": 1},
    "only_tags": {"type": "list", "elements": "str", "default": ["*"]},
    "in_use": {"type": "list", "elements": "str"},
    "aliases": {"type": "list", "elements": "str"},
    "build_keys": {"type": "list", "elements": "str", "no_log": False},
    "keep_attached": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 120.0},
}


@dataclass(frozen=True)
class Plan:
    """The plans of all repositories."""

    repositories: tuple[RepositoryPlan, ...]

    @property
    def changed(self) -> bool:
        return any(plan.digests for plan in self.repositories)

    @property
    def diff(self) -> dict[str, t.Any]:
        return {
            "before": {plan.name: plan.tags(after=False) for plan in self.repositories},
            "after": {plan.name: plan.tags(after=True) for plan in self.repositories},
        }

    @property
    def warnings(self) -> list[str]:
        return [warning for plan in self.repositories for warning in plan.warnings]

    @property
    def result(self) -> dict[str, t.Any]:
        alone = freed_alone(self.repositories)
        decisions = [
            decision.as_result(plan.name, size)
            for plan in self.repositories
            for decision, size in zip(plan.decisions, alone[plan.name])
        ]
        deleted = sum(decision["action"] == "delete" for decision in decisions)
        return {
            "decisions": decisions,
            "kept": len(decisions) - deleted,
            "deleted": deleted,
            "bytes_freed": freed(self.repositories),
            "requests": self.requests,
        }

    @property
    def requests(self) -> int:
        """What all clients sent; repositories found by a pattern share one."""
        clients = {id(plan.registry): plan.registry for plan in self.repositories}
        removers = [plan.remover for plan in self.repositories if plan.remover is not None]
        return sum(client.requests for client in clients.values()) + sum(remover.requests for remover in removers)


def policy_of(params: t.Mapping[str, t.Any]) -> Policy:
    """Read the rules. Raises Invalid."""
    for name, least in (("keep_newest", 0), ("keep_per_line", 1)):
        if params[name] is not None and params[name] < least:
            raise Invalid(f"`{name}` is {params[name]}.", hint=f"Expected {least} or more.")
    text = params["keep_younger_than"]
    if params["keep_newest"] is None and text is None and not params["keep_tags"] and params["keep_line"] is None:
        raise Invalid("No rule says what to keep.", hint="Say `keep_newest: 0` to delete all that nothing uses.")
    hosts = [parse_repository(each).host for each in params["repositories"]]
    return Policy(
        newest=params["keep_newest"],
        younger_than=None if text is None else duration(text),
        tags=tuple(params["keep_tags"] or ()),
        line=params["keep_line"],
        per_line=params["keep_per_line"],
        only_tags=tuple(params["only_tags"]),
        in_use=references(params["in_use"] or ()),
        hosts=frozenset([*hosts, *(params["aliases"] or ())]),
        build_keys=frozenset(build_key(key) for key in params["build_keys"] or ()),
        keep_attached=params["keep_attached"],
    )


def plan(params: t.Mapping[str, t.Any], registries: Registries, now: datetime) -> Plan:
    policy = policy_of(params)
    wanted = [parse_repository(text) for text in params["repositories"]]
    found = find_repositories(wanted, lambda ref: registries.open(ref, main=True))
    return Plan(tuple(plan_repository(repository, policy, now, registries.remover) for repository in found))


def apply(planned: Plan) -> dict[str, t.Any]:
    apply_all(planned.repositories)
    return {"requests": planned.requests}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_one_of=[("keep_newest", "keep_younger_than", "keep_tags", "keep_line")],
        mutually_exclusive=[("username", "token")],
        required_by={"password": "username", "client_key": "client_cert"},
        supports_check_mode=True,
    )
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    registries = Registries(module.params, read_only=module.check_mode)
    now = datetime.now(timezone.utc)
    converge(module, plan=lambda: plan(module.params, registries, now), apply=apply)


if __name__ == "__main__":
    main()
