# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recorded cases, many in one test.

ansible-test forks a process for each test, which takes longer than to look at a case: two thousand cases cost minutes
of forks. In batches they cost seconds, and every case that fails is still named.
"""

from __future__ import annotations

import typing as t

import pytest

SIZE = 50
Case = t.TypeVar("Case")


def batches(cases: t.Sequence[Case], name: t.Callable[[Case], str]) -> pytest.MarkDecorator:
    """Parametrize a test with ``batch``, lists of cases, each named by its first one."""
    parts = [cases[at : at + SIZE] for at in range(0, len(cases), SIZE)]
    return pytest.mark.parametrize("batch", parts, ids=[name(part[0]) for part in parts])


def check_each(batch: t.Iterable[Case], name: t.Callable[[Case], str], check: t.Callable[[Case], None]) -> None:
    """Check all cases of a batch, and fail with the name and the words of every one that fails."""
    failed = []
    for case in batch:
        try:
            check(case)
        except AssertionError as problem:
            failed.append(f"{name(case)}: {problem}")
        except BaseException as error:
            error.add_note(f"while {name(case)} was looked at")
            raise
    assert not failed, "\n".join(failed)
