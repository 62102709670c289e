# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the play inside while the module ``ee_run`` runs it. It keeps a file to which it adds what the play prints."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.foundry.ee.plugins.module_utils._core.run_result import OUTPUT_LIMIT, plain
from ansible_collections.foundry.ee.plugins.plugin_utils._live import LiveAction, Watcher

display = Display()


class _Printer(Watcher):
    """Prints each line once, with the host before it: several hosts may run at the same time."""

    def __init__(self, way: str, host: str, read: t.Callable[[], str], period: float) -> None:
        super().__init__(way, host, read, period)
        self._printed = 0

    def see(self, text: str) -> None:
        complete = text.replace("\r\n", "\n").split("\n")[:-1]
        self._print(complete[self._printed :])

    def finish(self, result: t.Mapping[str, t.Any]) -> None:
        output = str(result.get("stdout") or "")
        if output and len(output) < OUTPUT_LIMIT:  # else its beginning is cut off, and lines cannot be counted
            self._print(output.split("\n")[self._printed :])

    def _print(self, lines: t.Sequence[str]) -> None:
        for line in lines:
            shown = line if self._way == "terminal" else plain(line)
            display.display(f"{self._host} | {shown}")
        self._printed += len(lines)


class ActionModule(LiveAction):
    """Runs the module, and a thread beside it that looks and shows."""

    watcher = _Printer
