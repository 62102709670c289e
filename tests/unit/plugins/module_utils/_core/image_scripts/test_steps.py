# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The build's steps as a process would run them, in folders of the test and with pip and Galaxy recorded."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import (
    console,
    galaxy,
    packages,
    pip,
    steps,
)

DEBIAN = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


class Image:
    """The places of an image below a folder, and the commands that ran."""

    def __init__(self, folder):
        self.folder = folder
        self.lists = folder / "lists"
        self.lists.mkdir()
        self.record = folder / "record"
        self.wheels = folder / "wheels"
        self.commands: list[list[str]] = []
        self.files: list[dict[str, list[str]]] = []
        self.environments: list[dict[str, str]] = []
        self.makes = lambda command: None

    def run(self, command, env=None, cwd=None):
        named = {}
        for option in ("-r", "-c"):
            if option in command and Path(command[command.index(option) + 1]).exists():
                named[option] = Path(command[command.index(option) + 1]).read_text().splitlines()
        self.commands.append(list(command))
        self.files.append(named)
        self.environments.append(dict(env or {}))
        self.makes(command)

    def found(self, part, **data):
        self.record.mkdir(exist_ok=True)
        (self.record / f"{part}.json").write_text(json.dumps(data))

    def recorded(self):
        return json.loads((self.record / "requirements.json").read_text())

    def pip_calls(self):
        return [
            (command[3], files) for command, files in zip(self.commands, self.files) if command[1:3] == ["-m", "pip"]
        ]


@pytest.fixture
def image(tmp_path, monkeypatch):
    found = Image(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "where the helpers are")  # which they take out of the environment
    for module in (pip, galaxy, packages):
        monkeypatch.setattr(module, "run", found.run)
    monkeypatch.setattr(packages, "sweep", lambda root: None)
    monkeypatch.setattr(steps, "LISTS", found.lists)
    monkeypatch.setattr(steps, "RECORD", found.record)
    monkeypatch.setattr(steps, "WHEELS", found.wheels)
    monkeypatch.setattr(steps, "OF_COLLECTIONS", tmp_path / "of-collections.json")
    monkeypatch.setattr(steps, "ENTRYPOINT", tmp_path / "bin" / "entrypoint")
    monkeypatch.setattr(steps, "HERE", tmp_path)
    monkeypatch.setattr(steps, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(steps, "os_release", lambda: dict(line.split("=") for line in DEBIAN.replace('"', "").split()))
    monkeypatch.setattr(
        steps, "manager", lambda: packages.Manager("/usr/bin/apt-get", "apt-get", tmp_path / "cache" / "apt-get")
    )
    monkeypatch.setattr(pip, "kept", lambda requirements: ["ansible-core==2.19.0"])
    (tmp_path / "entrypoint").write_text("#!/bin/sh\n")
    return found


def test_core(image):
    assert steps.main(["--inputs=x", "core", "--", "ansible-core>=2.15,<3 --pre", "ansible-runner"]) == 0
    assert image.commands == [
        [sys.executable, "-m", "pip", "install", "ansible-core>=2.15,<3", "--pre", "ansible-runner"]
    ]
    assert stat.S_IMODE((image.folder / "bin" / "entrypoint").stat().st_mode) == 0o755


def test_core_is_bound_by_the_lock(image):
    (image.lists / "constraints.txt").write_text("jinja2==3.1.6\n")
    steps.main(["core", "ansible-core"])
    assert image.files[0]["-c"] == ["jinja2==3.1.6"]


def test_python_asks_pip_once_for_all(image):
    image.found("python", python=["six>=1,<2"], constraints=["urllib3<2"])
    (image.lists / "requirements.txt").write_text("netaddr\nsix\n")
    assert steps.main(["python", "--init=dumb-init==1.2.5"]) == 0
    ((verb, files),) = image.pip_calls()
    assert verb == "install"
    assert files == {"-r": ["six>=1,<2", "netaddr", "dumb-init==1.2.5"], "-c": ["urllib3<2", "ansible-core==2.19.0"]}


HASHED = "--index-url https://e.org\nsix==1.16.0 --hash=sha256:aa\nFoo[bar]==2 \\\n  --hash=sha256:bb\n"


def test_beside_a_list_with_hashes_nothing_else_is_asked_for(image):
    image.found("python", python=["six>=1"], constraints=[])
    (image.lists / "requirements.txt").write_text(HASHED)
    assert steps.main(["python", "--init=dumb-init==1.2.5"]) == 0
    first, second = [files for _verb, files in image.pip_calls()]
    options = "--index-url https://e.org"
    assert [line.split() for line in first["-r"]] == [
        options.split(), ["six==1.16.0", "--hash=sha256:aa"], ["Foo[bar]==2", "--hash=sha256:bb"]
    ]  # fmt: skip
    assert second["-r"] == [options, "six>=1", "dumb-init==1.2.5"]
    assert second["-c"] == ["six==1.16.0", "Foo==2", "ansible-core==2.19.0"]


def test_hashes_are_compared_where_wheels_are_built(image):
    (image.lists / "requirements.txt").write_text(HASHED)
    steps.main(["wheels", "--always", "--init=dumb-init"])
    assert [files["-r"][-1].split()[0] for _verb, files in image.pip_calls()] == ["Foo[bar]==2", "dumb-init"]
    (image.lists / "wheels").mkdir()
    (image.lists / "wheels" / "six-1-py3-none-any.whl").touch()
    image.commands.clear()
    image.files.clear()
    steps.main(["python", "--init=dumb-init"])
    assert [files["-r"] for _verb, files in image.pip_calls()] == [["six==1.16.0", "Foo[bar]==2"], ["dumb-init"]]


def test_options_for_pip_that_a_step_sets(image, monkeypatch):
    monkeypatch.setenv("PIP_OPTS", "--pre --index-url 'https://e.org/a b'")
    (image.lists / "requirements.txt").write_text("netaddr\n")
    steps.main(["python"])
    assert image.commands[0][3:7] == ["install", "--pre", "--index-url", "https://e.org/a b"]


def test_what_the_definition_asks_for_stays_in_the_image(image):
    image.found("python", python=["six"], constraints=[])
    image.found("system", system=["git"])
    (image.lists / "requirements.txt").write_text("netaddr\n")
    (image.lists / "bindep.txt").write_text("rsync [platform:dpkg]  # why\n")
    steps.main(["python"])
    data = image.recorded()
    assert data["python"] == [{"collection": "user", "line": "netaddr", "name": "netaddr"}]
    assert data["system"] == [{"collection": "user", "line": "rsync [platform:dpkg]", "name": "rsync"}]
    assert sorted(path.name for path in image.record.iterdir()) == ["requirements.json"]


def test_nothing_asked_for_is_nothing_done(image):
    assert steps.main(["python"]) == 0
    assert image.commands == []


def test_built_wheels_are_enough(image):
    wheels = image.lists / "wheels"
    (wheels / "direct").mkdir(parents=True)
    (wheels / "psutil-1-py3-none-any.whl").touch()
    (wheels / "direct" / "x-1-py3-none-any.whl").touch()
    (image.lists / "requirements.txt").write_text("--no-binary=psutil\npsutil\ngit+https://example.org/x.git\n")
    steps.main(["python"])
    assert "--no-index" in image.commands[0]
    assert image.files[0]["-r"] == [str(wheels / "direct" / "x-1-py3-none-any.whl"), "psutil"]


def test_wheels_are_built_only_where_the_builder_has_more(image):
    (image.lists / "requirements.txt").write_text("psutil\n")
    (image.lists / "bindep.txt").write_text("git\ngcc [compile platform:rpm]\n")
    steps.main(["wheels", "--init=dumb-init"])
    assert image.commands == []
    assert image.wheels.is_dir()
    (image.lists / "bindep.txt").write_text("git\ngcc [compile platform:dpkg]\n")
    steps.main(["wheels", "--init=dumb-init", "--compile"])
    assert image.commands[-2][-2:] == ["gcc", "git"]
    assert image.pip_calls() == [("wheel", {"-r": ["psutil", "dumb-init"], "-c": ["ansible-core==2.19.0"]})]


@pytest.mark.parametrize(("present", "asked"), [(object(), False), (None, True)])
def test_an_image_without_the_package_wheel_can_build_wheels(image, monkeypatch, present, asked):
    monkeypatch.setattr(pip.util, "find_spec", lambda name: present if name == "wheel" else object())
    (image.lists / "requirements.txt").write_text("netifaces\ngit+https://e.org/x\n")
    steps.main(["wheels", "--always"])
    assert [("--use-pep517" in command) for command in image.commands] == [asked, asked]


def test_wheels_of_addresses_have_a_place_of_their_own(image):
    (image.lists / "requirements.txt").write_text(
        "--extra-index-url=https://e.org\n-e git+https://e.org/x\nname @ https://e.org/y.whl\nsix\n"
    )

    def makes(command):
        if "--no-deps" in command:
            (image.wheels / "direct").mkdir()
            (image.wheels / "direct" / "x-1-py3-none-any.whl").touch()

    image.makes = makes
    steps.main(["wheels", "--always"])
    (_first, one), (_second, two) = image.pip_calls()
    options = "--extra-index-url=https://e.org"
    assert one["-r"] == [options, "git+https://e.org/x", "name @ https://e.org/y.whl"]
    assert two["-r"] == [str(image.wheels / "direct" / "x-1-py3-none-any.whl"), "six", options]


def test_system(image):
    image.found("system", system=["git [platform:dpkg]", "odd [["])
    (image.lists / "bindep.txt").write_text("rsync\nonly-rpm [platform:rpm]\nextra [epel]\n")
    assert steps.main(["system"]) == 0
    assert [command[-2:] for command in image.commands] == [["-q", "update"], ["git", "rsync"]]


def test_a_wrong_line_of_the_user_is_told_with_its_number(image, capsys):
    (image.lists / "bindep.txt").write_text("git\n[[\n")
    assert steps.main(["system"]) == 1
    assert "bindep.txt, line 2: `[[` is not" in capsys.readouterr().err


@pytest.mark.parametrize(("strict", "rc"), [("", 0), ("1", 1)])
def test_inspect(image, monkeypatch, tmp_path, strict, rc, capsys):
    collection = tmp_path / "ansible_collections" / "ns" / "col"
    (collection / "meta").mkdir(parents=True)
    (collection / "galaxy.yml").write_text("")
    (collection / "meta" / "execution-environment.yml").write_text("dependencies: {python: r.txt, system: nowhere}\n")
    (collection / "r.txt").write_text("six\nPyTest\nunwanted\n")
    (image.lists / "exclude-requirements.txt").write_text("unwanted\n")
    monkeypatch.setattr(galaxy, "COLLECTIONS", str(tmp_path))
    monkeypatch.setenv("EE_STRICT", strict)
    assert steps.main(["inspect"]) == rc
    assert "WARNING: ns.col: nowhere is missing" in capsys.readouterr().out
    if not strict:
        assert json.loads((image.record / "python.json").read_text()) == {"constraints": [], "python": ["six"]}
        data = json.loads((image.folder / "of-collections.json").read_text())
        assert [(item["collection"], item["line"]) for item in data["python"]] == [("ns.col", "six")]
        assert [item["because"] for item in data["excluded"]] == ["built-in", "unwanted"]


def test_a_further_collection_that_asks_for_the_same_changes_no_list(image, monkeypatch, tmp_path):
    def lists(*names):
        for name in names:
            collection = tmp_path / "tree" / "ansible_collections" / "ns" / name
            collection.mkdir(parents=True, exist_ok=True)
            (collection / "galaxy.yml").write_text("")
            (collection / "requirements.txt").write_text("six>=1\nNetaddr\n")
            (collection / "bindep.txt").write_text("rsync\n")
        assert steps.main(["inspect"]) == 0
        return [(image.record / f"{part}.json").read_bytes() for part in ("system", "python")]

    monkeypatch.setattr(galaxy, "COLLECTIONS", str(tmp_path / "tree"))
    assert lists("b") == lists("a", "b", "c")
    assert len(json.loads((image.folder / "of-collections.json").read_text())["python"]) == 6


def test_galaxy(image, monkeypatch, tmp_path):
    monkeypatch.setattr(galaxy.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setenv("ANSIBLE_GALAXY_CLI_COLLECTION_OPTS", "--pre -v")
    monkeypatch.setattr(galaxy.Path, "mkdir", lambda *args, **options: None)
    assert steps.main(["galaxy", "--roles", "--collections"]) == 0
    roles, collections = image.commands
    assert roles == [
        *("/bin/ansible-galaxy", "role", "install", "-r", "/build/requirements.yml"),
        *("--roles-path", "/usr/share/ansible/roles"),
    ]
    assert collections == [
        *("/bin/ansible-galaxy", "collection", "install", "--pre", "-v", "-r", "/build/requirements.yml"),
        *("--collections-path", "/usr/share/ansible/collections"),
    ]
    assert [env.get("ANSIBLE_GALAXY_DISABLE_GPG_VERIFY") for env in image.environments] == [None, "1"]


def test_galaxy_with_signatures(image, monkeypatch):
    monkeypatch.setattr(galaxy.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(galaxy.Path, "mkdir", lambda *args, **options: None)
    steps.main(
        [
            *("galaxy", "--collections", "--keyring=/build/k", "--required-valid-signature-count=all"),
            "--ignore-signature-status-code=500",
        ]
    )
    assert image.commands[0][3:9] == [
        *("--keyring", "/build/k", "--required-valid-signature-count", "all"),
        *("--ignore-signature-status-code", "500"),
    ]
    assert "ANSIBLE_GALAXY_DISABLE_GPG_VERIFY" not in image.environments[0]


def test_no_galaxy(image, monkeypatch, capsys):
    monkeypatch.setattr(galaxy.shutil, "which", lambda name: None)
    assert steps.main(["galaxy", "--collections"]) == 1
    assert "There is no ansible-galaxy in this image" in capsys.readouterr().err


def test_secrets_reach_only_the_command(tmp_path):
    for name in ("foundry_ansible_cfg", "foundry_galaxy_token", "foundry_pip_conf", "foundry_netrc"):
        (tmp_path / name).write_text("secret")
    (tmp_path / "foundry_galaxy_env").write_text("# c\nANSIBLE_GALAXY_SERVER_HUB_TOKEN=a=b\n")
    home = tmp_path / "home"
    found = galaxy.galaxy_environment(home, tmp_path / "nothing", None, secrets=tmp_path)
    assert found == {
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_CONFIG": str(tmp_path / "foundry_ansible_cfg"),
        "ANSIBLE_GALAXY_TOKEN_PATH": str(tmp_path / "foundry_galaxy_token"),
        "ANSIBLE_GALAXY_SERVER_HUB_TOKEN": "a=b",
        "PIP_CONFIG_FILE": str(tmp_path / "foundry_pip_conf"),
        "NETRC": str(tmp_path / "foundry_netrc"),
    }


def test_the_group_may_write(tmp_path):
    folder = tmp_path / "runner"
    (folder / "sub").mkdir(parents=True, mode=0o700)
    (folder / "sub" / "file").write_text("x")
    (folder / "sub" / "file").chmod(0o600)
    (folder / "link").symlink_to("nowhere")
    steps.open_to_group(folder)
    assert stat.S_IMODE((folder / "sub").stat().st_mode) & 0o070 == 0o070
    assert stat.S_IMODE((folder / "sub" / "file").stat().st_mode) & 0o060 == 0o060


class Programs:
    """Stand-ins for ansible and ansible-runner on PATH."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.log = folder / "log"
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def add(self, name, rc=0):
        program = self.folder / name
        program.write_text(f'#!/bin/sh\necho "{name}" >>"{self.log}"\necho broken\nexit {rc}\n')
        program.chmod(0o755)

    def started(self):
        return sorted(self.log.read_text().split()) if self.log.exists() else []


@pytest.fixture
def programs(tmp_path, monkeypatch, image):
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(steps.util, "find_spec", lambda name: object())
    monkeypatch.setattr(pip, "versions_needed", lambda *names: {"ansible-core": "2.19.0"})
    return Programs(folder, monkeypatch)


def test_check(image, programs):
    programs.add("ansible")
    programs.add("ansible-runner")
    assert steps.main(["core", "--no-pip", "--check", "ansible-core"]) == 0
    assert programs.started() == ["ansible", "ansible-runner"]
    # Nothing they need has changed since, so they are not started a second time.
    assert steps.main(["python", "--check"]) == 0
    assert programs.started() == ["ansible", "ansible-runner"]
    assert sorted(path.name for path in image.record.iterdir()) == ["requirements.json"]
    assert steps.main(["python", "--check"]) == 0
    assert len(programs.started()) == 4


def test_check_fails(programs, capsys):
    programs.add("ansible", rc=3)
    programs.add("ansible-runner")
    assert steps.main(["python", "--check"]) == 1
    assert "`ansible --version` ended with 3: broken" in capsys.readouterr().err


def test_check_misses_a_program(programs, capsys):
    programs.add("ansible")
    assert steps.main(["python", "--check"]) == 1
    assert "ansible-runner is installed" in capsys.readouterr().err


def test_check_misses_a_module(programs, monkeypatch, capsys):
    monkeypatch.setattr(steps.util, "find_spec", lambda name: None)
    assert steps.main(["python", "--check"]) == 1
    assert "`dependencies.ansible_core.package_pip`" in capsys.readouterr().err


def test_what_is_needed_comes_from_the_installed_packages():
    found = pip.versions_needed("pytest", "not-there-at-all")
    assert {"pytest", "pluggy", "packaging"} <= set(found)
    assert "not-there-at-all" not in found


def test_the_installed_core_is_kept_unless_asked_for(monkeypatch):
    monkeypatch.setattr(pip.metadata, "version", lambda name: {"ansible-core": "2.19.1"}.get(name) or missing(name))
    assert pip.kept(["six"]) == ["ansible-core==2.19.1"]
    assert pip.kept(["Ansible_Core<2.20"]) == []


def missing(name):
    raise pip.metadata.PackageNotFoundError(name)


def test_pip_by_the_package_manager(monkeypatch, image):
    answers = iter([None, None, object()])
    monkeypatch.setattr(pip.util, "find_spec", lambda name: next(answers) if name == "pip" else None)
    monkeypatch.setattr(pip, "output", lambda command: None)
    with pytest.raises(console.Failure, match="has no pip"):
        pip.ensure(steps.manager, None)
    assert image.commands[-1][-1] == "python3-pip"


@pytest.mark.parametrize(
    ("kind", "package", "name"),
    [
        ("apt-get", "python3.12", "python3-pip"),
        ("apk", None, "py3-pip"),
        ("dnf", "python3.12", "python3.12-pip"),
        ("zypper", "python311", "python311-pip"),
        ("microdnf", None, "python3-pip"),
    ],
)
def test_the_name_of_pip(kind, package, name):
    assert pip.name_of_pip(kind, package) == name


@pytest.mark.parametrize(
    ("line", "direct"),
    [
        ("six", False),
        ("-e .", True),
        ("--editable=./x", True),
        ("git+https://e.org/x", True),
        ("x @ file:///y", True),
        ("./y.whl", True),
        ("y-1.tar.gz", True),
        ("--no-binary=:all:", False),
        ("--index-url=https://e.org", False),
    ],
)
def test_addresses(line, direct):
    assert pip.is_direct(line) is direct


def test_a_missing_program_is_a_failure_with_words():
    with pytest.raises(console.Failure, match="cannot be run: No such file"):
        console.run(["/nowhere/at/all"])
    assert console.output(["/nowhere/at/all"]) is None
