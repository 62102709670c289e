# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Package managers: which is found, and the commands that reach it, recorded by stand-ins on PATH."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import packages
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts.console import Failure


class Tools:
    """Programs that write down how they were called."""

    def __init__(self, folder):
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.log = folder / "calls"

    def add(self, name, body="exit 0"):
        program = self.folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{body}\n')
        program.chmod(0o755)
        return str(program)

    @property
    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def tools(tmp_path, monkeypatch):
    found = Tools(tmp_path)
    monkeypatch.setenv("PATH", f"{found.folder}:/usr/bin:/bin")
    monkeypatch.setattr(packages, "sweep", lambda root: None)
    return found


def only(*names):
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("present", "kind"),
    [
        (("dnf", "yum"), "dnf"),
        (("dnf5",), "dnf5"),
        (("microdnf",), "microdnf"),
        (("yum",), "yum"),
        (("apt-get",), "apt-get"),
        (("zypper",), "zypper"),
        (("apk",), "apk"),
    ],
)
def test_found_from_the_image(present, kind):
    assert packages.find(None, None, only(*present)).kind == kind


def test_the_named_one_is_used_or_missed():
    which = only("dnf", "/usr/bin/microdnf")
    assert packages.find("/usr/bin/microdnf", None, which).kind == "microdnf"
    with pytest.raises(Failure, match="/usr/bin/zypper is not in this image"):
        packages.find("/usr/bin/zypper", None, which)
    with pytest.raises(Failure, match="none of the package managers"):
        packages.find(None, None, only())


def test_kinds_by_path():
    assert [packages.kind_of(path) for path in ("/usr/bin/apt", "/opt/dnf-automatic", "/sbin/apk")] == [
        "apt-get",
        "dnf",
        "apk",
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dnf", "-y --setopt=tsflags=nodocs --setopt=install_weak_deps=False --setopt=cachedir={cache}"
                " --setopt=keepcache=1 install git gcc"),
        ("yum", "-y --setopt=tsflags=nodocs --setopt=install_weak_deps=False --setopt=cachedir={cache}"
                " --setopt=keepcache=1 install git gcc"),
        ("dnf5", "-y --setopt=tsflags=nodocs --setopt=install_weak_deps=False --setopt=cachedir={cache}"
                 " --setopt=keepcache=1 --setopt=system_cachedir={cache} install git gcc"),
        ("microdnf", "-y --nodocs --setopt=install_weak_deps=0 --setopt=cachedir={cache} --setopt=keepcache=1"
                     " install git gcc"),
        ("zypper", "--non-interactive --cache-dir {cache} install --no-recommends --auto-agree-with-licenses git gcc"),
        ("apk", "add --no-progress --cache-dir {cache} --update-cache git gcc"),
    ],
)  # fmt: skip
def test_commands(tools, tmp_path, kind, words):
    manager = packages.Manager(tools.add(kind), kind, tmp_path / "cache")
    packages.install(manager, ["git", "gcc"])
    assert tools.calls == [f"{kind} {words.format(cache=tmp_path / 'cache')}"]


def test_an_extra_repository(tools, tmp_path):
    packages.install(packages.Manager(tools.add("dnf"), "dnf"), ["htop"], enable="epel")
    assert tools.calls[0].startswith("dnf -y --enablerepo=epel ")


def test_apt_fetches_its_lists_when_they_are_old(tools, tmp_path):
    manager = packages.Manager(tools.add("apt-get"), "apt-get", tmp_path / "cache")
    packages.install(manager, ["git"])
    packages.install(manager, ["gcc"])
    os.utime(tmp_path / "cache" / "refreshed", (time.time() - 7200, time.time() - 7200))
    packages.install(manager, ["make"])
    assert [call.rpartition("-q ")[2] for call in tools.calls] == [
        "update",
        "install -y --no-install-recommends git",
        "install -y --no-install-recommends gcc",
        "update",
        "install -y --no-install-recommends make",
    ]
    assert all(f"Dir::State::Lists={tmp_path / 'cache'}/lists" in call for call in tools.calls)


def test_apt_tries_again_with_new_lists(tools, tmp_path):
    """A package may have left the archive within the hour."""
    mark = tmp_path / "updated"
    body = f'case "$*" in *update*) touch {mark} ;; *install*) [ -e {mark} ] ;; esac'
    manager = packages.Manager(tools.add("apt-get", body), "apt-get", tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "refreshed").touch()
    packages.install(manager, ["git"])
    assert [call.split("-q ")[1].split()[0] for call in tools.calls] == ["install", "update", "install"]


@pytest.mark.parametrize(
    ("kind", "last"), [("dnf", "install"), ("apt-get", "--no-install-recommends"), ("apk", "--no-cache")]
)
def test_options_that_a_step_sets(tools, monkeypatch, kind, last):
    monkeypatch.setenv("PKGMGR_OPTS", "--one 'a b'")
    command = packages.Manager(kind, kind).install(["git"])
    assert command[-4:] == [last, "--one", "a b", "git"]


def test_a_failure_names_the_command(tools, tmp_path):
    manager = packages.Manager(tools.add("zypper", "exit 104"), "zypper")
    with pytest.raises(Failure, match=r"install .* git` ended with 104"):
        packages.install(manager, ["git"])


def test_caches_that_stay_in_the_image(tools):
    packages.install(packages.Manager(tools.add("apt-get"), "apt-get"), ["git"])
    assert not any("Dir::" in call for call in tools.calls)
    packages.install(packages.Manager(tools.add("apk"), "apk"), ["git"])
    assert tools.calls[-1] == "apk add --no-progress --no-cache git"


def test_nothing_to_install(tools):
    packages.install(packages.Manager(tools.add("dnf"), "dnf"), [])
    assert tools.calls == []


@pytest.mark.parametrize(("kind", "words"), [("dnf", "repolist --all"), ("yum", "repolist all")])
def test_known_repositories(tools, kind, words):
    body = "printf 'repo id   repo name  status\\nbaseos BaseOS enabled\\nepel Extra disabled\\n'"
    manager = packages.Manager(tools.add(kind, body), kind)
    assert packages.known_repository(manager, "epel")
    assert not packages.known_repository(manager, "rpmfusion")
    assert tools.calls[0] == f"{kind} {words}"
    assert not packages.known_repository(packages.Manager(tools.add("apk"), "apk"), "epel")


def test_traces_go(tmp_path):
    for name in ("var/log/apt/history.log", "var/log/dnf.log", "var/lib/dpkg/status-old", "var/log/syslog"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    packages.sweep(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == ["var/log/syslog"]
