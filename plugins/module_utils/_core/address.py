# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of servers: which can be asked, which are the same server, which are this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_NO_HOST = re.compile(r"[\s\\]")  # what urlsplit lets a host have, and no host has


def reachable(url: str) -> SplitResult | None:
    """Return the parts of an HTTP address, None where no request could be sent to it."""
    try:
        parts = urlsplit(url)
        named = parts.port != 0 and bool(parts.hostname and parts.hostname.encode("idna"))
    except ValueError:  # brackets that hold no IPv6 address, a port of 99999, a name with an empty or a long part
        return None
    return parts if named and parts.scheme in ("http", "https") and not _NO_HOST.search(parts.netloc) else None


def address(url: str) -> SplitResult | None:
    """Return the parts of an HTTP address without a user, None where the other side named something else."""
    parts = reachable(url)
    return parts if parts is not None and parts.username is None else None


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port: what decides whether an address is the same server."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Return whether ``host[:port]`` can only be this machine."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
