# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End a long task in good order: when it is told to, and when nobody is left to hear of its result."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import types
import typing as t

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def end_with_reader() -> None:
    """Turn the usual signals into an orderly exit, and the end of who reads our output into such a signal.

    ansible-playbook that is stopped (Ctrl-C, a lost connection) does not stop the modules that it started: they would
    build on and put their image in place of the old one after the user has given up.
    """
    for number in _SIGNALS:
        signal.signal(number, _leave)
    threading.Thread(target=_wait_for_end, args=(sys.stdout.fileno(),), daemon=True).start()


def _leave(number: int, _frame: types.FrameType | None) -> t.NoReturn:
    for other in _SIGNALS:  # whoever is impatient does not break the clearing up
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _wait_for_end(descriptor: int) -> None:
    """Wait until nobody reads a pipe or socket any more. A file has no such end: this then waits forever."""
    poll = select.poll()
    poll.register(descriptor, 0)  # errors and hang-ups are always reported
    poll.poll()
    os.kill(os.getpid(), signal.SIGTERM)
