# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a registry refuses, in the words of who asked for it."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, EEError
from ansible_collections.foundry.ee.plugins.module_utils._http import (
    SAFE,
    Request,
    Response,
    error_for,
    error_words,
    redact,
    shown,
)


def failure(request: Request, response: Response, registry: str, *, known: bool) -> EEError:
    """Return the error that an answer stands for; ``known`` says whether there were credentials to send."""
    words = registry_words(response)
    if response.status not in (401, 403):
        return error_for(request, response, words, doing(request, registry))
    told = f": {words}" if words else ""  # an answer to HEAD has none
    hint = "No credentials were found: give `username` and `password`, `token` or `authfile`, or log in."
    if known:
        hint = f"The credentials were sent: are they right, and do they allow {_verb(request)}?"
    return Denied(
        f"Cannot {doing(request, registry)}: {registry} answered {response.status}{told}.",
        hint=hint,
        status=response.status,
        method=request.method,
        url=redact(request.url),
    )


def doing(request: Request, registry: str) -> str:
    """Return what a request to a registry is for, in the user's words."""
    path = urlsplit(request.url).path
    match = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags|referrers)/(.*)", path)
    if match is None:
        return f"list the repositories of {registry}" if path == "/v2/_catalog" else f"reach {redact(request.url)}"
    name, kind, which = match.groups()
    where = f"{registry}/{name}"
    if kind == "manifests":
        verb = {"PUT": "write", "DELETE": "delete"}.get(request.method, "read")
        return f"{verb} {where}{'@' if ':' in which else ':'}{which}"
    if kind == "blobs" and which.startswith("uploads/"):
        return f"send a blob to {where}"
    return {
        "blobs": f"read the blob {which} of {where}",
        "tags": f"list the tags of {where}",
        "referrers": f"list what is attached to {where}@{which}",
    }[kind]


def _verb(request: Request) -> str:
    return "reading" if request.method in SAFE else "writing"


def registry_words(response: Response) -> str:
    """Return the errors of a body of the distribution API as ``CODE: message``, each once."""
    try:
        errors = json.loads(response.body)["errors"]
        told = [f"{error['code']}: {error.get('message') or ''}".rstrip(": ") for error in errors]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return error_words(response)
    return shown("; ".join(dict.fromkeys(told)))
