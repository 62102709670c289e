# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads virtual environments: through a controller's command, or their directories."""

from __future__ import annotations

import email.parser
import json
import os
import shutil
import typing as t
import zipfile
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import venv
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.venv import Environment, Package
from ansible_collections.foundry.ee.plugins.module_utils._engine import run_command

_LONGEST_METADATA = 1024 * 1024  # bytes


class Controller:
    """The controller's own command, ``awx-manage`` or whatever leads to it, as the words before the subcommand."""

    def __init__(self, command: t.Sequence[str]) -> None:
        self._command = list(command)
        if not self._command or shutil.which(self._command[0]) is None:
            raise NotFound(
                f"{self._command[0] if self._command else 'A command'} is not on this host.",
                hint="Run this on a controller, or give `directories` or `saved`.",
            )

    def environments(self) -> list[Environment]:
        """Return every environment that the controller knows, with who uses it."""
        return [self._environment(path) for path in venv.parse_list(self._ask("list_custom_venvs", "-q"))]

    def _environment(self, path: str) -> Environment:
        packages = venv.parse_export(self._ask("export_custom_venv", "-q", path), path)
        read_from = "awx-manage"
        if not packages and Path(path).is_dir():
            # The command prints nothing for a broken one; its files may tell more.
            packages, read_from = read_files(Path(path)), "files"
        return Environment(
            path=path,
            packages=packages,
            read_from=read_from,
            python=read_python(Path(path)),
            used_by=venv.parse_associations(self._ask("custom_venv_associations", "-q", path), path),
        )

    def _ask(self, *arguments: str) -> str:
        done = run_command([*self._command, *arguments], {})
        if done.rc == 0:
            return done.output
        words = (done.errors or done.output).strip().splitlines()
        said = words[-1] if words else f"exit code {done.rc}"
        raise Failed(
            f"`{' '.join([*self._command, *arguments])}` failed: {venv.hidden(said)}",
            hint="Controllers have this command up to AWX 24.6; for others give `directories` or `saved`. "
            "It must be run as root or as the controller's user.",
        )


def read_directory(path: Path) -> Environment:
    """Return the environment in a directory, by its own pip if that still runs, else by its files."""
    if not path.is_dir():
        raise NotFound(f"There is no virtual environment {path}.")
    if not list(_libraries(path)):
        raise NotFound(f"{path} is no virtual environment: it has no `lib/python*/site-packages`.")
    frozen = _freeze(path)
    if frozen is not None:
        return Environment(str(path), frozen, "pip freeze", read_python(path))
    return Environment(str(path), read_files(path), "files", read_python(path))


def _freeze(path: Path) -> tuple[Package, ...] | None:
    """Return what the environment's own pip says, or None if it cannot."""
    python = str(path / "bin" / "python")
    if not os.path.exists(python):  # noqa: PTH110 (pathlib's raises where one may not look)
        return None
    try:
        done = run_command([python, "-E", "-s", "-m", "pip", "freeze", "--disable-pip-version-check"], {})
    except OSError:  # made for another architecture, or on a file system from which nothing may be started
        return None
    return venv.parse_freeze(done.output) if done.rc == 0 else None


def read_python(path: Path) -> str | None:
    """Return the version of an environment's Python, as its files tell it; None if they are not there."""
    cfg = path / "pyvenv.cfg"
    text = cfg.read_text(encoding="utf-8", errors="replace") if cfg.is_file() else None
    return venv.version_of_python(text, (library.parent.name for library in _libraries(path)))


def _libraries(path: Path) -> t.Iterator[Path]:
    for folder in sorted(path.glob("lib*/python*/site-packages")):
        if not folder.parents[1].is_symlink():  # lib64
            yield folder


def read_files(path: Path) -> tuple[Package, ...]:
    """Return the packages of an environment whose Python no longer runs."""
    packages: dict[str, Package] = {}
    for library in _libraries(path):
        for entry in sorted(library.iterdir()):
            package = _read_entry(entry, library)
            if package is not None:
                packages[package.name] = package
    return venv.without_tools(packages[name] for name in sorted(packages))


def _read_entry(entry: Path, library: Path) -> Package | None:
    """Return the package that a ``dist-info``, ``egg-info``, ``egg`` or ``egg-link`` stands for; None for all else."""
    if entry.suffix == ".dist-info":
        direct = entry / "direct_url.json"
        return _from_metadata(entry / "METADATA", _json(direct) if direct.is_file() else None)
    if entry.suffix == ".egg-info":
        return _from_metadata(entry / "PKG-INFO" if entry.is_dir() else entry, None)
    if entry.suffix == ".egg":
        return _from_metadata(entry / "EGG-INFO" / "PKG-INFO", None) if entry.is_dir() else _from_zipped_egg(entry)
    if entry.suffix == ".egg-link":
        lines = entry.read_text(encoding="utf-8", errors="replace").splitlines()
        return venv.from_files(entry.stem, "", None, editable=lines[0].strip() if lines else str(library))
    return None


def _from_metadata(metadata: Path, direct_url: t.Mapping[str, t.Any] | None) -> Package | None:
    if not metadata.is_file():
        return None
    with metadata.open(encoding="utf-8", errors="replace") as file:
        return _from_text(file.read(_LONGEST_METADATA), direct_url)


def _from_zipped_egg(egg: Path) -> Package | None:
    try:
        with zipfile.ZipFile(egg) as archive, archive.open("EGG-INFO/PKG-INFO") as file:
            return _from_text(file.read(_LONGEST_METADATA).decode("utf-8", "replace"), None)
    except (KeyError, zipfile.BadZipFile):
        return None


def _from_text(text: str, direct_url: t.Mapping[str, t.Any] | None) -> Package | None:
    headers = email.parser.HeaderParser().parsestr(text)
    name, version = headers.get("Name"), headers.get("Version")
    return venv.from_files(name, version, direct_url) if name and version else None


def _json(path: Path) -> t.Mapping[str, t.Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failed(f"{path} is no JSON.") from error
    return found if isinstance(found, dict) else {}
