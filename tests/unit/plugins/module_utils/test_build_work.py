# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done with an image that was fetched or built, before it gets its names. The engine is a table."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._build import Planner, Request
from ansible_collections.foundry.ee.plugins.module_utils._build_work import Tools, carry_out
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import Record, content_mark
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._engine import Access, Completed, Engine, LocalImage
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace

BASE, IMAGE = "registry.example.com/base:1", "hub.example.com/ee/network:1"
DIGEST = "sha256:" + "1" * 64
BARE = LocalImage("sha256:" + "a" * 64, layers=(DIGEST,))
REVISION = "org.opencontainers.image.revision"


class Store(Engine):
    """An engine with a table of images by id, which pulls and builds what it is told to have at hand."""

    def __init__(self, coming: LocalImage) -> None:
        super().__init__("/usr/bin/podman", self._refuse)
        self.coming = coming
        self.names: dict[str, str] = {}
        self.images: dict[str, LocalImage] = {}
        self.cleared: list[str] = []

    @staticmethod
    def _refuse(argv, env, on_line=None, stdin=None):
        raise AssertionError(f"{argv} is run")

    def inspect(self, reference):
        image = self.images.get(self.names.get(reference, reference))
        held = tuple(name for name, known in self.names.items() if image is not None and known == image.id)
        return None if image is None else replace(image, names=held)

    def find_key(self, key):
        return None

    def platform(self):
        return "linux/amd64"

    def tag(self, image_id, reference):
        self.names[reference] = image_id

    def untag(self, reference):
        image_id = self.names.pop(reference)
        if image_id not in self.names.values():
            del self.images[image_id]

    def pull(self, reference, access, platform=None):
        self.images[self.coming.id] = self.coming
        self.tag(self.coming.id, reference)
        return self.inspect(reference)

    def remove(self, image_id):
        del self.images[image_id]

    def build(self, order, on_line):
        self.images[self.coming.id] = self.coming
        return self.coming.id

    def label(self, order, image_id, labels, folder):
        made = replace(self.images[image_id], id="sha256:" + "b" * 64)
        self.images[made.id] = replace(made, labels={**made.labels, **labels})
        return made.id

    def start(self, image, script, stdin="", entrypoint=True):
        return Completed(1, "")

    def clear(self, task):
        self.cleared.append(task)


class Shelf:
    """A registry that has the base image, and what else it is told."""

    requests = 0

    def __init__(self, *names: str) -> None:
        self.names = (BASE, *names)

    def digest(self, ref):
        return DIGEST if str(ref) in self.names else None

    def config(self, ref, platform=None):
        raise AssertionError(f"{ref} is asked for")


class Reached:
    """No credentials are needed."""

    def engine_access(self, ref):
        return Access()


@pytest.fixture(name="workspace")
def _workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Workspace() as workspace:
        yield workspace


def run(store: Store, workspace: Workspace, hub: t.Any = None, steps: t.Sequence[str] = (), **changes: t.Any) -> t.Any:
    """Plan, and carry the plan out. Return the plan and the result."""
    data = {"version": 3, "images": {"base_image": {"name": BASE}}, "options": {"skip_ansible_check": True}}
    parsed = definitions.from_mapping({**data, "additional_build_steps": {"append_final": list(steps)}})
    assert parsed.definition is not None
    request = Request(parsed.definition, Path("/nowhere"), from_files=False, names=(parse(IMAGE),), **changes)
    base: t.Any = Shelf()
    plan = Planner(request, store, hub, None, lambda ref: base).plan()
    reach: t.Any = Reached()
    return plan, lambda: carry_out(request, plan, Tools(store, hub, workspace, reach, lambda progress: None))


def key(workspace: Workspace) -> str:
    plan, _carry_out = run(Store(BARE), workspace)
    return str(plan.wanted.key)


def of_key(value: str) -> LocalImage:
    """Return an image that carries a build key of its own."""
    labels = {"io.foundry.ee.build-key": value, "io.foundry.ee.content": content_mark(BARE.layers, {})}
    return replace(BARE, labels=labels)


def by_key(value: str) -> str:
    return f"hub.example.com/ee/network:key-{value[:32]}"


class Found(Shelf):
    """A registry that has the image only under its key's tag."""

    def config(self, ref, platform=None):
        raise NotFound("not there")


def test_what_is_fetched_by_its_key_does_not_keep_that_name(workspace):
    wanted = key(workspace)
    store = Store(of_key(wanted))
    plan, carry = run(store, workspace, Found(by_key(wanted)))
    assert plan.decision.action == "pulled"
    assert carry()["image_id"] == BARE.id
    assert store.names == {IMAGE: BARE.id}


def test_a_name_that_was_there_before_stays(workspace):
    wanted = key(workspace)
    store = Store(of_key(wanted))
    _plan, carry = run(store, workspace, Found(by_key(wanted)))
    store.images["sha256:older"] = LocalImage("sha256:older")
    store.tag("sha256:older", by_key(wanted))
    carry()
    assert set(store.names) == {IMAGE, by_key(wanted)}


@pytest.mark.parametrize("other", [of_key("0" * 64), BARE])
def test_what_is_fetched_must_carry_the_key_of_its_tag(workspace, other):
    wanted = key(workspace)
    store = Store(other)
    _plan, carry = run(store, workspace, Found(by_key(wanted)))
    with pytest.raises(Failed, match=by_key(wanted)):
        carry()
    assert (store.names, store.images) == ({}, {})


def test_a_built_image_bears_its_mark_and_clears_what_it_inherits(workspace):
    inherited = {"io.foundry.ee.python": "{}", "io.foundry.ee.build-key": "f" * 64, REVISION: "of-the-base", "a": "b"}
    store = Store(replace(BARE, labels=inherited))
    plan, carry = run(store, workspace)
    image = store.images[carry()["image_id"]]
    assert Record.of(image.own_labels).key == plan.wanted.key
    assert {name for name, value in image.labels.items() if not value} == {"io.foundry.ee.python", REVISION}
    assert image.labels["a"] == "b"


def test_a_revision_that_the_definition_writes_stays(workspace):
    store = Store(replace(BARE, labels={REVISION: "mine"}))
    _plan, carry = run(store, workspace, steps=[f"LABEL {REVISION}=mine"])
    assert store.images[carry()["image_id"]].labels[REVISION] == "mine"


def test_an_image_that_is_another_one_after_labelling_gets_no_name(workspace, monkeypatch):
    store = Store(BARE)
    labelled = store.label

    def built_anew(order, image_id, labels, folder):
        made = labelled(order, image_id, labels, folder)
        store.images[made] = replace(store.images[made], layers=("sha256:" + "2" * 64,))
        return made

    monkeypatch.setattr(store, "label", built_anew)
    _plan, carry = run(store, workspace)
    with pytest.raises(Failed, match="became another image"):
        carry()
    assert store.names == {}
    assert store.cleared


def test_pruning_leaves_what_was_built_on_an_image_of_ours(workspace):
    wanted = key(workspace)
    store = Store(replace(BARE, id="sha256:" + "c" * 64))
    derived = replace(of_key("0" * 64), layers=(DIGEST, DIGEST))
    store.images[derived.id] = derived
    store.tag(derived.id, IMAGE)
    _plan, carry = run(store, workspace, prune=True)
    carry()
    assert derived.id in store.images
    assert Record.of(store.images[store.names[IMAGE]].own_labels).key == wanted
