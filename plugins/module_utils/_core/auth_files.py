# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What podman and docker keep of logins: credentials files, and the helper programs that they name."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import DOCKER_HUB_NAMES, Credentials

_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"  # the name that docker gives it in credential stores
_TOKEN_USER = "<token>"  # noqa: S105 - what a credential helper names an identity token's user
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def file_keys(registry: str, repository: str | None) -> list[str]:
    """Return the keys under which a credentials file may know a repository, the most telling first.

    Source: containers-auth.json(5): ``host/namespace/name``, then each shorter path, then the host.
    """
    hosts = list(DOCKER_HUB_NAMES) if registry in DOCKER_HUB_NAMES else [registry]
    parts = (repository or "").split("/") if repository else []
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return [f"{host}/{path}" for path in paths for host in hosts] + hosts


def helper_keys(registry: str) -> list[str]:
    """Return the addresses by which a credential helper may know a registry, the most telling first.

    Docker Hub's credentials are stored under one address, whatever name it was logged in to by.
    """
    return [_DOCKER_HUB_LOGIN, registry] if registry in DOCKER_HUB_NAMES else [registry]


def find_in_file(
    content: t.Any, registry: str, repository: str | None, path: str, without: t.Collection[str] = ()
) -> Credentials | str | None:
    """Look a repository up in the content of ``auth.json`` or ``config.json``.

    Returns the credentials, or the name of the helper program that has them, or None. The helpers ``without`` are
    passed over: they know none. Raises Invalid.
    """
    if not isinstance(content, dict):
        raise Invalid(f"{path} is no credentials file: expected a JSON object with `auths`.")
    keys = file_keys(registry, repository)
    helpers = _normalized(content.get("credHelpers"))
    for key in keys:
        if key in helpers and helpers[key] not in without:
            return _helper(helpers[key], path)
    auths = _normalized(content.get("auths"))
    for key in keys:
        found = _entry(auths.get(key), key, path)
        if found is not None:
            return found
    store = content.get("credsStore")
    return _helper(store, path) if store and store not in without else None


def from_helper(answer: t.Any, helper: str) -> Credentials:
    """Read what a credential helper printed. Raises Invalid."""
    if not isinstance(answer, dict) or not isinstance(answer.get("Secret"), str):
        raise Invalid(
            f"The credential helper {helper} printed no credentials.", hint="Expected `Username` and `Secret`."
        )
    if answer.get("Username") == _TOKEN_USER:
        return Credentials(identity_token=answer["Secret"])
    return Credentials(username=str(answer.get("Username") or ""), password=answer["Secret"])


def _normalized(section: t.Any) -> dict[str, t.Any]:
    """Return a section with its keys as plain names: docker writes some as ``https://host/v1/``."""
    if not isinstance(section, dict):
        return {}
    return {re.sub(r"^https?://|/(v[12]/?)?$", "", str(key)): value for key, value in section.items()}


def _entry(entry: t.Any, key: str, path: str) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    if entry.get("registrytoken"):
        return Credentials(bearer=str(entry["registrytoken"]))
    if entry.get("identitytoken"):
        return Credentials(identity_token=str(entry["identitytoken"]))
    if entry.get("auth"):
        return _pair(str(entry["auth"]), key, path)
    if entry.get("username") is not None:
        return Credentials(username=str(entry["username"]), password=str(entry.get("password") or ""))
    return None


def _pair(text: str, key: str, path: str) -> Credentials:
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().rstrip("\0").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Invalid(f"{path} has an `auth` for {key} that cannot be read.", hint="Log in again.") from error
    if not colon:
        raise Invalid(f"{path} has an `auth` for {key} without a colon.", hint="Log in again.")
    return Credentials(username=user, password=password)


def _helper(name: t.Any, path: str) -> str:
    if isinstance(name, str) and _HELPER.fullmatch(name):
        return name
    raise Invalid(f"{path} names the credential helper `{name}`, which is no name of one.")
