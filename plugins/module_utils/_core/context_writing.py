# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a build context on disk, as ``context`` has planned it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.context import digest_of_file
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed
from ansible_collections.foundry.ee.plugins.module_utils._core.model import ContextFile, Stored

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._core.context import WritePlan


def carry_out(plan: WritePlan) -> None:
    """Carry a plan out, all of it or nothing. Raises Failed; the folder is then as it was.

    Everything new is first written beside its place, in one hidden folder; then files change places by renaming. If a
    renaming fails, those made before are taken back.
    """
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".foundry-ee-", dir=plan.folder))
    except OSError as error:
        raise Failed(f"{plan.folder} cannot be written to: {error.strerror}.", hint="Check its permissions.") from error
    try:
        for number, file in enumerate(plan.write):
            _put(file, staging / f"new{number}")
        _swap(plan, staging)
    except OSError as error:
        raise Failed(
            f"The build context in {plan.folder} could not be written, and is as it was: {error.strerror}"
            f" ({error.filename}).",
            hint="Make room or mend the permissions, and run again.",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if plan.context is None:
        with contextlib.suppress(OSError):  # others keep files there
            plan.folder.rmdir()


def _put(file: ContextFile, place: Path) -> None:
    if file.link is not None:
        place.symlink_to(file.link)
        return
    if file.stored is None:
        place.write_bytes(file.data or b"")
    else:
        _copy(file, file.stored, place)
    place.chmod(file.mode)


def _copy(file: ContextFile, stored: Stored, place: Path) -> None:
    with place.open("wb") as target:
        digest = digest_of_file(Path(stored.place), file.mode, target)
    if digest != stored.digest:
        hint = "Run again when nothing writes to it."
        raise Failed(f"{stored.place} changed while it was copied; the build context is as it was.", hint=hint)


def _swap(plan: WritePlan, staging: Path) -> None:
    moved: list[tuple[Path, Path]] = []
    made: list[Path] = []
    try:
        for number, path in enumerate([*plan.remove, *(file.path for file in plan.write)]):
            place = plan.folder / path
            if place.is_symlink() or place.exists():
                _move(place, staging / f"old{number}", moved)
        for path in plan.remove:
            _remove_empty(plan.folder, (plan.folder / path).parent)
        for number, file in enumerate(plan.write):
            place = plan.folder / file.path
            _make_parents(plan.folder, place.parent, made)
            _move(staging / f"new{number}", place, moved)
    except OSError:
        for source, target in reversed(moved):
            source.parent.mkdir(parents=True, exist_ok=True)
            target.rename(source)
        for folder in reversed(made):
            folder.rmdir()
        raise


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    source.rename(target)
    moved.append((source, target))


def _make_parents(top: Path, folder: Path, made: list[Path]) -> None:
    missing = []
    while folder != top and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for parent in reversed(missing):
        parent.mkdir(mode=0o755)
        parent.chmod(0o755)
        made.append(parent)


def _remove_empty(top: Path, folder: Path) -> None:
    """Remove folders that a removal left empty, up to the context's own."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
