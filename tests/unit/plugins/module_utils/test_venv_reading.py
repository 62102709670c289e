# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environments read from their files, and through a stand-in of awx-manage that replays a real one's answers."""

from __future__ import annotations

import json
import pathlib
import zipfile

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _venv
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound

STAND_IN = str(pathlib.Path(__file__).parents[3] / "fixtures" / "custom_venvs" / "awx-manage")


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "old" / "lib" / "python3.8" / "site-packages"
    path.mkdir(parents=True)
    (tmp_path / "old" / "lib64").symlink_to("lib")
    return path


def dist_info(library, name, version, direct_url=None):
    folder = library / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: 0\n")
    if direct_url is not None:
        (folder / "direct_url.json").write_text(json.dumps(direct_url))


def test_an_environment_without_a_python_is_read_by_its_files(library):
    dist_info(library, "netaddr", "0.9.0")
    dist_info(library, "pip", "20.0")
    dist_info(library, "own", "1.0", {"url": "file:///srv/own", "dir_info": {"editable": True}})
    (library / "six-1.16.0.egg-info").write_text("Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n")
    (library / "old-1.0.egg-info").mkdir()
    (library / "old-1.0.egg-info" / "PKG-INFO").write_text("Name: old\nVersion: 1.0\n")
    (library / "linked.egg-link").write_text("/srv/linked\n.\n")
    (library / "broken.dist-info").mkdir()
    (library / "laid-1.0-py3.8.egg" / "EGG-INFO").mkdir(parents=True)
    (library / "laid-1.0-py3.8.egg" / "EGG-INFO" / "PKG-INFO").write_text("Name: laid\nVersion: 1.0\n")
    with zipfile.ZipFile(library / "zipped-1.0-py3.8.egg", "w") as egg:
        egg.writestr("EGG-INFO/PKG-INFO", "Name: zipped\nVersion: 1.0\n")
    (library / "broken.egg").write_text("no archive")
    found = _venv.read_directory(library.parents[2])
    assert found.read_from == "files"
    assert found.python == "3.8"
    requirements = {package.name: package.requirement for package in found.packages}
    assert requirements == {
        "netaddr": "netaddr==0.9.0",
        "six": "six==1.16.0",
        "old": "old==1.0",
        "own": None,
        "linked": None,
        "laid": "laid==1.0",
        "zipped": "zipped==1.0",
    }


def test_an_environment_for_another_architecture_is_read_by_its_files(library):
    dist_info(library, "netaddr", "0.9.0")
    python = library.parents[2] / "bin" / "python"
    python.parent.mkdir()
    python.write_bytes(b"\x7fELF\2\1\1")
    python.chmod(0o755)
    found = _venv.read_directory(library.parents[2])
    assert found.read_from == "files"
    assert [package.name for package in found.packages] == ["netaddr"]


def test_what_is_no_environment(tmp_path):
    with pytest.raises(NotFound, match="There is no"):
        _venv.read_directory(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="no virtual environment"):
        _venv.read_directory(tmp_path)


def test_metadata_that_is_broken(library):
    dist_info(library, "own", "1.0", {})
    (library / "own-1.0.dist-info" / "direct_url.json").write_text("{")
    with pytest.raises(Failed, match="no JSON"):
        _venv.read_directory(library.parents[2])


def test_a_controller_is_asked_for_all(monkeypatch):
    found = {one.path.rsplit("/", 1)[1]: one for one in _venv.Controller([STAND_IN]).environments()}
    assert sorted(found) == ["ansible29", "broken", "empty-one"]
    assert len(found["ansible29"].packages) == 7
    assert found["ansible29"].used_by["projects"] == [{"id": 8, "name": "Legacy Project"}]
    assert found["broken"].packages == ()


def test_files_tell_more_than_a_command_about_a_broken_environment(tmp_path, monkeypatch):
    library = tmp_path / "broken" / "lib" / "python3.6" / "site-packages"
    library.mkdir(parents=True)
    dist_info(library, "netaddr", "0.9.0")
    monkeypatch.setenv("STAND_IN_VENVS", str(tmp_path))
    found = {one.path.rsplit("/", 1)[1]: one for one in _venv.Controller([STAND_IN]).environments()}
    assert found["broken"].read_from == "files"
    assert [package.requirement for package in found["broken"].packages] == ["netaddr==0.9.0"]


def test_a_command_that_is_not_there():
    with pytest.raises(NotFound, match="not on this host"):
        _venv.Controller(["awx-manage-that-is-not-there"])


def test_a_controller_that_no_longer_has_the_commands():
    with pytest.raises(Failed, match=r"24\.6"):
        _venv.Controller([STAND_IN, "--no-such-command"]).environments()
