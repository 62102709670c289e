# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the real ansible-builder about changed definitions: changed_goldens.py OUTPUT COUNT [SEED]

Each is one of the recorded definitions with one to three changes: a value of another kind, a key less, more or renamed,
another version. What ``ansible-builder create`` makes of it is written as a recorded case (see goldens.py),
so that the unit tests compare our verdicts with it, and read back what we write: set FOUNDRY_EE_GOLDENS to the output.
The same seed gives the same cases.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import random
import sys
import tempfile
import typing as t
from dataclasses import replace
from pathlib import Path

import yaml
from ansible_builder import cli

from ansible_collections.foundry.ee.tests.unit import goldens
from ansible_collections.foundry.ee.tests.unit.goldens import Case

LONGEST = 6000  # characters of a definition that is changed
ODD: tuple[t.Any, ...] = (
    None, "", 0, 1, 3, -1, 1.5, 10**12, True, False, [], {}, [""], [None], ["a"], [["a"]], [1], [True], {"a": "b"},
    {"a": None}, "x", " x ", "a b", "a\nb", "\n", "~", "./x", "files/x", "latest", "yes", "1.10", "-", "--", "#", "ü",
    "{{ x }}", {"name": "x"}, {"name": None}, {"src": "a", "dest": "b"}, "RUN true", ["RUN true", None],
    ["RUN true", 5], "git [platform:rpm]", {"collections": []}, {"collections": ["a.b"]},
    {"collections": [{"name": "a.b", "version": 1.0}]}, ["a.b"], "ansible-core==2.15",
    "registry.example.com/a:b@sha256:" + "0" * 64,
)  # fmt: skip
VERSIONS: tuple[t.Any, ...] = (1, 2, 3, 3, 3, "3", 3.0, 4, 0, None, True, "1", "2")
Keys = tuple[t.Any, ...]


class Dumper(yaml.SafeDumper):
    """Text of several lines as people write it, so that no line of it is spelled otherwise."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text.strip() else None)


Dumper.add_representer(str, _text)


def definitions() -> list[tuple[Case, dict[t.Any, t.Any]]]:
    """Return the recorded cases with a definition that is a mapping, and that."""
    found = []
    for case in goldens.cases_of():
        text = case.input.get(case.def_file or "", {}).get("text")
        if text is not None and len(text) <= LONGEST:
            with contextlib.suppress(yaml.YAMLError, ValueError):
                data = yaml.safe_load(text)
                if isinstance(data, dict):
                    found.append((case, data))
    return found


def places(data: t.Any, path: Keys = ()) -> t.Iterator[tuple[Keys, t.Any]]:
    """Yield every value below, with the keys that lead to it."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key), value
        yield from places(value, (*path, key))


class Changer:
    """Changes definitions by chance; values of keys are taken from other definitions."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - chance that is the same each time
        self.known = definitions()
        self.values: dict[str, list[t.Any]] = {}
        for _case, data in self.known:
            for path, value in places(data):
                if isinstance(path[-1], str):
                    self.values.setdefault(path[-1], []).append(value)
        self.keys = list(self.values)

    def case(self) -> Case:
        """Return a recorded case with a changed definition; what was recorded of it no longer holds."""
        case, data = self.chance.choice(self.known)
        changed = copy.deepcopy(data)
        for _change in range(self.chance.choice((1, 1, 1, 2, 2, 3))):
            self.change(changed)
        text = yaml.dump(changed, Dumper=Dumper, sort_keys=False, allow_unicode=True)
        return replace(case, input={**case.input, str(case.def_file): {"text": text}})

    def change(self, data: dict[t.Any, t.Any]) -> None:
        found = [path for path, _value in places(data)]
        kind = self.chance.random()
        if not found or kind < 0.08:
            data["version"] = self.chance.choice(VERSIONS)
            return
        path = self.chance.choice(found)
        parent: t.Any = data
        for key in path[:-1]:
            parent = parent[key]
        name = path[-1]
        if kind < 0.45:
            parent[name] = copy.deepcopy(self.chance.choice(ODD))
        elif kind < 0.6:
            del parent[name]
        elif kind < 0.8 and isinstance(name, str):
            parent[name] = self.value_of(name)
        elif kind < 0.9 and isinstance(name, str):
            parent[self.chance.choice(self.keys)] = parent.pop(name)
        else:
            mappings = [data, *(value for _path, value in places(data) if isinstance(value, dict))]
            key = self.chance.choice(self.keys)
            self.chance.choice(mappings)[key] = self.value_of(key)

    def value_of(self, name: str) -> t.Any:
        return copy.deepcopy(self.chance.choice(self.values[name]))


def ask(case: Case, folder: Path) -> dict[str, t.Any]:
    """Return what ansible-builder says of a case, in the definition's own folder, as it is recorded."""
    case.write(folder / "in")
    definition = folder / "in" / str(case.def_file)
    os.chdir(definition.parent)
    name = definition.name
    sys.argv = ["ansible-builder", "create", "-f", name, "-c", str(folder / "context")]
    said, code, error = io.StringIO(), 0, ""
    logging.getLogger("ansible_builder").handlers.clear()  # they write to where the last one's output went
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            cli.run()
    except SystemExit as ended:
        code = 0 if ended.code is None else ended.code if isinstance(ended.code, int) else 1
    except Exception as crash:  # its users see a traceback
        code, error = 1, f"{type(crash).__name__}: {crash}"
    finally:
        os.chdir("/")
    # A name may have a line break: the words are looked for, not the lines.
    missing = "in additional_build_files." in said.getvalue() or "User build file" in said.getvalue()
    return {
        "group": "changed",
        "def_file": case.def_file,
        "input": case.input,
        "argv": [*sys.argv[:4], "-c", "{CONTEXT}"],
        "accepted": code == 0,
        "error": error or said.getvalue()[-2500:],
        "warnings": ["User build file"] if missing else [],
    }


def main(output: str, count: str, seed: str = "1") -> None:
    changer = Changer(int(seed))
    accepted = 0
    with Path(output).open("w", encoding="utf-8") as file, tempfile.TemporaryDirectory() as top:
        for number in range(int(count)):
            folder = Path(top, str(number))
            folder.mkdir()
            case = changer.case()
            found = ask(case, folder)
            accepted += found["accepted"]
            file.write(json.dumps({"id": f"changed-{seed}-{number}-{case.id}", **found}) + "\n")
    print(f"ansible-builder accepts {accepted} of {count}")


if __name__ == "__main__":
    main(*sys.argv[1:])
