#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_hub_repository
short_description: An execution environment repository on Galaxy NG
version_added: 0.1.0
author:
  - Foundry maintainers (@foundry)
description:
  - A repository holds the images of one execution environment.
    It is either synced from a remote registry (see M(foundry.ee.ee_hub_registry)), or images are pushed to it.
  - Options that are left out are left alone on the hub, empty ones clear what is there.
  - Its images and tags are the work of M(foundry.ee.ee_registry_image), syncing that of M(foundry.ee.ee_hub_sync),
    who may do what with it that of M(foundry.ee.ee_hub_namespace).
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.hub
  - foundry.ee._hub
  - foundry.ee._connection
options:
  name:
    description:
      - Name of the repository, such as V(ee-base) or V(team/ee-base).
      - A hub creates the namespace (V(team), or V(ee-base) itself) along with it. See M(foundry.ee.ee_hub_namespace).
      - Either this or O(repositories) is needed.
    type: str
  repositories:
    description:
      - Several repositories, each with the options of the same name here, brought in order one after the other.
      - What one leaves out is what the task says.
      - One that fails does not keep the others from it; the task fails in the end.
      - No name may be given twice, since check mode could not foretell what the second finds.
    type: list
    elements: dict
    version_added: 0.2.0
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
      registry:
        description: See O(registry).
        type: str
      upstream_name:
        description: See O(upstream_name).
        type: str
      include_tags:
        description: See O(include_tags).
        type: list
        elements: str
      exclude_tags:
        description: See O(exclude_tags).
        type: list
        elements: str
      allow_empty:
        description: See O(allow_empty).
        type: bool
      description:
        description: See O(description).
        type: str
      readme:
        description: See O(readme).
        type: str
      readme_file:
        description: See O(readme_file).
        type: path
      private:
        description: See O(private).
        type: bool
  state:
    description:
      - V(present) creates or changes the repository. Without O(registry) and O(upstream_name) a new one is empty, and
        ready to be pushed to.
      - V(absent) deletes it with all its images. Its namespace stays.
    type: str
    choices: [present, absent]
    default: present
  registry:
    description:
      - Name of the remote registry on the hub that the repository is synced from.
      - In check mode a registry that is not there only makes for a warning, since an earlier task may be about to
        create it.
    type: str
  upstream_name:
    description: Name of the image in that registry, such as V(ansible/creator-ee).
    type: str
  include_tags:
    description:
      - Sync these tags only. Patterns of a shell, such as V(1.*), are allowed. An empty list means all tags.
    type: list
    elements: str
  exclude_tags:
    description:
      - Do not sync these tags. Patterns are allowed.
      - A hub excludes V(*-source) from a new repository. It does so here if the option is left out.
    type: list
    elements: str
  allow_empty:
    description:
      - Whether a change of filters may be made with which the next sync takes away every tag that the repository has.
      - Otherwise it is refused, and in check mode warned of. Where only some tags would go, a warning names them.
    type: bool
    default: false
  description:
    description: What the repository is for, in a few words.
    type: str
  readme:
    description: Text of its page on the hub, in Markdown.
    type: str
  readme_file:
    description: File, on the host that runs the task, with the text of O(readme).
    type: path
  private:
    description: Whether only users with the right to it may pull. Otherwise everyone may, without a login.
    type: bool
  wait_timeout:
    description: Seconds that the hub may take for what it does in the background.
    type: float
    default: 120.0
notes:
  - When nothing is to be changed, at most two requests are sent for a repository that is pushed to, the second for
    O(readme), which the hub tells at an address of its own only.
  - For one that is synced, one is sent for it, and one each for those options of O(registry), O(private) and O(readme)
    that are given, since the hub tells these four at four addresses.
    With O(repositories) the registries are read once for all, and repositories and their O(private) by the hundred
    where that takes fewer requests.
seealso:
  - module: foundry.ee.ee_hub_registry
  - module: foundry.ee.ee_hub_sync
  - module: foundry.ee.ee_hub_namespace
  - module: foundry.ee.ee_registry_image
"""

EXAMPLES = r"""
- name: An EE that is synced
  foundry.ee.ee_hub_repository:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: mirror/creator-ee
    registry: quay
    upstream_name: ansible/creator-ee
    include_tags: ["v24.*", latest]
    description: For those who write content

- name: An EE that we push, with a page of its own
  foundry.ee.ee_hub_repository:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: network/ee
    description: Everything for switches
    readme_file: README.md
    private: true

- name: Sync all tags again, and drop the description
  foundry.ee.ee_hub_repository:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: mirror/creator-ee
    include_tags: []
    description: ""

- name: Several
  foundry.ee.ee_hub_repository:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    repositories:
      - {name: network/ee, description: Everything for switches}
      - {name: mirror/awx-ee, registry: quay, upstream_name: ansible/awx-ee}

- name: No longer needed
  foundry.ee.ee_hub_repository:
    hub_host: https://hub.example.com
    hub_token: "{{ hub_token }}"
    name: network/ee
    state: absent
"""

RETURN = r"""
repository:
  description: The repository as it is now (in check mode, as it would be). V(none) with O(state=absent).
  returned: when O(name) is given
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    pushed:
      description: Whether images are pushed to it; otherwise they are synced.
      type: bool
    description:
      description: What it is for.
      type: str
    registry:
      description: The registry it is synced from, if O(registry) is given.
      type: str
    upstream_name:
      description: What the image is called there. Not for one that is pushed to.
      type: str
    include_tags:
      description: The tags that are synced. Not for one that is pushed to.
      type: list
      elements: str
    exclude_tags:
      description: The tags that are not synced. Not for one that is pushed to.
      type: list
      elements: str
    private:
      description: Whether pulling takes a right to it, if O(private) is given.
      type: bool
    readme:
      description: Text of its page, if O(readme) or O(readme_file) is given.
      type: str
repositories:
  description: One result for each of O(repositories), in their order.
  returned: when O(repositories) is given, also when some failed
  type: list
  elements: dict
  version_added: 0.2.0
  contains:
    changed:
      description: Whether this one changed.
      type: bool
    repository:
      description: As RV(repository).
      type: dict
    msg:
      description: Why this one failed, where it did.
      type: str
    error:
      description: For a C(rescue), where it failed. C(kind), and C(status), C(method) and C(url) of a request.
      type: dict
requests:
  description: How many requests were sent to the hub.
  returned: success
  type: int
  sample: 2
denied_for:
  description: Why the hub refused, V(credentials) that it does not take, or V(rights) that the user does not have.
  returned: when the hub refuses with status 401 or 403
  type: str
  sample: rights
"""

import contextlib
import pathlib
import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.foundry.ee.plugins.module_utils import _hub
from ansible_collections.foundry.ee.plugins.module_utils._arguments import HUB_ARGUMENTS, each_of, suboptions
from ansible_collections.foundry.ee.plugins.module_utils._core import hub_repository
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, EEError, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_repository import (
    Registry,
    Repository,
    RepositoryPlan,
    Wanted,
)
from ansible_collections.foundry.ee.plugins.module_utils._run import attempt, converge, converge_each

ONE: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "registry": {"type": "str"},
    "upstream_name": {"type": "str"},
    "include_tags": {"type": "list", "elements": "str"},
    "exclude_tags": {"type": "list", "elements": "str"},
    "allow_empty": {"type": "bool", "default": False},
    "description": {"type": "str"},
    "readme": {"type": "str"},
    "readme_file": {"type": "path"},
    "private": {"type": "bool"},
}
OWN = ("name", "readme", "readme_file")  # what no two repositories have in common
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **HUB_ARGUMENTS,
    **ONE,
    "repositories": {
        "type": "list",
        "elements": "dict",
        "options": suboptions(ONE, name={"type": "str", "required": True}),
        "mutually_exclusive": [("readme", "readme_file")],
    },
    "wait_timeout": {"type": "float", "default": 120.0},
}

Params = t.Mapping[str, t.Any]


def plan(hub: _hub.Hub, params: Params, check_mode: bool) -> RepositoryPlan:
    """Look at the hub and decide. Raises EEError."""
    name = params["name"]
    if params["state"] == "absent":
        record = hub.find_repository(name)
        return hub_repository.plan_absent(None if record is None else read(hub, record, None, None))
    record = find(hub, name, params["private"])
    readme = readme_text(params)
    registry, warnings = find_registry(hub, params["registry"], check_mode)
    wanted = Wanted(
        registry,
        params["upstream_name"],
        None if params["include_tags"] is None else tuple(params["include_tags"]),
        None if params["exclude_tags"] is None else tuple(params["exclude_tags"]),
        params["description"],
        params["private"],
        readme,
    )
    current = None if record is None else read(hub, record, params["private"], readme)
    planned = hub_repository.plan_present(
        name,
        wanted,
        current,
        None if current is None or registry is None else registry_name(hub, current, registry),
        lambda: hub.tags(name),
        params["allow_empty"],
    )
    if planned.refusal is not None:
        if not check_mode:
            raise Conflict(planned.refusal)
        warnings.append(planned.refusal)
    return replace(planned, warnings=[*warnings, *planned.warnings])


def find(hub: _hub.Hub, name: str, private: bool | None) -> _hub.Record | None:
    """Return the record of a repository, None if there is none. Raises EEError.

    Where ``private`` has to be known, what knows it is asked first: of one that is pushed to it tells all.
    """
    distribution = None if private is None else hub.find_distribution(name)
    record = None if distribution is None else _hub.pushed(distribution)
    return hub.find_repository(name) if record is None else record


def read(hub: _hub.Hub, record: _hub.Record, private: bool | None, readme: str | None) -> Repository:
    """Return the repository of a record, with what else the task asks for."""
    remote = record["pulp"]["repository"].get("remote")
    if private is not None:
        served = hub.find_distribution(record["name"]) or hub.get(distribution_path(record))
        private = bool(served["private"])
    if readme is not None:
        readme = str(hub.get(_hub.repository_path(record["name"]) + "_content/readme/")["text"])
    return Repository.from_record(record, None if remote is None else _hub.record_id(remote), private, readme)


def distribution_path(record: _hub.Record) -> str:
    return f"{_hub.DISTRIBUTIONS}{_hub.record_id(record['pulp']['distribution'])}/"


def readme_text(params: Params) -> str | None:
    """Return the readme that is wanted. Raises Invalid."""
    if params["readme_file"] is None:
        return t.cast("str | None", params["readme"])
    try:
        return pathlib.Path(params["readme_file"]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"Cannot read `readme_file`, {params['readme_file']}: {error}.") from error


def find_registry(hub: _hub.Hub, name: str | None, check_mode: bool) -> tuple[Registry | None, list[str]]:
    """Return the registry of that name, and what to warn of. Raises NotFound."""
    if name is None:
        return None, []
    for identifier, known in hub.registries().items():
        if known == name:
            return Registry(identifier, name), []
    words = f"The hub has no registry `{name}`. Create it with `ee_hub_registry`."
    if check_mode:
        return Registry("", name), [words]
    raise NotFound(words)


def registry_name(hub: _hub.Hub, current: Repository, wanted: Registry) -> str | None:
    """Return the name of the registry that a repository is synced from now, None if it has none any more."""
    identifier = None if current.remote is None else current.remote.registry_id
    if identifier is None:
        return None
    return wanted.name if identifier == wanted.id else hub.registries().get(identifier)


def apply(hub: _hub.Hub, params: Params, planned: RepositoryPlan) -> dict[str, t.Any]:
    """Do what is planned. Raises EEError."""
    try:
        send(hub, params, planned)
    finally:
        hub.forget(params["name"])
    return {"requests": hub.requests}


def send(hub: _hub.Hub, params: Params, planned: RepositoryPlan) -> None:
    name = params["name"]
    path = _hub.repository_path(name)
    if planned.delete:
        hub.finish("DELETE", path, None, params["wait_timeout"])
    if planned.create == "pushed":
        hub.create_pushed(name)
    elif planned.create == "remote":
        create_remote(hub, planned.remote or {})
    elif planned.remote is not None and planned.current is not None and planned.current.remote is not None:
        hub.write("PUT", f"{_hub.REMOTES}{planned.current.remote.id}/", planned.remote)
    if planned.distribution is not None:
        record = hub.get(path) if planned.create else hub.repository(name)
        hub.finish("PATCH", distribution_path(record), planned.distribution, params["wait_timeout"])
    if planned.readme is not None:
        hub.write("PUT", path + "_content/readme/", {"text": planned.readme})


def create_remote(hub: _hub.Hub, body: dict[str, t.Any]) -> None:
    """Create a remote repository. The hub adds a pattern of its own to the excluded tags, which is taken back."""
    record = hub.write("POST", _hub.REMOTES, body)
    if list(record.get("exclude_tags") or ()) != body["exclude_tags"]:
        hub.write("PUT", f"{_hub.REMOTES}{_hub.record_id(record)}/", body)


class Repositories:
    """Several repositories, each planned when the one before is in order. Apply the plan that was taken last."""

    def __init__(self, hub: _hub.Hub, params: Params, check_mode: bool) -> None:
        self._hub = hub
        self._check_mode = check_mode
        self._given = each_of(params, "repositories")
        self._turn: Params = {}
        self.names = [str(one["name"]) for one in self._given]

    def plans(self) -> t.Iterator[RepositoryPlan | EEError]:
        """Yield the plans. Raises Invalid before the first if a name is given twice."""
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise Invalid(
                f"`repositories` has twice: {', '.join(f'`{name}`' for name in twice)}.",
                hint="Join the two, or write a task for each.",
            )
        private = [str(one["name"]) for one in self._given if one["state"] == "present" and one["private"] is not None]
        with contextlib.suppress(EEError):  # what fails here fails again in its turn
            self._hub.look_ahead(self.names, private)
        for one in self._given:
            self._turn = one
            yield attempt(lambda: plan(self._hub, self._turn, self._check_mode))

    def apply(self, planned: RepositoryPlan) -> dict[str, t.Any]:
        return apply(self._hub, self._turn, planned)

    def totals(self) -> dict[str, t.Any]:
        return {"requests": self._hub.requests}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_one_of=[("name", "repositories")],
        mutually_exclusive=[("readme", "readme_file"), *((name, "repositories") for name in OWN)],
        supports_check_mode=True,
    )
    hub = _hub.hub_of(module)
    if module.params["repositories"] is not None:
        many = Repositories(hub, module.params, module.check_mode)
        converge_each(module, "repositories", many.names, many.plans, many.apply, many.totals)
    converge(
        module,
        plan=lambda: replace(plan(hub, module.params, module.check_mode), requests=hub.requests),
        apply=lambda planned: apply(hub, module.params, planned),
    )


if __name__ == "__main__":
    main()
