# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lock files: what a built image holds, so that the next build gets the same.

The file is YAML, made to be kept in git beside the definition::

    ---
    # What the image held; made by foundry.ee.ee_definition. Renew it with `lock_facts`, do not edit it.
    lock: 1
    base:
      name: registry.example.com/ee-minimal:1.2
      digest: sha256:…
    collections:
      ansible.posix: 1.5.4
    python:
      six: 1.16.0

``base`` is what the definition named and the digest that it stood for. ``collections`` and ``python`` map names to
exact versions. Every part may be absent: it is then not pinned.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref, requirements
from ansible_collections.foundry.ee.plugins.module_utils._core.containerfile import DEFAULT_BASE
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    Definition,
    Finding,
    Image,
    Place,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node, read, write

BASE_NAME_LABEL = "org.opencontainers.image.base.name"
BASE_DIGEST_LABEL = "org.opencontainers.image.base.digest"
"""The labels in which an image says what it was built from, see the OCI image specification's annotations."""

_COLLECTION = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", re.IGNORECASE)
_PACKAGE = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
_VERSION = re.compile(r"[a-z0-9][a-z0-9.!+_-]*", re.IGNORECASE)
_NOT_PINNED = frozenset({"pip", "setuptools", "wheel"})
"""pip's own tools: pinned as constraints they would also bind the isolated builds of other packages."""

_HEADER = "# What the image held; made by foundry.ee.ee_definition. Renew it with `lock_facts`, do not edit it.\n"


@dataclass(frozen=True)
class Lock:
    """Names and exact versions; ``base_name`` and ``base_digest`` are both set or both None."""

    base_name: str | None = None
    base_digest: str | None = None
    collections: t.Mapping[str, str] = field(default_factory=dict)
    python: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def constraints(self) -> tuple[str, ...]:
        """Return the lines of a pip constraints file, sorted."""
        return tuple(f"{name}=={version}" for name, version in sorted(self.python.items()))


def from_facts(facts: t.Mapping[str, t.Any]) -> Lock:
    """Make a lock of what ``ee_image_info`` returns: ``collections``, ``python_packages``, ``labels``. Raises Invalid.

    The first two map names to versions; the base comes from the labels.
    """
    labels = _texts(facts.get("labels"), "labels")
    name, digest = labels.get(BASE_NAME_LABEL), labels.get(BASE_DIGEST_LABEL)
    collections = _texts(facts.get("collections"), "collections")
    python = _texts(facts.get("python_packages"), "python_packages")
    if not collections and not python:
        raise Invalid(
            "`lock_facts` has neither `collections` nor `python_packages`.",
            hint="Give it the result of `foundry.ee.ee_image_info` for a built image.",
        )
    known = bool(name and digest)
    # Of a collection in development nobody may know the version.
    collections = {name: version for name, version in collections.items() if version != "unknown"}
    return _checked(Lock(name if known else None, digest if known else None, collections, _normalised(python)))


def _texts(value: t.Any, key: str) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, t.Mapping) and all(isinstance(item, str) for item in value.values()):
        return {str(name): item for name, item in value.items()}
    raise Invalid(f"`{key}` maps names to texts.", hint="Give the result of `foundry.ee.ee_image_info`.")


def _normalised(python: t.Mapping[str, str]) -> dict[str, str]:
    named = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in python.items()}
    return {name: version for name, version in named.items() if name not in _NOT_PINNED}


def _checked(lock: Lock) -> Lock:
    for name, version in lock.collections.items():
        if not _COLLECTION.fullmatch(name) or not _VERSION.fullmatch(version):
            raise Invalid(f"`{name}` `{version}` is no collection with a version.", hint="Renew the lock.")
    for name, version in lock.python.items():
        if not _PACKAGE.fullmatch(name) or not _VERSION.fullmatch(version):
            raise Invalid(f"`{name}` `{version}` is no Python package with a version.", hint="Renew the lock.")
    if lock.base_digest is not None:
        image_ref.check_digest(lock.base_digest)
    return lock


def parse(text: str | bytes, path: str | None = None) -> Lock:
    """Read a lock file. Raises Invalid with the place in its message."""
    source = read(text, path)
    if source.root is None:
        raise _unreadable(source.problems[0])
    root = source.root
    members = root.value if isinstance(root.value, dict) else {}
    if "lock" not in members or members["lock"].value != 1:
        raise _unreadable(Finding("It is no lock file of format 1.", "Renew it with `lock_facts`.", Place(path, 1)))
    base = _strings(members.get("base"), path)
    if bool(base) and set(base) != {"name", "digest"}:
        raise _unreadable(Finding("`base` needs `name` and `digest`.", "Renew it with `lock_facts`.", Place(path)))
    collections = _strings(members.get("collections"), path)
    return _checked(Lock(base.get("name"), base.get("digest"), collections, _strings(members.get("python"), path)))


def _strings(node: Node | None, path: str | None) -> dict[str, str]:
    """Return names and texts; what YAML took for a number is read as written."""
    if node is None or node.value is None:
        return {}
    found = {}
    for name, item in node.value.items() if isinstance(node.value, dict) else [("", node)]:
        text = item.source if item.source is not None else item.value
        if not isinstance(text, str):
            place = Place(path, item.line, item.column, name)
            raise _unreadable(Finding("It maps names to versions.", "Renew it with `lock_facts`.", place))
        found[name] = text
    return found


def _unreadable(finding: Finding) -> Invalid:
    place = finding.place
    line = "" if place.line is None else f", line {place.line}"
    return Invalid(f"The lock {place.path or ''}{line} cannot be used: {finding.message}", hint=finding.hint)


def dump(lock: Lock) -> str:
    """Return a lock file's text; the same lock gives the same bytes."""
    data: dict[str, t.Any] = {"lock": 1}
    if lock.base_name is not None:
        data["base"] = {"name": lock.base_name, "digest": lock.base_digest}
    for name in ("collections", "python"):
        if getattr(lock, name):
            data[name] = dict(sorted(getattr(lock, name).items()))
    return f"---\n{_HEADER}{write(data)}"


@dataclass(frozen=True)
class Pinned:
    """A definition after a lock: ``changes`` says in words what was pinned, ``advice`` what could not be."""

    definition: Definition
    changes: tuple[str, ...] = ()
    advice: tuple[Finding, ...] = ()


def apply(definition: Definition, lock: Lock, galaxy: str | None) -> Pinned:
    """Pin a definition's base and collections. ``galaxy`` is the text of its galaxy requirements. Raises Invalid.

    Python packages are not listed in a definition one by one, most come with collections: the renderer gets
    ``lock.constraints`` for them.
    """
    changes: list[str] = []
    advice: list[Finding] = []
    base = definition.base_image or Image(DEFAULT_BASE)
    if lock.base_name is not None and lock.base_digest is not None and "@" not in base.name:
        if base.name == lock.base_name:
            pinned = f"{image_ref.parse(base.name).name}@{lock.base_digest}"
            definition = definition._replace(base_image=Image(pinned, base.signature_original_name))
            changes.append(f"base image {base.name} pinned to {lock.base_digest}")
        else:
            names = "names" if definition.base_image is not None else "names none, which means"
            message = f"The lock is for the base {lock.base_name}, the definition {names} {base.name}: not pinned."
            advice.append(
                Finding(message, "Build once without the lock, and renew it.", Place(key="images.base_image"))
            )
    if galaxy is not None and lock.collections:
        # The package `ansible` brings collections of its own, which its version holds: they are not to be added twice.
        content, unknown = requirements.pin_collections(galaxy, lock.collections, add="ansible" not in lock.python)
        definition = definition._replace(galaxy=Requirements(content=content))
        entries = requirements.read_galaxy(content)["collections"]
        count = sum(requirements.is_pinned(entry, lock.collections) for entry in entries)
        changes.append(f"{count} collections pinned")
        place = Place(key="dependencies.galaxy")
        for name in unknown:
            hint = "Renew the lock." if _COLLECTION.fullmatch(name) else "Name a commit, or a file of one version."
            advice.append(Finding(f"The lock does not know the collection {name}: not pinned.", hint, place))
    if lock.python:
        changes.append(f"{len(lock.python)} Python packages constrained")
    return Pinned(definition, tuple(changes), tuple(advice))
