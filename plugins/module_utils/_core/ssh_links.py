# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ssh directory as a container needs it: mounted, and what its symbolic links point at mounted where they point.

Inside the container a link is followed by its text. So what is mounted is the link's real target outside, and where it
is mounted is the place that the text names inside.
"""

from __future__ import annotations

import errno
import os
import posixpath
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.run_plan import NEVER_MOUNTED, Mount

# Where ssh looks, as root and as the user that execution environments are made for.
HOMES = ("/root/.ssh", "/home/runner/.ssh")
_MOST_DIRECTORIES = 1000
_FORBIDDEN = "this user may not look there"


@dataclass(frozen=True)
class Link:
    """A symbolic link that leaves the ssh directory. ``problem`` says why its target is not mounted."""

    path: str
    target: str
    mounted_at: tuple[str, ...] = ()
    problem: str | None = None

    def as_result(self) -> dict[str, t.Any]:
        return {
            "path": self.path,
            "target": self.target,
            "mounted_at": list(self.mounted_at),
            "problem": self.problem,
        }


@dataclass(frozen=True)
class SshDirectory:
    """The mounts for one ssh directory, and its links for the result."""

    path: str
    mounts: tuple[Mount, ...]
    links: tuple[Link, ...]


def plan(directory: Path, homes: t.Sequence[str] = HOMES) -> SshDirectory:
    """Look at an ssh directory, which exists. Everything is mounted read-only."""
    real = directory.resolve()
    mounts = {home: Mount(str(real), home) for home in homes}
    links: list[Link] = []
    waiting: list[tuple[Path, tuple[str, ...]]] = [(real, tuple(homes))]
    seen: set[tuple[Path, tuple[str, ...]]] = set()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        folder, places = waiting.pop()
        if (folder, places) in seen:
            continue
        seen.add((folder, places))
        for entry in _entries(folder):
            path = Path(entry.path)
            inside = tuple(posixpath.join(place, entry.name) for place in places)
            if entry.is_symlink():
                link = _plan_link(path, inside, real, mounts)
                if link is not None:
                    links.append(link)
                    if not link.problem and path.is_dir():
                        waiting.append((path.resolve(), link.mounted_at))
            elif entry.is_dir():
                waiting.append((path, inside))
    return SshDirectory(str(directory), tuple(mounts.values()), tuple(links))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, sorted; nothing where this user may not look, who is the one that looks inside."""
    try:
        return sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError:
        return []


def _plan_link(path: Path, inside: t.Sequence[str], ssh: Path, mounts: dict[str, Mount]) -> Link | None:
    """Add the mounts of one link to ``mounts`` (place inside → mount); return it, unless it works without any."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        return Link(str(path), os.readlink(path), problem=_why_lost(error))  # noqa: PTH115 (the text as it is)
    places = [_named_place(path, place) for place in inside]
    wanted = tuple(dict.fromkeys(place for place in places if not _is_there(place, target, mounts)))
    if not wanted:
        return None
    problem = _why_not(target, wanted, ssh)
    if problem is not None:
        return Link(str(path), str(target), problem=problem)
    mounts.update({place: Mount(str(target), place) for place in wanted})
    return Link(str(path), str(target), mounted_at=wanted)


def _why_lost(error: OSError | RuntimeError) -> str:
    """Return why a link's target is not found. Up to Python 3.12 pathlib has an error of its own for a circle."""
    number = error.errno if isinstance(error, OSError) else errno.ELOOP
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "its target is not there"
    if number == errno.ELOOP:
        return "it leads in a circle"
    if number in (errno.EACCES, errno.EPERM):
        return _FORBIDDEN
    return f"its target cannot be found: {os.strerror(number) if number else error}"


def _named_place(path: Path, inside: str) -> str:
    """Return the place in the container that a link names, which itself is at ``inside`` there."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(inside), os.readlink(path)))  # noqa: PTH115


def _is_there(place: str, target: Path, mounts: t.Mapping[str, Mount]) -> bool:
    """Whether the container has the link's target at ``place`` already, because a directory above is mounted."""
    for mount in mounts.values():
        if place == mount.dest or place.startswith(mount.dest + "/"):
            return os.path.realpath(mount.src + place[len(mount.dest) :]) == str(target)
    return False


def _why_not(target: Path, places: t.Sequence[str], ssh: Path) -> str | None:
    if target == ssh or target in ssh.parents:
        return "its target holds the ssh directory itself, and much else"
    if str(target) in NEVER_MOUNTED or any(place in NEVER_MOUNTED for place in places):
        return "a directory of the whole system is not mounted"
    if any(":" in text for text in (str(target), *places)):
        return "engines read the colon in its path as the end of it"
    if target.is_dir() and not os.access(target, os.R_OK | os.X_OK):
        return _FORBIDDEN
    return None
