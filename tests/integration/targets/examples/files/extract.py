# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make playbooks of what plugins show under EXAMPLES: extract.py PLUGINS DEST <JSON

JSON holds ``plugins`` (names), ``stand_ins`` (what stands there for the reader, such as names of hosts and paths → what
there is here), ``once`` (names of examples that are not repeated → why) and ``environment`` (plugin → its play's
environment variables). DEST/NAME.yml becomes one play of the examples of a plugin, in their order, on a host of that
name, so that plays share no variables. Each example of this collection is repeated at once, and must then change
nothing, but for those that are named, in check mode, or only look.
"""

from __future__ import annotations

import ast
import json
import pathlib
import re
import sys
import typing as t

import yaml

COLLECTION = "foundry.ee."
Task = dict[str, t.Any]


def examples(plugins: pathlib.Path, name: str) -> str:
    """The text of EXAMPLES, without importing the plugin."""
    path = next(path for kind in ("modules", "lookup") if (path := plugins / kind / f"{name}.py").exists())
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{path} has no EXAMPLES")


def here(text: str, stand_ins: dict[str, str]) -> str:
    """The text as it is here. The longest that fits counts, and what has been put in stays."""
    shown = "|".join(map(re.escape, sorted(stand_ins, key=len, reverse=True)))
    return re.sub(shown, lambda match: stand_ins[match[0]], text)


def again(task: Task) -> Task:
    """A task for the second time. What the first has registered stays."""
    return {
        **task,
        "name": f"Again: {task['name']}",
        "register": "again",
        "failed_when": "again is failed or again is changed",
    }


def worth_repeating(task: Task) -> bool:
    looks = any(key.endswith("_info") for key in task) or task.get("check_mode")
    return any(key.startswith(COLLECTION) for key in task) and not looks


def main(plugins: pathlib.Path, dest: pathlib.Path, wanted: dict[str, t.Any]) -> None:
    once = set(wanted["once"])
    for name in wanted["plugins"]:
        shown: list[Task] = yaml.safe_load(here(examples(plugins, name), wanted["stand_ins"]))
        tasks = []
        for task in shown:
            tasks.append(task)
            if worth_repeating(task) and task["name"] not in once:
                tasks.append(again(task))
            once.discard(task["name"])
        play = {"name": f"Examples of {name}", "hosts": name, "gather_facts": False, "tasks": tasks}
        play["environment"] = wanted["environment"].get(name, {})
        (dest / f"{name}.yml").write_text(yaml.safe_dump([play], sort_keys=False, width=1000))
    if once:
        raise LookupError(f"There are no examples with these names: {sorted(once)}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), json.load(sys.stdin))
