# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what, as the recordings of seven users show it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .kinds import KINDS, Record, Refused, check_template_pointers, forbidden

if t.TYPE_CHECKING:
    from .world import World

# roles of a user in an organization that may write records of a kind
WRITERS = {
    "execution_environments": {"admin", "execution_environment_admin"},
    "organizations": {"admin"},
    "projects": {"admin", "project_admin"},
    "inventories": {"admin", "inventory_admin"},
    "inventory_sources": {"admin", "inventory_admin"},
    "job_templates": {"admin", "job_template_admin"},
    "workflow_job_templates": {"admin", "workflow_admin"},
    "workflow_job_template_nodes": {"admin", "workflow_admin"},
    "schedules": {"admin", "job_template_admin"},
    "credentials": {"admin", "credential_admin"},
}


@dataclass(frozen=True)
class User:
    """``roles``: organization → names of roles there. ``writes`` is false behind a token that may only read."""

    id: int
    username: str
    password: str
    superuser: bool = False
    auditor: bool = False
    roles: t.Mapping[int, frozenset[str]] = field(default_factory=dict)
    writes: bool = True

    def holds(self, organization: int | None, roles: set[str]) -> bool:
        return organization is not None and bool(self.roles.get(organization, frozenset()) & roles)


def may_read(world: World, user: User, kind: str, record: Record) -> bool:
    if user.superuser or user.auditor or kind in ("credential_types", "system_job_templates"):
        return True
    home = owner(world, kind, record)
    if kind == "execution_environments" and home is None:
        return True
    return home in user.roles


def owner(world: World, kind: str, record: Record) -> int | None:
    """Return the organization that a record belongs to."""
    if kind == "organizations":
        return t.cast("int | None", record.get("id"))
    if kind == "workflow_job_template_nodes":
        workflow = world.find("workflow_job_templates", record.get("workflow_job_template"))
        return workflow["organization"] if workflow else None
    if kind == "schedules":
        template = world.find("unified_job_templates", record.get("unified_job_template"))
        return template["organization"] if template else None
    return t.cast("int | None", record.get("organization"))


def check_add(world: World, user: User, kind: str, given: Record) -> None:
    """Raise Refused unless the user may add this."""
    if not user.writes or user.auditor:
        raise forbidden()
    if kind == "job_templates":
        check_template_pointers(world, given)
    if user.superuser:
        return
    home = world.home_of_new(kind, given)
    if not user.holds(home, WRITERS.get(kind, set())):
        raise forbidden()
    _check_related(world, user, kind, given)


def check_change(world: World, user: User, kind: str, record: Record, given: Record, *, whole: bool) -> None:
    """Raise Refused unless the user may change this so. ``whole``: a PUT, which sets what it leaves out, too."""
    if not user.writes or user.auditor:
        raise forbidden()
    if kind == "job_templates":
        check_template_pointers(world, given)
    if user.superuser:
        _check_managed(kind, record, given, whole)
        return
    if record.get("managed") or not user.holds(owner(world, kind, record), WRITERS.get(kind, set())):
        raise forbidden()
    if kind == "execution_environments" and "organization" in given and given["organization"] != record["organization"]:
        raise forbidden()
    if kind == "job_templates":
        inventory = world.find("inventories", record["inventory"])
        if inventory and not user.holds(inventory["organization"], {"admin", "inventory_admin"}):
            raise forbidden()
    _check_related(world, user, kind, given)


def check_delete(world: World, user: User, kind: str, record: Record) -> None:
    if not user.writes or user.auditor or record.get("managed"):
        raise forbidden()
    if not user.superuser and not user.holds(owner(world, kind, record), WRITERS.get(kind, set())):
        raise forbidden()


def _check_managed(kind: str, record: Record, given: Record, whole: bool) -> None:
    if kind != "execution_environments" or not record["managed"]:
        return
    fields = ("name", "description", "organization", "image", "credential")
    for name in fields if whole else [name for name in fields if name in given]:
        if given.get(name) != record[name]:
            raise Refused(403, {"detail": "Only the 'pull' field can be edited for managed execution environments."})


def _check_related(world: World, user: User, kind: str, given: Record) -> None:
    """Whoever points a record at an EE must be able to read that EE."""
    for name, target in KINDS[kind].refs.items():
        value = given.get(name)
        if target == "execution_environments" and isinstance(value, int):
            found = world.find(target, value)
            if found is not None and not may_read(world, user, target, found):
                raise forbidden()
