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
    assert result["error"] == {"kind": "failed"}
    assert "1 of 3 images failed" in result["msg"]
    assert "Cannot write" in result["msg"]
    assert [("msg" in each) for each in result["images"]] == [False, True, False]
    assert registry.repository("team/ee").tags == {"1.0": digest, "a": digest, "c": digest}


def test_nothing_is_touched_where_one_cannot_be_planned(registry):
    registry.put_image("team/ee", "1.0")
    wanted = [{"image": f"{registry.host}/team/{name}:1.0", "tags": ["a"]} for name in ("ee", "none")]
    assert image(images=wanted)["error"]["kind"] == "not_found"
    assert registry.asked("PUT") == []


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
    assert not run_module(ee_registry_prune.main, given)["changed"]
