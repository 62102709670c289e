# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules as Ansible runs them, against a registry of our own."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.modules import ee_registry_image, ee_registry_prune
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module


@pytest.fixture
def registry(monkeypatch, tmp_path):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    with FaultRegistry() as server:
        yield server


def image(check: bool = False, **given: t.Any) -> dict[str, t.Any]:
    return run_module(ee_registry_image.main, given, check=check)


def test_one_image(registry):
    digest = registry.put_image("team/ee", "1.0")
    given: dict[str, t.Any] = {"image": f"{registry.host}/team/ee:1.0", "tags": ["latest"]}
    predicted, real, again = image(check=True, **given), image(**given), image(**given)
    assert predicted["changed"] and real["changed"] and not again["changed"]  # noqa: PT018
    assert predicted["diff"] == real["diff"]
    assert real["diff"]["after"] == {"1.0": digest, "latest": digest}
    assert (real["digest"], real["tags"]) == (digest, {"1.0": digest, "latest": digest})
    assert again["requests"] == 2
    assert predicted["requests"] + real["requests"] + again["requests"] == len(registry.seen)


def test_one_image_that_fails_does_not_keep_the_others(registry):
    digest = registry.put_image("team/ee", "1.0")
    registry.on("PUT .*/manifests/bad", faults.status(403), times=9)
    wanted = [{"image": f"{registry.host}/team/ee:1.0", "tags": [tag]} for tag in ("a", "bad", "c")]
    result = image(images=wanted)
    assert result["failed"]
    assert result["changed"]
    assert (result["error"]["kind"], result["error"]["status"]) == ("denied", 403)
    assert "1 of 3 images failed" in result["msg"]
    assert "Cannot write" in result["msg"]
    assert [("msg" in each) for each in result["images"]] == [False, True, False]
    assert [each["changed"] for each in result["images"]] == [True, False, True]
    failed = result["images"][1]
    assert (failed["digest"], failed["tags"], failed["error"]["kind"]) == (None, {}, "denied")
    assert failed["requests"] > 0
    assert result["requests"] == sum(each["requests"] for each in result["images"]) == len(registry.seen)
    assert registry.repository("team/ee").tags == {"1.0": digest, "a": digest, "c": digest}


@pytest.mark.parametrize("check", [True, False])
def test_one_image_that_cannot_be_planned_does_not_keep_the_others(registry, check):
    digest = registry.put_image("team/ee", "1.0")
    wanted = [{"image": f"{registry.host}/team/{name}:1.0", "tags": ["a"]} for name in ("none", "ee")]
    result = image(check=check, images=wanted)
    assert result["failed"]
    assert result["changed"]
    assert result["error"]["kind"] == "not_found"
    assert result["msg"].startswith(f"1 of 2 images failed: {registry.host}/team/none:1.0: ")
    first, second = result["images"]
    assert (first["changed"], first["digest"], first["error"]) == (False, None, {"kind": "not_found"})
    assert "team/none:1.0 is not there" in first["msg"]
    assert (second["changed"], second["tags"]) == (True, {"1.0": digest, "a": digest})
    assert result["requests"] == len(registry.seen)
    assert ("a" in registry.repository("team/ee").tags) == (not check)
    assert image(check=check, images=wanted)["changed"] == check


def test_nothing_is_touched_where_two_images_contradict_each_other(registry):
    for name in ("1", "2"):
        registry.put_image("src/ee", name, layers=[name.encode()])
    wanted = [{"image": f"{registry.host}/team/ee:x", "source": f"{registry.host}/src/ee:{n}"} for n in (1, 2)]
    result = image(images=wanted)
    assert result["error"]["kind"] == "invalid"
    assert "say differently what the tag x" in result["msg"]
    assert registry.asked("PUT|POST") == []


def test_what_an_image_leaves_out_is_what_the_task_says(registry):
    one = registry.put_image("team/ee", "prod", "old", layers=[b"1"])
    two = registry.put_image("team/ee", "test", layers=[b"2"])
    registry.put_image("team/x", "prod", layers=[b"1"])
    given: dict[str, t.Any] = {
        "images": [
            {"image": f"{registry.host}/team/ee:prod"},
            {"image": f"{registry.host}/team/x:prod", "remember_previous": False},
        ],
        "source": f"{registry.host}/team/ee@{two}",
        "tags": ["new"],
        "remember_previous": True,
    }
    predicted, real, again = image(check=True, **given), image(**given), image(**given)
    assert predicted["diff"] == real["diff"]
    assert real["changed"] and not again["changed"]  # noqa: PT018
    tags = {"prod": two, "new": two}
    assert registry.repository("team/ee").tags == {**tags, "prod.previous": one, "old": one, "test": two}
    assert registry.repository("team/x").tags == tags
    image(images=[{"image": f"{registry.host}/team/ee:old"}, {"image": f"{registry.host}/team/x:new"}], state="absent")
    assert "old" not in registry.repository("team/ee").tags
    assert registry.repository("team/x").tags == {"prod": two}


def test_prune_without_a_rule(registry):
    registry.put_image("team/ee", "1.0", created="2026-01-01T00:00:00Z")
    given: dict[str, t.Any] = {"repositories": [f"{registry.host}/team/ee"], "keep_tags": []}
    result = run_module(ee_registry_prune.main, given)
    assert result["msg"] == "No rule says what to keep. Say `keep_newest: 0` to delete all that nothing uses."
    assert result["error"] == {"kind": "invalid"}
    assert registry.seen == []
    assert run_module(ee_registry_prune.main, {**given, "keep_newest": 0}, check=True)["deleted"] == 1


def test_errors_can_be_decided_on(registry):
    registry.auth = "basic"
    result = image(image=f"{registry.host}/team/ee:1.0", username="robot", password="wrong")
    assert result["error"]["kind"] == "denied"
    assert result["error"]["status"] == 401
    assert "ee:1.0: 127.0.0.1" in result["msg"]
    assert "answered 401. The credentials were sent: are they right" in result["msg"]
    assert "wrong" not in str(result)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of the following is required: image, images"),
        ({"image": "h.example.com/x:1", "images": []}, "mutually exclusive"),
        ({"image": "h.example.com/x:1", "password": "x"}, "missing parameter(s) required by 'password': username"),
        ({"image": "h.example.com/x:1", "username": "u", "token": "t"}, "mutually exclusive"),
    ],
)
def test_arguments(given, words):
    assert words in image(**given)["msg"]


def test_prune(registry):
    digests = [registry.put_image("team/ee", f"t{n}", created=f"2026-01-0{n}T00:00:00Z") for n in range(1, 4)]
    given = {"repositories": [f"{registry.host}/team/*"], "keep_newest": 1, "in_use": ["team/ee:t1"]}
    predicted = run_module(ee_registry_prune.main, given, check=True)
    assert len(registry.repository("team/ee").tags) == 3
    real = run_module(ee_registry_prune.main, given)
    for key in ("changed", "diff", "decisions", "kept", "deleted", "bytes_freed"):
        assert predicted[key] == real[key]
    assert registry.repository("team/ee").tags == {"t1": digests[0], "t3": digests[2]}
    assert (real["kept"], real["deleted"]) == (2, 1)
    assert [decision["bytes_freed"] > 0 for decision in real["decisions"]] == [False, True, False]
    assert sum(decision["bytes_freed"] for decision in real["decisions"]) == real["bytes_freed"]
    assert not run_module(ee_registry_prune.main, given)["changed"]
