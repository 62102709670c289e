# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a run, its sweeping, and cancelling. Running itself is tested with a real engine, in integration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _runner
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Failed, Invalid, NotFound


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "foundry-ee" / "runs"


@pytest.fixture
def removed(monkeypatch):
    names = []
    monkeypatch.setattr(_runner, "remove_container", lambda engine, name: names.append((engine, name)))
    return names


def test_credentials_are_beside_what_the_container_sees():
    with _runner.RunFolder("one") as folder:
        secret = folder.workspace.write("auth.json", "{}")
        seen = folder.write("env/extravars", "{}")
        assert folder.data in seen.parents
        assert folder.data not in secret.parents
        assert seen.stat().st_mode & 0o777 == 0o600
    assert not secret.exists()


def test_two_runs_of_one_name_do_not_meet():
    with _runner.RunFolder("one"), pytest.raises(Conflict, match="another task"), _runner.RunFolder("one"):
        pass


def started(script):
    """Start a script and wait until it says that it is ready."""
    # ansible-test finds the collection by a hook of its own, which a child does not have.
    environment = {**os.environ, "PYTHONPATH": str(Path(_runner.__file__).parents[5])}
    process: t.Any = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout.readline() == b"ready\n"
    return process


KILLED_RUN = """
import time
from ansible_collections.foundry.ee.plugins.module_utils import _runner
with _runner.RunFolder("killed") as folder:
    folder.workspace.write("auth.json", "secret")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_is_swept_and_a_living_one_is_not(runs, removed):
    victim = started(KILLED_RUN)
    with _runner.RunFolder("mine") as folder:
        assert folder.swept == []
        assert (runs / "killed" / "auth.json").exists()

    victim.kill()
    victim.communicate()
    with _runner.RunFolder("mine") as folder:
        assert folder.swept == ["killed"]
        assert not (runs / "killed").exists()
    assert removed == [("podman", "ansible_runner_killed"), ("docker", "ansible_runner_killed")]


def test_a_signal_ends_what_we_wait_for():
    with _runner.Cancel():
        # Not before somebody catches it: the signal would end the tests.
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(_runner.Interrupted, match="SIGTERM"):
            time.sleep(60)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_is_noted_where_somebody_asks():
    with _runner.Cancel() as cancel:
        with cancel.held():
            assert not cancel()
            os.kill(os.getpid(), signal.SIGINT)
            assert cancel()
        assert cancel.why == "SIGINT"


NOBODY_READS = """
import sys, time
from ansible_collections.foundry.ee.plugins.module_utils import _runner
cancel = _runner.Cancel()
print("ready", flush=True)
until = time.monotonic() + 60
while time.monotonic() < until and not cancel():
    time.sleep(0.02)
sys.stderr.write(str(cancel.why))
"""


def test_that_nobody_reads_the_answer_is_noticed():
    process = started(NOBODY_READS)
    output, errors = process.stdout, process.stderr
    output.close()
    assert errors.read() == b"ansible is gone"
    errors.close()
    process.wait()


# Inventories


def test_without_an_inventory_there_is_localhost():
    with _runner.RunFolder("one") as folder:
        assert _runner.write_inventory(folder, []) == []
        hosts = json.loads((folder.data / "inventory" / "hosts.json").read_text())["all"]["hosts"]
        assert hosts["localhost"]["ansible_connection"] == "local"


def test_the_last_source_is_read_last(tmp_path):
    (tmp_path / "inv").mkdir()
    (tmp_path / "inv" / "hosts.ini").write_text("a\n")
    (tmp_path / "inv" / "group_vars").mkdir()
    (tmp_path / "inv" / "group_vars" / "all.yml").write_text("x: 1\n")
    (tmp_path / "inv" / "other.ini").write_text("b\n")
    with _runner.RunFolder("one") as folder:
        sources = [str(tmp_path / "inv" / "hosts.ini"), "web1,web2", "[db]\ndb1\n"]
        assert _runner.write_inventory(folder, sources) == ["-i", "/runner/sources/0", "-i", "/runner/sources/1"]
        assert sorted(path.name for path in (folder.data / "sources" / "0").iterdir()) == ["group_vars", "hosts.ini"]
        assert (folder.data / "inventory" / "hosts").read_text() == "[db]\ndb1\n"


def test_a_directory_is_taken_whole_and_links_are_followed(tmp_path):
    (tmp_path / "inv").mkdir()
    (tmp_path / "shared.yml").write_text("all: {}\n")
    (tmp_path / "inv" / "shared.yml").symlink_to("../shared.yml")
    with _runner.RunFolder("one") as folder:
        _runner.write_inventory(folder, [str(tmp_path / "inv")])
        assert (folder.data / "inventory" / "shared.yml").read_text() == "all: {}\n"


def test_a_long_list_of_hosts_is_no_path():
    hosts = [f"web{number:04}.example.com" for number in range(300)]
    with _runner.RunFolder("one") as folder:
        _runner.write_inventory(folder, [",".join(hosts)])
        assert list(json.loads((folder.data / "inventory" / "hosts.json").read_text())["all"]["hosts"]) == hosts


@pytest.mark.parametrize("source", ["x" * 5000, "~nobody-of-this-name/hosts"])
def test_a_path_that_cannot_be_one_is_not_there(source):
    with _runner.RunFolder("one") as folder, pytest.raises(NotFound, match="is not there"):
        _runner.write_inventory(folder, [source])


def test_links_in_an_inventory_that_lead_nowhere_are_left_out(tmp_path):
    (tmp_path / "inv" / "group_vars").mkdir(parents=True)
    (tmp_path / "inv" / "hosts.ini").write_text("a\n")
    (tmp_path / "inv" / "gone").symlink_to("nowhere")
    (tmp_path / "inv" / "alias.ini").symlink_to("hosts.ini")
    (tmp_path / "inv" / "group_vars" / "gone.yml").symlink_to("/nowhere")
    with _runner.RunFolder("one") as folder:
        _runner.write_inventory(folder, [str(tmp_path / "inv"), str(tmp_path / "inv" / "hosts.ini")])
        assert sorted(path.name for path in (folder.data / "sources" / "0").iterdir()) == [
            *("alias.ini", "group_vars", "hosts.ini")
        ]
        assert list((folder.data / "inventory" / "group_vars").iterdir()) == []


def test_an_inventory_that_cannot_be_copied_is_told(tmp_path):
    (tmp_path / "inv" / "deep").mkdir(parents=True)
    os.mkfifo(tmp_path / "inv" / "deep" / "pipe")
    with _runner.RunFolder("one") as folder, pytest.raises(Failed, match=r"inv cannot be copied: .*deep/pipe"):
        _runner.write_inventory(folder, [str(tmp_path / "inv")])


@pytest.mark.parametrize(("source", "kind"), [("/nowhere/hosts", NotFound), (7, Invalid)])
def test_an_inventory_that_is_none(source, kind):
    with _runner.RunFolder("one") as folder, pytest.raises(kind):
        _runner.write_inventory(folder, [source])


# Afterwards


def test_kept_artifacts_hold_no_environment(tmp_path):
    source = tmp_path / "run" / "deploy"
    (source / "job_events").mkdir(parents=True)
    (source / "callback").mkdir()
    for name in ("command", "env.list", "status"):
        (source / name).write_text("x")
    kept = _runner.keep_artifacts(source, tmp_path / "kept")
    assert kept == str(tmp_path / "kept" / "deploy")
    assert sorted(path.name for path in Path(kept).iterdir()) == ["job_events", "status"]


def test_kept_artifacts_are_not_overwritten(tmp_path):
    (tmp_path / "kept" / "deploy").mkdir(parents=True)
    (tmp_path / "run" / "deploy").mkdir(parents=True)
    with pytest.raises(Conflict, match="exists already"):
        _runner.keep_artifacts(tmp_path / "run" / "deploy", tmp_path / "kept")


def test_where_artifacts_are_to_be_kept_is_made_and_tried(tmp_path):
    _runner.make_artifacts(tmp_path / "kept" / "here")
    assert list((tmp_path / "kept" / "here").iterdir()) == []
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "kept", tmp_path / "file"):
        with pytest.raises(Failed, match="`artifacts`: nothing can be written to"):
            _runner.make_artifacts(target)


def test_artifacts_that_cannot_be_kept_are_told(tmp_path):
    (tmp_path / "run" / "deploy").mkdir(parents=True)
    (tmp_path / "kept").write_text("")
    with pytest.raises(Failed, match="could not be kept"):
        _runner.keep_artifacts(tmp_path / "run" / "deploy", tmp_path / "kept")


def test_a_key_that_nobody_fetched_does_not_keep_us_alive():
    with _runner.RunFolder("one") as folder:
        pipe = folder.data / "artifacts" / "one" / "ssh_key_data"
        pipe.parent.mkdir(parents=True)
        os.mkfifo(pipe, 0o600)
        offer = threading.Thread(target=lambda: pipe.write_text("key"))
        offer.start()
        _runner._release_key(folder)
        assert not offer.is_alive()


def test_the_output_is_in_a_file_as_long_as_the_run_lasts(tmp_path):
    path = tmp_path / "output"
    with _runner.OutputFile(str(path)) as output:
        output.tell("one\r\ntwo")
        assert path.read_text() == "one\ntwo\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
    with _runner.OutputFile(None) as output:
        output.tell("nobody watches")


def test_somebody_elses_file_is_not_written_to(tmp_path):
    path = tmp_path / "output"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="progress_file"), _runner.OutputFile(str(path)):
        pass
    assert not (tmp_path / "elsewhere").exists()
