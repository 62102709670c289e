# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes to read and render definitions, beside ``ansible-builder create``, and what a task of it costs.

The definition is the example of version 3's documentation, with its files, from the recorded cases. Ours and the
peer's runs alternate.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._definition import Source, load, rendered
from ansible_collections.foundry.ee.tests.unit import goldens

EXAMPLE = "seed002-v3-main"
RUNS = 9
TASKS = 10
MANY = 100
TASK_GOAL_S = 0.1
MANY_GOAL_S = 2.0


def timed(work: t.Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def render(source: Path) -> contexts.Context:
    return rendered(load(Source(src=str(source))), str(source))


def render_and_write(source: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    contexts.write(contexts.plan_write(render(source), str(folder)))


def create(source: Path, folder: Path) -> None:
    """Let ansible-builder write the context; the program starts anew each time, as it does for its users."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(Path(sys.executable).parent / "ansible-builder"), "create", "-f", str(source), "-c", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def play(home: Path, name: str, tasks: list[dict[str, t.Any]]) -> t.Callable[[], object]:
    """Return what runs a play on this host."""
    book = home / f"{name}.json"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    interpreter = f"ansible_python_interpreter={sys.executable}"
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local"]
    command += ["-e", interpreter, str(book)]
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_NOCOLOR": "1"}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)


def row(name: str, ours: float, peer: str, peer_s: float, goal: str, ratio: float, runs: int) -> dict[str, t.Any]:
    return {"name": name, "ours_s": ours, "peer": peer, "peer_s": peer_s, "ratio": ratio, "goal": goal, "runs": runs}


def rendering(home: Path, source: Path) -> list[dict[str, t.Any]]:
    spent: dict[str, list[float]] = {"render": [], "write": [], "create": []}
    render(source)
    for _run in range(RUNS):
        spent["render"].append(timed(lambda: render(source)))
        spent["write"].append(timed(lambda: render_and_write(source, home / "ours")))
        spent["create"].append(timed(lambda: create(source, home / "theirs")))
    ours, written, theirs = (statistics.median(spent[name]) for name in ("render", "write", "create"))
    peer = "ansible-builder create"
    return [
        row("read, check and render a definition, in process", ours, peer, theirs, ">= 20", theirs / ours, RUNS),
        row("the same, and write the context", written, peer, theirs, ">= 20", theirs / written, RUNS),
    ]


def tasks(home: Path, source: Path) -> list[dict[str, t.Any]]:
    module = "foundry.ee.ee_definition"
    options = {"src": str(source), "context": str(home / "noop"), "warn": False}
    many = [{"src": str(source), "context": str(home / "many" / str(number))} for number in range(MANY)]
    plays = {
        "ping": play(home, "ping", [{"ansible.builtin.ping": {}}] * TASKS),
        "noop": play(home, "noop", [{module: options}] * TASKS),
        "one": play(home, "one", [{"ansible.builtin.ping": {}}]),
        "many": play(home, "many", [{module: {"definitions": many, "warn": False}}]),
    }
    for run in plays.values():
        run()
    runs = RUNS // 2 + 1
    spent: dict[str, list[float]] = {name: [] for name in plays}
    for _run in range(runs):
        for name, run in plays.items():
            spent[name].append(timed(run))
    median = {name: statistics.median(found) for name, found in spent.items()}
    above = (median["noop"] - median["ping"]) / TASKS
    hundred = median["many"] - median["one"]
    goal, share = "the goal", hundred / MANY_GOAL_S
    return [
        row("one task, nothing to do: seconds above ping", above, goal, TASK_GOAL_S, "<= 1", above / TASK_GOAL_S, runs),
        row(f"{MANY} definitions in a task: seconds above ping", hundred, goal, MANY_GOAL_S, "<= 1", share, runs),
    ]


def rows() -> list[dict[str, t.Any]]:
    (case,) = [case for case in goldens.cases_of() if case.id == EXAMPLE]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        case.write(home)
        source = home / str(case.def_file)
        return [*rendering(home, source), *tasks(home, source)]
