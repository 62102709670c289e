# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the installed collections ask for: Python and OS packages, who asks, what was left out and why.

One collection that is wrong does not spoil the rest: it is reported as a problem. Used inside the image and, as a
library function, on the controller.
"""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from . import pip_lists

# Tools to develop or run collections with, which collections list by mistake and an image has or must not change.
BUILT_IN_EXCLUSIONS = frozenset(
    [
        *["ansible", "ansible-base", "ansible-core", "ansible-lint", "coverage", "flake8", "galaxy-importer", "json"],
        *["mock", "molecule", "pycodestyle", "pylint", "pytest", "pytest-xdist", "python", "pyyaml", "testinfra"],
        *["tox", "voluptuous", "yaml", "yamllint"],
    ]
)
_HASH = re.compile(r"\s+--hash[=\s]\S+")
_REQUIREMENT = re.compile(
    r"""(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        \s*(?:\[(?P<extras>[A-Za-z0-9._,\s-]*)\])?
        \s*(?P<rest>(?:@\s*\S+|\(?\s*(?:(?:===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()=<>!~][^\s,;()]*\s*,?\s*)*\)?))
        \s*(?:;\s*(?P<marker>.+))?""",
    re.VERBOSE,
)
_DEEPEST = 20
USER = "user"
DEFINITION = "definition"


@dataclass(frozen=True)
class Requirement:
    """One line that somebody asks for. ``name`` is None where pip alone can read the line (URLs, options)."""

    line: str
    collection: str
    name: str | None = None


@dataclass(frozen=True)
class Left:
    """A line that is left out, and why: ``built-in``, or the entry of the definition that says so."""

    line: str
    collection: str
    because: str


@dataclass(frozen=True)
class Problem:
    """What could not be read in a collection; the rest of it, and the other collections, count all the same."""

    collection: str
    message: str


@dataclass
class Report:
    """Everything found. ``constraints`` maps a collection to the lines of its constraint files."""

    python: list[Requirement] = field(default_factory=list)
    system: list[Requirement] = field(default_factory=list)
    constraints: dict[str, list[str]] = field(default_factory=dict)
    excluded: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def as_data(self, *parts: str) -> dict[str, t.Any]:
        """Return the named parts (all, if none is named) as plain data."""
        data = asdict(self)
        return {key: data[key] for key in (parts or data)}


@dataclass(frozen=True)
class Exclusions:
    """What the definition leaves out; entries are names, or ``~`` and a regular expression for the whole name."""

    python: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()


def normalize(name: str) -> str:
    """Return the one spelling of a Python package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def introspect(collections: Path, exclusions: Exclusions, load_yaml: t.Callable[[str], t.Any]) -> Report:
    """Read every collection below ``collections``, which holds ``ansible_collections``.

    ``load_yaml`` reads a document and may raise ValueError.
    """
    report = Report()
    exclusions = _usable(exclusions, report)
    for name, folder in find_collections(collections):
        _Reader(name, folder, exclusions, report).read(load_yaml)
    return report


def _usable(exclusions: Exclusions, report: Report) -> Exclusions:
    """Return the exclusions without regular expressions that are none; those are problems."""

    def usable(entry: str) -> bool:
        try:
            re.compile(entry.strip().lstrip("~"))
        except re.error as error:
            report.problems.append(Problem(DEFINITION, f"the exclusion `{entry}` is no regular expression: {error}"))
            return False
        return True

    def all_of(entries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry for entry in entries if not entry.strip().startswith("~") or usable(entry))

    return Exclusions(all_of(exclusions.python), all_of(exclusions.system), all_of(exclusions.collections))


def find_collections(folder: Path) -> t.Iterator[tuple[str, Path]]:
    """Yield the full name and the folder of every installed collection, sorted by name."""
    root = folder / "ansible_collections"
    for namespace in _folders(root):
        for collection in _folders(namespace):
            if any((collection / mark).is_file() for mark in ("galaxy.yml", "MANIFEST.json")):
                yield f"{namespace.name}.{collection.name}", collection


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted((path for path in parent.iterdir() if path.is_dir()), key=lambda path: path.name)


@dataclass(frozen=True)
class _Reader:
    """Adds what one collection asks for to the report."""

    name: str
    folder: Path
    exclusions: Exclusions
    report: Report

    def read(self, load_yaml: t.Callable[[str], t.Any]) -> None:
        python, system = self.declared(load_yaml)
        because = matching(self.name, self.exclusions.collections)
        for file, take in ((python, self.take_python), (system, self.take_system)):
            if file is None:
                continue
            for line in self.lines(file):
                if because is None:
                    take(line)
                else:
                    self.report.excluded.append(Left(line, self.name, because))

    def declared(self, load_yaml: t.Callable[[str], t.Any]) -> tuple[str | None, str | None]:
        """Return the names of the two lists: as the metadata says, else the usual files of the root."""
        for suffix in ("yml", "yaml"):
            meta = self.folder / "meta" / f"execution-environment.{suffix}"
            if meta.is_file():
                return self.from_metadata(meta, load_yaml)
        return self.usual("requirements.txt"), self.usual("bindep.txt")

    def usual(self, file: str) -> str | None:
        return file if (self.folder / file).is_file() else None

    def from_metadata(self, meta: Path, load_yaml: t.Callable[[str], t.Any]) -> tuple[str | None, str | None]:
        try:
            data = load_yaml(_read(meta))
        except (OSError, ValueError) as error:
            self.problem(f"meta/{meta.name} cannot be read: {error}")
            return None, None
        dependencies = (data if isinstance(data, dict) else {}).get("dependencies")
        if not isinstance(dependencies, dict):
            if data is not None and not (isinstance(data, dict) and dependencies is None):
                self.problem(f"meta/{meta.name}: `dependencies` is no mapping")
            return None, None
        return self.named(dependencies, "python", meta), self.named(dependencies, "system", meta)

    def named(self, dependencies: dict[t.Any, t.Any], kind: str, meta: Path) -> str | None:
        value = dependencies.get(kind)
        if value is None or value == "":
            return None
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            for line in value:
                self.take(kind, line)
            return None
        if not isinstance(value, str):
            self.problem(f"meta/{meta.name}: `dependencies.{kind}` is neither a file's name nor a list of lines")
            return None
        return value

    def take(self, kind: str, line: str) -> None:
        line = pip_lists.COMMENT.sub("", line).strip()
        because = matching(self.name, self.exclusions.collections)
        if line and because is not None:
            self.report.excluded.append(Left(line, self.name, because))
        elif line:
            (self.take_python if kind == "python" else self.take_system)(line)

    def lines(self, file: str, depth: int = 0) -> t.Iterator[str]:
        """Yield the requirement lines of a file and of those it includes, without comments."""
        path = self.inside(file)
        if path is None:
            return
        if depth > _DEEPEST:
            self.problem(f"{file} includes itself")
            return
        try:
            text = _read(path)
        except (OSError, ValueError) as error:
            self.problem(f"{file} cannot be read: {error}")
            return
        for line in pip_lists.logical_lines(text):
            other, kind = pip_lists.included(line)
            if other is None:
                yield line
            elif kind == "requirement":
                yield from self.lines(_beside(file, other), depth + 1)
            else:
                found = self.report.constraints.setdefault(self.name, [])
                found.extend(self.lines(_beside(file, other), depth + 1))

    def inside(self, file: str) -> Path | None:
        """Return the path of a file of this collection; nothing outside of it is read."""
        path = self.folder / file
        if PurePosixPath(file).is_absolute() or not _is_below(path, self.folder):
            self.problem(f"{file} is not a file of the collection")
            return None
        if not path.is_file():
            self.problem(f"{file} is missing")
            return None
        return path

    def take_python(self, line: str) -> None:
        requirement = parse_requirement(line, self.name)
        if requirement.name is not None:
            because = excluded(requirement.name, self.exclusions.python)
            if because is not None:
                self.report.excluded.append(Left(line, self.name, because))
                return
        self.report.python.append(requirement)

    def take_system(self, line: str) -> None:
        name = line.split()[0]
        because = excluded(name, self.exclusions.system, str.lower)
        if because is not None:
            self.report.excluded.append(Left(line, self.name, because))
        else:
            self.report.system.append(Requirement(line, self.name, name))

    def problem(self, message: str) -> None:
        self.report.problems.append(Problem(self.name, message))


def parse_requirement(line: str, collection: str = USER) -> Requirement:
    """Return a line with the name it asks for; hashes are left out, for with one pip demands them of every package."""
    bare = without_hashes(line)
    match = _REQUIREMENT.fullmatch(bare)
    if match is None:
        return Requirement(line, collection)
    return Requirement(bare, collection, match["name"])


def without_hashes(line: str) -> str:
    return _HASH.sub("", line)


def parse_user_requirement(line: str) -> Requirement:
    """Return a line of the user's own list, with all that it says."""
    found = parse_requirement(line)
    return Requirement(line, USER, found.name)


def merged(requirements: t.Iterable[Requirement]) -> list[str]:
    """Return the lines for pip, each package once: the version ranges of equal names, extras and markers are joined."""
    ranges: dict[tuple[str, str, str], list[str]] = {}
    names: dict[tuple[str, str, str], str] = {}
    bare: list[str] = []
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement.line)
        if match is None or match["rest"].startswith("@"):
            if requirement.line not in bare:
                bare.append(requirement.line)
            continue
        extras = ",".join(
            sorted({normalize(extra.strip()) for extra in (match["extras"] or "").split(",") if extra.strip()})
        )
        key = (normalize(match["name"]), extras, (match["marker"] or "").strip())
        names.setdefault(key, match["name"])
        found = ranges.setdefault(key, [])
        for part in match["rest"].strip("() ").split(","):
            part = part.strip()
            if part and part not in found:
                found.append(part)
    lines = []
    for key, found in ranges.items():
        _name, extras, marker = key
        lines.append(
            names[key] + (f"[{extras}]" if extras else "") + ",".join(found) + (f" ; {marker}" if marker else "")
        )
    return lines + bare


def excluded(name: str, entries: t.Sequence[str], spell: t.Callable[[str], str] = normalize) -> str | None:
    """Return why a package that a collection asks for is left out, or None."""
    if spell(name) in BUILT_IN_EXCLUSIONS:
        return "built-in"
    return matching(name, entries, spell)


def matching(name: str, entries: t.Sequence[str], spell: t.Callable[[str], str] = str.lower) -> str | None:
    """Return the first entry that fits a name: equal once spelled alike, or a regular expression for all of it."""
    for entry in map(str.strip, entries):
        if entry.startswith("~"):
            pattern = re.compile(entry[1:].strip(), re.IGNORECASE)
            if pattern.fullmatch(name.lower()) or pattern.fullmatch(spell(name)):
                return entry
        elif entry and spell(entry) == spell(name):
            return entry
    return None


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _beside(file: str, other: str) -> str:
    return os.path.normpath(PurePosixPath(file).parent / other.strip())


def _is_below(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents
