# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write files below a folder: write.py FOLDER <JSON

JSON maps paths to texts, or to what is written as JSON. A path with a slash at its end is a folder.
"""

from __future__ import annotations

import json
import pathlib
import sys


def main(folder: pathlib.Path) -> None:
    for name, content in json.load(sys.stdin).items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
