# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import look_inside

APK = """\
C:Q1abc
P:musl
V:1.2.5-r0
A:x86_64
L:MIT

P:busybox
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only

C:damaged block
"""


def test_it_runs_by_itself():
    done = subprocess.run(
        [sys.executable, "-"],
        input=pathlib.Path(look_inside.__file__).read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(look_inside.MARK)
    facts = json.loads(done.stdout[len(look_inside.MARK) :])
    assert "ansible-core" in {package["name"] for package in facts["python_packages"]}
    assert facts["python"]["executable"] == sys.executable


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(look_inside, "_SHARED", tmp_path / "shared")
    return tmp_path


def test_collections_are_known_by_manifest_or_recipe(home):
    built = home / "ansible_collections" / "ansible" / "posix"
    built.mkdir(parents=True)
    info = {"namespace": "ansible", "name": "posix", "version": "2.1.0", "license": ["GPL-3.0-or-later"]}
    (built / "MANIFEST.json").write_text(json.dumps({"collection_info": info}))
    source = home / "shared" / "collections" / "ansible_collections" / "my" / "own"
    source.mkdir(parents=True)
    (source / "galaxy.yml").write_text("namespace: my\nname: own\nversion: '1.0.0' # the first\n")
    older = home / "shared" / "collections" / "ansible_collections" / "ansible" / "posix"
    older.mkdir(parents=True)
    (older / "MANIFEST.json").write_text(json.dumps({"collection_info": {**info, "version": "1.0.0"}}))
    assert look_inside.collections() == [
        {"name": "ansible.posix", "version": "2.1.0", "path": str(built), "license": "GPL-3.0-or-later"},
        {"name": "my.own", "version": "1.0.0", "path": str(source), "license": None},
    ]


def test_a_damaged_manifest_is_no_end(home):
    broken = home / "ansible_collections" / "a" / "b"
    broken.mkdir(parents=True)
    (broken / "MANIFEST.json").write_text("{")
    assert [collection["name"] for collection in look_inside.collections()] == ["a.b"]


def test_roles(home):
    note = home / "shared" / "roles" / "geerlingguy.docker" / "meta" / ".galaxy_install_info"
    note.parent.mkdir(parents=True)
    note.write_text("install_date: 'Thu 20 Nov 2026'\nversion: 7.4.1\n")
    assert [(role["name"], role["version"]) for role in look_inside.roles()] == [("geerlingguy.docker", "7.4.1")]


def test_the_database_of_apk():
    assert look_inside._apk_rows(APK) == [
        ["musl", "1.2.5-r0", "x86_64", "MIT"],
        ["busybox", "1.36.1-r29", "x86_64", "GPL-2.0-only"],
    ]


@pytest.mark.parametrize(
    ("program", "output", "kind", "packages"),
    [
        (
            "dpkg-query",
            "git\\t1:2.39.5-0+deb12u2\\tamd64\\tinstalled\\nold\\t1\\tall\\tconfig-files\\n",
            "deb",
            [{"name": "git", "version": "1:2.39.5-0+deb12u2", "arch": "amd64"}],
        ),
        (
            "rpm",
            "git\\t0:2.43.5-1.el9\\tx86_64\\tGPLv2\\ngpg-pubkey\\t0:1-2\\t(none)\\tpubkey\\n",
            "rpm",
            [{"name": "git", "version": "2.43.5-1.el9", "arch": "x86_64", "license": "GPLv2"}],
        ),
    ],
)
def test_os_packages(monkeypatch, tmp_path, program, output, kind, packages):
    script = tmp_path / program
    script.write_text(f"#!/bin/sh\n/usr/bin/printf '{output}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert look_inside.system_packages() == {"type": kind, "packages": packages}
