# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles and collections inside the image."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import typing as t
from pathlib import Path

from .console import Failure, run
from .pip import secret_environment

ROLES = "/usr/share/ansible/roles"
COLLECTIONS = "/usr/share/ansible/collections"
_SECRETS = Path("/run/secrets")


def install(
    requirements: Path,
    *,
    roles: bool,
    collections: bool,
    verify: t.Sequence[str] | None,
    config: Path | None,
    cache: Path | None,
) -> None:
    """Install what a requirements file names. ``verify``: the options of signature checks, None for no checks.

    Raises Failure.
    """
    program = shutil.which("ansible-galaxy")
    if program is None:
        raise Failure(
            "There is no ansible-galaxy in this image: name `dependencies.ansible_core.package_pip`, or a base image"
            " that has ansible-core"
        )
    Path("/usr/share/ansible").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        environment = galaxy_environment(Path(home), config, cache)
        where = {"cwd": str(requirements.parent)}
        if roles:
            options = shlex.split(os.environ.get("ANSIBLE_GALAXY_CLI_ROLE_OPTS", ""))
            command = [program, "role", "install", *options, "-r", str(requirements)]
            run([*command, "--roles-path", ROLES], environment, **where)
        if collections:
            options = shlex.split(os.environ.get("ANSIBLE_GALAXY_CLI_COLLECTION_OPTS", ""))
            if verify is None:
                environment["ANSIBLE_GALAXY_DISABLE_GPG_VERIFY"] = "1"
            command = [program, "collection", "install", *options, *(verify or ()), "-r", str(requirements)]
            run([*command, "--collections-path", COLLECTIONS], environment, **where)


def galaxy_environment(home: Path, config: Path | None, cache: Path | None, secrets: Path = _SECRETS) -> dict[str, str]:
    """Return the variables for ansible-galaxy: secrets come from files that only this build step sees."""
    environment = {"ANSIBLE_HOME": str(home), "ANSIBLE_LOCAL_TEMP": str(home / "tmp"), **secret_environment(secrets)}
    if cache is not None:
        environment["ANSIBLE_GALAXY_CACHE_DIR"] = str(cache / "galaxy")
        (cache / "galaxy").mkdir(parents=True, exist_ok=True, mode=0o700)
    for place in (secrets / "foundry_ansible_cfg", config):
        if place is not None and place.exists():
            environment["ANSIBLE_CONFIG"] = str(place)
            break
    token = secrets / "foundry_galaxy_token"
    if token.exists():
        environment["ANSIBLE_GALAXY_TOKEN_PATH"] = str(token)
    variables = secrets / "foundry_galaxy_env"
    if variables.exists():
        environment.update(parse_variables(variables.read_text(encoding="utf-8")))
    return environment


def parse_variables(text: str) -> dict[str, str]:
    """Return the ``NAME=value`` lines of a file; the value is taken as it stands."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            found[name.strip()] = value
    return found
