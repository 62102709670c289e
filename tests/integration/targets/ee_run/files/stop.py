# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a long run, stop it in some way, and tell what is left of it.

stop.py WAY FOLDER IMAGE
    WAY     TERM, INT, HUP or KILL: that signal for the module; reader: SIGKILL for Ansible, but not for the module
    FOLDER  where XDG_STATE_HOME is, which is searched
    IMAGE   an execution environment
Prints JSON: word (the run's secret), output (of Ansible), during, after and, after KILL, next (when another run has
ended). Each of the last three tells files (that hold the word), folders (of runs) and containers.
"""

from __future__ import annotations

import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time

PATIENCE_S = 30.0


def arguments(image: str, ident: str, word: str, **others: object) -> dict:
    return {
        "module": "ansible.builtin.command",
        "module_args": {"cmd": "sleep 600"},
        "image": image,
        "ident": ident,
        "extravars": {"secret": word},
        "passwords": {"Never asked": word},
        "username": "somebody",
        "password": word,
        "ssh_agent": False,
        "ssh_directory": "",
        **others,
    }


def start(given: dict) -> subprocess.Popen[str]:
    command = ["ansible", "-i", "localhost,", "-c", "local", "localhost"]
    command += [
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        "-m",
        "foundry.ee.ee_run",
        "-a",
        json.dumps(given),
    ]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def running(container: str) -> list[str]:
    command = ["podman", "ps", "--all", "--format", "{{.Names}}", "--filter", f"name={container}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def parents(pid: int) -> list[int]:
    found = []
    while pid > 1:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        pid = int(status.partition("PPid:")[2].split()[0])
        found.append(pid)
    return found


def module_of(container: str) -> int | None:
    """Return the parent of the engine's client: the module's process."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"podman") and container.encode() in words and b"run" in words:
                return parents(int(folder.name))[0]
        except OSError:
            continue
    return None


def until(condition: object) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def holding(folder: pathlib.Path, word: str) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_fifo())
    return sorted(str(path) for path in files if word.encode() in path.read_bytes())


def kill_readers(first: int, module: int) -> None:
    """Kill Ansible, from the command that we started down to the module's parent."""
    for pid in [first, *(one for one in parents(module) if first in parents(one))]:
        os.kill(pid, signal.SIGKILL)


def main(way: str, folder: pathlib.Path, image: str) -> None:
    ident, word = f"stop-{way}", f"word{secrets.token_hex(12)}"
    container = f"ansible_runner_{ident}"
    runs = pathlib.Path(os.environ["XDG_STATE_HOME"], "foundry-ee", "runs")

    def left() -> dict:
        return {
            "files": holding(folder, word),
            "folders": sorted(path.name for path in runs.iterdir() if path.is_dir()),
            "containers": running(container),
        }

    long = start(arguments(image, ident, word))
    if not until(lambda: running(container) and module_of(container)):
        long.kill()
        sys.exit(f"the container did not come up: {long.communicate()}")
    module = module_of(container)
    told = {"word": word, "during": left()}
    if way == "reader":
        kill_readers(long.pid, module)
    else:
        os.kill(module, getattr(signal, f"SIG{way}"))
    told["ended"] = until(lambda: not pathlib.Path(f"/proc/{module}").exists())
    told["output"] = long.communicate(timeout=PATIENCE_S)[0] if way != "reader" else ""
    told["after"] = left()
    if way == "KILL":
        again = start(arguments(image, "next", word, module_args={"cmd": "true"}))
        told["next_output"] = again.communicate(timeout=2 * PATIENCE_S)[0]
        told["next"] = left()
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3])
