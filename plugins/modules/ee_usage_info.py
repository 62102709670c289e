#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_usage_info
short_description: Who uses which execution environment, and what would change if
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - Tells for every job template, inventory source, project, system job template and organization of a controller which
    execution environment it gets, at which level that is decided, and why. The levels are those of the lookup
    P(foundry.ee.effective_ee#lookup).
  - Names what stands out - environments that nobody uses, what gets no environment or one whose image is gone, and
    defaults that dangle.
  - Says what O(what_if) would change, without changing it.
  - A controller is asked by one request per page of 200 for each of seven listings, and one for the setting. If there
    are execution environments that nobody seems to use, two more for every 40 of those tell whether a schedule or a
    workflow's node brings one along.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.info
  - foundry.ee._attributes.controller
  - foundry.ee._controller
  - foundry.ee._registry
  - foundry.ee._connection
options:
  controller_host:
    description:
      - Address of the controller, such as V(https://controller.example.com).
      - Required unless O(variables) is given.
      - Behind a gateway the API's path is found by asking.
      - Default is the environment variable E(CONTROLLER_HOST), then E(TOWER_HOST).
    type: str
  variables:
    description:
      - Facts to go by in place of a controller - a mapping of the variables C(controller_execution_environments),
        C(controller_organizations) and so on, as the lookup P(foundry.ee.effective_ee#lookup) reads them.
      - With it, the effect of a change can be seen before it is merged.
    type: dict
  global_job_images:
    description:
      - The images of C(GLOBAL_JOB_EXECUTION_ENVIRONMENTS); image references, or mappings with C(image).
      - A controller keeps this list in a file and does not tell it, so it has to be given.
    type: list
    elements: raw
  check_images:
    description:
      - Whether to ask the registries for the digest and the age of every image. That takes two or three requests for
        each.
      - An image that a registry refuses to tell about, or a registry that does not answer, is no error; the reason is
        in RV(environments[].image_problem).
    type: bool
    default: false
  explain:
    description: Whether each line of RV(usage) tells the levels that did not decide, and why.
    type: bool
    default: false
  what_if:
    description: Changes to suppose, one after the other. Nothing is changed.
    type: list
    elements: dict
    suboptions:
      scope:
        description:
          - What would be changed.
          - V(global) is the setting C(DEFAULT_EXECUTION_ENVIRONMENT).
          - V(execution_environment) gives the environment O(what_if[].name) another O(what_if[].image), adds one
            (newer than all others), or deletes it with O(what_if[].state=absent).
          - V(global_job_images) is the list C(GLOBAL_JOB_EXECUTION_ENVIRONMENTS).
        type: str
        required: true
        choices:
          - global
          - organization
          - project
          - inventory_source
          - job_template
          - execution_environment
          - global_job_images
      name:
        description: Name of the organization, project, inventory source, job template or execution environment.
        type: str
      organization:
        description:
          - Which of several projects, job templates or inventory sources of that name.
          - The organization of an environment that is added; without it, it is global.
        type: str
      inventory:
        description: Which of several inventory sources of that name.
        type: str
      environment:
        description: The environment that would be set there, by name or image. An empty text clears it.
        type: str
      image:
        description: The image that the environment would have.
        type: str
      images:
        description: The images that would be listed, with O(what_if[].scope=global_job_images).
        type: list
        elements: str
      state:
        description: V(absent) deletes the environment, with O(what_if[].scope=execution_environment).
        type: str
        choices: [present, absent]
        default: present
  validate_certs:
    description:
      - Whether to check the certificates of the controller and of the registries.
      - V(false) also allows plain HTTP to registries, which is otherwise used for loopback addresses only.
    type: bool
    default: true
notes:
  - O(validate_certs), O(ca_path), O(client_cert), O(client_key) and O(timeout) hold for the controller and for the
    registries.
  - What the user may not read is not counted, system job templates among it. Take an auditor's token.
seealso:
  - plugin: foundry.ee.effective_ee
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Which templates run in which environment
  foundry.ee.ee_usage_info:
    controller_host: https://controller.example.com
    controller_oauthtoken: "{{ auditor_token }}"
  register: use

- name: Environments that nobody uses
  ansible.builtin.debug:
    var: use.unused

- name: What breaks if the old environment goes
  foundry.ee.ee_usage_info:
    controller_host: https://controller.example.com
    controller_oauthtoken: "{{ auditor_token }}"
    what_if:
      - scope: execution_environment
        name: Network 2024
        state: absent
  register: without

- name: Say it
  ansible.builtin.debug:
    var: without.affected

- name: The same question to the variables in git, before the change is merged
  foundry.ee.ee_usage_info:
    variables:
      controller_execution_environments: "{{ controller_execution_environments }}"
      controller_organizations: "{{ controller_organizations }}"
      controller_projects: "{{ controller_projects }}"
      controller_templates: "{{ controller_templates }}"
    what_if:
      - scope: organization
        name: Network
        environment: Network 2026
"""

RETURN = r"""
usage:
  description: One entry for each job template, inventory source, project, system job template and organization.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(job_template), V(inventory_source), V(project), V(system_job_template) or V(organization).
        - A project's entry is for its updates, an organization's for jobs that nothing else is set for.
      type: str
      returned: success
    name:
      description: Its name.
      type: str
      returned: success
    organization:
      description: Name of its organization.
      type: str
      returned: success
    inventory:
      description: Name of an inventory source's inventory.
      type: str
      returned: success
    environment:
      description: Name of the environment that it gets.
      type: str
      returned: success
    image:
      description: That environment's image.
      type: str
      returned: success
    level:
      description: The level that decides, as the lookup names them.
      type: str
      returned: success
    because:
      description: What decides, in words; or why there is no environment.
      type: str
      returned: success
    warnings:
      description: What to know about it.
      type: list
      elements: str
      returned: success
    skipped:
      description: Levels that did not decide, each with C(level) and C(why).
      type: list
      elements: dict
      returned: O(explain=true)
environments:
  description: One entry for each execution environment.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    image:
      description: Its image.
      type: str
      returned: success
    organization:
      description: Its organization; null if it is global.
      type: str
      returned: success
    managed:
      description: Whether it is the controller's own.
      type: bool
      returned: success
    pull:
      description: When it is pulled; null where that is left to the controller.
      type: str
      returned: success
    credential:
      description: Name of the credential for the registry.
      type: str
      returned: success
    description:
      description: Its description.
      type: str
      returned: success
    digest:
      description: The image's digest in its registry, with O(check_images).
      type: str
      returned: success
    image_created:
      description: When the image was made, with O(check_images).
      type: str
      returned: success
    age_days:
      description: Days since then.
      type: int
      returned: success
    image_problem:
      description: Why the registry did not tell, such as that the image is not there.
      type: str
      returned: success
    set_on:
      description:
        - Where it is set, each with C(scope) and C(name).
        - V(schedule) and V(workflow_node) are among the scopes only where nothing else uses it.
      type: list
      elements: dict
      returned: success
    used_by:
      description: How many of each kind get it.
      type: dict
      returned: success
    unused:
      description: Whether nothing gets it and it is set nowhere.
      type: bool
      returned: success
unused:
  description: Names of the environments that nothing gets and that are set nowhere. Managed ones are left out.
  returned: success
  type: list
  elements: str
orphans:
  description:
    - What gets no environment, or one whose image is not there (with O(check_images)); each with C(kind), C(name),
      C(organization) and C(why).
  returned: success
  type: list
  elements: dict
dangling:
  description:
    - Defaults that name an environment which does not exist, is managed, belongs to another organization, or whose
      image is not there (with O(check_images)); each with C(scope), C(name), C(environment) and C(why).
  returned: success
  type: list
  elements: dict
in_use:
  description:
    - Every image that an execution environment of the controller names, for M(foundry.ee.ee_registry_prune) to keep.
    - Those of unused environments are among them, since a launch, a schedule or a workflow node may name any.
  returned: success
  type: list
  elements: str
summary:
  description: How many there are of each kind, of C(environments), and of what stands out.
  returned: success
  type: dict
affected:
  description:
    - What O(what_if) gives another environment; each with C(kind) of the job, C(name), C(before) and C(after), which
      have C(name), C(image) and C(level), or are null.
  returned: when O(what_if) is given
  type: list
  elements: dict
requests:
  description: How many requests were sent to the controller and the registries.
  returned: success
  type: int
"""

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._arguments import CONTROLLER_ARGUMENTS, REGISTRY_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._controller import Controller, open_controller
from ansible_collections.foundry.ee.plugins.module_utils._core import effective, usage
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import Estate, from_variables
from ansible_collections.foundry.ee.plugins.module_utils._facts import (
    RESTRICTED,
    SURVEY,
    read_estate,
    read_starts,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._images import Images
from ansible_collections.foundry.ee.plugins.module_utils._run import report

ARGUMENTS: dict[str, t.Any] = {
    **REGISTRY_ARGUMENTS,
    **CONTROLLER_ARGUMENTS,
    "variables": {"type": "dict"},
    "global_job_images": {"type": "list", "elements": "raw"},
    "check_images": {"type": "bool", "default": False},
    "explain": {"type": "bool", "default": False},
    "what_if": {
        "type": "list",
        "elements": "dict",
        "options": {
            "scope": {"type": "str", "required": True, "choices": list(usage.WHAT_IF_SCOPES)},
            "name": {"type": "str"},
            "organization": {"type": "str"},
            "inventory": {"type": "str"},
            "environment": {"type": "str"},
            "image": {"type": "str"},
            "images": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
}


def look(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    controller = None if params["variables"] is not None else connect(params)
    images = listed(params["global_job_images"])
    estate = gather(params, controller, images)
    asker = Images(params)
    states = None
    if params["check_images"]:
        states = asker.states((one.image for one in estate.environments.values() if one.image), age=True)
    now = datetime.datetime.now(datetime.timezone.utc)
    result = usage.survey(
        estate,
        images=states,
        now=now,
        explain=params["explain"],
        starts=lambda keys: {} if controller is None else read_starts(controller, keys),
    )
    if params["what_if"] is not None:
        result["affected"] = effective.affected(estate, usage.suppose(estate, params["what_if"]))
    result["requests"] = (0 if controller is None else controller.requests) + asker.requests
    return result


def connect(params: t.Mapping[str, t.Any]) -> Controller:
    """Return the controller to ask. Raises EEError."""
    if params["controller_host"] is None:
        raise Invalid("There are no facts to go by.", hint="Give `controller_host`, or the facts as `variables`.")
    return open_controller(params, read_only=True)


def gather(params: t.Mapping[str, t.Any], controller: Controller | None, images: list[str] | None) -> Estate:
    """Return the facts, of the controller or of the variables. Raises EEError."""
    if controller is None:
        return from_variables(params["variables"], global_job_images=images)
    return read_estate(controller, SURVEY, images or (), optional=RESTRICTED)


def listed(images: t.Sequence[t.Any] | None) -> list[str] | None:
    """Return image references, from references or from mappings with ``image``, as the settings file has them."""
    if images is None:
        return None
    return [str(one.get("image", "")) if isinstance(one, dict) else str(one) for one in images]


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    needs_requests = module.params["variables"] is None or module.params["check_images"]
    if REQUESTS_IMPORT_ERROR is not None and needs_requests:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    report(module, lambda: look(module.params))


if __name__ == "__main__":
    main()
