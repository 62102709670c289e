# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of our own on the host that builds: work that ends with us, locks, logs.

Everything is below ``$XDG_STATE_HOME/foundry-ee`` (``~/.local/state/foundry-ee``), for this user only.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import os
import shutil
import tempfile
import types
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Failed


def state_folder() -> Path:
    """Return our folder of this user, made if need be. Raises Failed."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return _private(home / "foundry-ee")


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(
            f"The folder {folder} cannot be made: {error.strerror}.",
            hint="Set XDG_STATE_HOME in the task's `environment` to a folder that this user may write.",
        ) from error
    return folder


class Workspace:
    """A private folder for one task. What a killed task left is removed by the next one.

    The folder is locked while its task lives; one without a lock belongs to nobody any more. ``forsaken`` is told the
    names of such folders before they go, so that what else is known by that name can go as well. ``home`` is the
    folder they are all in; with a ``name``, which is free to choose, a second task of that name raises Conflict.
    """

    def __init__(
        self, forsaken: t.Callable[[str], None] | None = None, *, home: str = "work", name: str | None = None
    ) -> None:
        self._forsaken = forsaken
        self._home = home
        self._name = name
        self._stack = contextlib.ExitStack()
        self.path = Path()
        self.name = ""

    def part(self, name: str) -> Workspace:
        """Return a folder in this one for one of several pieces of work. It goes with the whole."""
        part = copy.copy(self)
        part.path = self.folder(name)
        return part

    def __enter__(self) -> Workspace:
        home = _private(state_folder() / self._home)
        # Held while a folder is made, so that nobody takes it for a forsaken one before it is locked.
        with _locked(home / ".lock"):
            self._sweep(home)
            self.path = self._make(home)
            self.name = self.path.name
            self._stack.enter_context(_locked(self.path / ".lock"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        _remove(self.path)
        self._stack.close()

    def _make(self, home: Path) -> Path:
        if self._name is None:
            return Path(tempfile.mkdtemp(prefix="task-", dir=home))
        path = home / self._name
        try:
            path.mkdir(mode=0o700)
        except FileExistsError as error:
            raise Conflict(f"`{self._name}` is being worked on by another task.", hint="Wait until it ends.") from error
        return path

    @property
    def large(self) -> Path:
        """A folder for what may be large, where engines put such things by themselves."""
        return _private(_large(self.name))

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of an engine that builds, with its cache mounts in their usual place.

        podman and buildah keep those below their temporary folder, which goes with the task: in its place stand links.
        The second name is that of buildah 1.29 and later.
        """
        folder = self.large
        for name in ("buildah-cache", f"buildah-cache-{os.getuid()}"):
            kept, link = folder.parent / name, folder / name
            with contextlib.suppress(OSError):  # without, each build begins with empty mounts
                kept.mkdir(mode=0o700, exist_ok=True)
                if not kept.is_symlink() and kept.stat().st_uid == os.getuid() and not link.is_symlink():
                    link.symlink_to(kept)
        return folder

    def folder(self, name: str) -> Path:
        return _private(self.path / name)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file that only this user can read; return its path."""
        path = self.path / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        return path

    def _sweep(self, home: Path) -> None:
        for folder in home.iterdir():
            if not folder.is_dir():
                continue
            with contextlib.suppress(BlockingIOError), _locked(folder / ".lock", wait=False):
                if self._forsaken is not None:
                    self._forsaken(folder.name)
                _remove(folder)


def remove_tree(path: Path) -> None:
    """Delete a directory, also what a container left in it without write permission."""
    for folder, _folders, _files in os.walk(path):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def _large(name: str) -> Path:
    # Not tempfile.gettempdir(): engines leave /tmp alone, which is often kept in memory.
    return Path(os.environ.get("TMPDIR") or "/var/tmp", f"foundry-ee-{name}")  # noqa: S108 (a name of our own in it)


def _remove(folder: Path) -> None:
    for path in (_large(folder.name), folder):
        remove_tree(path)


@contextlib.contextmanager
def _locked(path: Path, wait: bool = True) -> t.Iterator[bool]:
    """Hold a lock, which the kernel takes back if we die; yield whether another had it. Raises BlockingIOError."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb") as file:
        waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        yield waited


class KeyLock:
    """One build of a key at a time on this host. Taken at most once by a task, and kept until it ends.

    All keys share one file, each locks its own byte of it: nothing is left behind per key.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._taken = False

    def __enter__(self) -> KeyLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._stack.close()

    def take(self, key: str) -> bool:
        """Wait until no other task builds ``key``; return whether one did, and things may thus have changed."""
        if self._taken:
            return False
        self._taken = True
        path = state_folder() / "builds.lock"
        file = self._stack.enter_context(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b"))
        place = int(key[:15], 16)  # 60 bits: an offset is a signed number of 64
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
            return True
        return False


def log_path(key: str) -> Path:
    """Return where the output of the last build of ``key`` is kept."""
    return _private(state_folder() / "log") / f"{key[:32]}.log"
