# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts how often this collection gives the answer that a real system gave.

A test compares through :meth:`Agreement.check`; ``conftest.py`` prints the counts and every disagreement at the end of
the run, so that a file of cases that nobody has seen before tells at once how many of them agree.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

AGREEMENTS: list[Agreement] = []


@dataclass
class Agreement:
    """One body of recorded cases, such as ``precedence vectors``."""

    title: str
    cases: int = 0
    disagreements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        AGREEMENTS.append(self)

    def check(self, case: str, ours: t.Any, theirs: t.Any) -> None:
        """Count a case, and fail the test that asks where the answers differ."""
        self.cases += 1
        if ours != theirs:
            self.disagreements.append(f"{case}\n    ours:   {ours}\n    theirs: {theirs}")
        assert ours == theirs, case

    def lines(self) -> t.Iterator[str]:
        yield f"{self.title}: {self.cases - len(self.disagreements)} of {self.cases} agree"
        yield from (f"  differs: {one}" for one in self.disagreements)


def summary() -> list[str]:
    """Return the lines to print, without bodies that this run did not look at."""
    return [line for one in AGREEMENTS if one.cases for line in one.lines()]
