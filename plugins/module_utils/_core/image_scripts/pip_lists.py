# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the lines of pip's requirements files are told apart.

A file of its own, since the controller reads the user's lists with it, in every task, and needs no more of the helpers.
"""

from __future__ import annotations

import re
import typing as t

COMMENT = re.compile(r"(^|\s)#.*")
_INCLUDED = re.compile(r"(?P<option>--requirement(?=[\s=])|--constraint(?=[\s=])|-[rc])[\s=]*(?P<file>\S.*)")


def logical_lines(text: str) -> t.Iterator[str]:
    """Yield the lines of a requirements file: continued ones joined, comments and empty ones left out."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        stripped = COMMENT.sub("", line).strip()
        if stripped:
            yield stripped


def included(line: str) -> tuple[str | None, str]:
    """Return the file that a line of a requirements file includes, or None, and as what: requirement, constraint."""
    match = _INCLUDED.fullmatch(line)
    if match is None:
        return None, ""
    return match["file"].strip(), "requirement" if match["option"] in ("-r", "--requirement") else "constraint"
