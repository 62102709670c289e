# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.foundry.ee.plugins.module_utils._arguments import each_of, suboptions

ONE = {"name": {"type": "str"}, "state": {"type": "str", "default": "present"}, "force": {"type": "bool"}}


def test_a_task_in_a_list_has_no_defaults_of_its_own():
    options = suboptions(ONE, name={"type": "str", "required": True})
    assert options == {
        "name": {"type": "str", "required": True},
        "state": {"type": "str"},
        "force": {"type": "bool"},
    }
    assert ONE["state"]["default"] == "present"


def test_what_a_task_in_a_list_leaves_out_is_what_the_whole_task_says():
    listed = [{"name": "a", "state": None, "force": False}, {"name": "b", "state": "present", "force": None}]
    params = {"name": None, "state": "absent", "force": True, "timeout": 30.0, "many": listed}
    assert [(one["name"], one["state"], one["force"], one["timeout"]) for one in each_of(params, "many")] == [
        ("a", "absent", False, 30.0),
        ("b", "present", True, 30.0),
    ]
