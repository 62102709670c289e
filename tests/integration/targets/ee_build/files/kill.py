# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a build, kill a part of it in the middle, and print what is left then.

kill.py engine|module|playbook ARGUMENTS STATE : ARGUMENTS are the module's, as JSON; STATE is XDG_STATE_HOME.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STEP = "sleep 297"
PATIENCE_S = 120.0


def processes(words: str) -> list[int]:
    """Return the processes whose command line holds some words, but for this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line and int(path.parent.name) != os.getpid() and "kill.py" not in line:
            found.append(int(path.parent.name))
    return found


def children(parent: int) -> list[int]:
    """Return a process with all its descendants."""
    found = [parent]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found += children(int(path.parent.name))
    return found


def containers(tasks: set[str]) -> set[str]:
    """Return the working containers of some tasks' builds. Others may build on this machine, too."""
    listed = ["podman", "ps", "--all", "--external", "--quiet", "--no-trunc"]
    place = ["podman", "info", "--format", "{{.Store.GraphRoot}}"]
    root = subprocess.run(place, capture_output=True, text=True, check=True).stdout.strip()
    found = set()
    for container in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
        note = Path(root, "overlay-containers", container, "userdata", "buildah.json")
        if note.exists() and any(f'"{task}"' in note.read_text() for task in tasks):
            found.add(container)
    return found


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


def folders(state: Path) -> list[Path]:
    return [path for path in (state / "foundry-ee" / "work").glob("task-*") if path.is_dir()]


def main() -> None:
    victim, arguments, state = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"foundry.ee.ee_build": arguments}]}]
    book = state / "kill.json"
    book.parent.mkdir(parents=True, exist_ok=True)
    book.write_text(json.dumps(play))
    command = [
        "ansible-playbook",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    before = set(processes(STEP))  # what an earlier kill has left
    with subprocess.Popen([*command, str(book)], stdout=subprocess.DEVNULL) as playbook:
        if not wait_for(lambda: bool(set(processes(STEP)) - before), PATIENCE_S):
            raise SystemExit("the build did not come to its long step")
        tasks = {path.name for path in folders(state)}
        ours = children(playbook.pid)
        if victim == "playbook":
            playbook.send_signal(signal.SIGINT)
        else:
            words = "podman build" if victim == "engine" else "AnsiballZ_ee_build"
            for process in set(processes(words)) & set(ours):
                os.kill(process, signal.SIGKILL)
        playbook.wait(PATIENCE_S)
    if victim != "module":
        wait_for(lambda: not processes(STEP) and not folders(state), PATIENCE_S)
    book.unlink()
    left = {
        "containers": len(containers(tasks)),
        "processes": len(processes(STEP)),
        "folders": len(folders(state)),
    }
    print(json.dumps(left))


main()
