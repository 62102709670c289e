# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two shell files, run by the shells that images have, with stand-ins for the programs they call."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import shell

SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


def start(shell_name, script, *arguments, path=None, **environment):
    command = [shell_name, "sh"] if shell_name == "busybox" else [shell_name]
    return subprocess.run(
        [*command, str(script), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": path or os.environ["PATH"], **environment},
        check=False,
    )


class Container:
    """The entry point with the files it looks at in a folder, as some user."""

    def __init__(self, folder):
        self.folder = folder
        self.passwd = folder / "passwd"
        self.passwd.write_text("root:x:0:0:root:/root:/bin/bash\nsomeone:x:7:7:S O:/home/someone:/bin/sh\n")
        self.runner = folder / "runner"
        self.runner.mkdir()
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        text = shell.ENTRYPOINT.replace("/etc/passwd", str(self.passwd)).replace("/runner", str(self.runner))
        self.script = folder / "entrypoint"
        self.script.write_text(text.replace(" /tmp;", f" {self.tmp};"))
        self.bin = folder / "bin"
        self.bin.mkdir()

    def as_user(self, number):
        program = self.bin / "id"
        program.write_text(f"#!/bin/sh\necho {number}\n")
        program.chmod(0o755)
        return self

    def start(self, shell_name, **environment):
        path = f"{self.bin}:{os.environ['PATH']}"
        return start(shell_name, self.script, "sh", "-c", 'echo "HOME=$HOME $0"', "word", path=path, **environment)


@pytest.fixture
def container(tmp_path):
    return Container(tmp_path)


@pytest.mark.parametrize("name", SHELLS)
def test_a_user_without_a_name_gets_one(container, name):
    done = container.as_user(1234).start(name)
    assert done.stdout == f"HOME={container.runner} word\n"
    last = container.passwd.read_text().splitlines()[-1]
    assert last == f"user1234:x:1234:0:container user:{container.runner}:/bin/bash"


@pytest.mark.parametrize("name", SHELLS)
def test_a_home_that_cannot_be_used_is_replaced_on_record_too(container, name):
    (container.folder / "blocked").write_text("a file, no folder")
    container.passwd.write_text(f"me:x:7:7:gecos:{container.folder}/blocked/home:/bin/sh\nroot:x:0:0::/root:/bin/sh\n")
    done = container.as_user(7).start(name)
    assert done.stdout == f"HOME={container.runner} word\n"
    assert container.passwd.read_text() == f"me:x:7:7:gecos:{container.runner}:/bin/sh\nroot:x:0:0::/root:/bin/sh\n"


@pytest.mark.parametrize("name", SHELLS)
def test_a_usable_home_is_kept(container, name):
    home = container.folder / "home"
    container.passwd.write_text(f"me:x:7:7:gecos:{home}:/bin/sh\n")
    before = container.passwd.read_text()
    done = container.as_user(7).start(name, HOME="/nonsense")
    assert done.stdout == f"HOME={home} word\n"
    assert home.is_dir()
    assert container.passwd.read_text() == before


@pytest.mark.parametrize(("mode", "rc", "says"), [("ignore", 0, False), ("warn", 0, True), ("fail", 1, True)])
def test_on_error(container, mode, rc, says):
    container.passwd.unlink()
    container.passwd.symlink_to("/proc/nothing/here")
    done = container.as_user(1234).start("sh", EP_ON_ERROR=mode)
    assert done.returncode == rc
    assert ("entrypoint: " in done.stderr) == says


def test_trace(container):
    assert "+ " in container.as_user(1234).start("sh", EP_DEBUG_TRACE="1").stderr


class Image:
    """``run`` in a folder, with nothing on PATH but what a test puts there."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "calls"
        self.script = folder / "foundry_ee" / "run"
        self.script.parent.mkdir()
        self.script.write_text(shell.RUN)
        for name in ("sh", "rm"):
            (self.bin / name).symlink_to(shutil.which(name))

    def add(self, name):
        program = self.bin / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\necho "PYTHONPATH=$PYTHONPATH"\n')
        program.chmod(0o755)
        return str(program)

    def start(self, name="sh", **environment):
        return start(shutil.which(name) or name, self.script, "core", "x", path=str(self.bin), **environment)

    @property
    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def image(tmp_path):
    return Image(tmp_path)


@pytest.mark.parametrize("name", [name for name in SHELLS if name != "busybox"])
def test_the_helper_is_started_by_the_named_interpreter(image, name):
    done = image.start(name, PYCMD=image.add("python3.12"))
    assert image.calls == ["python3.12 -m foundry_ee.steps core x"]
    assert done.stdout == f"PYTHONPATH={image.script.parent.parent}\n"


def test_no_python(image):
    done = image.start(PYCMD="/usr/bin/python3.99")
    assert done.returncode == 1
    assert "there is no /usr/bin/python3.99 in this image" in done.stderr
    assert "package_system" in done.stderr


@pytest.mark.parametrize(
    ("manager", "calls"),
    [
        ("dnf", ["dnf install -y python3.12 python3.12-pip", "dnf clean all"]),
        ("dnf5", ["dnf5 install -y python3.12 python3.12-pip", "dnf5 clean all"]),
        ("microdnf", ["microdnf install -y python3.12 python3.12-pip", "microdnf clean all"]),
        ("yum", ["yum install -y python3.12 python3.12-pip", "yum clean all"]),
        ("zypper", ["zypper --non-interactive install --no-recommends python3.12 python3.12-pip",
                    "zypper --non-interactive clean --all"]),
        ("apk", ["apk add --no-cache python3.12 python3.12-pip"]),
    ],
)  # fmt: skip
def test_the_package_with_python(image, manager, calls):
    image.add(manager)
    image.start(PYCMD=image.add("python3.12"), PYPKG="python3.12 python3.12-pip")
    assert image.calls[:-1] == calls


def test_a_named_manager_and_a_preserved_cache(image):
    image.add("dnf")
    image.start(
        PYCMD=image.add("python3"), PYPKG="python3", PKGMGR=image.add("microdnf"), PKGMGR_PRESERVE_CACHE="always"
    )
    assert image.calls == ["microdnf install -y python3", "python3 -m foundry_ee.steps core x"]


def test_no_manager(image):
    done = image.start(PYCMD=image.add("python3"), PYPKG="python3")
    assert done.returncode == 1
    assert "no package manager to install python3 by" in done.stderr
