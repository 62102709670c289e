# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The helpers that run inside an image while it is built, on the image's own interpreter (Python 3.9 and later).

Standard library only. The renderer copies the files beside this one into the build context, as a package of another
name; that is why they import one another relatively. Commands, started by ``run``:

``core``    make Python and pip work, install ansible-core and ansible-runner, install the entry point
``galaxy``  install roles and collections
``inspect`` write down what the collections ask for
``compile`` install the OS packages that are needed only to build Python packages
``wheels``  build Python packages, if there is anything that ``python`` could not build just as well
``system``  install OS packages
``python``  install Python packages, prepare the image for any user, check it
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import typing as t
from importlib import util
from pathlib import Path

from . import bindep, galaxy, introspect, packages, pip, pip_lists
from .console import Failure, say, warn

HERE = Path(__file__).parent
LISTS = Path("/opt/builder")
RECORD = Path("/usr/share/foundry-ee")
# Beside the collections, so that it comes with them and costs no layer.
OF_COLLECTIONS = Path("/usr/share/ansible/foundry-ee/requirements.json")
WHEELS = Path("/output/wheels")
ENTRYPOINT = Path("/opt/builder/bin/entrypoint")


def main(arguments: t.Sequence[str] | None = None) -> int:
    os.environ.pop("PYTHONPATH", None)
    options = parse_arguments(arguments)
    try:
        options.command(options)
    except Failure as failure:
        sys.stdout.flush()
        sys.stderr.write(f"foundry.ee: {failure}.\n")
        return 1
    return 0


def parse_arguments(arguments: t.Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="foundry_ee")
    # The digest of everything a step reads from the context: an engine that does not look at mounts sees it change.
    parser.add_argument("--inputs", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(required=True)

    core = commands.add_parser("core")
    core.set_defaults(command=do_core)
    core.add_argument("--no-pip", action="store_true", help="leave pip as it is")
    core.add_argument("--check", action="store_true", help="ansible and ansible-runner must run if both are installed")
    core.add_argument("references", nargs="*", help="pip requirements for ansible-core and ansible-runner")

    collections = commands.add_parser("galaxy")
    collections.set_defaults(command=do_galaxy)
    collections.add_argument("--roles", action="store_true")
    collections.add_argument("--collections", action="store_true")
    collections.add_argument("--keyring", type=Path)
    collections.add_argument("--required-valid-signature-count")
    collections.add_argument("--ignore-signature-status-code", action="append", default=[])

    commands.add_parser("inspect").set_defaults(command=do_inspect)
    commands.add_parser("compile").set_defaults(command=do_compile)

    wheels = commands.add_parser("wheels")
    wheels.set_defaults(command=do_wheels)
    wheels.add_argument("--compile", action="store_true", help="do the work of `compile` first")
    wheels.add_argument("--always", action="store_true", help="the builder differs from the final image by its steps")

    for command in (wheels, commands.add_parser("python")):
        command.add_argument("--init", help="the pip requirement for the program that starts the container's command")

    commands.add_parser("system").set_defaults(command=do_system)

    python = commands.choices["python"]
    python.set_defaults(command=do_python)
    python.add_argument("--check", action="store_true", help="ansible and ansible-runner must run")
    python.add_argument("--relax-passwd", action="store_true")
    python.add_argument("--workdir", type=Path)
    return parser.parse_args(arguments)


def do_core(options: argparse.Namespace) -> None:
    ENTRYPOINT.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "entrypoint", ENTRYPOINT)
    ENTRYPOINT.chmod(0o755)
    if not options.no_pip:
        pip.ensure(manager, os.environ.get("PYPKG"))
    words = [word for reference in options.references for word in shlex.split(reference)]
    if words:
        pip.install_words(words, constraints=read_list("constraints.txt"), cache=cache())
    importlib.invalidate_caches()
    if options.check and all(util.find_spec(module) for module in ("ansible", "ansible_runner")):
        start_programs()
        write_json(RECORD / "checked.json", pip.versions_needed("ansible-core", "ansible-runner"))


def do_galaxy(options: argparse.Namespace) -> None:
    verify = None
    if options.keyring is not None:
        verify = ["--keyring", str(options.keyring)]
        if options.required_valid_signature_count is not None:
            verify += ["--required-valid-signature-count", options.required_valid_signature_count]
        for code in options.ignore_signature_status_code:
            verify += ["--ignore-signature-status-code", code]
    galaxy.install(
        Path("/build/requirements.yml"),
        roles=options.roles,
        collections=options.collections,
        verify=verify,
        config=Path("/build/ansible.cfg"),
        cache=cache(),
    )


def do_inspect(options: argparse.Namespace) -> None:
    exclusions = introspect.Exclusions(
        python=read_list("exclude-requirements.txt"),
        system=read_list("exclude-bindep.txt"),
        collections=read_list("exclude-collections.txt"),
    )
    report = introspect.introspect(Path(galaxy.COLLECTIONS), exclusions, load_yaml)
    for problem in report.problems:
        warn(f"{problem.collection}: {problem.message}")
    if report.problems and os.environ.get("EE_STRICT") == "1":
        raise Failure("EE_STRICT is set and collections have the problems above")
    # The lists tell what is wanted and not who wants it, in one order: if a further collection asks for the same,
    # engines see the same files and install nothing again. OS packages and Python packages do not touch each other.
    bound = {line for lines in report.constraints.values() for line in lines}
    write_json(RECORD / "system.json", {"system": sorted({item.line for item in report.system})})
    write_json(
        RECORD / "python.json",
        {"python": introspect.merged(sorted(report.python, key=order_of)), "constraints": sorted(bound)},
    )
    write_json(OF_COLLECTIONS, report.as_data())


def order_of(requirement: introspect.Requirement) -> tuple[str, str]:
    return introspect.normalize(requirement.name or ""), requirement.line


def do_compile(options: argparse.Namespace) -> None:
    packages.install(manager(), needed_to_compile())


def do_wheels(options: argparse.Namespace) -> None:
    WHEELS.mkdir(parents=True, exist_ok=True)
    if not options.always and not needed_to_compile():
        say("nothing to compile here: the final image can build all it needs")
        return
    if options.compile:
        do_compile(options)
    bound = constraints()
    for lines in wanted_python(options.init):
        pip.build_wheels(lines, WHEELS, constraints=bound, cache=cache())
        bound += pip.bounds(lines) if pip.wants_hashes(lines) else []


def do_system(options: argparse.Namespace) -> None:
    rules, profiles = system_rules()
    wanted = bindep.packages(rules, {"default", *profiles})
    packages_of_epel = sorted(set(bindep.packages(rules, {"default", "epel", *profiles})) - set(wanted))
    if wanted or packages_of_epel:
        found = manager()
        packages.install(found, wanted)
        if packages_of_epel and packages.known_repository(found, "epel"):
            packages.install(found, packages_of_epel, enable="epel")
        elif packages_of_epel:
            warn(f"this image knows no repository `epel`; not installed: {' '.join(packages_of_epel)}")


def do_python(options: argparse.Namespace) -> None:
    bound = constraints()
    for lines in wanted_python(options.init):
        pip.install(lines, constraints=bound, wheels=LISTS / "wheels", cache=cache())
        bound += pip.bounds(lines) if pip.wants_hashes(lines) else []
    record()
    if options.relax_passwd:
        passwd = Path("/etc/passwd")
        passwd.chmod(passwd.stat().st_mode | 0o660)
    if options.workdir is not None:
        open_to_group(options.workdir)
    if options.check:
        check()


def asked_by_collections() -> list[introspect.Requirement]:
    return [introspect.parse_requirement(line) for line in read_json("python").get("python", ())]


def asked_by_user() -> list[introspect.Requirement]:
    user = LISTS / "requirements.txt"
    lines = pip_lists.logical_lines(user.read_text(encoding="utf-8")) if user.exists() else ()
    return list(map(introspect.parse_user_requirement, lines))


def wanted_python(init: str | None) -> list[list[str]]:
    """Return the lines for pip, a list for each call; ``init`` is what starts the container's command.

    It is one list, so that pip sees all together. Only the user's own is the first of two where it has hashes, for pip
    then wants them of every line; what the options in it say (an index, perhaps) holds for the second as well.
    """
    ours, user, last = asked_by_collections(), asked_by_user(), [init] if init else []
    lines = [requirement.line for requirement in user]
    if not pip.wants_hashes(lines):
        return [wanted for wanted in [introspect.merged([*ours, *user]) + last] if wanted]
    rest = introspect.merged(ours) + last
    options = [line for line in lines if line.startswith("-") and not pip.is_direct(line)]
    options = [line for line in options if not line.startswith("--require-hashes")]
    return [lines, options + rest] if rest else [lines]


def constraints() -> list[str]:
    """Return the constraints of the collections and of the build itself (a lock)."""
    return [*read_json("python").get("constraints", ()), *read_list("constraints.txt")]


def system_rules() -> tuple[list[bindep.Rule], frozenset[str]]:
    """Return the rules of the collections and the user, and the profiles of this image."""
    rules = []
    for line in read_json("system").get("system", ()):
        try:
            rules.append(bindep.parse_line(line))
        except bindep.Unreadable as error:
            warn(f"a collection asks for OS packages in no form that is known: {error}")
    user = LISTS / "bindep.txt"
    if user.exists():
        for number, line in enumerate(user.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                rules.append(bindep.parse_line(line))
            except bindep.Unreadable as error:
                raise Failure(f"bindep.txt, line {number}: {error}") from error
    return [rule for rule in rules if rule is not None], bindep.platform_profiles(os_release())


def needed_to_compile() -> list[str]:
    """Return the packages for the builder: none, unless some are needed there and not in the final image.

    Where both have the same packages, a Python package can be built in the final image as well.
    """
    rules, profiles = system_rules()
    building = bindep.packages(rules, {"compile", *profiles})
    return building if set(building) - set(bindep.packages(rules, {"default", *profiles})) else []


def record() -> None:
    """Write down what the definition itself asks for; what its collections do is written beside them."""
    user = LISTS / "bindep.txt"
    lines = pip_lists.logical_lines(user.read_text(encoding="utf-8")) if user.exists() else ()
    for part in ("system", "python"):
        Path(RECORD, f"{part}.json").unlink(missing_ok=True)
    system = [introspect.Requirement(line, introspect.USER, line.split()[0]) for line in lines]
    write_json(RECORD / "requirements.json", introspect.Report(asked_by_user(), system).as_data("python", "system"))


def open_to_group(folder: Path) -> None:
    """Make a folder that the group root may use, whoever the container's user is."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, -1, 0)
    for parent, folders, files in os.walk(folder):
        for path in [Path(parent), *(Path(parent, name) for name in folders + files)]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o770)


def check() -> None:
    """Raise Failure unless ansible and ansible-runner run here; not tried again where nothing changed since."""
    importlib.invalidate_caches()
    for module, package in (("ansible", "ansible_core"), ("ansible_runner", "ansible_runner")):
        if util.find_spec(module) is None:
            raise Failure(
                f"{module} is not installed for {sys.executable}: name `dependencies.{package}.package_pip`, or a base"
                f" image that has it (`options.skip_ansible_check` leaves this check out)"
            )
    needed = pip.versions_needed("ansible-core", "ansible-runner")
    if needed != read_json("checked"):
        start_programs()
    Path(RECORD, "checked.json").unlink(missing_ok=True)


def start_programs() -> None:
    """Raise Failure unless the two programs start."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "ANSIBLE_HOME": home, "HOME": home}
        running = {}
        for name in ("ansible", "ansible-runner"):
            program = shutil.which(name)
            if program is None:
                raise Failure(f"{name} is installed for {sys.executable}, but not on PATH ({os.environ.get('PATH')})")
            running[name] = subprocess.Popen(
                [program, "--version"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        for name, process in running.items():
            text = process.communicate()[0]
            if process.returncode != 0:
                raise Failure(f"`{name} --version` ended with {process.returncode}: {text.strip()[-2000:]}")


def manager() -> packages.Manager:
    return packages.find(os.environ.get("PKGMGR") or None, cache())


def cache() -> Path | None:
    """Return the cache mount's part for this system, or None where the caches shall stay in the image."""
    if os.environ.get("PKGMGR_PRESERVE_CACHE") == "always":
        return None
    release = os_release()
    name = "-".join([release.get("ID", "linux"), release.get("VERSION_ID", "0"), os.uname().machine])
    return Path("/var/cache/foundry-ee", name)


def os_release() -> dict[str, str]:
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        if path.exists():
            return bindep.parse_os_release(path.read_text(encoding="utf-8"))
    return {}


def load_yaml(text: str) -> t.Any:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError as error:
        raise ValueError(f"{sys.executable} has no PyYAML") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def read_list(name: str) -> tuple[str, ...]:
    path = LISTS / name
    return tuple(pip_lists.logical_lines(path.read_text(encoding="utf-8"))) if path.exists() else ()


def read_json(part: str) -> dict[str, t.Any]:
    path = RECORD / f"{part}.json"
    return t.cast("dict[str, t.Any]", json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_json(path: Path, data: t.Mapping[str, t.Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    path.chmod(0o644)


if __name__ == "__main__":
    raise SystemExit(main())
