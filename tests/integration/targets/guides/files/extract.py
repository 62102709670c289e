# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what guides tell their reader to write: extract.py GUIDES DEST JSON

A YAML block with a caption is a file, and the caption its name. The blocks of a page without one are its story, in
their order: PAGE.story.yml, in which tasks become a play on localhost. JSON maps what stands in the guides for the
reader (names of hosts, paths) to what there is here. Prints the names of the playbooks with a caption and of the
stories as JSON.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import textwrap
import typing as t

import yaml

BLOCK = re.compile(
    r"^\.\. code-block:: (?P<kind>yaml\+jinja|yaml)\n(?:    :caption: (?P<name>\S+)\n)?(?P<body>(?: {4}.*\n|\n)+)",
    re.MULTILINE,
)


def blocks(page: pathlib.Path, stand_ins: dict[str, str]) -> t.Iterator[tuple[str, str, str]]:
    """Yield kind, caption and text of each block, as they are here."""
    for block in BLOCK.finditer(page.read_text() + "\n"):
        found = [block["name"] or "", textwrap.dedent(block["body"]).lstrip("\n")]
        for shown, real in sorted(stand_ins.items(), key=lambda pair: -len(pair[0])):
            found = [text.replace(shown, real) for text in found]
        yield block["kind"], found[0], found[1]


def plays(texts: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Join blocks to plays: what is no play is a task of the play on localhost that it stands in."""
    joined: list[dict[str, t.Any]] = []
    for item in (item for text in texts for item in yaml.safe_load(text)):
        if "hosts" in item:
            joined.append(item)
        elif joined and joined[-1].get("name") == "Tasks of the guide":
            joined[-1]["tasks"].append(item)
        else:
            joined.append({"name": "Tasks of the guide", "hosts": "localhost", "gather_facts": False, "tasks": [item]})
    return joined


def main(guides: pathlib.Path, dest: pathlib.Path, stand_ins: dict[str, str]) -> None:
    names, stories = [], []
    for page in sorted(guides.glob("*.rst")):
        story = []
        for kind, name, text in blocks(page, stand_ins):
            if name:
                path = dest / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                names += [name] if kind == "yaml+jinja" else []
            elif kind == "yaml+jinja":
                story.append(text)
        if story:
            (dest / f"{page.stem}.story.yml").write_text(yaml.safe_dump(plays(story), sort_keys=False, width=1000))
            stories.append(page.stem)
    print(json.dumps({"playbooks": names, "stories": stories}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]))
