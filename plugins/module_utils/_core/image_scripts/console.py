# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the helpers share: running commands, talking, failing, and one lock per cache."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path


class Failure(Exception):
    """The build cannot go on; the text says what to change."""


def say(text: str) -> None:
    sys.stdout.write(f"foundry.ee: {text}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    say(f"WARNING: {text}")


def run(command: t.Sequence[str], env: t.Mapping[str, str] | None = None, cwd: str | None = None) -> None:
    """Run a command with its output shown. Raises Failure."""
    try:
        result = subprocess.run(command, env={**os.environ, **(env or {})}, cwd=cwd, check=False)
    except OSError as error:
        raise Failure(f"`{command[0]}` cannot be run: {error.strerror}") from error
    if result.returncode != 0:
        raise Failure(f"`{shlex.join(command)}` ended with {result.returncode}")


def output(command: t.Sequence[str]) -> str | None:
    """Return what a command prints, or None if it cannot be run or fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None


@contextlib.contextmanager
def locked(path: Path) -> t.Iterator[None]:
    """Hold a lock file: builds that run at the same time share the cache mount."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
