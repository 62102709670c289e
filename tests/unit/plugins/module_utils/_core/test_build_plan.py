# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import (
    BASE_DIGEST_LABEL,
    BASE_NAME_LABEL,
    BUILDER_LABEL,
    CONTENT_LABEL,
    INPUTS_LABEL,
    KEY_LABEL,
    Found,
    Record,
    Wanted,
    choose_base,
    content_mark,
    decide,
    kept_base,
    key_tag,
    own_labels,
    own_labels_of,
    publication,
)

KEY, OTHER = "a" * 64, "b" * 64
DIGEST, NEWER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NAME = "registry.example.com/ee/network:1"
WANTED = Wanted((NAME,), KEY, {"requirements.txt": "1"}, "base:1", DIGEST)


def found(where="engine", key=KEY, names=(NAME,), base_digest=DIGEST):
    return Found(where, NAME, Record(key, {}, "base:1", base_digest), frozenset(names))


def never_asked():
    raise AssertionError("looked further than was needed")


def nothing():
    return None


def test_the_image_at_hand_is_kept_without_looking_further():
    decision = decide(WANTED, "changed", found(), never_asked, never_asked, ())
    assert decision.action == "unchanged"
    assert decision.because == (f"{NAME} in the engine carries build key aaaaaaaaaaaa",)


def test_the_engine_is_asked_before_the_registry():
    under_other_name = found(names=("localhost/other:1",))
    decision = decide(WANTED, "changed", None, lambda: under_other_name, never_asked, ())
    assert decision.action == "tagged"
    assert decision.source == under_other_name


def test_the_registry_is_asked_before_anything_is_built():
    decision = decide(WANTED, "changed", None, nothing, lambda: found("registry"), ())
    assert decision.action == "pulled"
    assert decision.because[0] == f"{NAME} does not exist"


def test_an_image_that_only_the_registry_has_under_its_name_is_pulled():
    assert decide(WANTED, "changed", found("registry", names=()), never_asked, never_asked, ()).action == "pulled"


def test_what_lacks_a_second_name_is_tagged():
    wanted = Wanted((NAME, "registry.example.com/ee/network:latest"), KEY, {}, "base:1", DIGEST)
    decision = decide(wanted, "changed", found(), never_asked, never_asked, ())
    assert decision.action == "tagged"
    assert decision.because[-1] == "it lacks the name registry.example.com/ee/network:latest"


def test_changed_inputs_are_named():
    decision = decide(WANTED, "changed", found(key=OTHER), nothing, nothing, ("base image", "requirements.txt"))
    assert decision.action == "built"
    assert decision.because[:2] == ("base image changed", "requirements.txt changed")


@pytest.mark.parametrize(
    ("mode", "at_hand", "action"),
    [
        ("always", found(), "built"),
        ("never", found(key=OTHER), "unchanged"),
        ("never", found(key=None), "unchanged"),
        ("never", found("registry", key=OTHER, names=()), "pulled"),
        ("never", None, "built"),
        ("base_changed", found(key=OTHER), "unchanged"),
        ("base_changed", found(key=OTHER, base_digest=NEWER), "built"),
        ("base_changed", found(key=OTHER, base_digest=None), "built"),
        ("base_changed", None, "built"),
        ("changed", found(key=OTHER), "built"),
        ("changed", found(key=None), "built"),
    ],
)
def test_rebuild_modes(mode, at_hand, action):
    assert decide(WANTED, mode, at_hand, nothing, nothing, ()).action == action


def test_records_are_read_from_labels():
    labels = {
        KEY_LABEL: KEY,
        INPUTS_LABEL: '{"requirements.txt":"1"}',
        BASE_NAME_LABEL: "base:1",
        BASE_DIGEST_LABEL: DIGEST,
    }
    assert Record.of(labels) == Record(KEY, {"requirements.txt": "1"}, "base:1", DIGEST)


def test_labels_that_were_emptied_count_as_absent():
    names = (KEY_LABEL, INPUTS_LABEL, BASE_NAME_LABEL, BASE_DIGEST_LABEL, BUILDER_LABEL)
    assert Record.of(dict.fromkeys(names, "")) == Record()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1"])
def test_damaged_labels_count_as_absent(text):
    assert Record.of({INPUTS_LABEL: text}).inputs == {}


def test_a_key_has_a_tag():
    assert key_tag(KEY) == "key-" + "a" * 32


@pytest.mark.parametrize(
    ("built", "before", "upload", "tags", "digest"),
    [
        (True, {"key-1": None, "1": None}, True, ("1",), None),
        (True, {"key-1": DIGEST, "1": DIGEST}, True, ("1",), None),
        (False, {"key-1": None, "1": NEWER}, True, ("1",), None),
        (False, {"key-1": DIGEST, "1": DIGEST, "latest": NEWER}, False, ("latest",), DIGEST),
        (False, {"key-1": DIGEST, "1": DIGEST}, False, (), DIGEST),
    ],
)
def test_publication(built, before, upload, tags, digest):
    planned = publication(built, "key-1", before)
    assert (planned.upload, planned.tags, planned.digest) == (upload, tags, digest)
    assert planned.changed == bool(upload or tags)


@pytest.mark.parametrize(
    ("policy", "fixed", "recorded", "there", "digest"),
    [
        ("pinned", DIGEST, Record(base_name="base:1", base_digest=NEWER), True, DIGEST),
        ("newest", DIGEST, Record(), True, DIGEST),
        ("pinned", None, Record(), True, NEWER),
        ("pinned", None, Record(base_name="base:1", base_digest=DIGEST), True, DIGEST),
        ("pinned", None, Record(base_name="base:1", base_digest=DIGEST), False, NEWER),
        ("pinned", None, Record(base_name="other:1", base_digest=DIGEST), True, NEWER),
        ("newest", None, Record(base_name="base:1", base_digest=DIGEST), True, NEWER),
    ],
)
def test_choice_of_the_base(policy, fixed, recorded, there, digest):
    base = choose_base("base:1", fixed, policy, recorded, lambda _digest: there, lambda: NEWER)
    assert base.digest == digest
    assert base.because


LAYERS = (DIGEST, NEWER)
# podman 4.3.1, buildah 1.28.2 and the configuration that both push, 2026-11-28: what is empty is left out or null.
SETTINGS = {"User": "1000", "Env": ["A=1"], "Entrypoint": ["/bin/sh"], "WorkingDir": "/runner"}


@pytest.mark.parametrize(
    "same", [SETTINGS, {**SETTINGS, "Cmd": None}, {**SETTINGS, "Cmd": [], "Volumes": {}, "Labels": {"a": "b"}}]
)
def test_an_image_has_the_same_mark_however_it_is_written(same):
    assert content_mark(list(LAYERS), same) == content_mark(LAYERS, SETTINGS)


@pytest.mark.parametrize(
    ("layers", "changes"),
    [
        ((*LAYERS, DIGEST), {}),
        ((DIGEST,), {}),
        (LAYERS, {"User": "0"}),
        (LAYERS, {"Env": ["A=2"]}),
        (LAYERS, {"Cmd": ["sh"]}),
        (LAYERS, {"Entrypoint": None}),
        (LAYERS, {"WorkingDir": "/"}),
        (LAYERS, {"Volumes": {"/data": {}}}),
        (LAYERS, {"ExposedPorts": {"80/tcp": {}}}),
        (LAYERS, {"StopSignal": "SIGINT"}),
    ],
)
def test_ours_are_no_labels_of_what_is_built_on_the_image(layers, changes):
    ours = {KEY_LABEL: KEY, BASE_NAME_LABEL: "base:1", CONTENT_LABEL: content_mark(LAYERS, SETTINGS)}
    labels = {**ours, "team": "network"}
    assert own_labels(labels, LAYERS, SETTINGS) == labels
    assert own_labels(labels, layers, {**SETTINGS, **changes}) == {"team": "network"}


def test_an_image_without_a_mark_has_no_key_but_a_base():
    labels = {KEY_LABEL: KEY, BASE_NAME_LABEL: "base:1"}
    assert own_labels(labels, LAYERS, SETTINGS) == {BASE_NAME_LABEL: "base:1"}


def test_own_labels_of_what_a_registry_has():
    labels = {KEY_LABEL: KEY, CONTENT_LABEL: content_mark(LAYERS, SETTINGS)}
    config = {"config": {**SETTINGS, "Labels": labels}, "rootfs": {"type": "layers", "diff_ids": list(LAYERS)}}
    assert own_labels_of(config) == labels
    assert own_labels_of({**config, "rootfs": {"diff_ids": [DIGEST]}}) == {}
    assert own_labels_of({}) == {}


@pytest.mark.parametrize(
    ("fixed", "recorded", "digest"),
    [
        (NEWER, Record(base_name="base:1", base_digest=DIGEST), NEWER),
        (None, Record(base_name="base:1", base_digest=DIGEST), DIGEST),
        (None, Record(base_name="other:1", base_digest=DIGEST), None),
        (None, Record(), None),
    ],
)
def test_the_base_of_an_image_that_is_kept(fixed, recorded, digest):
    assert kept_base("base:1", fixed, recorded).digest == digest
