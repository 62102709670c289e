# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, against registries of our own and an engine that is a table."""

from __future__ import annotations

import pathlib
import re
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import content_mark
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import look_inside
from ansible_collections.foundry.ee.plugins.module_utils._engine import Completed, Engine, LocalImage
from ansible_collections.foundry.ee.plugins.modules import ee_image_info
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module

ROOT = pathlib.Path(__file__).parents[4]
LAYER = "sha256:" + "1" * 64
FACTS = '{"collections": [], "python_packages": [], "roles": [], "system_packages": null, "os": {}, "python": {}}'


class Store(Engine):
    """An engine with a table of images by name or id; it notes what is fetched and removed."""

    def __init__(self, images: t.Mapping[str, LocalImage] | None = None) -> None:
        super().__init__("/usr/bin/podman", self._refuse)
        self.images = dict(images or {})
        self.done: list[tuple[str, str]] = []
        self.access: t.Any = None

    @staticmethod
    def _refuse(argv, env, on_line=None, stdin=None):
        raise AssertionError(f"{argv} is run")

    def inspect(self, reference):
        return self.images.get(reference)

    def pull(self, reference, access, platform=None):
        self.done.append(("pull", reference))
        self.access = access
        return LocalImage("sha256:" + "f" * 64)

    def remove(self, image_id):
        self.done.append(("remove", image_id))

    def start(self, image, script, stdin="", entrypoint=True):
        self.done.append(("look", image))
        return Completed(0, f"{look_inside.MARK}{FACTS}\n")

    def clear(self, task):
        pass


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))


@pytest.fixture(name="registry")
def _registry():
    with FaultRegistry() as server:
        yield server


def info(monkeypatch: pytest.MonkeyPatch, store: Store, **given: t.Any) -> dict[str, t.Any]:
    monkeypatch.setattr(ee_image_info, "open_engine", lambda name, connection=None: store)
    return run_module(ee_image_info.main, given)


def labelled(layers: t.Sequence[str], **more: str) -> dict[str, str]:
    labels = {"io.foundry.ee.build-key": "a" * 64, "io.foundry.ee.content": content_mark(layers, {})}
    return {**labels, "io.foundry.ee.collections": "{}", "io.foundry.ee.python": '{"six":"1"}', **more}


@pytest.mark.parametrize(("layers", "key", "packages"), [([LAYER], "a" * 64, {"six": "1"}), ([LAYER] * 2, None, None)])
def test_what_an_image_says_of_the_one_below_is_not_told_of_it(monkeypatch, registry, layers, key, packages):
    labels = labelled([LAYER], team="network")
    registry.put_image("team/ee", "1", config={"Labels": labels}, rootfs={"diff_ids": layers})
    name = f"{registry.host}/team/ee:1"
    there = info(monkeypatch, Store(), image=name, source="registry")
    here = Store({name: LocalImage("sha256:" + "e" * 64, (name,), labels=labels, layers=tuple(layers))})
    for told in (there, info(monkeypatch, here, image=name, inside="never")):
        assert (told["build_key"], told["python_packages"]) == (key, packages)
        assert told["labels"] == labels


def test_the_user_of_one_registry_is_not_told_to_another(monkeypatch, registry):
    with FaultRegistry() as other:
        for server in (registry, other):
            server.put_image("team/ee", "1")
        given = {"username": "me", "password": "secret", "source": "registry"}
        one, two = f"{registry.host}/team/ee:1", f"{other.host}/team/ee:1"
        told = info(monkeypatch, Store(), image=one, compare_to=two, **given)
        assert not told["failed"]
        assert any("authorization" in seen.headers for seen in registry.seen)
        assert other.seen
        assert not any("authorization" in seen.headers for seen in other.seen)


def test_the_user_is_nobodys_where_the_image_names_no_registry(monkeypatch, registry):
    registry.put_image("team/ee", "1")
    here = Store({"e" * 64: LocalImage("sha256:" + "e" * 64)})
    given = {"username": "me", "password": "secret", "inside": "never"}
    told = info(monkeypatch, here, image="e" * 64, compare_to=f"{registry.host}/team/ee:1", **given)
    assert not told["failed"]
    assert registry.seen
    assert not any("authorization" in seen.headers for seen in registry.seen)


def test_nor_does_the_engine_get_it_for_another_registry(monkeypatch, registry):
    registry.put_image("team/ee", "1")
    store = Store({"e" * 64: LocalImage("sha256:" + "e" * 64)})
    given = {"username": "me", "password": "secret", "inside": "always"}
    info(monkeypatch, store, image="e" * 64, compare_to=f"{registry.host}/team/ee:1", **given)
    assert store.access.authfile is None


@pytest.mark.parametrize("index", [False, True])
def test_a_look_from_afar_leaves_the_names_of_the_engine_alone(monkeypatch, registry, index):
    digest = registry.put_image("team/ee", *([] if index else ["1"]))
    if index:
        registry.put_index("team/ee", {"linux/amd64": digest}, "1")
    name = f"{registry.host}/team/ee:1"
    store = Store({name: LocalImage("sha256:" + "e" * 64, (name,))})
    told = info(monkeypatch, store, image=name, source="registry", sbom="spdx")
    assert not told["failed"]
    fetched = "sha256:" + "f" * 64
    pinned = f"{registry.host}/team/ee@{digest}"
    assert store.done == [("pull", pinned), ("look", fetched), ("remove", fetched)]


@pytest.mark.parametrize("known_by", ["id", "digest"])
def test_an_image_that_is_here_already_is_neither_fetched_nor_removed(monkeypatch, registry, known_by):
    digest = registry.put_image("team/ee", "1")
    name = f"{registry.host}/team/ee:1"
    image_id = info(monkeypatch, Store(), image=name, source="registry")["image_id"]
    reference = image_id if known_by == "id" else f"{registry.host}/team/ee@{digest}"
    store = Store({reference: LocalImage(image_id)})
    info(monkeypatch, store, image=name, source="registry", inside="always")
    assert store.done == [("look", image_id)]


def test_an_image_for_another_platform_is_not_taken(monkeypatch, registry):
    here = LocalImage("sha256:" + "e" * 64, platform="linux/amd64")
    name = f"{registry.host}/team/ee:1"
    store = Store({name: replace(here, names=(name,))})
    asked = {"image": name, "inside": "never"}
    assert info(monkeypatch, store, platform="linux/amd64", **asked)["source"] == "engine"
    nowhere = info(monkeypatch, store, platform="linux/arm64", **asked)
    assert (nowhere["failed"], nowhere["error"]["kind"]) == (True, "not_found")
    assert "for linux/arm64" in nowhere["msg"]
    registry.put_image("team/ee", "1", architecture="arm64")
    told = info(monkeypatch, store, platform="linux/arm64", **asked)
    assert (told["source"], told["platform"]) == ("registry", "linux/arm64")


def test_bills_of_materials_tell_a_time_in_utc(monkeypatch, registry):
    registry.put_image("team/ee", "1", created="2026-11-20T10:05:07.5+02:00")
    told = info(monkeypatch, Store(), image=f"{registry.host}/team/ee:1", source="registry", sbom="cyclonedx")
    assert told["sbom"]["metadata"]["timestamp"] == "2026-11-20T08:05:07Z"


def test_bills_of_materials_name_this_version():
    found = re.search(r"^version: (\S+)", (ROOT / "galaxy.yml").read_text(), re.MULTILINE)
    assert found is not None
    assert found.group(1) == ee_image_info.VERSION
