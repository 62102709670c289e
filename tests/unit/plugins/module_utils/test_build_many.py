# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many builds in one task: how often the engine is asked, what check mode foretells, and what a fault does."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _build_many
from ansible_collections.foundry.ee.plugins.module_utils._build import Planner, Request
from ansible_collections.foundry.ee.plugins.module_utils._build_many import Builds, Foretold, Job
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import content_mark
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._engine import Engine, LocalImage

OUTSIDE = "registry.example.com/base:1"
OWN_BASE, TEAM = "hub.example.com/ee/base:1", "hub.example.com/ee/team:1"
DIGEST = "sha256:" + "1" * 64


class Store(Engine):
    """An engine whose store is a table of names, and which counts how often it is asked."""

    def __init__(self):
        super().__init__("/usr/bin/podman", self._refuse)
        self.images: dict[str, LocalImage] = {}
        self.asked: list[str] = []

    @staticmethod
    def _refuse(argv, env, on_line=None, stdin=None):
        raise AssertionError(f"planning runs {argv}")

    def inspect(self, reference):
        self.asked.append(reference)
        return self.images.get(reference)

    def inspect_all(self, references):
        self.asked.append("all")
        return {name: self.images[name] for name in references if name in self.images}

    def find_key(self, key):
        return None

    def platform(self):
        return "linux/amd64"


class Away:
    """A registry that has the outside base image and no other."""

    requests = 0

    def digest(self, ref):
        return DIGEST if str(ref) == OUTSIDE else None


def job(store: Store, image: str, base: str, **changes: t.Any) -> Job:
    parsed = definitions.from_mapping({"version": 3, "images": {"base_image": {"name": base}}})
    assert parsed.definition is not None
    request = Request(parsed.definition, Path("/nowhere"), from_files=False, names=(parse(image),), **changes)
    shelf: t.Any = Away()
    return Job(request, Planner(request, store, None, None, lambda ref: shelf), t.cast(t.Any, None))


def have(store: Store, plan: t.Any, number: int) -> None:
    """Put into the store what a plan would have built."""
    labels = {
        "io.foundry.ee.build-key": plan.wanted.key,
        "io.foundry.ee.content": content_mark((), {}),
        "org.opencontainers.image.base.name": plan.wanted.base_name,
        "org.opencontainers.image.base.digest": plan.wanted.base_digest,
    }
    name = plan.wanted.names[0]
    store.images[name] = LocalImage(f"sha256:{number:064x}", (name,), digest=f"sha256:{number:064x}", labels=labels)


@pytest.fixture(name="store")
def _store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Store()


def two(store: Store, **changes: t.Any) -> list[Job | EEError]:
    return [job(store, OWN_BASE, OUTSIDE), job(store, TEAM, OWN_BASE, **changes)]


def carry_out(store: Store, jobs: list[Job | EEError], monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """Take every plan and carry it out, as the module does; return the plans."""
    builds = Builds(jobs, store, check=False)
    monkeypatch.setattr(_build_many, "carry_out", lambda request, plan, tools: have(store, plan, len(store.asked)))
    plans = []
    for plan in builds.plans():
        plans.append(plan)
        if not isinstance(plan, EEError) and plan.changed:
            builds.apply(plan)
    return plans


def test_the_engine_is_asked_once_where_all_are_in_order(store, monkeypatch):
    carry_out(store, two(store), monkeypatch)
    store.asked.clear()
    plans: list[t.Any] = list(Builds(two(store), store, check=False).plans())
    assert [plan.changed for plan in plans] == [False, False]
    assert store.asked == ["all"]


def test_an_image_built_on_one_that_is_built_before_it_is_planned_when_that_is_there(store, monkeypatch):
    _base, team = carry_out(store, two(store), monkeypatch)
    assert team.base.digest == store.images[OWN_BASE].digest


def test_check_mode_foretells_what_is_built_on_an_image_that_is_not_there_yet(store, monkeypatch):
    foretold: list[t.Any] = list(Builds(two(store), store, check=True).plans())
    done = carry_out(store, two(store), monkeypatch)
    assert isinstance(foretold[1], Foretold)
    assert [plan.changed for plan in foretold] == [plan.changed for plan in done] == [True, True]
    assert set(foretold[1].result) == set(done[1].result)
    assert foretold[1].result["build_key"] is None
    assert OWN_BASE in foretold[1].result["because"][0]
    assert foretold[1].diff["before"] == done[1].diff["before"]


@pytest.mark.parametrize(("policy", "action"), [("pinned", "unchanged"), ("newest", "built")])
def test_check_mode_knows_whether_an_image_follows_its_base(store, monkeypatch, policy, action):
    carry_out(store, two(store), monkeypatch)
    jobs = two(store, base_policy=policy)
    jobs[0] = job(store, OWN_BASE, OUTSIDE, rebuild="always")
    _base, team = Builds(jobs, store, check=True).plans()
    assert not isinstance(team, EEError)
    assert team.result["action"] == action


def test_a_fault_does_not_hide_the_others(store):
    wrong = Invalid("no such key")
    jobs: list[Job | EEError] = [wrong, job(store, TEAM, "registry.example.com/none:1"), job(store, OWN_BASE, OUTSIDE)]
    first, second, third = Builds(jobs, store, check=True).plans()
    assert first is wrong
    assert isinstance(second, NotFound)
    assert not isinstance(third, EEError)
    assert third.changed
