# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look for a text in all files below folders, in archives among them as well, whatever their names are.

find_text.py TEXT FOLDER... : prints JSON with the places, and how many files were read.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from pathlib import Path


def search(data: bytes, text: bytes, place: str, found: list[str]) -> int:
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    count = 1
    if text in data:
        found.append(place)
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if text.decode() in member.name:
                    found.append(f"{place}!{member.name}")
                if member.isreg():
                    content = archive.extractfile(member)
                    count += search(content.read() if content else b"", text, f"{place}!{member.name}", found)
    return count


def main() -> None:
    text = sys.argv[1].encode()
    found: list[str] = []
    count = 0
    for folder in sys.argv[2:]:
        for path in Path(folder).rglob("*"):
            if path.is_file():
                count += search(path.read_bytes(), text, str(path), found)
    print(json.dumps({"places": found, "files": count}))


main()
