# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three kinds of requirements lists: what their entries are called, and lists joined by these names."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import plain, read, write

Kind = t.Literal["galaxy", "python", "system"]
Entry = t.Any
"""A name, possibly with a version, or a mapping."""

# The name at the start of a dependency specification: PEP 508.
_PYTHON_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:[\[<>=!~;@(,#]|$|\s)")


def join(kind: Kind, contents: t.Sequence[str]) -> str:
    """Join requirements lists. What a later one says of a name stands in place of all that earlier ones say of it.

    Raises Invalid for a galaxy list that ansible-galaxy could not read either.
    """
    if kind == "galaxy":
        return _join_galaxy([read_galaxy(content) for content in contents])
    name_of = python_name if kind == "python" else system_name
    joined: list[tuple[str, list[str]]] = []
    for content in contents:
        joined = _overlaid(joined, _grouped(_logical_lines(content), name_of))
    return "".join(f"{line}\n" for _name, lines in joined for line in lines)


def _overlaid(
    below: list[tuple[str, list[t.Any]]], above: list[tuple[str, list[t.Any]]]
) -> list[tuple[str, list[t.Any]]]:
    """Put groups over earlier ones: a known name keeps its place, a new one comes last."""
    newer = dict(above)
    kept = [(name, newer.pop(name, entries)) for name, entries in below]
    return [*kept, *newer.items()]


def _grouped(entries: t.Iterable[t.Any], name_of: t.Callable[[t.Any], str]) -> list[tuple[str, list[t.Any]]]:
    groups: dict[str, list[t.Any]] = {}
    for entry in entries:
        groups.setdefault(name_of(entry), []).append(entry)
    return list(groups.items())


def _logical_lines(content: str) -> list[str]:
    """Return the lines that say something; one that ends in a backslash goes on in the next."""
    lines = [line.rstrip() for line in re.split(r"(?<!\\)\r?\n", content)]
    return [line for line in lines if line and not line.lstrip().startswith("#")]


def python_name(line: str) -> str:
    """Return the normalised name (PEP 503) that a requirement is for; an option or a bare URL names itself."""
    match = _PYTHON_NAME.match(line)
    if match is None or "://" in line.split("@", 1)[0]:
        return line.strip()
    return re.sub(r"[-_.]+", "-", match[1]).lower()


def system_name(line: str) -> str:
    """Return the package of a bindep line, without its profiles."""
    return re.split(r"[\s\[(]", line.lstrip(), maxsplit=1)[0]


# Galaxy: collections and roles


def read_galaxy(content: str) -> dict[str, t.Any]:
    """Return a requirements file as a mapping with ``collections`` and ``roles``, versions as written. Raises Invalid.

    A file that is a list names roles, as in ansible-galaxy's first format.
    """
    source = read(content)
    if source.root is None:
        raise Invalid(f"The galaxy requirements cannot be read: {source.problems[0].message}")
    data = plain(source.root)
    if data is None:
        return {}
    if isinstance(data, list):
        data = {"roles": data}
    if not isinstance(data, dict) or not all(isinstance(entries or [], list) for entries in data.values()):
        raise Invalid(
            "The galaxy requirements are no list of collections or roles.",
            hint="Write a mapping: `collections:` with the list below it.",
        )
    return {kind: entries or [] for kind, entries in data.items()}


def _join_galaxy(files: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    joined: dict[str, list[tuple[str, list[Entry]]]] = {}
    for file in files:
        for kind, entries in file.items():
            joined[kind] = _overlaid(joined.get(kind, []), _grouped(entries, galaxy_name))
    data = {kind: [entry for _name, group in groups for entry in group] for kind, groups in joined.items()}
    return write(data) if data else ""


def galaxy_name(entry: Entry) -> str:
    """Return the name of a collection or role, or where it comes from if it has none."""
    if isinstance(entry, dict):
        return str(entry.get("name") or entry.get("source") or entry.get("src") or entry)
    name, colon, _version = str(entry).partition(":")
    return name if colon and "/" not in entry else str(entry)


def pin_collections(content: str, versions: t.Mapping[str, str], add: bool = True) -> tuple[str, list[str]]:
    """Give every collection its exact version; return the list and the names that ``versions`` does not know.

    Collections that are in ``versions`` but not in the list, such as dependencies, are added, with ``add``. Those from
    git, a URL or a file keep what they have; those of them that may move are among the unknown. Raises Invalid.
    """
    file = read_galaxy(content)
    entries: list[Entry] = []
    unknown: list[str] = []
    left = dict(versions)
    for entry in file.get("collections", []):
        name = galaxy_name(entry)
        version = left.pop(name, None)
        if isinstance(entry, dict) and entry.get("type", "galaxy") != "galaxy":
            entries.append(entry)
            if not _stays(entry):
                unknown.append(str(entry.get("source") or name))
        elif version is None:
            unknown.append(name)
            entries.append(entry)
        elif isinstance(entry, dict):
            entries.append({**entry, "version": version})
        else:
            entries.append({"name": name, "version": version})
    if add:
        entries.extend({"name": name, "version": version} for name, version in sorted(left.items()))
    return write({**file, "collections": entries}), unknown


def is_pinned(entry: Entry, versions: t.Mapping[str, str]) -> bool:
    """Whether an entry is one that got its exact version from ``versions``."""
    galaxy = isinstance(entry, dict) and entry.get("type", "galaxy") == "galaxy"
    return galaxy and entry.get("version") == versions.get(galaxy_name(entry), "")


def _stays(entry: t.Mapping[str, t.Any]) -> bool:
    """Whether a collection that is not from Galaxy is the same in every build: a file's bytes count, and a commit."""
    commit = re.fullmatch("[0-9a-f]{40,64}", str(entry.get("version")))
    return entry["type"] in ("file", "dir", "subdirs") or commit is not None
