#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_default
short_description: The default execution environment of a controller, or of a laptop
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - >-
    Sets or clears an execution environment on a controller of the AWX family, for everything (the setting
    C(DEFAULT_EXECUTION_ENVIRONMENT)), for an organization, a project, a job template, an inventory source, a workflow's
    node or a schedule; many of them in one task.
  - It says which jobs get another execution environment because of it, also in check mode.
  - >-
    With O(target=navigator) it sets the image in a settings file of ansible-navigator, with O(target=runner) in
    C(env/settings) of an ansible-runner project. Comments and all other settings in the file stay as they are.
  - An empty O(environment) clears. Nothing is written when nothing differs.
options:
  target:
    description: What to set it for.
    type: str
    choices: [controller, navigator, runner]
    default: controller
  scope:
    description:
      - Where on the controller it is set.
      - V(global) is for all jobs that have nothing closer.
      - V(organization) and V(project) are for their jobs. A project's counts for the templates that use it, not for its
        own updates.
      - V(job_template) and V(inventory_source) are for these alone.
      - V(workflow_node) and V(schedule) are for the jobs that these start. They count only where the job template asks
        for an execution environment at launch; the controller refuses them on a node elsewhere.
    type: str
    choices: [global, organization, project, job_template, inventory_source, workflow_node, schedule]
  name:
    description: Name of the organization, project and so on. For a workflow's node its identifier.
    type: str
  organization:
    description:
      - Of several projects or job templates with one name, the one of this organization.
      - Of several inventory sources, workflow's nodes or schedules, the one whose inventory, workflow template or
        template is of this organization.
    type: str
  inventory:
    description: Of several inventory sources with one name, the one of this inventory.
    type: str
  workflow:
    description: Of several nodes with one identifier, the one of this workflow template.
    type: str
  template:
    description: Of several schedules with one name, the one of this template.
    type: str
  environment:
    description:
      - The execution environment, by its name or its image; empty to clear.
      - Of several with one image the newest is taken, with a warning; one that the controller manages itself only if
        there is no other. Nothing is changed while the one that is set has this image.
      - With O(target=navigator) and O(target=runner) it is an image reference.
    type: str
  defaults:
    description: Many at once on a controller. O(ignore:affected) is then about all of them together.
    type: list
    elements: dict
    suboptions:
      scope:
        description: See O(scope).
        type: str
        required: true
        choices: [global, organization, project, job_template, inventory_source, workflow_node, schedule]
      name:
        description: See O(name).
        type: str
      organization:
        description: See O(organization).
        type: str
      inventory:
        description: See O(inventory).
        type: str
      workflow:
        description: See O(workflow).
        type: str
      template:
        description: See O(template).
        type: str
      environment:
        description: See O(environment).
        type: str
        required: true
  global_job_images:
    description:
      - The images of the controller's setting C(GLOBAL_JOB_EXECUTION_ENVIRONMENTS), as image references or as mappings
        with C(image).
      - The controller keeps it in a file and does not tell it. It matters only for RV(affected), and only for jobs for
        which nothing is set anywhere; if there are such jobs and it is left out, there is a warning.
    type: list
    elements: raw
  path:
    description:
      - With O(target=navigator) the settings file, or the project's folder that holds it; by default that in the home
        folder (C(~/.ansible-navigator.yml)).
      - With O(target=runner) the project's folder, which holds C(env).
    type: path
notes:
  - A no-op takes one request for each scope, two for the global default. What the controller shows of other records
    already names their execution environment and its image. Where O(organization) is told for inventory sources, nodes
    or schedules, it is one request for each organization.
  - What the controller would refuse is refused before anything is written, in check mode as well.
  - A change takes eight listings more, in pages of 200, to tell who is RV(affected).
  - The control plane's execution environment and the global job environments are no settings of the API, but of a file;
    the role P(foundry.ee.register#role) registers them.
seealso:
  - module: foundry.ee.ee_environment
  - module: foundry.ee.ee_usage_info
  - plugin: foundry.ee.effective_ee
    plugin_type: lookup
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.controller
  - foundry.ee._controller
  - foundry.ee._connection
"""

EXAMPLES = r"""
- name: All jobs that have nothing closer
  foundry.ee.ee_default:
    scope: global
    environment: Network
    controller_host: https://controller.example.com
    controller_oauthtoken: "{{ controller_token }}"

- name: An organization, by image
  foundry.ee.ee_default:
    scope: organization
    name: Network
    environment: hub.example.com/network/ee:1.4

- name: Clear it on a template
  foundry.ee.ee_default:
    scope: job_template
    name: Backup
    organization: Network
    environment: ""

- name: Many at once, and who would get another execution environment
  foundry.ee.ee_default:
    defaults:
      - {scope: organization, name: Network, environment: Network}
      - {scope: project, name: Playbooks, organization: Web, environment: Web}
      - {scope: inventory_source, name: cloud, inventory: Servers, environment: ""}
  check_mode: true
  register: would

- name: Say who
  ansible.builtin.debug:
    var: would.affected

- name: The same on a laptop, for ansible-navigator
  foundry.ee.ee_default:
    target: navigator
    environment: "{{ lookup('foundry.ee.effective_ee', 'Backup') }}"

- name: For an ansible-runner project
  foundry.ee.ee_default:
    target: runner
    path: ~/projects/backup
    environment: hub.example.com/network/ee:1.4
"""

RETURN = r"""
before:
  description: What was set, one entry for each place, in the order of the task.
  type: list
  elements: dict
  returned: success
  contains:
    scope:
      description: Its scope; with O(target=navigator) and O(target=runner) the target.
      type: str
    name:
      description: Its name, null for the global default; on a laptop the file.
      type: str
    within:
      description: The organization, inventory, workflow or template that it is in.
      type: str
    environment:
      description: What is set there, null for nothing. Its C(name) is null if this user may not see it.
      type: dict
      contains:
        id:
          description: Number of the execution environment. Null on a laptop.
          type: int
        name:
          description: Its name. Null on a laptop.
          type: str
        image:
          description: Its image.
          type: str
after:
  description: The same as it is now, or would be.
  type: list
  elements: dict
  returned: success
affected:
  description:
    - The jobs that get another execution environment because of it, as M(foundry.ee.ee_usage_info) would tell them.
    - Empty when nothing changed, and on a laptop.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: V(job), V(inventory_update), V(project_update) or V(system_job).
      type: str
    name:
      description: Name of the template, source or project that starts it.
      type: str
    before:
      description: >-
        C(name), C(image) and C(level) of what it got. Null if it got none, or if this user may not see what decides.
      type: dict
    after:
      description: The same, of what it gets.
      type: dict
requests:
  description: How many requests were sent. Zero on a laptop.
  type: int
  returned: success
"""

import os
import pathlib
import tempfile
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._arguments import CONTROLLER_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._controller import open_controller
from ansible_collections.foundry.ee.plugins.module_utils._core import default_plan, laptop
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.settings_file import YAML_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._defaults import Defaults, plan_defaults, write_defaults
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._run import converge

PLACE: dict[str, dict[str, t.Any]] = {
    "scope": {"type": "str", "choices": list(default_plan.SCOPES)},
    "name": {"type": "str"},
    "organization": {"type": "str"},
    "inventory": {"type": "str"},
    "workflow": {"type": "str"},
    "template": {"type": "str"},
    "environment": {"type": "str"},
}
REQUIRED_PLACE = {**PLACE, **{name: {**PLACE[name], "required": True} for name in ("scope", "environment")}}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "target": {"type": "str", "choices": ["controller", "navigator", "runner"], "default": "controller"},
    **PLACE,
    "defaults": {"type": "list", "elements": "dict", "options": REQUIRED_PLACE},
    "global_job_images": {"type": "list", "elements": "raw"},
    "path": {"type": "path"},
    **CONTROLLER_ARGUMENTS,
}


@dataclass(frozen=True)
class OnLaptop:
    """What a settings file says, and shall say."""

    place: laptop.Place
    before: laptop.File
    after: laptop.File

    @property
    def changed(self) -> bool:
        return self.before.text != self.after.text

    @property
    def diff(self) -> t.Any:
        return {
            "before_header": self.place.path,
            "after_header": self.place.path,
            "before": self.before.text or "",
            "after": self.after.text or "",
        }

    @property
    def result(self) -> dict[str, t.Any]:
        sides = {"before": [self.before.side(self.place)], "after": [self.after.side(self.place)]}
        return {**sides, "affected": [], "requests": 0}

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.after.warnings


def plan_laptop(params: t.Mapping[str, t.Any]) -> OnLaptop:
    laptop.check_options(params)
    path = laptop.find(params["target"], params["path"], str(pathlib.Path.home()), os.path.isdir, os.path.exists)
    place = laptop.Place(params["target"], path)
    before = laptop.File(params["target"], read_file(path))
    return OnLaptop(place, before, before.with_image(params["environment"].strip(), path))


def read_file(path: str) -> str | None:
    """Return a file's text with its line ends; None if there is no file. Raises Invalid."""
    try:
        return pathlib.Path(path).read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.") from error


def apply_laptop(module: AnsibleModule, planned: OnLaptop) -> None:
    """Write the file elsewhere, then put it in place; of a symbolic link, where it leads."""
    path = pathlib.Path(os.path.realpath(planned.place.path))
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write((planned.after.text or "").encode())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{path.parent} cannot be made: {error}.") from error
    module.atomic_move(temporary, str(path))


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        mutually_exclusive=[("defaults", "scope"), ("defaults", "environment"), ("defaults", "name")],
        required_if=[
            ("target", "controller", ["defaults", "scope"], True),
            ("target", "navigator", ["environment"]),
            ("target", "runner", ["environment", "path"]),
        ],
        supports_check_mode=True,
    )
    params = module.params
    if params["target"] != "controller":
        if YAML_IMPORT_ERROR is not None:
            module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_IMPORT_ERROR)
        converge(module, plan=lambda: plan_laptop(params), apply=lambda planned: apply_laptop(module, planned))
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)

    def look() -> Defaults:
        return plan_defaults(open_controller(params, read_only=module.check_mode), params)

    converge(module, plan=look, apply=write_defaults)


if __name__ == "__main__":
    main()
