# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold what modules returned in the integration tests against their RETURN, both ways.

    returned.py FILE...    files of the callback returned_values, of one whole run of the integration tests

A value that RETURN does not know is a mistake, and so is one that RETURN promises and that no test saw.
"""

from __future__ import annotations

import ast
import json
import pathlib
import sys
import typing as t

import yaml

MODULES = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "modules"
# What Ansible or the bridge to it adds to the result of any module, where it runs in the background as well.
ANSIBLE = {
    "attempts",
    "changed",
    "deprecations",
    "diff",
    "error",
    "exception",
    "failed",
    "failed_when_result",
    "failed_when_suppressed_exception",
    "finished",
    "invocation",
    "item",
    "msg",
    "results_file",
    "started",
    "stderr",
    "stderr_lines",
    "stdout",
    "stdout_lines",
    "warnings",
}


def documented(values: dict[str, t.Any], prefix: str = "") -> t.Iterator[tuple[str, bool]]:
    """Yield the path of every value in RETURN, and whether RETURN tells what is in it."""
    for name, value in values.items():
        yield prefix + name, "contains" in value
        yield from documented(value.get("contains", {}), f"{prefix}{name}.")


def returns(path: pathlib.Path) -> dict[str, bool]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "RETURN":
            return dict(documented(yaml.safe_load(ast.literal_eval(node.value))))
    raise LookupError(f"{path} has no RETURN")


def mistakes(module: str, known: dict[str, bool], seen: set[str]) -> t.Iterator[str]:
    for path in sorted(seen):
        parent, first = path.rpartition(".")[0], path.partition(".")[0]
        if first not in known and (first in ANSIBLE or first.startswith(("_ansible_", "ansible_"))):
            continue
        if path not in known and (not parent or known.get(parent)):
            yield f"{module} returned {path}, which RETURN does not know"


def unseen(module: str, known: dict[str, bool], seen: set[str]) -> t.Iterator[str]:
    for path in known:
        if path not in seen:
            yield f"{module}: no test saw {path}, which RETURN promises"


def main() -> None:
    seen: dict[str, set[str]] = {path.stem: set() for path in sorted(MODULES.glob("ee_*.py"))}
    for file in sys.argv[1:]:
        for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            if "module_stdout" not in result["names"]:  # Ansible's own words on a module that was killed
                seen[result["module"]].update(result["names"])
    wrong = False
    for module, names in seen.items():
        known = returns(MODULES / f"{module}.py")
        found = [*mistakes(module, known, names), *unseen(module, known, names)]
        wrong = wrong or bool(found)
        for words in found:
            print(words)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
