#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_venv_info
short_description: Custom virtual environments of an old controller, and execution environments in their place
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - Reads custom virtual environments, their packages and who uses them, and proposes a definition of an execution
    environment for each. Equal ones get one in common.
  - Reads them by C(awx-manage) on a controller's host (AWX up to 24.6), from what its commands printed earlier, or from
    the directories themselves, by their own C(pip freeze) or, where that does not run any more, by their files.
  - Versions stay pinned. What cannot be installed elsewhere is left out, with the reason.
  - Passwords and tokens in the addresses of packages and indexes are left out of everything that is returned.
  - System packages are guessed from known Python packages, and marked as guesses.
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.info
options:
  awx_manage:
    description:
      - The controller's command, as words, such as V([podman, exec, awx_task, awx-manage]).
      - It is used unless O(directories) or O(saved) are given.
    type: list
    elements: str
    default: [awx-manage]
  directories:
    description: Directories of virtual environments on the host.
    type: list
    elements: path
  saved:
    description: What the controller's commands printed earlier, with or without C(-q).
    type: list
    elements: dict
    suboptions:
      path:
        description: Path of the virtual environment.
        type: str
        required: true
      export:
        description: What C(awx-manage export_custom_venv) printed, or C(pip freeze).
        type: str
        required: true
      associations:
        description: What C(awx-manage custom_venv_associations) printed.
        type: str
      python:
        description:
          - Version of its Python, such as V(3.8), if it is known.
          - Write it in quotes. YAML takes C(3.10) without them for C(3.1).
        type: str
  base_image:
    description: Base image of the proposed definitions.
    type: str
  base_packages:
    description:
      - Python packages of the base image and their versions.
      - What is there in the same version is not proposed, what is there in another is, and is told in C(conflicts).
        That is so for ansible-core and ansible-runner, too.
    type: dict
    default: {}
  ansible_core:
    description:
      - Requirement for ansible-core where an environment has none, or one from before it had that name. One that has it
        keeps its version, or the address that it is from.
      - It is not proposed where O(base_packages) has ansible-core.
    type: str
    default: ansible-core
  ansible_runner:
    description: Requirement for ansible-runner where an environment has none, unless O(base_packages) has it.
    type: str
    default: ansible-runner
  names:
    description:
      - Names for the execution environments, by the path of a virtual environment. No other gets such a name.
      - Default is the last part of the path, in lower case. Where several would have one name, each has a hash of its
        path in it, so that it keeps its name when others come or go.
    type: dict
    default: {}
requirements:
  - PyYAML
seealso:
  - module: foundry.ee.ee_definition
"""

EXAMPLES = r"""
- name: See what a controller has, and what could take its place
  foundry.ee.ee_venv_info:
    base_image: registry.example.com/base/python:3.12
  register: found

- name: The same from what was saved before the controller was upgraded
  foundry.ee.ee_venv_info:
    saved:
      - path: /var/lib/awx/venv/network
        export: "{{ lookup('ansible.builtin.file', 'network.export.txt') }}"
        associations: "{{ lookup('ansible.builtin.file', 'network.associations.yml') }}"
        python: "3.8"
    base_image: registry.example.com/base/python:3.12
  register: found

- name: Write a definition for each
  foundry.ee.ee_definition:
    definition: "{{ item.definition }}"
    dest: /srv/ee/{{ item.name }}/execution-environment.yml
  loop: "{{ found.proposals }}"
"""

RETURN = r"""
environments:
  description: The virtual environments, sorted by path.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
    python:
      description: Version of its Python, or null.
      type: str
    read_from:
      description: V(awx-manage), V(pip freeze), V(files) or V(saved).
      type: str
    used_by:
      description: Who uses it. Known from the controller only.
      type: dict
    packages:
      description: Its packages.
      type: list
      elements: dict
  sample:
    - path: /var/lib/awx/venv/network
      python: "3.8"
      read_from: awx-manage
      used_by:
        job_templates: [{id: 9, name: Deploy}]
        projects: []
        organizations: []
        inventory_sources: []
      packages:
        - name: netaddr
          kind: pinned
          version: 0.9.0
          source: netaddr==0.9.0
          requirement: netaddr==0.9.0
          note:
proposals:
  description: Execution environments in their place.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the execution environment.
      type: str
    environments:
      description: Paths of the virtual environments it is for, which are equal.
      type: list
      elements: str
    used_by:
      description: Who uses any of them.
      type: dict
    users:
      description: The same in one list, each with C(scope) and C(name) as M(foundry.ee.ee_default) takes them.
      type: list
      elements: dict
    definition:
      description: The definition, version 3.
      type: dict
    guesses:
      description: The system packages that were guessed.
      type: list
      elements: dict
    left_out:
      description: Packages and options for pip that are not in the definition, with the reason.
      type: list
      elements: dict
    conflicts:
      description: Packages that the base image has in another version. The environment's version is in the definition.
      type: list
      elements: dict
    advice:
      description: What to look at before the build.
      type: list
      elements: str
  sample:
    - name: network
      environments: [/var/lib/awx/venv/network]
      used_by:
        job_templates: [{id: 9, name: Deploy}]
      users: [{scope: job_template, id: 9, name: Deploy}]
      definition:
        version: 3
        dependencies:
          ansible_core: {package_pip: ansible-core}
          ansible_runner: {package_pip: ansible-runner}
          python: [netaddr==0.9.0]
      guesses: []
      left_out: []
      conflicts: []
      advice: []
refused:
  description: Virtual environments for which nothing is proposed.
  returned: always
  type: list
  elements: dict
  sample:
    - path: /var/lib/awx/venv/old
      reason: it is of Python 2.7, and no execution environment has Python 2
      used_by: {}
"""

import copy
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils import _venv
from ansible_collections.foundry.ee.plugins.module_utils._core import venv, venv_plan
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import YAML_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._run import report

_SAVED = {
    "path": {"type": "str", "required": True},
    "export": {"type": "str", "required": True},
    "associations": {"type": "str"},
    "python": {"type": "str"},
}
ARGUMENTS: dict[str, t.Any] = {
    "awx_manage": {"type": "list", "elements": "str", "default": ["awx-manage"]},
    "directories": {"type": "list", "elements": "path"},
    "saved": {"type": "list", "elements": "dict", "options": _SAVED},
    "base_image": {"type": "str"},
    "base_packages": {"type": "dict", "default": {}},
    "ansible_core": {"type": "str", "default": "ansible-core"},
    "ansible_runner": {"type": "str", "default": "ansible-runner"},
    "names": {"type": "dict", "default": {}},
}


def look(p: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    environments = sorted(_read(p), key=lambda one: one.path)
    wishes = venv_plan.Wishes(
        base_image=p["base_image"],
        base_packages={name: str(version) for name, version in p["base_packages"].items()},
        ansible_core=p["ansible_core"],
        ansible_runner=p["ansible_runner"],
        names=p["names"],
    )
    proposals, refused = venv_plan.propose(environments, wishes)
    return {
        "environments": [one.as_result() for one in environments],
        "proposals": [one.as_result() for one in proposals],
        "refused": [one.as_result() for one in refused],
    }


def _read(p: t.Mapping[str, t.Any]) -> list[venv.Environment]:
    if p["directories"] is None and p["saved"] is None:
        return _venv.Controller(p["awx_manage"]).environments()
    found = [_venv.read_directory(Path(path).absolute()) for path in p["directories"] or []]
    return found + [_saved(one) for one in p["saved"] or []]


def _saved(one: t.Mapping[str, t.Any]) -> venv.Environment:
    path = one["path"].rstrip("/")
    return venv.Environment(
        path=path,
        packages=venv.parse_export(one["export"], path),
        read_from="saved",
        python=one["python"],
        used_by=venv.parse_associations(one["associations"] or "", path),
    )


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if YAML_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_IMPORT_ERROR)
    given = copy.deepcopy(module.params)
    for one in module.params["saved"] or []:
        one["export"] = venv.hidden(one["export"])  # it is told again, with how the module was called
    report(module, lambda: look(given))


if __name__ == "__main__":
    main()
