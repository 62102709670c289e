# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning, with an engine and registries that are tables. The real ones are met in the integration tests."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._build import Planner, Request
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import content_mark
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import labels_of
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition, Image, Requirements
from ansible_collections.foundry.ee.plugins.module_utils._engine import Engine, LocalImage, Secret

BUILDER = "registry.example.com/builder:1"
BASE = "registry.example.com/base:1"
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
IMAGE = "hub.example.com/ee/network:1"
MARK = content_mark((), {})


class Store(Engine):
    """An engine whose store is a table of names."""

    def __init__(self, images=()):
        super().__init__("/usr/bin/podman", self._refuse)
        self.images = dict(images)

    @staticmethod
    def _refuse(argv, env, on_line=None, stdin=None):
        raise AssertionError(f"planning runs {argv}")

    def inspect(self, reference):
        return self.images.get(reference)

    def find_key(self, key):
        keys = [image for image in self.images.values() if image.own_labels.get("io.foundry.ee.build-key") == key]
        return next(iter(keys), None)

    def platform(self):
        return "linux/amd64"


class Shelf:
    """A registry: reference → digest, digest → labels."""

    def __init__(self, digests=(), labels=(), away=False):
        self.digests_ = dict(digests)
        self.labels = dict(labels)
        self.away = away
        self.requests = 0

    def digest(self, ref):
        self.requests += 1
        if self.away:
            raise Unreachable("no answer")
        return self.digests_.get(str(ref))

    def digests(self, repository, tags):
        return {tag: self.digest(f"hub.example.com/{repository}:{tag}") for tag in tags}

    def config(self, ref, platform=None):
        digest = self.digest(ref)
        if digest is None:
            raise NotFound("not there")
        return {"config": {"Labels": self.labels[digest]}}


def request(**changes):
    parsed = definitions.from_mapping({"version": 3, "images": {"base_image": {"name": BASE}}})
    assert parsed.definition is not None
    known = {"definition": parsed.definition, "folder": Path("/nowhere"), "from_files": False, "names": (parse(IMAGE),)}
    return Request(**{**known, **changes})


def planned(engine, hub=None, base=None, **changes):
    shelf: t.Any = base or Shelf()
    return Planner(request(**changes), engine, hub, None, lambda ref: shelf).plan()


def image_of(plan, name=IMAGE, **labels):
    """Return the image that a plan would have built."""
    known = {
        "io.foundry.ee.build-key": plan.wanted.key,
        "io.foundry.ee.content": MARK,
        "io.foundry.ee.inputs": json.dumps(dict(plan.wanted.inputs)),
        "org.opencontainers.image.base.name": plan.wanted.base_name,
        "org.opencontainers.image.base.digest": plan.wanted.base_digest,
    }
    return LocalImage("sha256:" + "a" * 64, (name,), digest="sha256:" + "b" * 64, labels={**known, **labels})


def base_in_engine(digest):
    return {BASE: LocalImage("sha256:" + "c" * 64, (BASE,), digests=(f"registry.example.com/base@{digest}",))}


def test_the_registry_says_which_base_is_meant():
    plan = planned(Store(base_in_engine(OLD)), base=Shelf({BASE: NEW}))
    assert (plan.decision.action, plan.base.digest) == ("built", NEW)


def test_a_base_that_only_the_engine_has():
    assert planned(Store(base_in_engine(OLD)), base=Shelf()).base.digest == OLD


def test_a_registry_that_is_away_is_no_obstacle_for_a_pinned_base():
    plan = planned(Store(base_in_engine(OLD)), base=Shelf(away=True))
    assert plan.base.digest == OLD
    assert len(plan.warnings) == 1


def test_a_registry_that_is_away_is_one_for_the_newest():
    with pytest.raises(Unreachable):
        planned(Store(base_in_engine(OLD)), base=Shelf(away=True), base_policy="newest")


def test_a_base_that_is_nowhere():
    with pytest.raises(NotFound, match=r"registry\.example\.com/base:1"):
        planned(Store(), base=Shelf())


def test_nothing_is_asked_where_the_image_is_there():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    hub, base = Shelf(), Shelf({BASE: NEW})
    plan = planned(Store({IMAGE: image_of(first)}), hub, base)
    assert (plan.decision.action, plan.base.digest, plan.changed) == ("unchanged", OLD, False)
    assert (hub.requests, base.requests) == (0, 0)


def test_a_pinned_base_that_is_gone_gives_way_to_the_current_one():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    at_hand = replace(image_of(first), labels={**image_of(first).labels, "io.foundry.ee.build-key": "0" * 64})
    plan = planned(Store({IMAGE: at_hand}), base=Shelf({BASE: NEW}))
    assert plan.base.digest == NEW
    assert "is gone" in plan.base.because
    assert plan.changed_inputs == ("base image",)


def test_a_pinned_base_stays_where_something_else_has_changed():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    at_hand = replace(image_of(first), labels={**image_of(first).labels, "io.foundry.ee.build-key": "0" * 64})
    there = {BASE: NEW, f"registry.example.com/base@{OLD}": OLD}
    assert planned(Store({IMAGE: at_hand}), base=Shelf(there)).base.digest == OLD


def with_builder(galaxy='{"collections": ["a.b"]}'):
    """A definition with a builder image, which is used where there is something to install."""
    wanted = None if galaxy is None else Requirements(content=galaxy)
    return Definition(version=2, base_image=Image(BASE), builder_image=Image(BUILDER), galaxy=wanted)


def test_the_builder_image_counts_by_its_digest():
    first = planned(Store(), base=Shelf({BASE: OLD, BUILDER: OLD}), definition=with_builder())
    assert first.result["builder"] == {"name": BUILDER, "digest": OLD, "because": "it is the current one"}
    labels = labels_of(first.wanted, created=None, revision=None, version=None, facts=None, content=MARK)
    at_hand = Store({IMAGE: image_of(first, **labels)})
    moved = Shelf({BASE: OLD, BUILDER: NEW})
    assert planned(at_hand, base=moved, definition=with_builder()).decision.action == "unchanged"
    for changes in ({"base_policy": "newest"}, {"rebuild": "base_changed"}):
        plan = planned(at_hand, base=moved, definition=with_builder(), **changes)
        assert (plan.decision.action, plan.changed_inputs) == ("built", ("builder image",))
        assert plan.wanted.key != first.wanted.key
    unmoved = Shelf({BASE: OLD, BUILDER: OLD})
    same = planned(at_hand, base=unmoved, definition=with_builder(), rebuild="base_changed")
    assert same.decision.action == "unchanged"


def test_a_builder_image_that_is_nowhere():
    with pytest.raises(NotFound, match=r"The builder image registry\.example\.com/builder:1"):
        planned(Store(), base=Shelf({BASE: OLD}), definition=with_builder())


def test_a_builder_image_without_work_is_not_looked_at():
    plan = planned(Store(), base=Shelf({BASE: OLD}), definition=with_builder(galaxy=None))
    assert "builder" not in plan.result


def test_another_machine_finds_the_image_by_its_name():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    hub = Shelf({IMAGE: NEW}, {NEW: image_of(first).labels})
    plan = planned(Store(), hub, Shelf({BASE: NEW}))
    assert (plan.decision.action, plan.base.digest) == ("pulled", OLD)
    assert hub.requests == 1


def test_another_machine_finds_the_image_by_its_key():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    hub = Shelf({f"hub.example.com/ee/network:key-{first.wanted.key[:32]}": NEW})
    plan = planned(Store(), hub, Shelf({BASE: OLD}), push=True)
    assert plan.decision.action == "pulled"
    assert (plan.publication.upload, plan.publication.tags) == (False, ("1",))
    # What the tag will stand for is known: nothing is sent.
    assert (plan.diff["before"]["registry"]["1"], plan.diff["after"]["registry"]["1"]) == (None, NEW)


def test_a_hub_that_is_away_matters_only_for_a_push():
    plan = planned(Store(base_in_engine(OLD)), Shelf(away=True), Shelf({BASE: OLD}))
    assert plan.decision.action == "built"
    assert all("was not looked at" in warning for warning in plan.warnings)
    with pytest.raises(Unreachable):
        planned(Store(base_in_engine(OLD)), Shelf(away=True), Shelf({BASE: OLD}), push=True)


def test_a_bearer_token_is_for_looking_only():
    plan = planned(Store(), base=Shelf({BASE: OLD}), bearer=True)
    assert plan.decision.action == "built"
    with pytest.raises(Invalid, match="podman cannot push with a bearer token"):
        planned(Store(), hub=Shelf(), base=Shelf({BASE: OLD}), bearer=True, push=True)
    there = Shelf({f"hub.example.com/ee/network:key-{plan.wanted.key[:32]}": NEW})
    with pytest.raises(Invalid, match="podman cannot pull the image that was found"):
        planned(Store(), hub=there, base=Shelf({BASE: OLD}), bearer=True)


def test_check_mode_and_the_real_run_print_the_same():
    plan = planned(Store(), Shelf(), Shelf({BASE: OLD}), push=True)
    assert plan.diff == {
        "before": {"build_key": None, "names": [], "registry": {f"key-{plan.wanted.key[:32]}": None, "1": None}},
        "after": {
            "build_key": plan.wanted.key,
            "names": [IMAGE],
            "registry": {f"key-{plan.wanted.key[:32]}": "the new image", "1": "the new image"},
        },
    }
    assert {"action", "because", "image", "build_key", "base", "platform", "requests"} <= set(plan.result)
    assert "digest" not in plan.result


def derived(plan):
    """Return an image that somebody built on what a plan would have built. It inherits all labels."""
    return replace(image_of(plan), id="sha256:" + "d" * 64, layers=("sha256:" + "e" * 64,))


def test_what_is_built_on_an_image_of_ours_is_not_that_image():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    under_the_name = planned(Store({IMAGE: derived(first)}), base=Shelf({BASE: OLD}))
    assert (under_the_name.decision.action, under_the_name.at_hand.record.key) == ("built", None)
    elsewhere = Store({"localhost/derived:1": derived(first)})
    assert planned(elsewhere, base=Shelf({BASE: OLD})).decision.action == "built"
    elsewhere.images["localhost/own:1"] = image_of(first, "localhost/own:1")
    found = planned(elsewhere, base=Shelf({BASE: OLD})).decision
    assert (found.action, found.source.reference) == ("tagged", "localhost/own:1")


def test_what_is_built_on_an_image_of_ours_is_not_that_image_in_a_registry_either():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    hub = Shelf({IMAGE: NEW}, {NEW: {**image_of(first).labels, "io.foundry.ee.content": "0" * 64}})
    plan = planned(Store(), hub, Shelf({BASE: OLD}))
    assert (plan.decision.action, plan.at_hand.record.key) == ("built", None)


def test_a_foreign_image_is_kept_but_not_published_as_ours():
    foreign = Store({IMAGE: LocalImage("sha256:" + "f" * 64, (IMAGE,))})
    plan = planned(foreign, rebuild="never")
    assert (plan.decision.action, plan.result["build_key"]) == ("unchanged", None)
    with pytest.raises(Invalid, match="carries no build key of its own"):
        planned(foreign, Shelf(), rebuild="never", push=True)


def test_nothing_is_asked_of_the_base_where_nothing_is_built():
    first = planned(Store(), base=Shelf({BASE: OLD, BUILDER: OLD}), definition=with_builder())
    labels = {**image_of(first).labels, "io.foundry.ee.build-key": "0" * 64}
    at_hand = Store({IMAGE: replace(image_of(first), labels=labels)})
    for policy in ("pinned", "newest"):
        base = Shelf(away=True)
        plan = planned(at_hand, base=base, definition=with_builder(), rebuild="never", base_policy=policy)
        assert (plan.decision.action, plan.base.digest, plan.builder.digest) == ("unchanged", OLD, None)
        assert (base.requests, plan.warnings) == (0, ())
    with pytest.raises(NotFound):
        planned(Store(), base=Shelf(), rebuild="never")


def test_an_image_without_a_key_of_its_own_is_not_kept_for_its_base():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    labels = {name: value for name, value in image_of(first).labels.items() if "base" in name}
    at_hand = Store({IMAGE: replace(image_of(first), labels=labels)})
    assert planned(at_hand, base=Shelf({BASE: OLD}), rebuild="base_changed").decision.action == "built"


def test_secrets_do_not_count_for_the_key():
    definition = Definition(version=3, base_image=Image(BASE), galaxy=Requirements(content='{"collections": ["a.b"]}'))
    plain = planned(Store(), base=Shelf({BASE: OLD}), definition=definition)
    known = ("ansible_cfg", "galaxy_token", "galaxy_env", "pip_conf", "netrc", "ca_bundle")
    secrets = tuple(Secret(f"foundry_{name}", "/nowhere") for name in known)
    given = planned(Store(), base=Shelf({BASE: OLD}), definition=definition, secrets=secrets)
    assert all(secret.id in given.context.text and secret.id not in plain.context.text for secret in secrets)
    assert (given.wanted.key, given.wanted.inputs) == (plain.wanted.key, plain.wanted.inputs)


def test_squashing_counts_for_the_key():
    first = planned(Store(), base=Shelf({BASE: OLD}))
    at_hand = Store({IMAGE: image_of(first)})
    assert planned(at_hand, base=Shelf({BASE: OLD}), squash="off").decision.action == "unchanged"
    plan = planned(at_hand, base=Shelf({BASE: OLD}), squash="all")
    assert (plan.decision.action, plan.changed_inputs) == ("built", ("squash",))
