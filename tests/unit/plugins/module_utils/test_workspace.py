# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
import os
import signal
import stat

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Failed
from ansible_collections.foundry.ee.plugins.module_utils._workspace import KeyLock, Workspace, state_folder

KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_a_workspace_is_private_and_goes():
    with Workspace() as workspace:
        path = workspace.write("secrets/0", "secret")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(workspace.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(state_folder().stat().st_mode) == 0o700
    assert not workspace.path.exists()


@pytest.fixture(name="usual")
def _usual(monkeypatch, tmp_path):
    """The folder where engines keep what may be large."""
    folder = tmp_path / "usual"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_cache_mounts_outlive_the_task_and_its_temporary_files_do_not(usual):
    names = ("buildah-cache", f"buildah-cache-{os.getuid()}")
    for turn in range(2):
        with Workspace() as workspace:
            temporary = workspace.temporary
            assert workspace.temporary == temporary  # asked twice
            (temporary / "layer").write_text("large")
            for name in names:
                assert [path.name for path in (temporary / name).iterdir()] == ["wheel"] * turn
                (temporary / name / "wheel").write_text("kept")
        assert sorted(path.name for path in usual.iterdir()) == sorted(names)


def test_cache_mounts_that_are_a_link_or_belong_to_another_are_not_used(usual, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (usual / "buildah-cache").symlink_to(elsewhere)
    with Workspace() as workspace:
        assert [path.name for path in workspace.temporary.iterdir()] == [f"buildah-cache-{os.getuid()}"]
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with Workspace() as workspace:
        assert not list(workspace.temporary.iterdir())


def test_a_workspace_goes_after_a_failure():
    workspace = Workspace()

    def fail():
        with workspace:
            workspace.write("a", "b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert workspace.path.name
    assert not workspace.path.exists()


def _hold(name, ready):
    with Workspace() as workspace:
        workspace.write("secret", "s")
        name.value = workspace.path.name.encode()
        ready.set()
        signal.pause()


def test_what_a_killed_task_left_is_removed_and_what_lives_is_not():
    context = multiprocessing.get_context("fork")
    name, ready = context.Array("c", 100), context.Event()
    process = context.Process(target=_hold, args=(name, ready))
    process.start()
    assert ready.wait(60)
    forsaken: list[str] = []
    left = state_folder() / "work" / name.value.decode()
    with Workspace(forsaken.append):
        assert left.exists()
    assert forsaken == []
    process.kill()
    process.join()
    assert (left / "secret").exists()
    with Workspace(forsaken.append):
        assert not left.exists()
    assert forsaken == [left.name]


def _take(key, ready, go, answer):
    with KeyLock() as lock:
        ready.set()
        answer.value = lock.take(key)
        go.wait(60)


def test_a_key_is_built_by_one_at_a_time():
    context = multiprocessing.get_context("fork")
    ready, go, answer = context.Event(), context.Event(), context.Value("i", -1)
    with KeyLock() as lock:
        assert lock.take(KEY) is False
        same = context.Process(target=_take, args=(KEY, ready, go, answer))
        same.start()
        assert ready.wait(60)
        other_ready, other_answer = context.Event(), context.Value("i", -1)
        go.set()
        other = context.Process(target=_take, args=("f" * 64, other_ready, go, other_answer))
        other.start()
        other.join(60)
        assert other_answer.value == 0
        assert answer.value == -1
    same.join(60)
    assert answer.value == 1


def test_a_task_waits_once():
    with KeyLock() as lock:
        assert not lock.take(KEY)
        assert not lock.take("f" * 64)


def test_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(Failed, match="XDG_STATE_HOME"):
        state_folder()


def test_a_named_workspace_is_one_tasks_at_a_time():
    with Workspace(home="runs", name="deploy") as workspace:
        assert workspace.path == state_folder() / "runs" / "deploy"
        with pytest.raises(Conflict, match="another task"), Workspace(home="runs", name="deploy"):
            pass
    with Workspace(home="runs", name="deploy"):
        pass


def test_a_folder_without_write_permission_goes_too():
    with Workspace() as workspace:
        deep = workspace.folder("deep")
        workspace.write("deep/file", "x")
        deep.chmod(0o500)
    assert not workspace.path.exists()
