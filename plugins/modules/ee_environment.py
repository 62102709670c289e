#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_environment
short_description: An execution environment's record on a controller
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - Creates, changes, renames and deletes the record of an execution environment on a controller of the AWX family.
  - An option that is left out is left alone; an empty one clears the field. Nothing is written when nothing differs.
  - An execution environment that is in use or is a default is not deleted, unless O(force).
  - To say where it is used, see M(foundry.ee.ee_default).
options:
  name:
    description:
      - Name of the execution environment. It is unique on the whole controller, across organizations.
      - Either this or O(environments) is needed.
    type: str
  environments:
    description:
      - Several execution environments, each with the options of the same name here. What one leaves out is what the
        task says.
      - They are read together, and changed in their order when all are planned. One that fails does not keep the others
        from being brought in order; the task fails in the end.
    type: list
    elements: dict
    version_added: 0.2.0
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      new_name:
        description: See O(new_name).
        type: str
      image:
        description: See O(image).
        type: str
      pull:
        description: See O(pull).
        type: str
        choices: ["", always, missing, never]
      credential:
        description: See O(credential).
        type: str
      organization:
        description: See O(organization).
        type: str
      description:
        description: See O(description).
        type: str
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
      force:
        description: See O(force).
        type: bool
  new_name:
    description:
      - Rename it so. If it has this name already, nothing has to be renamed, and O(name) does not matter.
    type: str
  image:
    description:
      - Image reference, such as V(hub.example.com/team/ee:1.2) or V(hub.example.com/team/ee@sha256:…).
      - Required to create a record, optional to change one.
    type: str
  pull:
    description:
      - When jobs pull the image.
      - An empty text leaves it to the controller, and is what a new record has.
    type: str
    choices: ["", always, missing, never]
  credential:
    description:
      - Name of the container registry credential that pulls the image; empty for none.
      - Of several with one name, the one that is set already stays, else that of the environment's own organization is
        taken. V(name++organization) says which; V(name++) is the one without an organization.
    type: str
  organization:
    description:
      - Name of the organization that it belongs to; empty for none, which makes it a global one, for everybody.
      - A controller lets only superusers make a record global, and never lets it move into an organization.
    type: str
  description:
    description: What it is for; empty for none.
    type: str
  state:
    description: Whether the record is there.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Delete it even if it is in use. The controller then unsets it wherever it is set, also in jobs that wait.
    type: bool
    default: false
notes:
  - A no-op takes one request, for every 40 of O(environments) as well; two where O(credential) names its organization.
  - A new record, and one that becomes global, takes one request more in a task, to ask whether this user may do that.
  - An execution environment that the controller manages itself (the control plane's) can only get another O(pull), and
    cannot be deleted.
  - Check mode cannot tell that a user may not create a record in an organization, or that its name is taken by one of
    another organization which this user does not see.
  - Whoever is no superuser does not see all users of an execution environment. What could not be seen is a warning.
seealso:
  - module: foundry.ee.ee_default
  - module: foundry.ee.ee_usage_info
extends_documentation_fragment:
  - foundry.ee._attributes
  - foundry.ee._attributes.state
  - foundry.ee._attributes.controller
  - foundry.ee._controller
  - foundry.ee._connection
"""

EXAMPLES = r"""
- name: Make an image known to the controller
  foundry.ee.ee_environment:
    name: Network
    image: hub.example.com/network/ee:1.4
    credential: hub pull
    organization: Network
    controller_host: https://controller.example.com
    controller_oauthtoken: "{{ controller_token }}"

- name: Another image, all else stays
  foundry.ee.ee_environment:
    name: Network
    image: hub.example.com/network/ee@sha256:{{ digest }}

- name: For everybody, without a credential
  foundry.ee.ee_environment:
    name: Network
    organization: ""
    credential: ""

- name: Rename
  foundry.ee.ee_environment:
    name: Network
    new_name: Network (2026)

- name: All of them
  foundry.ee.ee_environment:
    environments:
      - {name: Network, image: "hub.example.com/network/ee:1.4", credential: hub pull, organization: Network}
      - {name: Web, image: "hub.example.com/web/ee:2.0", credential: hub pull}
      - {name: Old, state: absent}

- name: Delete it, if nothing uses it
  foundry.ee.ee_environment:
    name: Network (2026)
    state: absent
"""

RETURN = r"""
environment:
  description: The record as it is now, or would be. Empty where there is none.
  type: dict
  returned: when O(name) is given
  contains:
    id:
      description: Its number. Null in check mode for one that would be created.
      type: int
    name:
      description: Its name.
      type: str
    image:
      description: Its image.
      type: str
    pull:
      description: When jobs pull the image.
      type: str
    credential:
      description: Name of the credential that pulls it, empty without one.
      type: str
    organization:
      description: Name of its organization, empty for a global one.
      type: str
    description:
      description: What it is for.
      type: str
    managed:
      description: Whether the controller manages it itself.
      type: bool
used_by:
  description:
    - Where a deleted one was set, or would have been; also in the failure of a deletion that was refused.
    - Empty with O(state=present), where nobody looks.
  type: list
  elements: dict
  returned: when O(name) is given, also when it is refused
  contains:
    kind:
      description: >-
        What sets it, V(setting) (the global default), V(organization), V(project), V(job_template),
        V(inventory_source), V(workflow_node) or V(schedule).
      type: str
    name:
      description: Its name.
      type: str
    within:
      description: Name of its organization, of a source's inventory, a node's workflow, a schedule's template.
      type: str
    id:
      description: Its number, null for a setting.
      type: int
environments:
  description: One result for each of O(environments), in their order.
  type: list
  elements: dict
  returned: when O(environments) is given, also when some failed
  version_added: 0.2.0
  contains:
    changed:
      description: Whether this one changed.
      type: bool
    environment:
      description: As RV(environment).
      type: dict
    used_by:
      description: As RV(used_by).
      type: list
      elements: dict
    msg:
      description: Why this one failed, where it did.
      type: str
    error:
      description: For a C(rescue), where it failed. C(kind), and C(status), C(method) and C(url) of a request.
      type: dict
requests:
  description: How many requests were sent.
  type: int
  returned: success
"""

import functools
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._arguments import CONTROLLER_ARGUMENTS, each_of, suboptions
from ansible_collections.foundry.ee.plugins.module_utils._controller import (
    Controller,
    environment_uses,
    open_controller,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.default_plan import cut
from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import (
    SEPARATOR,
    Change,
    Record,
    Use,
    Wish,
    check_kept,
    check_user,
    face,
    needs_me,
    plan_absent,
    plan_present,
    read_wish,
    refuse_twice,
    refuse_use,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._run import attempt, converge, converge_each, fail

PATH = "execution_environments/"
ONE: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str"},
    "new_name": {"type": "str"},
    "image": {"type": "str"},
    "pull": {"type": "str", "choices": ["", "always", "missing", "never"]},
    "credential": {"type": "str"},
    "organization": {"type": "str"},
    "description": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force": {"type": "bool", "default": False},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **ONE,
    "environments": {
        "type": "list",
        "elements": "dict",
        "options": suboptions(ONE, name={"type": "str", "required": True}),
    },
    **CONTROLLER_ARGUMENTS,
}


@dataclass(frozen=True)
class Planned:
    """A change, the ids that its names stand for, and who would lose a deleted environment.

    ``credential`` is the name of one that was told as ``name++organization``.
    """

    controller: Controller
    change: Change
    ids: t.Mapping[str, int | None]
    used_by: tuple[Use, ...] = ()
    warnings: tuple[str, ...] = ()
    credential: str | None = None

    @property
    def changed(self) -> bool:
        return self.change.changed

    @property
    def diff(self) -> t.Any:
        return self.change.diff

    @property
    def result(self) -> dict[str, t.Any]:
        after = self.change.after
        shown = {} if after is None else {"id": self.change.id, **after, "managed": self.change.managed}
        if shown and self.credential is not None:
            shown["credential"] = self.credential
        return {
            "environment": shown,
            "used_by": [use.as_result() for use in self.used_by],
            "requests": self.controller.requests,
        }


def plan(controller: Controller, params: t.Mapping[str, t.Any]) -> Planned:
    wish = read_wish(params)
    return plan_one(Names(controller), wish, read(controller, [wish]), params)


def plan_many(controller: Controller, given: t.Sequence[t.Mapping[str, t.Any]]) -> list[Planned | EEError]:
    """Plan several environments, which are read together. Raises EEError where that is not possible."""
    wishes = [read_wish(one) for one in given]
    refuse_twice(wishes)
    found, names = read(controller, wishes), Names(controller)
    return [attempt(functools.partial(plan_one, names, wish, found, params)) for wish, params in zip(wishes, given)]


def read(controller: Controller, wishes: t.Sequence[Wish]) -> list[Record]:
    """Return the records that have one of the names, few names at a time."""
    names = list(dict.fromkeys(name for wish in wishes for name in wish.names))
    parts = cut(("or__name", name) for name in names)
    asked = {str(number): (PATH, part) for number, part in enumerate(parts)}
    return [record for records in controller.searches(asked).values() for record in records]


def plan_one(names: Names, wish: Wish, everything: t.Sequence[Record], params: t.Mapping[str, t.Any]) -> Planned:
    found = [record for record in everything if record["name"] in wish.names]
    controller = names.controller
    if params["state"] == "absent":
        return plan_deletion(controller, plan_absent(wish, found), force=params["force"])
    exact, called = None, None
    if wish.credential and SEPARATOR in wish.credential:
        exact, called = names.credential(wish.credential, None)
    change = plan_present(wish, found, exact)
    if needs_me(change):
        check_user(change, names.me())
    return Planned(controller, change, look_up(names, change, exact), credential=called)


class Names:
    """The ids that names stand for, each asked for once in a task."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.credential = functools.lru_cache(maxsize=None)(controller.credential)
        self.organization = functools.lru_cache(maxsize=None)(self._organization)
        self.me = functools.lru_cache(maxsize=None)(controller.me)

    def _organization(self, name: str) -> int:
        return t.cast(int, self.controller.named("organizations/", name, "organization")[0]["id"])


def look_up(names: Names, change: Change, exact: int | None) -> dict[str, int | None]:
    """Return the ids of the names that will be written."""
    ids: dict[str, int | None] = {
        name: None for name in ("organization", "credential") if change.fields.get(name) == ""
    }
    if change.fields.get("organization"):
        ids["organization"] = names.organization(change.fields["organization"])
    if change.fields.get("credential"):
        home = (change.after or {}).get("organization")
        ids["credential"] = exact or names.credential(change.fields["credential"], home)[0]
    return ids


def plan_deletion(controller: Controller, change: Change, *, force: bool) -> Planned:
    if change.id is None or change.before is None:
        return Planned(controller, change, {})
    used_by, warnings = environment_uses(controller, change.id)
    if used_by and not force:
        raise refuse_use(change.before["name"], used_by)
    return Planned(controller, change, {}, used_by, warnings)


def apply(planned: Planned) -> dict[str, t.Any]:
    controller, change = planned.controller, planned.change
    if change.after is None:
        controller.delete(f"{PATH}{change.id}/")
        return {"requests": controller.requests}
    record = controller.save(PATH, change.id, {**change.fields, **planned.ids})
    check_kept(change, face(record))
    shown = {"id": record["id"], **face(record), "managed": record["managed"]}
    return {"environment": shown, "requests": controller.requests}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_one_of=[("name", "environments")],
        mutually_exclusive=[("name", "environments"), ("new_name", "environments")],
        supports_check_mode=True,
    )
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    params = module.params
    try:
        controller = open_controller(params, read_only=module.check_mode)
    except EEError as error:
        fail(module, error)
    if params["environments"] is None:
        converge(module, plan=lambda: plan(controller, params), apply=apply)
    each = each_of(params, "environments")
    converge_each(
        module,
        "environments",
        [one["name"] for one in each],
        plan=lambda: plan_many(controller, each),
        apply=apply,
        totals=lambda: {"requests": controller.requests},
    )


if __name__ == "__main__":
    main()
