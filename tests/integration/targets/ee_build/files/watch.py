# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a play, on a terminal or not, and print what it wrote.

watch.py yes|no PLAY : whether there is a terminal; PLAY is a list of plays as JSON.
"""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

INVENTORY = f"""\
all:
  hosts:
    there:
    elsewhere:
      ansible_connection: local
  vars:
    ansible_python_interpreter: {sys.executable}
"""


def on_terminal(command: list[str]) -> bytes:
    ours, theirs = pty.openpty()
    seen = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the last who wrote has gone
            while piece := os.read(ours, 4096):
                seen += piece
        if process.wait() != 0:
            raise SystemExit(f"it ended with {process.returncode}: {seen.decode(errors='replace')}")
    return seen


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        book, inventory = Path(folder, "play.json"), Path(folder, "inventory.yml")
        book.write_text(sys.argv[2])
        inventory.write_text(INVENTORY)
        command = ["ansible-playbook", "-i", str(inventory), str(book)]
        if sys.argv[1] == "yes":
            seen = on_terminal(command)
        else:
            seen = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    print(seen.decode(errors="replace"))


main()
