# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import signal
import subprocess
import sys

from ansible_collections.foundry.ee.plugins.module_utils._engine_leftovers import (
    Leftover,
    kill_inside,
    working_containers,
)

# The first line of /proc/PID/mountinfo of a RUN step, podman 4.3.1 on Debian 12, shortened.
MOUNTINFO = (
    "154 119 0:55 / / rw,relatime - overlay overlay rw,lowerdir=/s/l/VBP,upperdir={layer}/diff,workdir={layer}/work"
)


def note(store, name, **content):
    path = store / "overlay-containers" / name / "userdata" / "buildah.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def test_containers_are_known_by_the_task_in_their_arguments(tmp_path):
    ours = {"FOUNDRY_EE_TASK": "task-1", "EE_BASE_IMAGE": "base"}
    note(tmp_path, "a", **{"container-id": "a", "Args": ours})
    note(tmp_path, "b", **{"container-id": "b", "Args": ours})
    note(tmp_path, "c", **{"container-id": "c", "Args": {"FOUNDRY_EE_TASK": "task-12"}})
    note(tmp_path, "d", **{"container-id": "d", "Args": None})
    (tmp_path / "overlay-containers" / "d" / "userdata" / "buildah.json").write_text("{")
    listed = [{"id": "a", "layer": "abc"}, {"id": "c", "layer": "def"}]
    (tmp_path / "overlay-containers" / "containers.json").write_text(json.dumps(listed))
    found = sorted(working_containers(tmp_path, "overlay", "task-1"), key=lambda left: left.id)
    assert found == [Leftover("a", f"{tmp_path}/overlay/abc"), Leftover("b", None)]
    assert working_containers(tmp_path / "nowhere", "overlay", "task-1") == []


def test_processes_are_known_by_their_root(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _number in range(2)]
    for process, layer in zip(processes, ("/s/overlay/abc", "/s/overlay/abcd")):
        (tmp_path / str(process.pid)).mkdir()
        (tmp_path / str(process.pid) / "mountinfo").write_text(MOUNTINFO.format(layer=layer) + "\n")
    kill_inside("/s/overlay/abc", tmp_path)
    assert processes[0].wait(10) == -signal.SIGKILL
    assert processes[1].poll() is None
    processes[1].kill()
    processes[1].wait()
