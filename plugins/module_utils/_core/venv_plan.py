# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From virtual environments to execution environment definitions: which are equal, what goes in, what cannot."""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core.requirements import python_name
from ansible_collections.foundry.ee.plugins.module_utils._core.system_guesses import Guess, guess
from ansible_collections.foundry.ee.plugins.module_utils._core.venv import (
    KINDS_OF_USERS,
    Environment,
    Package,
    UsedBy,
)

# Python 3.5 and ansible 2.8 were the last to be supported in 2020; their playbooks and pins do not survive the move.
_OLDEST_PYTHON = (3, 6)
_OLDEST_ANSIBLE = (2, 9)
_YOUNG_PYTHON = (3, 9)  # the oldest that images of today have
# Written for Python 2 alone.
_PYTHON_2_ONLY = ("futures", "functools32", "subprocess32", "enum34", "backports-ssl-match-hostname", "unittest2")
_ANSIBLE = ("ansible-core", "ansible-base", "ansible")
# Installed by their own keys of a definition.
_OWN_KEYS = frozenset({"ansible-core", "ansible-base", "ansible-runner"})


@dataclass(frozen=True)
class Wishes:
    """What the user says about the images: ``base_packages`` are normalised names with the versions in the base image.

    ``names`` gives the image of an environment (by its path) a name.
    """

    base_image: str | None = None
    base_packages: t.Mapping[str, str] = field(default_factory=dict)
    ansible_core: str = "ansible-core"
    ansible_runner: str = "ansible-runner"
    names: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """An environment for which nothing is proposed."""

    path: str
    reason: str
    used_by: UsedBy

    def as_result(self) -> dict[str, t.Any]:
        return {"path": self.path, "reason": self.reason, "used_by": self.used_by}


@dataclass(frozen=True)
class Proposal:
    """One execution environment for one or several equal virtual environments."""

    name: str
    environments: tuple[str, ...]
    used_by: UsedBy
    definition: dict[str, t.Any]
    guesses: tuple[Guess, ...]
    left_out: tuple[dict[str, str], ...]
    conflicts: tuple[dict[str, str], ...]
    advice: tuple[str, ...]

    @property
    def users(self) -> list[dict[str, t.Any]]:
        """Who uses it, in one list, with the scope as ``ee_default`` calls it."""
        return [
            {"scope": kind[:-1], "id": one["id"], "name": one["name"]}
            for kind in KINDS_OF_USERS
            for one in self.used_by.get(kind, [])
        ]

    def as_result(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "environments": list(self.environments),
            "used_by": self.used_by,
            "users": self.users,
            "definition": self.definition,
            "guesses": [one.as_result() for one in self.guesses],
            "left_out": list(self.left_out),
            "conflicts": list(self.conflicts),
            "advice": list(self.advice),
        }


def propose(environments: t.Iterable[Environment], wishes: Wishes) -> tuple[tuple[Proposal, ...], tuple[Refusal, ...]]:
    """Return a proposal for each set of equal environments, and what is refused; both sorted by path."""
    refused: list[Refusal] = []
    equal: dict[tuple[str, ...], list[Environment]] = {}
    for environment in sorted(environments, key=lambda one: one.path):
        reason = why_refused(environment)
        if reason is not None:
            refused.append(Refusal(environment.path, reason, environment.used_by))
        else:
            equal.setdefault(_identity(environment), []).append(environment)
    taken: set[str] = set()
    return tuple(_proposal(group, wishes, taken) for group in equal.values()), tuple(refused)


def why_refused(environment: Environment) -> str | None:
    """Return why an environment cannot be moved, or None."""
    if not environment.packages:
        return "no packages were found in it: it is empty or broken, and its users need only a default environment"
    python = environment.python
    if python is not None and _version(python) < (3,):
        return f"it is of Python {python}, and no execution environment has Python 2"
    if python is not None and _version(python) < _OLDEST_PYTHON:
        return f"it is of Python {python}; versions pinned for that cannot be installed on a Python in use today"
    old = environment.find(*_PYTHON_2_ONLY) if python is None else None
    if old is not None:
        return f"it holds {old.name}, which is for Python 2 alone, and no execution environment has Python 2"
    ansible = environment.find(*_ANSIBLE)
    if ansible is not None and ansible.version is not None and _version(ansible.version) < _OLDEST_ANSIBLE:
        return f"it holds ansible {ansible.version}, whose playbooks do not run with any ansible-core in use today"
    return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _identity(environment: Environment) -> tuple[str, ...]:
    """Return what makes environments equal: the same packages from the same places."""
    return tuple(sorted(package.requirement or package.source for package in environment.packages))


def _proposal(group: t.Sequence[Environment], wishes: Wishes, taken: set[str]) -> Proposal:
    first = group[0]
    sorted_out = _sort_out(first.packages, wishes)
    guesses = guess(
        (package.name for package in sorted_out.kept),
        from_vcs=any(package.kind == "vcs" for package in sorted_out.kept),
    )
    core, core_advice = _ansible_core(first, wishes)
    dependencies: dict[str, t.Any] = {}
    if core is not None:
        dependencies["ansible_core"] = {"package_pip": core}
    if "ansible-runner" not in wishes.base_packages:
        dependencies["ansible_runner"] = {"package_pip": _pinned(first, "ansible-runner") or wishes.ansible_runner}
    if sorted_out.kept:
        dependencies["python"] = [package.requirement for package in sorted_out.kept]
    if guesses:
        dependencies["system"] = [one.line for one in guesses]
    definition: dict[str, t.Any] = {"version": 3}
    if wishes.base_image is not None:
        definition["images"] = {"base_image": {"name": wishes.base_image}}
    if dependencies:
        definition["dependencies"] = dependencies
    return Proposal(
        name=_name(group, wishes, taken),
        environments=tuple(environment.path for environment in group),
        used_by=_all_users(group),
        definition=definition,
        guesses=guesses,
        left_out=sorted_out.left_out,
        conflicts=sorted_out.conflicts,
        advice=(*core_advice, *_advice(group, sorted_out.kept)),
    )


@dataclass(frozen=True)
class _SortedOut:
    kept: tuple[Package, ...]
    left_out: tuple[dict[str, str], ...]
    conflicts: tuple[dict[str, str], ...]


def _sort_out(packages: t.Sequence[Package], wishes: Wishes) -> _SortedOut:
    """Say which packages go into the definition: also those of other versions than in the base image, but told."""
    base = {python_name(name): version for name, version in wishes.base_packages.items()}
    kept: list[Package] = []
    left_out: list[dict[str, str]] = []
    conflicts: list[dict[str, str]] = []
    for package in packages:
        at_base = base.get(package.name)
        if package.requirement is None:
            left_out.append({"package": package.source, "reason": package.note or "it cannot be installed elsewhere"})
        elif package.name in _OWN_KEYS or _is_old_ansible(package):
            continue  # told by the definition's own keys, or by the advice
        elif at_base is not None and at_base == package.version:
            left_out.append({"package": package.source, "reason": "the base image has it in this version"})
        else:
            kept.append(package)
            if at_base is not None:
                conflicts.append(
                    {"package": package.name, "base": at_base, "environment": package.version or package.source}
                )
    return _SortedOut(tuple(kept), tuple(left_out), tuple(conflicts))


def _is_old_ansible(package: Package) -> bool:
    """Whether this is an Ansible without ansible-core: before version 4, it was or needed something else."""
    return package.name == "ansible" and package.version is not None and _version(package.version) < (4,)


def _ansible_core(environment: Environment, wishes: Wishes) -> tuple[str | None, list[str]]:
    """Return the requirement for ansible-core (None: the base image's own), and what is to be told about it."""
    found = environment.find(*_ANSIBLE)
    wanted = None if "ansible-core" in wishes.base_packages else wishes.ansible_core
    if found is None or found.version is None:
        return wanted, []
    if found.name == "ansible-core":
        at_base = wishes.base_packages.get("ansible-core")
        return (None if at_base == found.version else f"ansible-core=={found.version}"), []
    instead = wanted or f"ansible-core {wishes.base_packages['ansible-core']} of the base image"
    if found.name == "ansible" and not _is_old_ansible(found):
        return wanted, [f"it keeps the collections of ansible {found.version}; see that {instead} is right for them"]
    return wanted, [
        f"{instead} takes the place of {found.name} {found.version}. Modules that left Ansible in 2.10 are in "
        "collections now: name those that the playbooks use in `dependencies.galaxy`"
    ]


def _pinned(environment: Environment, name: str) -> str | None:
    package = environment.find(name)
    return package.requirement if package is not None else None


def _advice(group: t.Sequence[Environment], kept: t.Sequence[Package]) -> list[str]:
    """Return what to look at before the build."""
    told = [f"{package.requirement}: {package.note}" for package in kept if package.note]
    old = sorted({one.python for one in group if one.python and _version(one.python) < _YOUNG_PYTHON})
    if old:
        told.append(f"the pins are of Python {', '.join(old)}: raise those that have no version for the image's Python")
    return told


def _name(group: t.Sequence[Environment], wishes: Wishes, taken: set[str]) -> str:
    """Return a name that a repository may have: the user's, else that of the first path; each once."""
    given = next((wishes.names[one.path] for one in group if one.path in wishes.names), None)
    name = given or slug(posixpath.basename(group[0].path.rstrip("/")))
    number, unique = 2, name
    while unique in taken:
        number, unique = number + 1, f"{name}-{number}"
    taken.add(unique)
    return unique


def slug(text: str) -> str:
    """Return a text as the component of an image's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "ee"


def _all_users(group: t.Sequence[Environment]) -> UsedBy:
    used: UsedBy = {kind: [] for kind in KINDS_OF_USERS}
    for environment in group:
        for kind in KINDS_OF_USERS:
            used[kind] += [one for one in environment.used_by.get(kind, []) if one not in used[kind]]
    return used
