# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions on disk: read one with all that belongs to it (folder, fragments, lock), plan what to write.

What a definition means is decided in ``_core``; here are only files. What few tasks ask for (fragments, migration,
locks) is in ``_definition_parts``, and imported only when it is asked for: a task has no bytecode at hand, so that
compiling these files would cost each one some 10 ms.
"""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core import yaml_source
from ansible_collections.foundry.ee.plugins.module_utils._core.definition import Parsed
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    NOTHING,
    Change,
    Context,
    Definition,
    Finding,
    Place,
)

LARGEST_KEYRING = 64 * 1024 * 1024
LARGEST_LIST = 4 * 1024 * 1024
"""Bytes of a requirements file that is read to be merged or pinned."""


class Source(t.NamedTuple):
    """Where a definition comes from: exactly one of ``src``, ``mapping`` and ``fragments`` is set.

    ``src`` is a file, or a folder that holds one of the usual name. ``folder`` is what paths in ``mapping`` and in
    fragments without a file of their own are relative to.
    """

    src: str | None = None
    mapping: t.Mapping[str, t.Any] | None = None
    fragments: t.Sequence[t.Mapping[str, t.Any]] | None = None
    folder: str | None = None

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.src or ("The merged definition" if self.fragments is not None else "The definition")


class Loaded(t.NamedTuple):
    """A definition with its folder. ``text`` is None where there is none yet, or it no longer says the same."""

    definition: Definition
    folder: Path
    text: bytes | None = None
    places: t.Mapping[str, Place] = NOTHING
    advice: tuple[Finding, ...] = ()
    older: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    constraints: tuple[str, ...] = ()


def refusal(
    name: str, problems: t.Sequence[Finding], advice: t.Sequence[Finding] = (), *, with_files: bool = False
) -> Invalid:
    """Return the error that lists all problems, each with its place and the mend.

    ``with_files``: they are from several files, so that each is told with its own.
    """
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    tell = told if with_files else _told
    lines = [f"{name} has {count}.", *(f"- {tell(problem)}" for problem in problems)]
    details = {"problems": as_results(problems), "advice": as_results(advice)}
    return Invalid("\n".join(lines), details=details)


def as_results(findings: t.Iterable[Finding]) -> list[dict[str, t.Any]]:
    return [finding.as_result() for finding in findings]


def _told(finding: Finding) -> str:
    place = finding.place
    where = "" if place.line is None else f"line {place.line}: "
    if place.line is not None and place.column is not None:
        where = f"line {place.line}, column {place.column}: "
    return f"{where}{finding.message} {finding.hint}"


def told(finding: Finding) -> str:
    """Return a finding as one line, with its file."""
    where = "" if finding.place.path is None else f"{finding.place.path}, "
    return f"{where}{_told(finding)}"


def load(source: Source) -> Loaded:
    """Read a definition. Raises Invalid with all its problems."""
    if source.src is not None:
        path = find(source.src)
        text = read(path)
        return _loaded(definitions.parse(text, str(path)), str(path), path.parent, text)
    folder = Path(source.folder or ".")
    if source.fragments is not None:
        from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import merged

        return merged(source.fragments, folder)
    return _loaded(definitions.from_mapping(source.mapping), source.name, folder)


def _loaded(parsed: Parsed, name: str, folder: Path, text: bytes | None = None) -> Loaded:
    if parsed.definition is None:
        problems = (*parsed.problems, *_further(parsed, folder))
        raise refusal(name, sorted(problems, key=lambda problem: problem.place.line or 0), parsed.advice)
    return Loaded(parsed.definition, folder, text, parsed.places, parsed.advice, parsed.older)


def _further(parsed: Parsed, folder: Path) -> list[Finding]:
    """Return what is wrong with the files that a refused definition names, so that all is told at once."""
    if parsed.draft is None:
        return []
    known = {finding.place.key for finding in parsed.problems}
    found = contexts.problems_of(parsed.draft, str(folder), parsed.places)
    return [finding for finding in found if finding.place.key not in known]


def rendered(loaded: Loaded, name: str, **options: t.Any) -> Context:
    """Return the build context, see ``context.collect``. Raises Invalid with all that is wrong with the files."""
    try:
        return contexts.collect(
            loaded.definition,
            str(loaded.folder),
            places=loaded.places,
            constraints=loaded.constraints,
            **options,
        )
    except Invalid as error:
        problems = found_in(error)
        if not problems:
            raise
        raise refusal(name, problems, loaded.advice) from error


def found_in(error: Invalid) -> list[Finding]:
    """Return the problems that an error carries."""
    return [_finding(result) for result in error.details.get("problems", ())]


def _finding(result: t.Mapping[str, t.Any]) -> Finding:
    place = Place(result["path"], result["line"], result["column"], result["key"])
    return Finding(result["message"], result["hint"], place)


def find(src: str) -> Path:
    """Return the definition's file; in a folder, the one of the usual name. Raises Invalid."""
    path = Path(src)
    if not contexts.is_folder(path):
        return path
    for name in definitions.DEFAULT_NAMES:
        if contexts.kind_of(path / name) == stat.S_IFREG:
            return path / name
    raise _unusable(path, "It holds no definition.", f"Looked for {' and '.join(definitions.DEFAULT_NAMES)}.")


def read(path: Path, largest: int = yaml_source.LARGEST_BYTES) -> bytes:
    """Return a file's bytes, if it is a file and not too large. Raises Invalid."""
    try:
        with contexts.open_file(path) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(path, "It is not a file.", "Name a file.")
            if status.st_size > largest:
                raise _unusable(path, *yaml_source.size_words(status.st_size, largest))
            return file.read(largest)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise _unusable(path, f"It cannot be read: {words}.", "Check the path and its permissions.") from error


def read_keyring(path: str | None) -> bytes | None:
    """Return the bytes of a keyring, None where none is named. Raises Invalid."""
    return None if path is None else read(Path(path), LARGEST_KEYRING)


def _unusable(path: Path, message: str, hint: str) -> Invalid:
    return refusal(shortened(str(path)), [Finding(message, hint, Place(str(path)))])


def shortened(text: str) -> str:
    """Return a name as it can be shown."""
    text = text.replace("\0", "\\0")
    return text if len(text) <= 160 else f"{text[:157]}…"


# Writing


class FilePlan(t.NamedTuple):
    """What happens to one file: ``after`` is None where it goes. ``mode`` is None where it is left alone."""

    path: Path
    before: bytes | None
    after: bytes | None
    mode_before: int | None = None
    mode: int | None = None

    @property
    def changed(self) -> bool:
        return self.before != self.after or (self.mode is not None and self.mode_before != self.mode)


def plan_file(path: Path, after: bytes | None, mode: int | None = None) -> FilePlan:
    """Compare a file with what it shall hold. A link is followed: its target is what changes. Raises Invalid."""
    try:
        real = Path(os.path.realpath(path))
        status = real.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return FilePlan(real, None, after, None, None if after is None else mode)
    except (OSError, ValueError) as error:
        raise _unusable(path, f"It cannot be looked at: {contexts.why(error)}.", "Name another path.") from error
    if not stat.S_ISREG(status.st_mode):
        raise Invalid(f"{path} is there, and is not a file.", hint="Name another path.")
    before = read(real, max(LARGEST_LIST, len(after or b"")))
    return FilePlan(real, before, after, stat.S_IMODE(status.st_mode), None if after is None else mode)
