# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the role build deals out the work. What comes of it is tested with real builds, in the target role_build."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import yaml

TASKS = pathlib.Path(__file__).parents[3] / "roles" / "build" / "tasks" / "main.yml"
HOSTS = "{{ build_jobs | map(attribute='host') | list }}"
SHOW = {"ansible.builtin.debug": {"msg": "JOB {{ inventory_hostname }} " + HOSTS}}


def dealt(tmp_path: pathlib.Path, **play: object) -> list[tuple[str, str]]:
    """Return what each host of a play takes for the hosts of two jobs: all that the role does before it builds."""
    tasks = yaml.safe_load(TASKS.read_text())
    before = tasks[: [task["name"] for task in tasks].index("Build")]
    environments = [{"image": "localhost/one:1"}, {"image": "localhost/two:1", "platforms": ["linux/amd64"]}]
    values = {"build_platform": "linux/amd64", "build_environments": environments, "build_push": False}
    whole = {"hosts": "all", "connection": "local", "gather_facts": False, "vars": values, **play}
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([{**whole, "tasks": [*before, SHOW]}]))
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "a,b,", str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(re.findall(r"JOB (\w+) (\[.*\])", done.stdout))  # hosts end in any order


def test_the_work_is_dealt_out_among_all_hosts(tmp_path):
    assert dealt(tmp_path) == [("a", "['a', 'b']"), ("b", "['a', 'b']")]


def test_a_batch_is_dealt_all_of_the_work(tmp_path):
    assert dealt(tmp_path, serial=1) == [("a", "['a', 'a']"), ("b", "['b', 'b']")]
