# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contexts: what is collected, its key, and writing it without leaving anything half done."""

from __future__ import annotations

import itertools
import os
import pathlib
import stat
import tracemalloc

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import context, model
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import BuildFile, Definition, Image, Requirements

EE = Definition(version=3, base_image=Image("quay.io/org/base:1"), ansible_core="ansible-core==2.19.0")


def collect(definition=EE, folder=".", **options):
    return context.collect(definition, str(folder), **options)


def paths(found):
    return {file.path for file in found.files}


def key(found, **changes):
    return context.build_key(
        found, **{"build_args": {}, "base_digest": "sha256:" + "0" * 64, "platform": "linux/amd64", **changes}
    )


def digests(found, **changes):
    return context.input_digests(
        found, **{"build_args": {}, "base_digest": "sha256:" + "0" * 64, "platform": "linux/amd64", **changes}
    )


def test_the_helpers_are_there_and_start_alone(tmp_path):
    found = collect()
    context.write(context.plan_write(found, str(tmp_path)))
    names = {path.rpartition("/")[2] for path in paths(found)}
    assert {"Containerfile", "run", "entrypoint", "steps.py", "introspect.py"} <= names
    helper = tmp_path / "_build/scripts/foundry_ee/run"
    assert os.access(helper, os.X_OK)


def test_all_that_is_missing_is_reported_at_once(tmp_path):
    (tmp_path / "folder").mkdir()
    definition = Definition(
        version=3,
        galaxy=Requirements(file="requirements.yml"),
        python=Requirements(file="folder"),
        build_files=(BuildFile("nope*", "x"), BuildFile("/nowhere", "y"), BuildFile("folder", "../up")),
    )
    places = {"dependencies.galaxy": model.Place("ee.yml", 5, 11, "dependencies.galaxy")}
    with pytest.raises(Invalid) as caught:
        collect(definition, tmp_path, places=places)
    problems = caught.value.details["problems"]
    assert [problem["key"] for problem in problems] == [
        "dependencies.galaxy",
        "dependencies.python",
        "additional_build_files[0].src",
        "additional_build_files[1].src",
        "additional_build_files[2].dest",
    ]
    assert problems[0]["line"] == 5
    assert "and 4 more" in str(caught.value)


def test_build_files(tmp_path):
    tree = tmp_path / "files" / "inner"
    tree.mkdir(parents=True)
    (tree / "script.sh").write_text("#!/bin/sh\n")
    (tree / "script.sh").chmod(0o700)
    (tree / "plain").write_text("x")
    (tree / "plain").chmod(0o600)
    (tree / "link").symlink_to("plain")
    (tree / "dangling").symlink_to("nowhere")
    (tmp_path / ".hidden").write_text("h")
    definition = Definition(
        version=3, build_files=(BuildFile("files", "tree"), BuildFile("*/inner/pl*", "."), BuildFile(".hid*", ""))
    )
    found = {file.path: file for file in collect(definition, tmp_path).files}
    assert found["_build/tree/inner/script.sh"].mode == 0o755
    assert found["_build/tree/inner/plain"].mode == 0o644
    assert found["_build/tree/inner/link"].link == "plain"
    assert found["_build/tree/inner/dangling"].link == "nowhere"
    assert found["_build/plain"].data == b"x"
    assert found["_build/.hidden"].data == b"h"


def test_a_link_into_itself_ends(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "again").symlink_to("..")
    with pytest.raises(Invalid, match="link to a directory that it lies in"):
        collect(Definition(version=3, build_files=(BuildFile("files", "x"),)), tmp_path)


def test_the_place_of_the_helpers_is_kept_free(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(Invalid, match="place for helpers"):
        collect(Definition(version=3, build_files=(BuildFile("run", "scripts/foundry_ee"),)), tmp_path)


def test_the_key_is_the_same_elsewhere(tmp_path):
    keys = set()
    for name, umask in (("one", 0o022), ("two", 0o077)):
        folder = tmp_path / name
        before = os.umask(umask)
        try:
            folder.mkdir()
            (folder / "requirements.txt").write_text("six\n")
        finally:
            os.umask(before)
        os.utime(folder / "requirements.txt", (1, 1))
        keys.add(key(collect(Definition(version=3, python=Requirements(file="requirements.txt")), folder)))
    assert len(keys) == 1


def test_whatever_counts_changes_the_key():
    found = collect()
    keys = [
        key(found),
        key(found, build_args={"PYCMD": "/usr/bin/python3.12"}),
        key(found, base_digest="sha256:" + "1" * 64),
        key(found, base_digest=None),
        key(found, platform="linux/arm64"),
        key(collect(Definition(version=3, base_image=EE.base_image, ansible_core="ansible-core==2.18.0"))),
    ]
    assert len(set(keys)) == len(keys)


def test_changes_have_the_names_that_users_know():
    before = digests(collect(Definition(version=3, python=Requirements(content="six"))))
    after = digests(
        collect(Definition(version=3, python=Requirements(content="six\npsutil"), system=Requirements(content="git"))),
        base_digest="sha256:" + "1" * 64,
        build_args={"A": "b"},
    )
    assert context.changed_inputs(before, before) == []
    assert context.changed_inputs(before, after) == [
        "Containerfile",
        "base image",
        "bindep.txt",
        "build arguments",
        "requirements.txt",
    ]


def test_a_list_that_changes_is_not_told_as_a_changed_containerfile():
    before, after = (digests(collect(Definition(version=3, python=Requirements(content=c)))) for c in ("six", "six>=1"))
    assert context.changed_inputs(before, after) == ["requirements.txt"]


def test_writing_twice_changes_nothing(tmp_path):
    found, folder = collect(), str(tmp_path / "a" / "context")
    plan = context.plan_write(found, folder)
    assert plan.changed
    assert not (tmp_path / "a").exists()
    context.write(plan)
    again = context.plan_write(found, folder)
    assert not again.changed
    assert plan.diff[0]["before"] == ""
    assert plan.diff[0]["after"] == again.diff[0]["before"] == again.diff[0]["after"]
    assert again.diff[1]["before"] == again.diff[1]["after"] == plan.diff[1]["after"]


def test_what_was_ours_goes_and_what_was_not_stays(tmp_path):
    old = collect(Definition(version=3, python=Requirements(content="six"), exclude=model.Exclude(python=("x",))))
    context.write(context.plan_write(old, str(tmp_path)))
    (tmp_path / "_build" / "theirs").write_text("keep")
    new = collect(Definition(version=3))
    plan = context.plan_write(new, str(tmp_path))
    assert set(plan.remove) == {"_build/requirements.txt", "_build/exclude-requirements.txt"}
    context.write(plan)
    assert not (tmp_path / "_build/requirements.txt").exists()
    assert (tmp_path / "_build/theirs").read_text() == "keep"
    assert not context.plan_write(new, str(tmp_path)).changed


def test_a_damaged_file_and_a_wrong_mode_are_mended(tmp_path):
    found = collect()
    context.write(context.plan_write(found, str(tmp_path)))
    (tmp_path / "Containerfile").write_text("FROM scratch\n")
    (tmp_path / "_build/scripts/foundry_ee/run").chmod(0o600)
    plan = context.plan_write(found, str(tmp_path))
    assert {file.path for file in plan.write} == {"Containerfile", "_build/scripts/foundry_ee/run"}
    context.write(plan)
    assert not context.plan_write(found, str(tmp_path)).changed


def snapshot(folder):
    return {
        str(path.relative_to(folder)): (stat.S_IMODE(path.lstat().st_mode), path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


def test_a_failure_at_any_point_changes_nothing(tmp_path, monkeypatch):
    context.write(context.plan_write(collect(Definition(version=3, python=Requirements(content="six"))), str(tmp_path)))
    before = snapshot(tmp_path)
    definition = Definition(version=3, system=Requirements(content="git"), steps={"append_final": ("RUN true",)})
    plan = context.plan_write(collect(definition), str(tmp_path))
    rename = pathlib.Path.rename
    failures = 0
    while True:
        calls = itertools.count()

        def failing(self, target, calls=calls, fails_at=failures):
            if next(calls) == fails_at:
                raise OSError(28, "No space left on device", str(self))
            return rename(self, target)

        monkeypatch.setattr(pathlib.Path, "rename", failing)
        try:
            context.write(plan)
            break
        except Failed:
            pass
        assert snapshot(tmp_path) == before
        failures += 1
    assert failures >= len(plan.write) + len(plan.remove) > 2


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "_build").symlink_to(outside)
    with pytest.raises(Invalid, match="leads out of"):
        context.plan_write(collect(), str(tmp_path / "context"))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "context").write_text("")
    with pytest.raises(Invalid, match="is not a directory"):
        context.plan_write(collect(), str(tmp_path / "context"))


LONG = "x" * 300


@pytest.mark.parametrize(
    ("changes", "key", "words", "hint"),
    [
        ({"python": Requirements(file="six " * 80)}, "dependencies.python", "name too long", "as a list"),
        ({"python": Requirements(file="six pyyaml requests")}, "dependencies.python", "not exist", "as a list"),
        ({"python": Requirements(file="a\0b")}, "dependencies.python", "null byte", "Check the path"),
        ({"python": Requirements(content=f"-r {LONG}")}, "dependencies.python", "name too long", "Mend the name"),
        ({"python": Requirements(content="-r a\0b")}, "dependencies.python", "null byte", "Mend the name"),
        ({"build_files": (BuildFile(LONG, "x"),)}, "additional_build_files[0].src", "", ""),
        ({"build_files": (BuildFile("a**/b", "x"),)}, "additional_build_files[0].src", "", ""),
        ({"build_files": (BuildFile("/a\0b", "x"),)}, "additional_build_files[0].src", "", ""),
        ({"build_files": (BuildFile("f", LONG),)}, "additional_build_files[0].dest", "no name", "at most 255"),
        ({"build_files": (BuildFile("f", "a\0b"),)}, "additional_build_files[0].dest", "no name", "at most 255"),
    ],
)
def test_names_that_no_file_can_have_are_problems(tmp_path, changes, key, words, hint):
    (tmp_path / "f").write_text("")
    with pytest.raises(Invalid) as caught:
        collect(Definition(version=3, **changes), tmp_path)
    (problem,) = caught.value.details["problems"]
    assert problem["key"] == key
    assert words in problem["message"]
    assert hint in problem["hint"]
    assert "\0" not in problem["message"]
    assert len(problem["message"]) < 250


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path):
    with pytest.raises(Invalid, match="cannot be read: file name too long"):
        context.plan_write(collect(), str(tmp_path / LONG))


def test_a_file_that_must_be_a_folder_too_is_a_problem(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "x").write_text("")
    files = (BuildFile("a", "x"), BuildFile("x", "."))
    with pytest.raises(Invalid, match="`x` would be a file and the folder of `x/a`"):
        collect(Definition(version=3, build_files=files), tmp_path)


@pytest.mark.parametrize(
    ("count", "good"), [("1", True), ("+2", True), ("all", True), ("+all", True), ("foo", False), ("-1", False)]
)
def test_the_count_of_signatures_is_what_galaxy_takes(count, good):
    galaxy = Definition(version=3, galaxy=Requirements(content="collections: [a.b]\n"))
    if good:
        assert (
            f"--required-valid-signature-count={count}"
            in collect(galaxy, keyring=b"k", required_valid_signature_count=count).text
        )
        return
    with pytest.raises(Invalid) as caught:
        collect(galaxy, keyring=b"k", required_valid_signature_count=count)
    assert [problem["key"] for problem in caught.value.details["problems"]] == ["galaxy_required_valid_signature_count"]


def test_our_own_folder_is_kept_free(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(Invalid, match="place for helpers"):
        collect(Definition(version=3, build_files=(BuildFile("a", "foundry_ee"),)), tmp_path)


def test_unknown_secret():
    with pytest.raises(Invalid, match="no build secret `token`"):
        collect(secrets=["token"])


# Large files, and files that never end

MIB = 1024 * 1024


def with_file(source, dest="files"):
    return Definition(version=3, build_files=(BuildFile(str(source), dest),))


def write_large(path, size=3 * MIB, end=b"end"):
    with path.open("wb") as file:
        file.truncate(size - len(end))
        file.seek(0, os.SEEK_END)
        file.write(end)


def test_a_large_file_is_written_and_known_again(tmp_path):
    source, folder = tmp_path / "large.bin", tmp_path / "context"
    write_large(source)
    found = collect(with_file("large.bin"), tmp_path)
    (large,) = (file for file in found.files if file.path.endswith("large.bin"))
    assert (large.data, large.size) == (None, 3 * MIB)
    context.write(context.plan_write(found, str(folder)))
    assert (folder / "_build/files/large.bin").read_bytes() == source.read_bytes()
    assert stat.S_IMODE((folder / "_build/files/large.bin").stat().st_mode) == 0o644
    assert not context.plan_write(collect(with_file("large.bin"), tmp_path), str(folder)).changed
    before = key(found)
    write_large(source, end=b"END")
    changed = collect(with_file("large.bin"), tmp_path)
    assert key(changed) != before
    assert [file.path for file in context.plan_write(changed, str(folder)).write] == [large.path]


def test_a_large_file_counts_for_the_key_as_a_small_one_does(tmp_path, monkeypatch):
    write_large(tmp_path / "large.bin")
    stored = key(collect(with_file("large.bin"), tmp_path))
    monkeypatch.setattr(context, "LARGEST_HELD", 4 * MIB)
    assert key(collect(with_file("large.bin"), tmp_path)) == stored


def test_a_large_file_takes_no_memory(tmp_path):
    write_large(tmp_path / "large.bin", 64 * MIB)
    tracemalloc.start()
    try:
        context.write(context.plan_write(collect(with_file("large.bin"), tmp_path), str(tmp_path / "context")))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * MIB


def test_a_large_file_that_changes_meanwhile_leaves_the_context_as_it_was(tmp_path):
    source, folder = tmp_path / "large.bin", tmp_path / "context"
    write_large(source)
    plan = context.plan_write(collect(with_file("large.bin"), tmp_path), str(folder))
    write_large(source, end=b"END")
    with pytest.raises(Failed, match="bin changed while it was copied"):
        context.write(plan)
    assert list(folder.iterdir()) == []


def test_what_never_ends_is_no_list_and_no_build_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "whole").symlink_to("/")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", context.LARGEST_LIST + 1)
    for wanted in ("/dev/zero", "pipe", "huge"):
        with pytest.raises(Invalid, match=r"it is no file|more than the 16777216 allowed"):
            collect(Definition(version=3, python=Requirements(file=wanted)), tmp_path)
    for wanted in ("/", "folder"):
        with pytest.raises(Invalid, match="is all that this host has"):
            collect(with_file(wanted), tmp_path)


@pytest.mark.skipif(not pathlib.Path("/proc/kmsg").exists(), reason="only Linux has files that the kernel makes up")
def test_files_that_the_kernel_makes_up_are_refused_and_hold_nothing_up(tmp_path):
    with pytest.raises(Invalid, match="the kernel makes up what it says"):
        collect(with_file("/proc/version"), tmp_path)
    for definition in (with_file("/proc/kmsg"), Definition(version=3, system=Requirements(file="/proc/kmsg"))):
        with pytest.raises(Invalid, match="`/proc/kmsg` cannot be read"):
            collect(definition, tmp_path)
    (tmp_path / "empty").touch()
    assert [file.data for file in collect(with_file("empty"), tmp_path).files if file.path.endswith("empty")] == [b""]
