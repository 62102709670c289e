# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image holds, from its labels or from a look inside, and how two images differ."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import COLLECTIONS_LABEL, PYTHON_LABEL

Versions = t.Mapping[str, str]
KINDS = ("collections", "python_packages", "roles", "system_packages")
_SINGULAR = {
    "collections": "collection",
    "python_packages": "Python package",
    "roles": "role",
    "system_packages": "OS package",
}


@dataclass(frozen=True)
class Contents:
    """Name → version of each kind of thing; None where it is not known.

    ``facts`` are those of ``look_inside``, where somebody looked.
    """

    collections: Versions | None = None
    python_packages: Versions | None = None
    roles: Versions | None = None
    system_packages: Versions | None = None
    facts: t.Mapping[str, t.Any] = field(default_factory=dict)

    def of(self, kind: str) -> Versions | None:
        found: Versions | None = getattr(self, kind)
        return found

    @property
    def complete(self) -> bool:
        return all(self.of(kind) is not None for kind in KINDS)

    def python_package(self, name: str) -> str | None:
        """Return the version of a Python package, whatever the spelling of its name."""
        for known, version in (self.python_packages or {}).items():
            if normalized(known) == name:
                return version
        return None


def normalized(name: str) -> str:
    """Return a Python package's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def from_labels(labels: t.Mapping[str, str]) -> Contents:
    """Return what ee_build noted when it built the image. OS packages and roles are not among it."""
    return Contents(
        collections=_versions(labels.get(COLLECTIONS_LABEL)), python_packages=_versions(labels.get(PYTHON_LABEL))
    )


def _versions(text: str | None) -> Versions | None:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(value, dict) or not all(isinstance(version, str) for version in value.values()):
        return None
    return value


def from_facts(facts: t.Mapping[str, t.Any]) -> Contents:
    """Return what ``look_inside`` found. Of OS packages with one name, such as kernels, all versions are kept."""
    system: dict[str, str] = {}
    for package in (facts.get("system_packages") or {}).get("packages", ()):
        before = system.get(package["name"])
        system[package["name"]] = package["version"] if before is None else f"{before}, {package['version']}"
    return Contents(
        collections=_listed(facts["collections"]),
        python_packages=_listed(facts["python_packages"]),
        roles=_listed(facts["roles"]),
        system_packages=system,
        facts=facts,
    )


def _listed(things: t.Iterable[t.Mapping[str, t.Any]]) -> Versions:
    return {thing["name"]: thing["version"] for thing in things}


@dataclass(frozen=True)
class Difference:
    """How two sets of one kind differ. ``changed`` maps a name to its version before and after."""

    kind: str
    added: Versions
    removed: Versions
    changed: t.Mapping[str, tuple[str, str]]

    @property
    def lines(self) -> list[str]:
        """Return the difference for people, one thing a line, in the order of names."""
        thing = _SINGULAR[self.kind]
        told = {name: f"{thing} {name} {version} is new" for name, version in self.added.items()}
        told.update({name: f"{thing} {name} {version} is gone" for name, version in self.removed.items()})
        told.update({name: f"{thing} {name} {old} -> {new}" for name, (old, new) in self.changed.items()})
        return [told[name] for name in sorted(told)]

    def as_result(self) -> dict[str, t.Any]:
        changed = {name: {"before": old, "after": new} for name, (old, new) in self.changed.items()}
        return {"added": dict(self.added), "removed": dict(self.removed), "changed": changed}


def compare(before: Contents, after: Contents) -> list[Difference]:
    """Return the differences of all kinds that are known of both."""
    found = []
    for kind in KINDS:
        old, new = before.of(kind), after.of(kind)
        if old is None or new is None:
            continue
        found.append(
            Difference(
                kind,
                added={name: version for name, version in new.items() if name not in old},
                removed={name: version for name, version in old.items() if name not in new},
                changed={name: (old[name], new[name]) for name in old if name in new and old[name] != new[name]},
            )
        )
    return found
