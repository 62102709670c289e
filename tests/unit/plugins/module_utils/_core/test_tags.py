# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import tags
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
KEY = "key-" + "0" * 32


@pytest.mark.parametrize(
    ("wanted", "current", "put"),
    [
        (["1"], {}, {"1": A}),
        (["1"], {"1": A}, {}),
        (["1"], {"1": B}, {"1": A}),
        (["1", "2"], {"1": A, "2": None, "3": A}, {"2": A}),
        ([], {"1": B}, {}),
    ],
)
def test_added_tags(wanted, current, put):
    plan = tags.plan_tags(wanted, A, current)
    assert plan.to_put == put
    assert plan.to_remove == []
    assert plan.changed == bool(put)
    assert plan.present == dict.fromkeys(wanted, A)


def test_exact_removes_other_tags_of_this_image_only():
    current = {"1": A, "2": A, "3": B, "4": None}
    plan = tags.plan_tags(["1"], A, current, exact=True)
    assert plan.to_remove == ["2"]
    assert dict(plan.before) == {"1": A, "2": A}
    assert dict(plan.after) == {"1": A, "2": None}


def test_exact_leaves_what_this_collection_keeps():
    current = {"1": A, KEY: A, "prod": B, "prod.previous": A, "gone.previous": A, "key-x": A}
    assert tags.plan_tags(["1"], A, current, exact=True).to_remove == ["gone.previous", "key-x"]


def test_a_tag_that_moves_is_remembered():
    plan = tags.plan_tags(["prod", "new", "same"], A, {"prod": B, "prod.previous": C, "same": A}, remember=True)
    assert plan.to_put == {"prod": A, "new": A, "prod.previous": B}
    assert plan.before["prod.previous"] == C
    assert not tags.plan_tags(["prod"], A, {"prod": A, "prod.previous": B}, remember=True).changed


def test_the_name_of_a_memory_must_be_a_tag():
    assert tags.previous_tag("prod") == "prod.previous"
    with pytest.raises(Invalid):
        tags.previous_tag("x" * 120)


def test_removal_takes_the_named_tags_only():
    plan = tags.plan_removal(["1", "none"], {"1": A, "none": None, "2": A})
    assert plan.to_remove == ["1"]
    assert plan.changed
    assert plan.present == {}


def test_removal_of_a_tag_where_it_stands_for_a_digest():
    plan = tags.plan_removal(["1", "2"], {"1": A, "2": B}, only=B)
    assert plan.to_remove == ["2"]
    assert plan.present == {"1": A}


def test_deletion_takes_the_tags_if_said():
    current = {"1": A, "2": A, "3": B}
    plan = tags.plan_deletion(A, current, with_tags=True, where="r/x")
    assert plan.image == A
    assert plan.to_remove == ["1", "2"]
    with pytest.raises(Conflict, match=r"has the tags 1, 2, .*delete_image"):
        tags.plan_deletion(A, current, with_tags=False, where="r/x")


def test_what_a_tagged_index_holds_is_not_deleted():
    current = {"1": A, "1.0": B, "latest": B, "2": C}
    for with_tags in (True, False):
        with pytest.raises(Conflict, match=r"is part of the index 1\.0, latest, .*Delete the index first"):
            tags.plan_deletion(A, current, with_tags=with_tags, where="r/x", holders=[B])
    assert tags.plan_deletion(A, {"1": A}, with_tags=True, where="r/x", holders=[B]).image == A


def test_deletion_of_what_has_no_tag_or_is_not_there():
    assert tags.plan_deletion(C, {"1": A}, with_tags=False, where="r/x").changed
    assert not tags.plan_deletion(None, {}, with_tags=True, where="r/x").changed


@pytest.mark.parametrize(
    ("tag", "subject"),
    [
        (f"sha256-{'a' * 64}", A),
        (f"sha256-{'a' * 64}.sig", A),
        (f"sha256-{'a' * 64}.att", A),
        ("sha256-abc", None),
        ("1.0", None),
    ],
)
def test_tags_that_attach(tag, subject):
    assert tags.subject_of_tag(tag) == subject


def test_build_keys():
    assert tags.is_build_key(KEY)
    assert not tags.is_build_key("key-1")
