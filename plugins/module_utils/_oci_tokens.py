# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of a registry's token service.

Source: the distribution project's token specification, and its one for OAuth 2.
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlencode, urlsplit, urlunsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Challenge, Credentials, check_realm
from ansible_collections.foundry.ee.plugins.module_utils._http import Request, Response, Send, error_for, error_words

_TOKEN_LIFE = 60.0  # seconds, where the service does not say; source: the distribution project's token specification


def fetch_token(
    challenge: Challenge, scopes: t.Sequence[str], send: Send, registry: str, ours: Credentials | None
) -> tuple[str, float]:
    """Return a token for the scopes, and its life in seconds. ``registry`` is the base URL of who challenged us.

    Raises Denied where the service may not see our credentials or gives us no token, and Unreachable.
    """
    realm = check_realm(challenge.parameters.get("realm", ""), registry)
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
        raise _refused(registry, request, response, ours)
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
