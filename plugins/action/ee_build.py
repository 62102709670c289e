# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show a build while the module ``ee_build`` carries it out. It keeps a small file that says how far it is."""

from __future__ import annotations

import shutil
import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.foundry.ee.plugins.module_utils._core.progress import (
    Progress,
    from_json,
    status_line,
    step_line,
)
from ansible_collections.foundry.ee.plugins.plugin_utils._live import LiveAction, Watcher

display = Display()

_WIDTH = shutil.get_terminal_size().columns
_CLEAR = "\x1b[K"


class _Shower(Watcher):
    """Shows what is new: one line that changes, or a line for each step."""

    def __init__(self, way: str, host: str, read: t.Callable[[], str], period: float) -> None:
        super().__init__(way, host, read, period)
        self._started = time.monotonic()
        self._shown: Progress | None = None

    def __exit__(self, *reason: object) -> None:
        super().__exit__(*reason)
        if self._way == "terminal" and self._shown is not None:
            self._write(_CLEAR)

    def see(self, text: str) -> None:
        progress = from_json(text)
        if progress is not None:
            self._show(progress)

    def _show(self, progress: Progress) -> None:
        seconds = time.monotonic() - self._started
        if self._way == "terminal":
            # The cursor goes back to the first column, so that what others print does not follow our text.
            self._write(f"{_CLEAR}{status_line(progress, self._host, seconds, _WIDTH - 1)}\r")
        elif self._shown is None or progress.step != self._shown.step:
            display.display(step_line(progress, self._host, seconds))
        self._shown = progress

    def _write(self, text: str) -> None:
        display.display(text, screen_only=True, newline=False)


class ActionModule(LiveAction):
    """Runs the module, and a thread beside it that looks and shows."""

    watcher = _Shower
