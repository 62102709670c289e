# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OS packages by whichever package manager the image has.

Downloads and lists are kept in the build's cache mount, not in the image, unless the definition asks to preserve the
package manager's own cache.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .console import Failure, locked, run, say

# In the order of preference: a system may have several, and the first of them that it has knows most.
NAMES = ("dnf", "dnf5", "microdnf", "yum", "apt-get", "zypper", "apk")
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_FRESH_S = 3600
# What no job reads: documentation (licences stay), manual pages, translations of messages.
_LEFT_OUT = (
    "exclude=/usr/share/doc/*", "include=/usr/share/doc/*/copyright", "exclude=/usr/share/man/*",
    "exclude=/usr/share/locale/*/LC_MESSAGES/*.mo",
)  # fmt: skip
_LEFT_BEHIND = (
    "var/cache/debconf/config.dat-old", "var/cache/debconf/templates.dat-old", "var/cache/ldconfig/aux-cache",
    "var/lib/dpkg/diversions-old", "var/lib/dpkg/status-old", "var/log/alternatives.log", "var/log/apt",
    "var/log/dnf.librepo.log", "var/log/dnf.log", "var/log/dnf.rpm.log", "var/log/dnf5.log", "var/log/dpkg.log",
    "var/log/hawkey.log", "var/log/yum.log", "var/log/zypp", "var/log/zypper.log",
)  # fmt: skip


@dataclass(frozen=True)
class Manager:
    """A package manager: its path in the image and its kind, one of ``NAMES``.

    ``cache`` is where it keeps what it downloads, None for its own place in the image.
    """

    path: str
    kind: str
    cache: Path | None = None

    def install(self, packages: t.Sequence[str], enable: str | None = None) -> list[str]:
        """Return the command that installs packages without documentation and without what is merely recommended.

        zypper has no option for the former: the images of its distributions say so in their zypp.conf.
        ``enable`` is a repository to be used for them though it is switched off (rpm only). Behind ours stand the
        options that a build step has put into ``PKGMGR_OPTS``, as it can with ansible-builder.
        """
        packages = [*shlex.split(os.environ.get("PKGMGR_OPTS", "")), *packages]
        if self.kind == "apt-get":
            return [self.path, *self._apt_options(), "-q", "install", "-y", "--no-install-recommends", *packages]
        if self.kind == "apk":
            cache = ["--no-cache"] if self.cache is None else ["--cache-dir", str(self.cache), "--update-cache"]
            return [self.path, "add", "--no-progress", *cache, *packages]
        if self.kind == "zypper":
            cache = [] if self.cache is None else ["--cache-dir", str(self.cache)]
            options = ["--no-recommends", "--auto-agree-with-licenses"]
            return [self.path, "--non-interactive", *cache, "install", *options, *packages]
        return [self.path, "-y", *self._rpm_options(enable), "install", *packages]

    def refresh(self) -> list[str] | None:
        """Return the command that fetches the lists of packages, None where ``install`` does so itself when needed."""
        return [self.path, *self._apt_options(), "-q", "update"] if self.kind == "apt-get" else None

    def _apt_options(self) -> list[str]:
        # Not a file of the image survives a crash of the machine, so dpkg need not wait for the disk for each.
        options = ["-o", "Dpkg::Options::=--force-unsafe-io", "-o", "APT::Sandbox::User=root"]
        for pattern in _LEFT_OUT:
            options += ["-o", f"Dpkg::Options::=--path-{pattern}"]
        if self.cache is not None:
            # Not below /var/cache/apt: images for containers are set up to empty that after each run.
            options += ["-o", f"Dir::Cache={self.cache}", "-o", f"Dir::State::Lists={self.cache}/lists"]
            options += ["-o", "APT::Keep-Downloaded-Packages=true"]
        return options

    def _rpm_options(self, enable: str | None) -> list[str]:
        options = [] if enable is None else [f"--enablerepo={enable}"]
        if self.kind == "microdnf":
            options += ["--nodocs", "--setopt=install_weak_deps=0"]
        else:
            options += ["--setopt=tsflags=nodocs", "--setopt=install_weak_deps=False"]
        if self.cache is not None:
            options += [f"--setopt=cachedir={self.cache}", "--setopt=keepcache=1"]
            if self.kind == "dnf5":
                options.append(f"--setopt=system_cachedir={self.cache}")
        return options


def find(named: str | None, cache: Path | None, which: t.Callable[[str], str | None] = shutil.which) -> Manager:
    """Return the package manager that is named, else the first that the image has. Raises Failure."""
    for name in [named] if named else NAMES:
        path = which(name)
        if path is not None:
            kind = kind_of(path)
            return Manager(path, kind, None if cache is None else cache / kind)
    if named:
        raise Failure(
            f"The package manager {named} is not in this image; without `options.package_manager_path` it is found"
        )
    raise Failure(
        f"This image has none of the package managers {', '.join(NAMES)}: install the packages in a build step"
    )


def kind_of(path: str) -> str:
    """Return which of ``NAMES`` stands behind a path; an unknown one is taken for dnf, as ``yum`` often is."""
    name = Path(path).name
    return name if name in NAMES else "apt-get" if name == "apt" else "dnf"


def install(manager: Manager, packages: t.Sequence[str], enable: str | None = None) -> None:
    """Install packages and remove the traces that differ from run to run. Raises Failure."""
    if not packages:
        return
    say(f"installing by {manager.kind}: {' '.join(packages)}")
    command = manager.install(packages, enable)
    if manager.cache is None:
        if manager.refresh() is not None:
            run(manager.refresh() or [], env=_QUIET)
        run(command, env=_QUIET)
        return
    for folder in ("archives/partial", "lists/partial"):
        Path(manager.cache, folder).mkdir(parents=True, exist_ok=True)
    with locked(manager.cache / "lock"):
        _install_fresh(manager, command)
    sweep(Path("/"))


def _install_fresh(manager: Manager, command: t.Sequence[str]) -> None:
    """Install by lists that are at most an hour old, or by new ones if that fails, for packages may have gone."""
    refresh, stamp = manager.refresh(), Path(manager.cache or "/", "refreshed")
    if refresh is None:
        run(command, env=_QUIET)
        return
    if stamp.exists() and 0 <= time.time() - stamp.stat().st_mtime < _FRESH_S:
        try:
            run(command, env=_QUIET)
            return
        except Failure as failure:
            say(f"{failure}; fetching the lists of packages anew")
    run(refresh, env=_QUIET)
    stamp.touch()
    run(command, env=_QUIET)


def sweep(root: Path) -> None:
    """Remove logs and caches that an installation leaves behind."""
    for name in _LEFT_BEHIND:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.exists():
            path.unlink()


def known_repository(manager: Manager, name: str) -> bool:
    """Whether an rpm system knows a repository, switched on or off."""
    if manager.kind not in ("dnf", "dnf5", "microdnf", "yum"):
        return False
    command = [manager.path, "repolist", *(["--all"] if manager.kind != "yum" else ["all"])]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    return any(line.split()[:1] in ([name], [f"!{name}"]) for line in answer.stdout.splitlines())
