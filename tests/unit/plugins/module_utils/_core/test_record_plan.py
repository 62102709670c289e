# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.record_plan import RecordPlan


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (None, None, False),
        ({"name": "a"}, {"name": "a"}, False),
        (None, {"name": "a"}, True),
        ({"name": "a"}, None, True),
        ({"name": "a"}, {"name": "b"}, True),
    ],
)
def test_what_changes_is_what_differs(before, after, changed):
    plan = RecordPlan()
    plan.before, plan.after = before, after
    assert plan.changed == changed
    assert plan.diff == {"before": before or {}, "after": after or {}}
