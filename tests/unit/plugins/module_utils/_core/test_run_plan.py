# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import run_plan
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid


@pytest.mark.parametrize(
    ("ident", "name"),
    [
        ("deploy-7", "ansible_runner_deploy-7"),
        ("Müller & Söhne", "ansible_runner_M_ller___S_hne"),
        ("a/b:c.d", "ansible_runner_a_b_c_d"),
        ("../../etc", "ansible_runner_______etc"),
    ],
)
def test_the_container_is_named_after_the_run(ident, name):
    assert run_plan.container_name(ident) == name


@pytest.mark.parametrize(
    ("src", "dest", "wrong"),
    [
        ("/", None, "whole system"),
        ("/home/", None, "whole system"),
        ("/srv/../usr", None, "whole system"),
        ("/srv", "/", "whole system"),
        ("srv", None, "absolute"),
        ("/srv", "data", "absolute"),
        ("/srv/a:b", None, "colon"),
        ("/srv", "/runner/", "the folder of the run"),
    ],
)
def test_mounts_that_are_refused(src, dest, wrong):
    with pytest.raises(Invalid, match=wrong) as error:
        run_plan.check_mount(src, dest, True, "mounts[2]")
    assert "mounts[2]" in str(error.value)


def test_a_mount_says_how_it_is_mounted():
    assert str(run_plan.check_mount("/srv/data/", "/data", False, "mounts[0]")) == "/srv/data:/data:rw"
    assert str(run_plan.check_mount("/srv/data", None, True, "mounts[0]")) == "/srv/data:/srv/data:ro"


def test_what_is_mounted_besides_is_checked_as_mounts_are():
    with pytest.raises(Invalid, match="`project` is `/srv/pro:ject`: engines read a colon"):
        run_plan.check_path("/srv/pro:ject", "project")


def test_the_users_mount_takes_the_place_of_ours():
    ours = [run_plan.Mount("/me/.ssh", "/root/.ssh"), run_plan.Mount("/me/.ssh", "/home/runner/.ssh")]
    users = [run_plan.Mount("/other", "/root/.ssh")]
    mounts, warnings = run_plan.join_mounts(ours, users)
    assert mounts == (ours[1], users[0])
    assert warnings == ("`mounts` has /other at /root/.ssh, in place of /me/.ssh.",)
    assert run_plan.join_mounts(ours, []) == (tuple(ours), ())


def test_two_mounts_of_the_user_at_one_place():
    with pytest.raises(Invalid, match=r"`mounts\[1\]\.dest` is `/data`, where /a is mounted"):
        run_plan.join_mounts([], [run_plan.Mount("/a", "/data"), run_plan.Mount("/b", "/data")])


@pytest.mark.parametrize(("ident", "wrong"), [("", "empty"), ("  ", "empty"), ("x" * 201, "201 characters")])
def test_names_of_runs_that_are_none(ident, wrong):
    with pytest.raises(Invalid, match=wrong):
        run_plan.check_ident(ident)


def test_the_longest_name_of_a_run():
    assert run_plan.check_ident("ü" * 200) == "_" * 200


@pytest.mark.parametrize(
    "text", ["BEGIN\nkey\nEND", "BEGIN\nkey\nEND\n", "BEGIN\r\nkey\r\nEND\r\n", "BEGIN\r\nkey\r\nEND"]
)
def test_a_private_key_is_as_ssh_add_reads_it(text):
    assert run_plan.private_key(text) == "BEGIN\nkey\nEND\n"


def test_options_of_the_user_come_last():
    container = run_plan.Container(
        engine="podman",
        name="x",
        network="none",
        limits=run_plan.Limits(memory="512m", cpus=1.5, pids=0),
        environment={"SSH_AUTH_SOCK": "/run/a"},
        extra=("--user=1000",),
    )
    assert container.options() == [
        "--user=root",
        "--network=none",
        "--memory=512m",
        "--cpus=1.5",
        "--pids-limit=0",
        "--env=SSH_AUTH_SOCK=/run/a",
        "--user=1000",
    ]


def test_docker_gets_its_user_from_ansible_runner():
    assert run_plan.Container(engine="docker", name="x").options() == []


def test_selinux_does_not_make_us_relabel_the_users_files():
    assert "--security-opt=label=disable" in run_plan.Container("podman", "x", selinux=True).options()


@pytest.mark.parametrize(
    ("policy", "known", "newest", "pull"),
    [
        ("always", {"sha256:a"}, None, True),
        ("always", None, None, True),
        ("missing", {"sha256:a"}, None, False),
        ("missing", None, None, True),
        ("never", {"sha256:a"}, None, False),
        ("never", None, None, False),
        ("newest", None, "sha256:a", True),
        ("newest", {"sha256:a", "sha256:b"}, "sha256:b", False),
        ("newest", {"sha256:a", None}, "sha256:b", True),
    ],
)
def test_pull_policies(policy, known, newest, pull):
    assert run_plan.decide_pull(policy, known, newest)[0] is pull


def test_the_environment_is_split_between_runner_and_container():
    given = {"ANSIBLE_FORKS": 3, "PATH": "/opt/bin", "HOME": "/tmp"}
    assert run_plan.split_environment(given) == ({"ANSIBLE_FORKS": "3"}, {"PATH": "/opt/bin", "HOME": "/tmp"})


@pytest.mark.parametrize("variables", [{"A B": "x"}, {"": "x"}, {"#A": "x"}, {"A": "x\ny"}])
def test_variables_that_no_engine_could_read(variables):
    with pytest.raises(Invalid):
        run_plan.env_file(variables)


def test_env_file_is_one_line_each():
    assert run_plan.env_file({"A": "x y", "B": ""}) == "A=x y\nB=\n"


def test_the_command_line_survives_a_shell():
    line = run_plan.command_line(
        ["-vv", "it's"], check=True, diff=True, limit="web*:!web1", tags=["a", "b"], skip=["slow"]
    )
    assert shlex.split(line) == [
        *["-vv", "it's", "--check", "--diff", "--limit", "web*:!web1", "--tags", "a,b", "--skip-tags", "slow"]
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("foundry.ee.lifecycle", True), ("site.yml", False), ("a.b.yml", False), ("dir/a.b.c", False), ("site", False)],
)
def test_names_of_collection_playbooks(name, expected):
    assert run_plan.is_collection_playbook(name) is expected


def test_host_lists():
    assert run_plan.is_host_list("localhost,")
    assert not run_plan.is_host_list("[web]\na,b\n")
    assert run_plan.host_list("a, b,") == {"all": {"hosts": {"a": {}, "b": {}}}}


def test_plays_for_roles_and_modules():
    (role,) = run_plan.role_play("acme.web.site", {"x": 1}, "web", False)
    assert role["roles"] == [{"role": "acme.web.site", "vars": {"x": 1}}]
    assert role["gather_facts"] is False
    (module,) = run_plan.module_play("ansible.builtin.ping", None, "all")
    assert module["tasks"] == [{"ansible.builtin.ping": None}]
