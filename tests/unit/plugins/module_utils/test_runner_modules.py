# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules ee_run and ee_venv_info as Ansible runs them, with an engine that is a table and a run that is none."""

from __future__ import annotations

import errno
import shutil
import types
import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _runner
from ansible_collections.foundry.ee.plugins.module_utils._engine import LocalImage
from ansible_collections.foundry.ee.plugins.modules import ee_run, ee_venv_info
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module

IMAGE = "localhost/ee:1"


@pytest.fixture
def orders(tmp_path, monkeypatch):
    """The orders that would have been run; each run leaves an account, and ``outcome`` says how it ends."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(_runner, "RUNNER_IMPORT_ERROR", None)
    local = LocalImage("sha256:" + "1" * 64, (IMAGE,))
    engine = types.SimpleNamespace(name="podman", inspect=lambda _reference: local, platform=lambda: "linux/amd64")
    monkeypatch.setattr(ee_run, "open_engine", lambda _name: engine)
    made: list[_runner.Order] = []

    def run(folder, order, account, cancel, tell):
        made.append(order)
        folder.artifacts.mkdir(parents=True)
        (folder.artifacts / "status").write_text("successful")
        account.hear({"event": "playbook_on_start", "stdout": "PLAY [all]"})
        return _runner.Outcome(0, "successful")

    monkeypatch.setattr(_runner, "run", run)
    (tmp_path / "site.yml").write_text("[]")
    return made


def run(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    what = {} if {"playbook", "role"} & set(options) else {"module": "ansible.builtin.ping"}
    given = {"image": IMAGE, "pull": "never", "ssh_directory": "", **what, **options}
    return run_module(ee_run.main, given, check=check)


def test_a_key_comes_with_its_last_line_end(orders):
    assert run(ssh_key="BEGIN\r\nkey\r\nEND")["failed"] is False
    assert orders[0].ssh_key == "BEGIN\nkey\nEND\n"


@pytest.mark.parametrize(("ident", "words"), [("", "`ident` is empty"), ("x" * 300, "300 characters")])
def test_a_name_that_is_none(orders, ident, words):
    result = run(ident=ident)
    assert result["error"]["kind"] == "invalid"
    assert words in result["msg"]
    assert orders == []


def test_artifacts_that_cannot_be_kept_are_told_before_anything_runs(orders, tmp_path):
    result = run(artifacts=str(tmp_path / "site.yml" / "kept"))
    assert "`artifacts`: nothing can be written" in result["msg"]
    assert orders == []


def test_check_mode_makes_no_directory_for_artifacts(orders, tmp_path):
    assert run(check=True, artifacts=str(tmp_path / "kept"))["skipped"] is True
    assert not (tmp_path / "kept").exists()


def test_an_image_known_by_several_digests_is_not_pulled_again(orders, monkeypatch):
    name, here, elsewhere = "registry.example.com/ee", "sha256:" + "2" * 64, "sha256:" + "3" * 64
    digests = (f"{name}@{elsewhere}", f"{name}@{here}")
    local = LocalImage("sha256:" + "1" * 64, (f"{name}:1",), digest="sha256:" + "4" * 64, digests=digests)
    engine = types.SimpleNamespace(name="podman", inspect=lambda _reference: local, platform=lambda: "linux/amd64")
    monkeypatch.setattr(ee_run, "open_engine", lambda _name: engine)
    monkeypatch.setattr(
        ee_run, "open_registry", lambda *_arguments, **_options: types.SimpleNamespace(digest=lambda _image: here)
    )
    result = run(image=f"{name}:1", pull="newest")
    assert (result["pulled"], result["because"]) == (False, "the engine has what the registry has")
    assert (result["image_digest"], result["digest_from"]) == (here, "registry")


def full(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_known_of_a_run_stays_if_its_account_is_lost(orders, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "move", full)
    result = run(artifacts=str(tmp_path / "kept"))
    assert "account is lost" in result["msg"]
    assert "No space left" in result["msg"]
    assert (result["failed"], result["rc"], result["status"], result["artifacts"]) == (True, 0, "successful", None)
    assert result["stdout"] == "PLAY [all]"


def test_that_an_account_is_lost_is_told_of_a_failed_run_too(orders, tmp_path, monkeypatch):
    succeed = _runner.run
    monkeypatch.setattr(shutil, "move", full)
    monkeypatch.setattr(_runner, "run", lambda *arguments: succeed(*arguments) and _runner.Outcome(2, "failed"))
    result = run(artifacts=str(tmp_path / "kept"))
    assert result["rc"] == 2
    assert "exit code 2" in result["msg"]
    assert "could not be kept" in result["msg"]


def test_a_full_disk_is_no_traceback(orders, monkeypatch):
    monkeypatch.setattr(_runner.RunFolder, "write_json", full)
    result = run()
    assert "No space left on device" in result["msg"]
    assert result["error"]["kind"] == "failed"
    assert result["container"]["engine"] == "podman"


def test_a_colon_in_what_is_mounted_is_told(orders, tmp_path):
    (tmp_path / "pro:ject" / ".ssh").mkdir(parents=True)
    (tmp_path / "pro:ject" / "site.yml").write_text("[]")
    assert "`project` is" in run(playbook=str(tmp_path / "pro:ject" / "site.yml"))["msg"]
    assert "`ssh_directory` is" in run(ssh_directory=str(tmp_path / "pro:ject" / ".ssh"))["msg"]


def test_a_mount_of_the_users_is_in_place_of_the_ssh_directory(orders, tmp_path):
    for name in ("ssh", "other"):
        (tmp_path / name).mkdir()
    mount = {"src": str(tmp_path / "other"), "dest": "/root/.ssh"}
    result = run(ssh_directory=str(tmp_path / "ssh"), mounts=[mount])
    mounts = {one["dest"]: one["src"] for one in result["container"]["mounts"]}
    assert mounts == {"/home/runner/.ssh": str(tmp_path / "ssh"), "/root/.ssh": str(tmp_path / "other")}
    assert len(result["container"]["mounts"]) == 2
    assert "in place of" in result["warned"][0]
    assert run(ssh_directory=str(tmp_path / "ssh"))["warned"] == []


# Virtual environments


def test_no_secret_of_an_export_is_told(monkeypatch):
    told: list[t.Any] = []

    def report(module, look):
        told.extend([look(), module.params])
        module.exit_json(**told[0])

    monkeypatch.setattr(ee_venv_info, "report", report)
    export = "--extra-index-url https://me:s3cret@example.com/simple\n-e git+ssh://git:s3cret@example.com/x@abc#egg=x\n"
    result = run_module(ee_venv_info.main, {"saved": [{"path": "/v/a", "export": export}]})
    assert "s3cret" not in str(told)
    assert "password is left out" in result["proposals"][0]["advice"][0]


def test_the_versions_of_the_base_image_may_be_spelt_as_pip_does():
    saved = [{"path": "/v/a", "export": "ansible_runner==2.3.0\n", "python": "3.9"}]
    result = run_module(ee_venv_info.main, {"saved": saved, "base_packages": {"Ansible_Runner": "2.4.1"}})
    assert result["proposals"][0]["conflicts"] == [
        {"package": "ansible-runner", "base": "2.4.1", "environment": "2.3.0"},
    ]
