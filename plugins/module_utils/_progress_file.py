# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell how far a build is, in a file that the action plugin reads while the module runs."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.progress import Progress, to_json

PERIOD_S = 0.2  # seconds between two writes; a new step is told at once


class ProgressFile:
    """One JSON object, replaced as a whole; gone when the task ends. Without a path nothing is written."""

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._next = 0.0
        self._step = -1

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(self, *_reason: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def tell(self, progress: Progress) -> None:
        """Write what is known. A file that cannot be written costs the display and nothing else."""
        now = time.monotonic()
        if self._path is None or (now < self._next and progress.step == self._step):
            return
        self._next, self._step = now + PERIOD_S, progress.step
        with contextlib.suppress(OSError):
            new = self._path.with_name(f"{self._path.name}.new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
                file.write(to_json(progress))
            new.replace(self._path)
