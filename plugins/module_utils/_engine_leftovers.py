# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find what a build of podman or buildah leaves when it is killed.

Neither tidies up, whatever the signal (seen with podman 4.3.1): the working container stays, and so does the process
of its RUN step, which goes on alone. Which container is whose stands in the store, in buildah's own note about it: the
build arguments, among them one that names our task. The place of that note is not a promise of theirs; where it is
not found, nothing is removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import typing as t
from dataclasses import dataclass
from pathlib import Path

TASK_ARGUMENT = "FOUNDRY_EE_TASK"


@dataclass(frozen=True)
class Leftover:
    """A working container: its id, and the folder of the store with its files, if it is known."""

    id: str
    layer: str | None


def working_containers(store: Path, driver: str, task: str) -> list[Leftover]:
    """Return the working containers of a task's builds."""
    layers = _layers(store, driver)
    found = []
    for note in store.glob(f"{driver}-containers/*/userdata/buildah.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
            content: dict[str, t.Any] = json.loads(note.read_text(encoding="utf-8"))
            if (content.get("Args") or {}).get(TASK_ARGUMENT) == task:
                found.append(Leftover(content["container-id"], layers.get(content["container-id"])))
    return found


def _layers(store: Path, driver: str) -> dict[str, str]:
    """Return the folder of each container's own layer. The note names it only while it is mounted."""
    try:
        containers = json.loads((store / f"{driver}-containers" / "containers.json").read_text(encoding="utf-8"))
        return {container["id"]: str(store / driver / container["layer"]) for container in containers}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def kill_inside(layer: str, processes: Path = Path("/proc")) -> None:
    """Kill the processes whose root lies in a container's layer."""
    for status in processes.glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError, IndexError):
            root = status.read_text(encoding="utf-8", errors="replace").splitlines()[0]
            if f"upperdir={layer}/" in root:
                os.kill(int(status.parent.name), signal.SIGKILL)
