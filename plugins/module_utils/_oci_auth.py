# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the credentials for a registry, and turn them into headers: Basic, or tokens of its token service."""

from __future__ import annotations

import json
import os
import threading
import time
import typing as t
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, Invalid, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import (
    Challenge,
    Credentials,
    check_realm,
    parse_challenges,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import Request, Response, Send, error_for, error_words

_SPARE = 10.0  # seconds; a token this close to its end is renewed before it is used
_TOKEN_LIFE = 60.0  # seconds, where the service does not say; source: the distribution project's token specification


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
        if not _is_there(path):
            raise Invalid(f"The credentials file {path} (`authfile`) is not there, or in a place that we may not see.")
        return _from_file(path, registry, repository)
    for path in default_files(os.environ):
        if _is_there(path):
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


def _is_there(path: Path) -> bool:
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
        known = self._tokens.get(scope)
        if known is not None and known.expires - _SPARE > time.monotonic():
            return known.value
        wanted = sorted({*scope.split(), *challenge.parameters.get("scope", "").split()} if scope else set())
        started = time.monotonic()
        value, life = self._fetch(challenge, wanted, send)
        self._tokens[scope] = _Token(value, started + max(life, _SPARE + 1))
        return value

    def _fetch(self, challenge: Challenge, scopes: t.Sequence[str], send: Send) -> tuple[str, float]:
        realm = check_realm(challenge.parameters.get("realm", ""), self._base_url)
        ours = self._credentials
        query: list[tuple[str, str]] = []
        if challenge.parameters.get("service"):
            query.append(("service", challenge.parameters["service"]))
        if ours is not None and ours.identity_token is not None:
            query += [("grant_type", "refresh_token"), ("refresh_token", ours.identity_token)]
            query += [("client_id", "foundry.ee"), ("scope", " ".join(scopes))]
            body = urlencode(query).encode()
            request = Request("POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, body)
        else:
            query += [("scope", scope) for scope in scopes]
            headers = {"Authorization": ours.basic} if ours is not None and ours.basic is not None else {}
            request = Request("GET", _with_query(realm, query), headers)
        response = send(request)
        if response.status in (401, 403):
            raise _refused(self._base_url, request, response, ours)
        if response.status != 200:
            raise error_for(request, response, error_words(response))
        return _read_token(response, realm)


def _with_query(url: str, query: t.Sequence[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def _refused(registry: str, request: Request, response: Response, ours: Credentials | None) -> Denied:
    who = "an anonymous user" if ours is None else f"user `{ours.username}`" if ours.username else "the identity token"
    hint = "Give `username` and `password`, or log in." if ours is None else "Are user and password right?"
    return Denied(
        f"The token service of {registry} gives {who} no token: {response.status} {error_words(response)}.",
        hint=hint,
        status=response.status,
        method=request.method,
        url=urlunsplit((*urlsplit(request.url)[:3], "", "")),
    )


def _read_token(response: Response, realm: str) -> tuple[str, float]:
    try:
        answer = json.loads(response.body)
        value = answer.get("token") or answer.get("access_token")
        life = float(answer.get("expires_in") or _TOKEN_LIFE)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Unreachable(f"The token service {realm} answered with something that is no token.") from error
    if not isinstance(value, str) or not value or any(ord(c) < 33 or ord(c) > 126 for c in value):
        raise Unreachable(f"The token service {realm} answered without a token.")
    return value, life
