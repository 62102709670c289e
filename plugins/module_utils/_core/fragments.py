# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One definition from several: the company's base, the team's additions, the project's last word."""

from __future__ import annotations

import glob
import posixpath
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core import requirements
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import pip_lists
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    STEP_NAMES,
    BuildFile,
    ContainerInit,
    Definition,
    Exclude,
    Options,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node

SHORT = {
    "base_image": ("images", "base_image", "name"),
    "collections": ("dependencies", "galaxy", "collections"),
    "roles": ("dependencies", "galaxy", "roles"),
    "python": ("dependencies", "python"),
    "system": ("dependencies", "system"),
    "ansible_core": ("dependencies", "ansible_core", "package_pip"),
    "ansible_runner": ("dependencies", "ansible_runner", "package_pip"),
}
"""Short names that a fragment may use at its top, and what they stand for."""


@dataclass(frozen=True)
class Part:
    """One fragment: a definition of version 3, and which key paths it gave.

    ``contents`` holds the text of each requirements list, read from its file where it has one. ``folder`` is the
    fragment's folder as seen from the folder of the whole, ``.`` if it is the same; what a list includes is named as
    seen from there, too.
    """

    definition: Definition
    given: t.Container[str]
    contents: t.Mapping[requirements.Kind, str] = field(default_factory=dict)
    folder: str = "."


def expand(root: Node) -> Node:
    """Return a fragment as a definition of version 3: short names written out, the version added.

    A short name beside its long form is left where it is, for the parser to refuse, as is what is no mapping.
    """
    if not isinstance(root.value or {}, dict):
        return root
    given: dict[str, Node] = root.value or {}
    version = {"version": Node(definitions.NEWEST, root.line, root.column)}
    full, names = {**version, **_without(SHORT, given)}, {**version, **_without(SHORT, root.names)}
    for name, value in given.items():
        if name in SHORT and not _put(full, names, SHORT[name], root.names[name], value):
            full[name], names[name] = value, root.names[name]
    return root._replace(value=full, names=names)


def _without(names: t.Container[str], nodes: t.Mapping[str, Node]) -> dict[str, Node]:
    return {name: node for name, node in nodes.items() if name not in names}


def _put(full: dict[str, Node], names: dict[str, Node], path: t.Sequence[str], name: Node, value: Node) -> bool:
    """Put a value where a path leads, unless there is one; what is missing on the way stands where ``name`` does."""
    step, *rest = path
    if not rest:
        if step in full:
            return False
        full[step], names[step] = value, name
        return True
    below = full.get(step, Node({}, name.line, name.column))
    if not isinstance(below.value, dict):
        return False
    inner, inner_names = dict(below.value), dict(below.names)
    if not _put(inner, inner_names, rest, name, value):
        return False
    full[step] = below._replace(value=inner, names=inner_names)
    names.setdefault(step, name)
    return True


def merge(parts: t.Sequence[Part]) -> Definition:
    """Put fragments over one another; the later one wins.

    Requirements are joined by the names of collections, roles, packages. Build arguments and options are joined by
    key, exclusions and build files are added, steps are carried out one after the other. Raises Invalid.
    """
    whole = Definition(version=definitions.NEWEST)
    for part in parts:
        whole = _over(whole, part)
    return whole._replace(
        galaxy=_joined("galaxy", parts), python=_joined("python", parts), system=_joined("system", parts)
    )


def _over(below: Definition, part: Part) -> Definition:
    above = part.definition
    names = {*below.steps, *above.steps}
    steps = {name: below.steps.get(name, ()) + above.steps.get(name, ()) for name in sorted(names)}
    single = ("base_image", "python_package", "python_path", "ansible_core", "ansible_runner")
    return below._replace(
        build_args={**below.build_args, **above.build_args},
        exclude=_excluded(below.exclude, above.exclude),
        build_files=_files(below.build_files, part),
        steps={name: steps[name] for name in STEP_NAMES if name in steps},
        options=_options(below.options, part),
        **{name: getattr(above, name) for name in single if getattr(above, name) is not None},
    )


def _excluded(below: Exclude, above: Exclude) -> Exclude:
    both = {name: (*getattr(below, name), *getattr(above, name)) for name in Exclude._fields}
    return Exclude(**{name: tuple(dict.fromkeys(entries)) for name, entries in both.items()})


def _files(below: tuple[BuildFile, ...], part: Part) -> tuple[BuildFile, ...]:
    folder = glob.escape(part.folder)  # `src` is a pattern
    moved = [file._replace(src=_seen_from(folder, file.src)) for file in part.definition.build_files]
    return tuple(dict.fromkeys((*below, *moved)))


def _seen_from(folder: str, src: str) -> str:
    return src if folder == "." or posixpath.isabs(src) else posixpath.join(folder, src)


def _options(below: Options, part: Part) -> Options:
    above = part.definition.options
    given = {
        name: getattr(above, name)
        for name in Options._fields
        if name != "container_init" and f"options.{name}" in part.given
    }
    init = below.container_init
    if "options.container_init" in part.given:
        names = [name for name in ContainerInit._fields if f"options.container_init.{name}" in part.given]
        # An empty mapping clears, see the parser; else what is given goes over what was there.
        init = init._replace(**{name: getattr(above.container_init, name) for name in names})
        init = init if names else ContainerInit(None, None, None)
    return below._replace(container_init=init, **given)


def _joined(kind: requirements.Kind, parts: t.Sequence[Part]) -> Requirements | None:
    """Return the list of all parts; one that only a single part has stays as it is, file name and all."""
    having = [part for part in parts if kind in part.contents]
    if not having:
        return None
    only: Requirements | None = getattr(having[0].definition, kind)
    if len(having) == 1 and only is not None:
        file = None if only.file is None else _seen_from(having[0].folder, only.file)
        return Requirements(file, None if only.content is None else having[0].contents[kind])
    content = requirements.join(kind, [part.contents[kind] for part in having])
    return Requirements(content=content) if content else None


def rebased(text: str, folder: str) -> str:
    """Return a pip list with the files that it includes named as seen from where ``folder`` is, its own folder."""
    return "\n".join(_rebased_line(line, folder) for line in text.split("\n"))


def _rebased_line(line: str, folder: str) -> str:
    said = pip_lists.COMMENT.sub("", line).strip()
    other, _kind = pip_lists.included(said)
    if other is None or posixpath.isabs(other) or "://" in other:
        return line
    return said[: -len(other)] + posixpath.normpath(posixpath.join(folder, other))
