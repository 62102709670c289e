# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads credentials files, and asks the helper programs that they name."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.auth_files import find_in_file, from_helper, helper_keys
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Credentials

_HELPER_TIMEOUT = 30.0  # seconds
_LONGEST_FILE = 4 * 1024 * 1024  # bytes


def read_file(path: Path, registry: str, repository: str | None) -> Credentials | None:
    """Return what a credentials file, or a helper that it names, has for a repository. Raises EEError."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LONGEST_FILE))
    except OSError as error:
        raise Invalid(f"The credentials file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The credentials file {path} is no JSON.") from error
    silent: list[str] = []  # helpers that know nothing
    while True:
        found = find_in_file(content, registry, repository, str(path), without=silent)
        if not isinstance(found, str):
            return found
        for key in helper_keys(registry):
            answer = _ask_helper(found, key)
            if answer is not None:
                return answer
        silent.append(found)


def _ask_helper(name: str, key: str) -> Credentials | None:
    """Ask a credential helper for what it has stored under an address, None where it has nothing. Raises EEError."""
    program = f"docker-credential-{name}"
    try:
        run = subprocess.run(  # the address goes to its standard input, as the helpers' protocol wants it
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_TIMEOUT, check=False
        )
    except FileNotFoundError as error:
        raise Failed(f"The credential helper {program} is not installed, and a credentials file names it.") from error
    except OSError as error:
        raise Failed(f"The credential helper {program} cannot be run: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"The credential helper {program} gave no answer within {_HELPER_TIMEOUT:g} seconds.") from error
    if run.returncode != 0:
        if b"not found" in run.stdout + run.stderr:  # the protocol has no other sign for "I know none"
            return None
        raise Failed(f"The credential helper {program} failed with status {run.returncode}.")
    try:
        return from_helper(json.loads(run.stdout), program)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The credential helper {program} printed no JSON.") from error
