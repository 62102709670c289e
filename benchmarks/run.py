# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the benchmarks, print a table, write ``latest.json``.

usage: run.py [NAME ...]    the modules beside this file; default is all of them, and with names the other rows stay

Each module has ``rows()``, a list of ``{name, ours_s, peer, peer_s, ratio, goal, runs}``: medians in seconds (or what
the name says), ours and the peer's alternating in one run, so that only the ratio means something on another machine.
"""

from __future__ import annotations

import json
import os
import pathlib
import platform
import subprocess
import sys
import typing as t

HERE = pathlib.Path(__file__).parent
COLUMNS = ("name", "ours_s", "peer", "peer_s", "ratio", "goal", "runs")
Row = dict[str, t.Any]


def shown(value: t.Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else str(value)


def table(rows: list[Row]) -> str:
    cells = [list(COLUMNS)] + [[shown(row.get(column)) for column in COLUMNS] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def missed(rows: list[Row]) -> list[Row]:
    """Return the rows whose ratio is above (or, for ``>= 20``, below) the goal."""
    return [row for row in rows if not reached(row)]


def reached(row: Row) -> bool:
    goal, ratio = row.get("goal"), row.get("ratio")
    if goal is None or ratio is None:
        return True
    sign, _space, bound = str(goal).rpartition(" ")
    return bool(ratio >= float(bound)) if sign == ">=" else bool(ratio <= float(bound))


def rows_of(name: str) -> list[Row]:
    """Run one module in a process of its own: what it loads shall not be there already for the next one."""
    program = f"import json, {name}; print(json.dumps({name}.rows()))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=HERE, stdout=subprocess.PIPE, check=True)
    rows: list[Row] = json.loads(answer.stdout.splitlines()[-1])
    return rows


def updated(old: list[Row], new: list[Row]) -> list[Row]:
    """Return the old rows with the new ones in the place of those of the same name, and what is new at the end."""
    fresh = {str(row["name"]): row for row in new}
    return [fresh.pop(str(row["name"]), row) for row in old] + [*fresh.values()]


def main(names: list[str]) -> int:
    some = bool(names)
    names = names or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("run", "timing"))
    rows: list[Row] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += rows_of(name)
    print(table(rows))
    for row in missed(rows):
        print(f"goal missed: {row['name']}: {shown(row['ratio'])}, goal {row['goal']}")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {platform.platform()}")
    target = pathlib.Path(os.environ.get("BENCH_OUTPUT", HERE / "latest.json"))
    if some and target.exists():
        rows = updated(json.loads(target.read_text()), rows)
    target.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
