# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From virtual environments to execution environment definitions: which are equal, what goes in, what cannot."""

from __future__ import annotations

import hashlib
import posixpath
import re
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

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
_OWN_KEYS = ("ansible-core", "ansible-runner")
_PARTS = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?(?P<rest>.*)")


@dataclass(frozen=True)
class Wishes:
    """What the user says about the images: ``base_packages`` are normalised names with the versions in the base image.

    ``names`` gives the image of an environment (by its path) a name, which no other gets, also if it is not among those
    that are looked at.
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
    base = {python_name(name): version for name, version in wishes.base_packages.items()}
    wishes = replace(wishes, base_packages=base)
    refused: list[Refusal] = []
    equal: dict[tuple[str, ...], list[Environment]] = {}
    for environment in sorted(environments, key=lambda one: one.path):
        reason = why_refused(environment)
        if reason is not None:
            refused.append(Refusal(environment.path, reason, environment.used_by))
        else:
            equal.setdefault(_identity(environment), []).append(environment)
    groups = list(equal.values())
    names = _names(groups, wishes.names)
    return tuple(_proposal(group, wishes, name) for group, name in zip(groups, names)), tuple(refused)


def why_refused(environment: Environment) -> str | None:
    """Return why an environment cannot be moved, or None."""
    if not environment.packages:
        return "no packages were found in it: it is empty or broken, and its users need only a default environment"
    told = f"it is of Python {environment.python}"
    python = _version(environment.python or "")
    if python and python < (3,):
        return f"{told}, and no execution environment has Python 2"
    if python == (3, 1):
        return f"{told}; if that is 3.10, write it in quotes"
    if python[1:] and python < _OLDEST_PYTHON:
        return f"{told}; versions pinned for that cannot be installed on a Python in use today"
    old = environment.find(*_PYTHON_2_ONLY) if not python else None
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
    return tuple(sorted(_spelling(package.requirement or package.source) for package in environment.packages))


def _spelling(line: str) -> str:
    """Return a requirement in one of its many spellings: name and extras normalised, versions sorted, no spaces."""
    match = _PARTS.fullmatch(line)
    if match is None:
        return line
    extras = sorted(python_name(extra.strip()) for extra in (match["extras"] or "").split(",") if extra.strip())
    versions, semicolon, marker = re.sub(r"\s", "", match["rest"]).partition(";")
    marker = marker.replace('"', "'")
    return f"{python_name(match['name'])}{extras}{','.join(sorted(versions.split(',')))}{semicolon}{marker}"


def _proposal(group: t.Sequence[Environment], wishes: Wishes, name: str) -> Proposal:
    first = group[0]
    sorted_out = _sort_out(first.packages, wishes)
    guesses = guess(
        (package.name for package in sorted_out.kept),
        from_vcs=any(package.kind == "vcs" for package in sorted_out.kept),
    )
    dependencies: dict[str, t.Any] = {}
    for key, wished in (("ansible-core", wishes.ansible_core), ("ansible-runner", wishes.ansible_runner)):
        if key in sorted_out.own:
            dependencies[key.replace("-", "_")] = {"package_pip": _one_word(sorted_out.own[key])}
        elif key not in wishes.base_packages:
            dependencies[key.replace("-", "_")] = {"package_pip": wished}
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
        name=name,
        environments=tuple(environment.path for environment in group),
        used_by=_all_users(group),
        definition=definition,
        guesses=guesses,
        left_out=sorted_out.left_out,
        conflicts=sorted_out.conflicts,
        advice=(
            *_ansible_advice(first, wishes, dependencies.get("ansible_core", {}).get("package_pip")),
            *_advice(group, sorted_out),
        ),
    )


@dataclass(frozen=True)
class _SortedOut:
    """``own`` are the packages for which a definition has keys of their own, by name."""

    kept: tuple[Package, ...]
    own: dict[str, Package]
    left_out: tuple[dict[str, str], ...]
    conflicts: tuple[dict[str, str], ...]


def _sort_out(packages: t.Sequence[Package], wishes: Wishes) -> _SortedOut:
    """Say which packages go into the definition: also those of other versions than in the base image, but told."""
    kept: list[Package] = []
    own: dict[str, Package] = {}
    left_out: list[dict[str, str]] = []
    conflicts: list[dict[str, str]] = []
    for package in packages:
        at_base = wishes.base_packages.get(package.name)
        if package.requirement is None:
            left_out.append({"package": package.source, "reason": package.note or "it cannot be installed elsewhere"})
        elif _is_replaced(package) or (package.name in _OWN_KEYS and package.requirement == package.name):
            continue  # the first is told by the advice, the second says nothing
        elif at_base is not None and at_base == package.version:
            left_out.append({"package": package.source, "reason": "the base image has it in this version"})
        else:
            if package.name in _OWN_KEYS:
                own[package.name] = package
            else:
                kept.append(package)
            if at_base is not None:
                conflicts.append(
                    {"package": package.name, "base": at_base, "environment": package.version or package.source}
                )
    return _SortedOut(tuple(kept), own, tuple(left_out), tuple(conflicts))


def _is_replaced(package: Package) -> bool:
    """Whether this is an Ansible from before ansible-core: ansible-base, and ansible before version 4."""
    if package.name == "ansible-base":
        return True
    return package.name == "ansible" and package.version is not None and _version(package.version) < (4,)


def _one_word(package: Package) -> str:
    """Return a package's requirement without spaces and marker: keys of a definition hold words for a command line."""
    if package.version is not None:
        return f"{package.name}=={package.version}"
    requirement = str(package.requirement)
    return re.sub(r"\s", "", requirement if "://" in requirement else requirement.partition(";")[0])


def _ansible_advice(environment: Environment, wishes: Wishes, core: str | None) -> list[str]:
    """Return what is to be told about Ansible; ``core`` is the requirement for it, None with the base image's own."""
    instead = core or f"ansible-core {wishes.base_packages['ansible-core']} of the base image"
    replaced = [package for package in environment.packages if package.requirement and _is_replaced(package)]
    if replaced:
        names = " and ".join(f"{one.name} {one.version}" if one.version else one.source for one in replaced)
        return [
            f"{instead} takes the place of {names}. Modules that left Ansible in 2.10 are in "
            "collections now: name those that the playbooks use in `dependencies.galaxy`"
        ]
    found = environment.find("ansible")
    if found is None or found.requirement is None:
        return []
    if found.version is None:
        return [f"{found.requirement} may be or bring another Ansible than {instead}: see which of them is right"]
    if environment.find("ansible-core") is not None:
        return []
    return [f"it keeps the collections of ansible {found.version}; see that {instead} is right for them"]


def _advice(group: t.Sequence[Environment], sorted_out: _SortedOut) -> list[str]:
    """Return what to look at before the build."""
    own = list(sorted_out.own.values())
    told = [f"{one.requirement}: {one.note}" for one in (*own, *sorted_out.kept) if one.note]
    told += [
        f"{one.requirement}: it is installed before system packages are, so the base image itself needs git"
        for one in own
        if one.kind == "vcs"
    ]
    known = {one.python for one in group if one.python and len(_version(one.python)) > 1}
    old = sorted(python for python in known if _version(python) < _YOUNG_PYTHON)
    if old:
        told.append(f"the pins are of Python {', '.join(old)}: raise those that have no version for the image's Python")
    return told


def _names(groups: t.Sequence[t.Sequence[Environment]], given: t.Mapping[str, str]) -> list[str]:
    """Return a name that a repository may have for each group: the user's, else that of the first path.

    Where two would have the same, a hash of the path tells them apart: a number would be another one's as soon as there
    is one environment more or less.
    """
    plain = [slug(posixpath.basename(group[0].path.rstrip("/"))) for group in groups]
    chosen = [next((given[one.path] for one in group if one.path in given), None) for group in groups]
    often = Counter(name for name, own in zip(plain, chosen) if own is None)
    taken = set(given.values())
    names: list[str] = []
    for group, name, own in zip(groups, plain, chosen):
        if own is None and often[name] == 1 and name not in taken:
            own = name
        if own is None or own in names:
            own = _with_hash(own or name, group[0].path, taken.union(names))
        names.append(own)
    return names


def _with_hash(name: str, path: str, taken: t.Container[str]) -> str:
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
    longer = (f"{name}-{digest[:length]}" for length in range(6, len(digest) + 1))
    return next(one for one in longer if one not in taken)


def slug(text: str) -> str:
    """Return a text as the component of an image's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "ee"


def _all_users(group: t.Sequence[Environment]) -> UsedBy:
    used: UsedBy = {kind: [] for kind in KINDS_OF_USERS}
    for environment in group:
        for kind in KINDS_OF_USERS:
            used[kind] += [one for one in environment.used_by.get(kind, []) if one not in used[kind]]
    return used
