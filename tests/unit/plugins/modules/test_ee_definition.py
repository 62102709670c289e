# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task plans, and what it loads before it knows what it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._definition import Source, load
from ansible_collections.foundry.ee.plugins.module_utils._definition_parts import migrated
from ansible_collections.foundry.ee.plugins.modules import ee_definition

COLLECTIONS = Path(__file__).resolve().parents[7]
LISTED = "import sys; import ansible_collections.foundry.ee.plugins.modules.{} ; print(*sys.modules, sep='\\n')"


@pytest.mark.parametrize("module", ["ee_definition", "ee_build"])
def test_what_few_tasks_need_is_not_loaded_by_all(module):
    """A task compiles each file of ours that it imports: these would add some 15 ms to every one."""
    answer = subprocess.run(
        [sys.executable, "-c", LISTED.format(module)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.rpartition(".")[2] for name in answer.stdout.split() if name.startswith("ansible_collections")}
    assert {"_definition", "context", "containerfile"} <= loaded
    assert not loaded & {"_definition_parts", "context_writing", "fragments", "migrate", "lock", "requirements"}
    assert not loaded & {"introspect", "bindep", "steps", "packages", "pip", "galaxy"}


BASED = "version: 3\nimages: {base_image: {name: 'a:1'}}\n"


def params_of(**given):
    """Return a task's parameters, with the defaults that Ansible fills in."""
    defaults = {name: option.get("default") for name, option in ee_definition.ARGUMENTS.items()}
    return {**defaults, "state": "validated", **given}


def problems_of(**given):
    with pytest.raises(Invalid) as caught:
        ee_definition.plan_all(params_of(**given))
    return caught.value.details["problems"]


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yml", ".yml").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("version", [1, 2])
def test_only_fragments_of_version_3_are_merged(version, tmp_path):
    (problem,) = problems_of(fragments=[{"version": version}, {"python": ["six"]}], folder=str(tmp_path))
    assert (problem["path"], problem["key"]) == ("fragments[0]", "version")
    write(tmp_path, old_yml=f"\nversion: {version}\n")
    (problem,) = problems_of(fragments=[{"src": "old.yml"}], folder=str(tmp_path))
    assert (problem["line"], problem["key"]) == (2, "version")


def test_fragments_in_files_need_no_version_and_lists_are_included_from_their_folder(tmp_path):
    write(
        tmp_path,
        company__base_yml="base_image: a:1\npython: lists/all.txt\n",
        company__lists__all_txt="-r common.txt\nrequests\n",
        company__lists__common_txt="jmespath\n",
        team__ee_yml="python: [-r more.txt]\n",
        team__more_txt="netaddr\n",
    )
    both = [{"src": "company/base.yml"}, {"src": "team/ee.yml"}]
    for fragments, wanted in (
        (both, "jmespath requests netaddr"),
        (both[1:], "netaddr"),
        (both[:1], "jmespath requests"),
    ):
        plan = ee_definition.plan_all(
            params_of(fragments=fragments, folder=str(tmp_path), context=str(tmp_path / "c"), state="present")
        )
        assert plan.plans[0].context is not None
        files = {file.path: file.data or b"" for file in plan.plans[0].context.write}
        assert files["_build/requirements.txt"].decode().split() == wanted.split()


def test_all_problems_of_fragments_keyring_and_lock_come_at_once(tmp_path):
    write(tmp_path, a_yml="\npython: nope.txt\nsystem: odd.txt\n", odd_txt=b"\xff")
    found = problems_of(
        fragments=[{"src": "gone.yml"}, {"src": "a.yml"}, {"wrong": 1}],
        folder=str(tmp_path),
        galaxy_keyring=str(tmp_path / "nokey"),
    )
    assert [(Path(problem["path"]).name, problem["line"], problem["key"]) for problem in found] == [
        ("gone.yml", None, ""),
        ("a.yml", 2, "dependencies.python"),
        ("a.yml", 3, "dependencies.system"),
        ("fragments[2]", None, "wrong"),
        ("nokey", None, ""),
    ]
    assert "nope.txt" in found[1]["message"]
    with pytest.raises(Invalid, match=r"(?m)^- .*/gone\.yml, It cannot be read: No such file"):
        ee_definition.plan_all(params_of(fragments=[{"src": "gone.yml"}], folder=str(tmp_path)))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/dev/null/x"])
def test_names_that_no_file_can_have_are_problems(name, tmp_path):
    write(tmp_path, ee_yml=BASED)
    good = str(tmp_path / "ee.yml")
    assert problems_of(src=name)
    assert problems_of(src=good, galaxy_keyring=name)
    assert problems_of(fragments=[{"src": name}], folder=str(tmp_path))
    for given in ({"dest": name}, {"context": name}, {"lock": name}):
        if name.startswith("/dev") and "lock" not in given:
            continue
        with pytest.raises(Invalid):
            ee_definition.plan_all(params_of(src=good, state="present", **given))


def test_a_keyring_may_be_larger_than_a_definition(tmp_path):
    write(tmp_path, ee_yml=BASED, keys=b"k" * 2_000_000)
    plan = ee_definition.plan_all(params_of(src=str(tmp_path / "ee.yml"), galaxy_keyring=str(tmp_path / "keys")))
    assert "_build/foundry_ee/keyring.gpg" in [file["path"] for file in plan.result["files"]]


@pytest.mark.parametrize("data", [b"\0token = abcd1234\n", b"x" * 1024 * 1024 + b"\ntoken = abcd1234\n"])
def test_no_advice_on_what_is_no_text_or_too_large(data, tmp_path):
    write(tmp_path, ee_yml=f"{BASED}additional_build_files: [{{src: data, dest: .}}]\n", data=data)
    plan = ee_definition.plan_all(params_of(src=str(tmp_path / "ee.yml")))
    assert [finding["key"] for finding in plan.result["advice"]] == ["images.base_image.name"]


def test_a_linked_configuration_is_migrated_to_the_file(tmp_path):
    write(tmp_path, ee_yml="version: 2\nansible_config: cfg\n", real__cfg="x")
    (tmp_path / "cfg").symlink_to("real/cfg")
    found = migrated(load(Source(src=str(tmp_path / "ee.yml"))), adopt=False).definition
    assert [file.src for file in found.build_files] == ["real/cfg"]
