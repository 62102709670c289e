# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who we are to a registry: challenges, and which host may see what. Decides, sends nothing."""

from __future__ import annotations

import base64
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.address import address, origin
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied

DOCKER_HUB = "docker.io"
_DOCKER_HUB_API = "registry-1.docker.io"
DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "index.docker.io/v1")

# Grammar: RFC 9110, section 11. A parameter's value is a token or a quoted string.
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)(?=\s|$|,)\s*")
_PARAMETER = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))\s*(?:,|$)")


@dataclass(frozen=True)
class Credentials:
    """One of: user and password, an identity token (exchanged at the realm), or a bearer token (used as it is)."""

    username: str | None = None
    password: str | None = None
    identity_token: str | None = None
    bearer: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"

    @property
    def basic(self) -> str | None:
        """The header's value for Basic authentication, where there is a user."""
        if self.username is None or self.identity_token is not None:
            return None
        pair = f"{self.username}:{self.password or ''}".encode()
        return "Basic " + base64.b64encode(pair).decode()


class Challenge(t.NamedTuple):
    """One way to authenticate that a server offers; ``scheme`` in lower case."""

    scheme: str
    parameters: t.Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Read a ``WWW-Authenticate`` header; what cannot be read ends the list."""
    found: list[Challenge] = []
    rest = header
    while rest.strip():
        scheme = _SCHEME.match(rest)
        if scheme is None:
            break
        rest = rest[scheme.end() :].lstrip(", ")
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(rest)) is not None:
            name, quoted, plain = parameter.groups()
            parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            rest = rest[parameter.end() :]
        found.append(Challenge(scheme.group(1).lower(), parameters))
    return found


def check_realm(realm: str, registry: str) -> str:
    """Return the address of a token service that may see the credentials for ``registry`` (its base URL).

    The same host may, over HTTPS or as the registry itself is reached. Another host may only if it and the registry are
    reached over HTTPS: else whoever can change the registry's answer could have the credentials sent anywhere.
    Raises Denied.
    """
    ours, theirs = urlsplit(registry), address(realm)
    if theirs is None:
        raise Denied(f"{registry} asks to authenticate at `{realm[:200]}`, which is no address of a token service.")
    same_host = origin(realm)[1:] == origin(registry)[1:] and theirs.scheme == ours.scheme
    if same_host or (ours.scheme == theirs.scheme == "https"):
        return realm
    raise Denied(
        f"{registry} asks to authenticate at {theirs.scheme}://{theirs.netloc}, another host, and not both are HTTPS.",
        hint="The credentials were not sent. Reach the registry and its token service over HTTPS.",
    )


def api_host(registry: str) -> str:
    """Return the host that serves a registry's API; only Docker Hub's differs from its name."""
    return _DOCKER_HUB_API if registry in DOCKER_HUB_NAMES else registry


def api_repository(registry: str, repository: str) -> str:
    """Return a repository's name in the API; Docker Hub puts official images into ``library``."""
    if registry in DOCKER_HUB_NAMES and "/" not in repository:
        return f"library/{repository}"
    return repository
