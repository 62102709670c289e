# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that a registry gives page by page: tags, repositories, referrers."""

from __future__ import annotations

import json
import re

from ansible_collections.foundry.ee.plugins.module_utils._core.address import origin
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    OCI_INDEX,
    Descriptor,
    broken,
    parse_manifest,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import Response, redact
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import Ask, Wire

LONGEST_PAGE = 16 * 1024 * 1024  # bytes; 100,000 tags of 128 characters
MOST_NAMES = 100_000  # tags of a repository, or repositories of a registry; more is taken for a list that never ends
PAGE = 1000
_MOST_BARREN = 10  # pages of a list in a row that bring nothing new: some servers leave out what one may not see
# Source: RFC 8288, section 3: <address>, then parameters, whose values may be quoted.
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*["\']?\s*(?:[^"\';,]*\s)?next(?=[\s"\';,]|$)', re.IGNORECASE)


def read_names(wire: Wire, path: str, scope: str, key: str) -> list[str] | None:
    """Read a listing to its end, sorted; every page must be of this registry. None where it is not there.

    Raises EEError.
    """
    url: str | None = f"{path}?n={PAGE}"
    found: dict[str, None] = {}
    where = f"{wire.registry}{path}"
    first, barren = True, 0
    asked: set[str] = set()
    while url is not None:
        asked.add(url)
        ask = Ask("GET", url, scope)
        response = wire.ask(ask, limit=LONGEST_PAGE)
        if response.status == 404 and first:
            return None
        if response.status >= 300:
            raise wire.fail(ask, response)
        before = len(found)
        found.update(dict.fromkeys(_name_page(response.body, key, where)))
        barren = barren + 1 if len(found) == before else 0
        url = _next(wire, url, response, where)
        if url in asked or (url is not None and barren >= _MOST_BARREN):
            raise broken(where, "the list never ends: pages bring nothing new")
        if len(found) > MOST_NAMES:
            raise broken(where, f"the list has more than {MOST_NAMES} entries")
        first = False
    return sorted(found)


def read_referrers(wire: Wire, ask: Ask, response: Response, where: str) -> list[Descriptor]:
    """Return the referrers of the page that is the answer, and of those after it. Raises EEError."""
    found: dict[str, Descriptor] = {}
    while True:
        index = parse_manifest(response.body, media_type=OCI_INDEX, where=where)
        before = len(found)
        found.update({child.digest: child for child in index.children})
        url = _next(wire, ask.url, response, where)
        if url is None:
            return list(found.values())
        if len(found) == before or len(found) > MOST_NAMES:
            raise broken(where, "the list of referrers never ends")
        ask = ask._replace(url=url)
        response = wire.ask(ask)
        if response.status != 200:
            raise wire.fail(ask, response)


def _next(wire: Wire, page: str, response: Response, where: str) -> str | None:
    """Return the address of the page after ``page``, which has to be at this registry. Raises EEError."""
    links = _LINK.findall(" ".join((response.headers.get("Link") or "").split()))
    target = next((target for target, parameters in links if _RELATION.search(parameters)), None)
    if target is None:
        return None
    url = wire.address(page, target)
    if origin(url) != origin(wire.base_url):
        raise broken(where, f"the next page is said to be on another host, {redact(url)}")
    return url


def _name_page(body: bytes, key: str, where: str) -> list[str]:
    try:
        content = json.loads(body)
        names = content[key]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise broken(where, f"the answer is no list of {key}") from error
    if names is None:  # CNCF distribution's word for a repository whose tags are all gone
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise broken(where, f"the answer is no list of {key}")
    return names
