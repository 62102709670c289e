# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ee_build in a process of its own, for the tests that break something meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t


def start(arguments: dict[str, t.Any]) -> subprocess.Popen[str]:
    """Start an ansible command with the module."""
    command = ["ansible", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    command += ["localhost", "-m", "foundry.ee.ee_build", "-a", json.dumps(arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> dict[str, t.Any]:
    """Wait for it, and return the module's result, as far as a test wants it."""
    text = process.communicate()[0]
    result: dict[str, t.Any] = json.loads(text[text.index("=> {") + 3 : text.rindex("}") + 1])
    wanted = ("changed", "action", "image_id", "digest", "msg", "error")
    return {"failed": process.returncode != 0, **{name: result[name] for name in wanted if name in result}}


def build(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    return ended(start(arguments))


def lines(*command: str) -> list[str]:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
