# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several kinds of ssh directory, as people have them."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import ssh_links


@pytest.fixture
def home(tmp_path):
    (tmp_path / "me" / ".ssh").mkdir(parents=True)
    (tmp_path / "me" / "dotfiles").mkdir()
    (tmp_path / "me" / "dotfiles" / "ssh_config").write_text("Host *\n")
    return tmp_path / "me"


def mounts(plan):
    return {mount.dest: mount.src for mount in plan.mounts}


def only(plan):
    (link,) = plan.links
    return link


def test_without_links_only_the_directory_is_mounted(home):
    (home / ".ssh" / "config").write_text("Host *\n")
    plan = ssh_links.plan(home / ".ssh")
    assert mounts(plan) == {"/root/.ssh": str(home / ".ssh"), "/home/runner/.ssh": str(home / ".ssh")}
    assert plan.links == ()
    assert all(mount.read_only for mount in plan.mounts)


def test_an_absolute_link_is_mounted_where_it_points(home):
    target = home / "dotfiles" / "ssh_config"
    (home / ".ssh" / "config").symlink_to(target)
    plan = ssh_links.plan(home / ".ssh")
    assert only(plan).mounted_at == (str(target),)
    assert mounts(plan)[str(target)] == str(target)


def test_a_relative_link_is_mounted_where_each_home_takes_it_to(home):
    (home / ".ssh" / "config").symlink_to("../dotfiles/ssh_config")
    plan = ssh_links.plan(home / ".ssh")
    assert only(plan).mounted_at == ("/root/dotfiles/ssh_config", "/home/runner/dotfiles/ssh_config")
    assert mounts(plan)["/root/dotfiles/ssh_config"] == str(home / "dotfiles" / "ssh_config")


def test_a_relative_link_within_the_directory_works_as_it_is(home):
    (home / ".ssh" / "work_config").write_text("")
    (home / ".ssh" / "config").symlink_to("work_config")
    assert ssh_links.plan(home / ".ssh").links == ()


def test_an_absolute_link_within_the_directory_needs_its_old_place(home):
    (home / ".ssh" / "work_config").write_text("")
    (home / ".ssh" / "config").symlink_to(home / ".ssh" / "work_config")
    assert only(ssh_links.plan(home / ".ssh")).mounted_at == (str(home / ".ssh" / "work_config"),)


def test_a_chain_of_links_is_mounted_at_its_first_hop(home):
    (home / "current").symlink_to("dotfiles/ssh_config")
    (home / ".ssh" / "config").symlink_to(home / "current")
    plan = ssh_links.plan(home / ".ssh")
    assert mounts(plan)[str(home / "current")] == str(home / "dotfiles" / "ssh_config")


def test_links_in_a_linked_directory_are_followed_too(home):
    conf = home / "dotfiles" / "conf.d"
    conf.mkdir()
    (home / "secret.conf").write_text("")
    (conf / "10-secret.conf").symlink_to(home / "secret.conf")
    (conf / "20-plain.conf").write_text("")
    (home / ".ssh" / "conf.d").symlink_to(conf)
    plan = ssh_links.plan(home / ".ssh")
    assert {str(conf), str(home / "secret.conf")} <= set(mounts(plan))


def test_several_links_into_one_linked_directory_need_one_mount(home):
    keys = home / "keys"
    keys.mkdir()
    (keys / "id_a").write_text("")
    (home / ".ssh" / "a_keys").symlink_to(keys)
    (home / ".ssh" / "id_a").symlink_to(keys / "id_a")
    plan = ssh_links.plan(home / ".ssh")
    assert [link.path for link in plan.links] == [str(home / ".ssh" / "a_keys")]


def test_the_directory_itself_may_be_a_link(home):
    real = home / "dotfiles" / "ssh"
    real.mkdir()
    (real / "config").symlink_to("../ssh_config")
    (home / "other").mkdir()
    (home / "other" / ".ssh").symlink_to(real)
    plan = ssh_links.plan(home / "other" / ".ssh")
    assert mounts(plan)["/root/.ssh"] == str(real)
    assert mounts(plan)["/root/ssh_config"] == str(home / "dotfiles" / "ssh_config")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nowhere", "its target is not there"),
        ("config", "it leads in a circle"),
        ("/etc", "a directory of the whole system is not mounted"),
        ("..", "its target holds the ssh directory itself, and much else"),
    ],
)
def test_what_is_not_mounted_is_told(home, target, problem):
    (home / ".ssh" / "config").symlink_to(target)
    plan = ssh_links.plan(home / ".ssh")
    assert only(plan).problem == problem
    assert only(plan).mounted_at == ()
    assert len(plan.mounts) == 2


def test_a_colon_cannot_be_mounted(home):
    (home / "a:b").write_text("")
    (home / ".ssh" / "config").symlink_to(home / "a:b")
    assert "colon" in only(ssh_links.plan(home / ".ssh")).problem


@pytest.fixture
def locked(home, monkeypatch):
    """A directory where nobody may look, also if the tests are run by root."""
    folder = home / "locked"
    folder.mkdir()
    (folder / "key").write_text("")
    (home / ".ssh" / "keys").symlink_to(folder)
    (home / ".ssh" / "within").symlink_to(folder / "key")
    may, look, resolve = os.access, os.scandir, pathlib.Path.resolve

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(folder) and may(path, mode))
    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) if str(path) == str(folder) else look(path))
    monkeypatch.setattr(
        pathlib.Path,
        "resolve",
        lambda self, strict=False: refuse(self) if self.name == "within" else resolve(self, strict),
    )
    return folder


def test_what_this_user_may_not_see_is_told(home, locked):
    plan = ssh_links.plan(home / ".ssh")
    assert {(link.path, link.problem) for link in plan.links} == {
        (str(home / ".ssh" / "keys"), "this user may not look there"),
        (str(home / ".ssh" / "within"), "this user may not look there"),
    }
    assert len(plan.mounts) == 2


def test_a_directory_within_where_this_user_may_not_look(home, monkeypatch):
    (home / ".ssh" / "archive").mkdir()
    look = os.scandir

    def refuse(path):
        if str(path).endswith("archive"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert ssh_links.plan(home / ".ssh").links == ()


def test_other_reasons_are_told_as_they_are():
    assert ssh_links._why_lost(OSError(errno.ELOOP, "")) == "it leads in a circle"
    assert ssh_links._why_lost(OSError(errno.ENOTDIR, "")) == "its target is not there"
    assert "too long" in ssh_links._why_lost(OSError(errno.ENAMETOOLONG, ""))


def test_a_circle_of_directories_ends(home):
    loop = home / "loop"
    loop.mkdir()
    (loop / "again").symlink_to(loop)
    (home / ".ssh" / "loop").symlink_to(loop)
    plan = ssh_links.plan(home / ".ssh")
    assert mounts(plan)[str(loop)] == str(loop)
