# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import hub_sync
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_sync import Outcome, SyncPlan

# Answers of galaxy-ng 4.9.2, 2026-11-20: what a task reserves and makes.
P = "/api/galaxy/pulp/api/v3/"
SYNC: dict[str, Any] = {
    "created_resources": [P + "repositories/container/container/01a1f821-729a/versions/4/"],
    "reserved_resources_record": [
        P + "repositories/container/container/01a1f821-729a/",
        "shared:" + P + "remotes/container/container/01a1f821-7281/",
    ],
    "progress_reports": [
        {"message": "Downloading Artifacts", "code": "sync.downloading.artifacts", "total": None, "done": 4},
        {"message": "Processing Tags", "code": "sync.processing.tag", "total": 4, "done": 4},
    ],
}
REGISTRY_SYNC = {
    "created_resources": [],
    "reserved_resources_record": [P + "galaxy_ng/registry-remote/01a1f821-3d31/"],
    "progress_reports": [],
}


def test_what_came_went_and_moved():
    outcome = Outcome("ee", {"kept": "a", "moved": "b", "gone": "c"}, {"kept": "a", "moved": "d", "new": "a"})
    assert outcome.changed
    assert not outcome.emptied
    assert outcome.as_result == {
        "name": "ee",
        "changed": True,
        "known": True,
        "added": {"new": "a"},
        "removed": {"gone": "c"},
        "moved": {"moved": {"before": "b", "after": "d"}},
        "digests_added": ["d"],
        "digests_removed": ["b", "c"],
        "progress": {},
        "failure": None,
    }
    assert hub_sync.diff_of([outcome]) == {
        "before": {"ee": {"moved": "b", "gone": "c"}},
        "after": {"ee": {"moved": "d", "new": "a"}},
    }


@pytest.mark.parametrize(
    ("before", "after", "changed", "emptied"),
    [
        ({}, {}, False, False),
        ({"1": "a"}, {"1": "a"}, False, False),
        ({"1": "a"}, {}, True, True),
        ({}, {"1": "a"}, True, False),
        ({"1": "a"}, None, True, False),
    ],
)
def test_whether_it_changed(before, after, changed, emptied):
    outcome = Outcome("ee", before, after)
    assert (outcome.changed, outcome.emptied) == (changed, emptied)
    plan = SyncPlan([outcome], requests=3)
    assert plan.changed == changed
    assert plan.result["repositories"][0]["known"] == (after is not None)
    if after is None:
        assert plan.diff == {"before": {}, "after": {}}
        assert plan.result["repositories"][0]["removed"] == {}, "what is not known did not go"


def test_tasks_are_read():
    assert hub_sync.repository_in(SYNC) == "01a1f821-729a"
    assert hub_sync.version_made(SYNC) == SYNC["created_resources"][0]
    assert hub_sync.progress_of(SYNC) == {"Downloading Artifacts": 4, "Processing Tags": 4}
    assert hub_sync.repository_in(REGISTRY_SYNC) is None
    assert hub_sync.version_made(REGISTRY_SYNC) is None
    assert hub_sync.version_made({"created_resources": [None]}) is None, "as a running task shows it"
