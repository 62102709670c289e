# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What git knows of a definition's folder."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """The last commit that touched a folder; ``time`` is in seconds since 1970."""

    revision: str
    time: int


def last_commit(folder: Path) -> Commit | None:
    """Return the commit that the folder's content comes from.

    None without git, outside a work tree, and where the folder has changes or files that no commit holds: the content
    then comes from no commit.
    """
    git = shutil.which("git")
    if git is None:
        return None
    log = _ask(git, folder, "log", "-1", "--format=%H %ct", "--", ".")
    if not log or _ask(git, folder, "status", "--porcelain", "--", ".") != "":
        return None
    revision, _space, moment = log.partition(" ")
    return Commit(revision, int(moment))


def _ask(git: str, folder: Path, *arguments: str) -> str | None:
    done = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
