# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what a module does while it does it, on whatever host. The work is all the module's.

The module keeps a file, of which it is told the path in ``progress_file``. On this machine it is read as a file; on
another host, or as another user, by a second connection like the task's own.
"""

from __future__ import annotations

import contextlib
import copy
import os
import secrets
import sys
import tempfile
import threading
import typing as t
from pathlib import Path

from ansible import constants as C  # noqa: N812 (what everybody calls it)
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader

NEAR_S, FAR_S = 0.2, 2.0  # seconds between two looks
# Callbacks that write for people as things happen. Others write JSON, XML or for another program.
_FOR_PEOPLE = frozenset({"debug", "default", "dense", "minimal", "oneline", "unixy", "yaml"})
# This file is loaded before the worker of a task is forked, which then has no terminal any more.
_TERMINAL = sys.stdout is not None and sys.stdout.isatty()


def way_to_show(mode: str, terminal: bool, callback: str, environment: t.Mapping[str, str]) -> str:
    """Return how progress is shown: ``terminal`` (one line that changes), ``plain`` (a line a step) or ``none``."""
    if mode != "auto":
        return mode
    runner = "AWX_ISOLATED_DATA_DIR" in environment or "RUNNER_OMIT_EVENTS" in environment
    quiet = runner or environment.get("TERM") == "dumb" or callback.rpartition(".")[2] not in _FOR_PEOPLE
    return "none" if quiet or not terminal else "terminal"


class Watcher:
    """Looks at the module's file from time to time, in a thread. Use it as a context manager."""

    def __init__(self, way: str, host: str, read: t.Callable[[], str], period: float) -> None:
        self._way = way
        self._host = host
        self._read = read
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stop.set()
        self._thread.join(timeout=FAR_S)

    def _look(self) -> None:
        while not self._stop.wait(self._period):
            text = self._read()
            if text and not self._stop.is_set():
                self.see(text)

    def see(self, text: str) -> None:
        """Show what is new in the content of the file."""
        raise NotImplementedError

    def finish(self, result: t.Mapping[str, t.Any]) -> None:
        """Show what there was no time to see: the module has ended."""


class LiveAction(ActionBase):
    """Runs the module of its own name, and beside it what ``watcher`` makes."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True
    watcher: t.ClassVar[type[Watcher]]

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        callback = str(C.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
        way = way_to_show(str(arguments.get("progress") or "auto"), _TERMINAL, callback, os.environ)
        if way == "none" or self._task.async_val or self._task.no_log or self._task.check_mode:
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        host = str((task_vars or {}).get("inventory_hostname", "?"))
        with self._window() as (path, read, period):
            watcher = self.watcher(way, host, read, period)
            arguments["progress_file"] = path
            with watcher:
                result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
            watcher.finish(result)
        return result

    @contextlib.contextmanager
    def _window(self) -> t.Iterator[tuple[str, t.Callable[[], str], float]]:
        """Yield the path for the module, what reads it from here, and how often that may be done (seconds)."""
        if self._connection.transport == "local" and self._connection.become is None:
            with tempfile.TemporaryDirectory(
                prefix="foundry-ee-", dir=C.config.get_config_value("DEFAULT_LOCAL_TMP")
            ) as folder:
                path = Path(folder, "progress")
                yield str(path), lambda: _read(path), NEAR_S
        else:
            name = f"~/.foundry-ee-progress-{secrets.token_hex(8)}"
            far = self._twin()
            try:
                yield name, lambda: _read_far(far, name), FAR_S
            finally:
                with contextlib.suppress(AnsibleError):
                    far._connection.close()

    def _twin(self) -> LiveAction:
        """Return this action with a connection of its own: the task's is busy until the module ends."""
        ours = self._connection
        connection = connection_loader.get(ours.ansible_name, self._play_context)
        connection._options = dict(ours._options)
        connection._shell = ours._shell
        if ours.become is not None:
            connection.set_become_plugin(ours.become)
        twin = copy.copy(self)
        twin._connection = connection
        return twin


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _read_far(action: LiveAction, path: str) -> str:
    try:
        done = action._low_level_execute_command(f"cat {path}", sudoable=True)
    except AnsibleError:  # the display is no reason to fail; the module's own connection tells what is wrong
        return ""
    return str(done.get("stdout") or "") if done.get("rc") == 0 else ""
