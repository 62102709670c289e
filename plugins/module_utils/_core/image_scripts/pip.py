# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pip inside the image: made to work, and kept from changing what the image is built around."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
import tempfile
import typing as t
from importlib import metadata, util
from pathlib import Path

from . import introspect, packages
from .console import Failure, output, run, say

# Where a build secret appears, and the variables by which pip and what it calls are told of it.
_SECRETS = {
    "foundry_pip_conf": ("PIP_CONFIG_FILE",),
    "foundry_netrc": ("NETRC",),
    "foundry_ca_bundle": ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO"),
}
DIRECT = "direct"
_KEPT = ("ansible-core", "ansible-base")


def secret_environment(folder: Path = Path("/run/secrets")) -> dict[str, str]:
    """Return the variables that name the secrets of this build step."""
    found = {}
    for secret, variables in _SECRETS.items():
        path = folder / secret
        if path.exists():
            found.update(dict.fromkeys(variables, str(path)))
    return found


def ensure(manager: t.Callable[[], packages.Manager], package: str | None) -> None:
    """Make ``python -m pip`` work: as it is, by ensurepip, or by the package manager. Raises Failure."""
    if util.find_spec("pip") is not None:
        return
    if output([sys.executable, "-m", "ensurepip", "--root", "/"]) is not None:
        say("pip comes from ensurepip")
        return
    found = manager()
    packages.install(found, [name_of_pip(found.kind, package)])
    importlib.invalidate_caches()
    if util.find_spec("pip") is None:
        raise Failure(
            f"{sys.executable} has no pip, neither by ensurepip nor by a package: name the right package in"
            " `dependencies.python_interpreter.package_system`, or install pip in `prepend_base`"
        )


def name_of_pip(kind: str, package: str | None) -> str:
    """Return the OS package with pip for the interpreter's package, ``python3`` unless another is named."""
    if kind == "apk":
        return "py3-pip"
    if kind == "apt-get":
        return "python3-pip"
    name = (package or "python3").split()[0]
    return f"{name}-pip" if not name.endswith("-pip") else name


def install(requirements: t.Sequence[str], *, constraints: t.Sequence[str], wheels: Path, cache: Path | None) -> None:
    """Install requirement lines, all in one call so that pip sees them together. Raises Failure.

    If the builder left wheels, it left all that is needed, and nothing else is looked at.
    """
    bound = [*constraints, *kept(requirements)]
    options = shlex.split(os.environ.get("PIP_OPTS", ""))
    if not any(wheels.glob("*.whl")):
        _pip(["install", *options], requirements, constraints=bound, cache=cache)
        return
    direct = [str(wheel) for wheel in sorted((wheels / DIRECT).glob("*.whl"))]
    # What the builder fetched it has compared with the hashes; what it built has others.
    bare = map(introspect.without_hashes, requirements)
    named = [line for line in bare if not is_direct(line) and not line.startswith("-")]
    arguments = ["install", *options, "--no-index", "--find-links", str(wheels)]
    _pip(arguments, [*direct, *named], constraints=bound, cache=cache)


def install_words(words: t.Sequence[str], *, constraints: t.Sequence[str], cache: Path | None) -> None:
    """Install what words of a pip command line name. Raises Failure."""
    _pip(["install", *words], (), constraints=constraints, cache=cache)


def build_wheels(
    requirements: t.Sequence[str], folder: Path, *, constraints: t.Sequence[str], cache: Path | None
) -> None:
    """Build or fetch the wheels of requirement lines and of all that they need. Raises Failure.

    What is named by an address (of a repository, say) has its wheel in a folder of its own: the final image has
    perhaps no means to fetch it again.
    """
    bound = [*constraints, *kept(requirements)]
    # pip before 23.1 takes an image's own setuptools where it has one, which can make no wheel without this package.
    way = [] if util.find_spec("wheel") is not None else ["--use-pep517"]
    direct = [re.sub(r"^(-e|--editable)[\s=]+", "", line) for line in requirements if is_direct(line)]
    options = [line for line in requirements if line.startswith("-") and not is_direct(line)]
    if direct:
        arguments = ["wheel", *way, "--no-deps", "--wheel-dir", str(folder / DIRECT)]
        _pip(arguments, [*options, *direct], constraints=bound, cache=cache)
    # Beside lines with hashes, pip takes none without: what those need is listed with its hash as well.
    built = [] if wants_hashes(requirements) else [str(wheel) for wheel in sorted((folder / DIRECT).glob("*.whl"))]
    named = [line for line in requirements if not is_direct(line)]
    if len(built) + len(named) > len(options):
        _pip(["wheel", *way, "--wheel-dir", str(folder)], [*built, *named], constraints=bound, cache=cache)


def wants_hashes(requirements: t.Iterable[str]) -> bool:
    """Whether pip will ask for the hash of every package in a list: because one has it, or an option says so."""
    return any("--hash" in line or line.startswith("--require-hashes") for line in requirements)


def bounds(requirements: t.Iterable[str]) -> list[str]:
    """Return constraints that keep what requirement lines with hashes have installed."""
    found = []
    for line in requirements:
        requirement = introspect.parse_requirement(line)
        if requirement.name is not None and "@" not in requirement.line:
            found.append(re.sub(r"\[[^\]]*\]", "", requirement.line))
    return found


def is_direct(line: str) -> bool:
    """Whether a requirement line names an address or a path, and not a package of the index."""
    if re.match(r"(-e|--editable)\b", line):
        return True
    if line.startswith("-"):
        return False
    return "://" in line or "@" in line or re.match(r"\.{0,2}/", line) is not None or line.endswith((".whl", ".tar.gz"))


def _pip(
    arguments: t.Sequence[str], requirements: t.Sequence[str], *, constraints: t.Sequence[str], cache: Path | None
) -> None:
    environment = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_NO_WARN_SCRIPT_LOCATION": "1",
        **({"PIP_NO_CACHE_DIR": "1"} if cache is None else {"PIP_CACHE_DIR": str(cache / "pip")}),
        **secret_environment(),
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", *arguments]
        for option, lines in (("-r", requirements), ("-c", constraints)):
            if lines:
                file = Path(folder, f"list{option}.txt")
                file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
                command += [option, str(file)]
        run(command, env=environment)


def versions_needed(*names: str) -> dict[str, str]:
    """Return the versions of packages and of all that they need, as far as installed: normalized name → version."""
    found: dict[str, str] = {}
    waiting = [introspect.normalize(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = package.version
        for line in package.requires or ():
            needed = introspect.parse_requirement(line).name
            if needed is not None:
                waiting.append(introspect.normalize(needed))
    return found


def kept(requirements: t.Sequence[str]) -> list[str]:
    """Return constraints that keep the installed ansible-core, unless the requirements name it themselves."""
    asked = {
        introspect.normalize(found.name) for found in map(introspect.parse_requirement, requirements) if found.name
    }
    lines = []
    for name in _KEPT:
        if name in asked:
            continue
        try:
            lines.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return lines
