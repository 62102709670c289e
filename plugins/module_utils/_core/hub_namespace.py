# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EE namespaces of a hub, and the roles that groups and users hold on them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.record_plan import RecordPlan

RolesMode = t.Literal["present", "exact", "absent"]
Kind = t.Literal["groups", "users"]
KINDS: tuple[Kind, ...] = ("groups", "users")
# What the hub gives to who creates a namespace (4.9.2: locked role, "creation_hooks" of its access policy).
CREATORS_ROLE = "galaxy.execution_environment_namespace_owner"


@dataclass(frozen=True, order=True)
class Assignment:
    """A group or user holds a role."""

    role: str
    kind: Kind
    name: str


Assignments = frozenset[Assignment]


def assignments(roles: t.Iterable[t.Mapping[str, t.Any]]) -> Assignments:
    """Return what a list of ``{role, groups, users}`` says: the option's, or the hub's answer."""
    return frozenset(
        Assignment(str(entry["role"]), kind, str(name))
        for entry in roles
        for kind in KINDS
        for name in entry.get(kind) or ()
    )


def listed(held: Assignments) -> list[dict[str, t.Any]]:
    """Return assignments as the hub lists them, sorted: one entry per role."""
    entries: dict[str, dict[str, t.Any]] = {}
    for one in sorted(held):
        entries.setdefault(one.role, {"role": one.role, "groups": [], "users": []})[one.kind].append(one.name)
    return list(entries.values())


def is_owners(entry: t.Mapping[str, t.Any]) -> bool:
    """Whether an entry of ``listed`` is about the role that manages the others."""
    return bool(entry["role"] == CREATORS_ROLE)


@dataclass(frozen=True)
class Namespace:
    """``held`` is None if nobody asked for the roles."""

    id: str
    name: str
    held: Assignments | None = None


@dataclass(frozen=True)
class NamespacePlan(RecordPlan):
    """What to do: ``create``, then ``add`` and ``remove``; or ``delete``, after the ``repositories``."""

    current: Namespace | None
    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None
    create: bool = False
    delete: bool = False
    add: Assignments = frozenset()
    remove: Assignments = frozenset()
    repositories: t.Sequence[str] = ()
    warnings: t.Sequence[str] = ()
    requests: int = 0

    @property
    def result(self) -> dict[str, t.Any]:
        return {"namespace": self.after, "repositories": list(self.repositories), "requests": self.requests}


def plan_present(
    name: str, current: Namespace | None, wanted: Assignments | None, mode: RolesMode, creator: str | None = None
) -> NamespacePlan:
    """Plan a namespace with ``wanted`` assignments (None: left alone). Raises Invalid.

    ``creator`` is who would create it: the hub makes him its owner.
    """
    if current is None:
        _check_name(name)
    held = _held(current, wanted, creator)
    if wanted is None or held is None:
        before = None if current is None else shown(name, None)
        return NamespacePlan(current, before, shown(name, None), create=current is None)
    after = {"present": held | wanted, "exact": wanted, "absent": held - wanted}[mode]
    return NamespacePlan(
        current,
        None if current is None else shown(name, held),
        shown(name, after),
        create=current is None,
        add=after - held,
        remove=held - after,
    )


def _held(current: Namespace | None, wanted: Assignments | None, creator: str | None) -> Assignments | None:
    if wanted is None:
        return None
    if current is not None:
        return current.held
    return frozenset() if creator is None else frozenset({Assignment(CREATORS_ROLE, "users", creator)})


def _check_name(name: str) -> None:
    """The hub takes any name for a namespace, also those that no image can have."""
    try:
        good = "/" not in image_ref.check_repository(name)
    except Invalid:
        good = False
    if not good:
        raise Invalid(
            f"`{name}` is no name of a namespace.",
            hint="It may hold lower-case letters and digits, with single `.`, `_` or `-` between them.",
        )


def plan_absent(current: Namespace | None, repositories: t.Sequence[str], force: bool) -> NamespacePlan:
    """Plan that there is no such namespace. Raises Conflict while it holds repositories, unless ``force``."""
    if current is None:
        return NamespacePlan(None, None, None)
    if repositories and not force:
        raise Conflict(
            f"Namespace `{current.name}` holds repositories: {', '.join(repositories)}.",
            hint="Delete them with `ee_hub_repository`, or all of it, images included, with `force: true`.",
            details={"repositories": list(repositories)},
        )
    before = {**shown(current.name, None), "repositories": list(repositories)}
    return NamespacePlan(current, before, None, delete=True, repositories=repositories)


def shown(name: str, held: Assignments | None) -> dict[str, t.Any]:
    """Return a namespace fit for results and diffs."""
    return {"name": name, **({} if held is None else {"roles": listed(held)})}


def assignable(roles: t.Iterable[t.Mapping[str, t.Any]]) -> set[str]:
    """Return the names of roles that the hub assigns on a namespace: those with any permission on one.

    It lists fewer for the type of object (``for_object_type``), and takes more.
    """
    return {str(role["name"]) for role in roles if any(_on_namespace(right) for right in role["permissions"])}


def _on_namespace(permission: str) -> bool:
    return permission.startswith("container.namespace_") or permission.endswith("_containernamespace")


def check_roles(wanted: Assignments, roles: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    """Refuse what the hub cannot assign. Raises Invalid."""
    can = assignable(roles)
    cannot = sorted({one.role for one in wanted} - can)
    if cannot:
        raise Invalid(
            f"The hub cannot assign on a namespace: {', '.join(f'`{role}`' for role in cannot)}.",
            hint=f"It can assign {', '.join(f'`{role}`' for role in sorted(can))}.",
        )


def check_names(kind: Kind, wanted: Assignments, known: t.Collection[str]) -> None:
    """Refuse groups or users that the hub does not have. Raises Invalid."""
    missing = sorted(names(kind, wanted) - set(known))
    if missing:
        raise Invalid(f"The hub has no {kind} {', '.join(f'`{name}`' for name in missing)}.", hint="Create them first.")


def names(kind: Kind, wanted: Assignments) -> set[str]:
    return {one.name for one in wanted if one.kind == kind}
