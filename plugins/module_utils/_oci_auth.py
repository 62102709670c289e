# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the credentials for a registry, and turn them into headers: Basic, or tokens of its token service."""

from __future__ import annotations

import os
import threading
import time
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import (
    Challenge,
    Credentials,
    parse_challenges,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import Response, Send

_SPARE = 10.0  # seconds; a token this close to its end is renewed before it is used


def credentials_from(options: t.Mapping[str, t.Any], registry: str, repository: str | None) -> Credentials | None:
    """Return the credentials of the options, else of the first credentials file that has some. Raises EEError.

    ``options`` are those of the doc fragment ``foundry.ee._registry``.
    """
    if options.get("token") is not None:
        return Credentials(bearer=options["token"])
    if options.get("username") is not None:
        return Credentials(username=options["username"], password=options.get("password") or "")
    if options.get("authfile") is not None:
        path = Path(options["authfile"])
        if not is_there(path):
            raise Invalid(f"The credentials file {path} (`authfile`) is not there, or in a place that we may not see.")
        return _from_file(path, registry, repository)
    for path in default_files(os.environ):
        if is_there(path):
            found = _from_file(path, registry, repository)
            if found is not None:
                return found
    return None


def default_files(environment: t.Mapping[str, str]) -> list[Path]:
    """Return where podman and docker keep credentials, in podman's order (containers-auth.json(5))."""
    if environment.get("REGISTRY_AUTH_FILE"):
        return [Path(environment["REGISTRY_AUTH_FILE"])]
    home = Path(environment.get("HOME") or Path.home())
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    if os.getuid() == 0 and not environment.get("XDG_RUNTIME_DIR"):
        runtime = "/run/containers/0"
        first = Path(runtime, "auth.json")
    else:
        first = Path(runtime, "containers", "auth.json")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    return [first, config / "containers" / "auth.json", docker / "config.json"]


def is_there(path: Path) -> bool:
    """Whether a file is there. A folder that we may not look into is another user's, after ``become`` for one."""
    try:
        return path.is_file()
    except OSError:
        return False


def _from_file(path: Path, registry: str, repository: str | None) -> Credentials | None:
    """Import what reads credentials files only where there is one: a task with nothing to do is mostly imports."""
    from ansible_collections.foundry.ee.plugins.module_utils._auth_files import read_file

    return read_file(path, registry, repository)


class _Token(t.NamedTuple):
    value: str
    expires: float  # of time.monotonic


class Authorizer:
    """Makes the ``Authorization`` header for one registry. Safe to use from several threads.

    ``base_url`` is the registry's. ``scope`` is what a request needs, such as ``repository:team/ee:pull``, several
    separated by spaces; ``send`` reaches the token service for whoever makes that request.
    """

    def __init__(self, base_url: str, credentials: Credentials | None) -> None:
        self._base_url = base_url
        self._credentials = credentials
        self._challenge: Challenge | None = None
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    @property
    def realm(self) -> str | None:
        """The token service that the registry named, None if it has not asked for tokens."""
        return None if self._challenge is None else self._challenge.parameters.get("realm")

    def header(self, scope: str, send: Send) -> str | None:
        """Return the header's value, None for none. Raises EEError."""
        ours = self._credentials
        if ours is not None and ours.bearer is not None:
            return f"Bearer {ours.bearer}"
        with self._lock:
            if self._challenge is not None and self._challenge.scheme == "bearer":
                return f"Bearer {self._token(scope, self._challenge, send)}"
        # Without waiting for the challenge: user and password are for this very server, and it saves a request.
        return ours.basic if ours is not None else None

    def renew(self, response: Response, scope: str, sent: str | None) -> bool:
        """Take in a 401. Return whether another try has a chance: there is a header that was not ``sent`` yet."""
        if self._credentials is not None and self._credentials.bearer is not None:
            return False
        challenges = {c.scheme: c for c in parse_challenges(response.headers.get("WWW-Authenticate") or "")}
        with self._lock:
            if "bearer" in challenges:
                self._challenge = challenges["bearer"]
                known = self._tokens.get(scope)
                if known is not None and sent == f"Bearer {known.value}":
                    del self._tokens[scope]  # expired or revoked before its time
                return True
            if "basic" in challenges:
                self._challenge = challenges["basic"]
        return "basic" in challenges and self._credentials is not None and self._credentials.basic not in (None, sent)

    def _token(self, scope: str, challenge: Challenge, send: Send) -> str:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_tokens import fetch_token

        known = self._tokens.get(scope)
        if known is not None and known.expires - _SPARE > time.monotonic():
            return known.value
        wanted = sorted({*scope.split(), *challenge.parameters.get("scope", "").split()} if scope else set())
        started = time.monotonic()
        value, life = fetch_token(challenge, wanted, send, self._base_url, self._credentials)
        self._tokens[scope] = _Token(value, started + max(life, _SPARE + 1))
        return value
