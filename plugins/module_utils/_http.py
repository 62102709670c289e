# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP as every client here wants it: requests and answers, sessions, and errors in words.

``_http_json`` is the client of JSON APIs that stands on it, ``_oci_http`` that of registries.
"""

from __future__ import annotations

import email.utils
import json
import os
import ssl
import time
import traceback
import typing as t
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    EEError,
    Invalid,
    NotFound,
    Unreachable,
)

try:
    import requests
    import urllib3
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None
    # Errors of wrong values that say in words what is wrong, such as an address.
    _TELLING = (OSError, UnicodeError, urllib3.exceptions.HTTPError)

SAFE = frozenset({"GET", "HEAD"})
REPEATABLE = SAFE | {"PUT", "DELETE"}  # a POST may have worked although its answer was lost
TRANSIENT = frozenset({408, 429, 502, 503, 504})
LONGEST_ERROR = 64 * 1024  # bytes
SHOWN_ERROR = 500  # characters
NO_HEADERS: t.Mapping[str, str] = MappingProxyType({})
_PUBLIC_QUERY = frozenset({"page", "page_size", "limit", "offset", "n", "last", "name", "scope", "service", "order_by"})


class Request(t.NamedTuple):
    method: str
    url: str
    headers: t.Mapping[str, str] = NO_HEADERS
    data: bytes | None = None


class Response(t.NamedTuple):
    """``headers`` is looked up without regard to case; ``body`` is complete."""

    status: int
    headers: t.Mapping[str, str]
    body: bytes


Send = t.Callable[[Request], Response]


class Connection(t.NamedTuple):
    """How to reach one server. ``timeout`` is in seconds, for the connection and for each read."""

    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    timeout: float = 30.0

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Connection:
        """Read the options of every doc fragment that talks to a server."""
        return cls(**{name: params[name] for name in cls._fields if params.get(name) is not None})


def open_session(connection: Connection) -> requests.Session:
    """Return a session that checks TLS as told. Proxies come from the environment. Raises Invalid for missing files."""
    for what, path in (
        ("CA", connection.ca_path if connection.validate_certs else None),
        ("client certificate", connection.client_cert),
        ("key of the client certificate", connection.client_key),
    ):
        _check_readable(what, path)
    session = requests.Session()
    session.verify = connection.ca_path or True if connection.validate_certs else False
    if not connection.validate_certs:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # it was asked for in as many words
    if connection.client_cert:
        session.cert = (
            (connection.client_cert, connection.client_key) if connection.client_key else connection.client_cert
        )
    session.trust_env = True
    session.auth = _no_netrc  # a password from ~/.netrc would silently win over the task's
    # Redirects are ours to judge. Even where it does not follow them, requests reads the bodies of redirects whole.
    session.get_redirect_target = _no_target  # type: ignore[method-assign,assignment]
    return session


def _check_readable(what: str, path: str | None) -> None:
    """Refuse what requests would end in a traceback over."""
    if not path:
        return
    try:
        readable = os.access(path, os.R_OK)
    except ValueError:  # a null byte
        readable = False
    if not readable:
        raise Invalid(
            f"The file of the {what}, {path!r}, is not there or may not be read.",
            hint="It has to be on the host on which the task runs, readable for its user.",
        )


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _no_target(_response: requests.Response) -> None:
    return None


def retry_after(response: Response, default: float) -> float:
    """Return the seconds that ``Retry-After`` asks for (a number or a date), else ``default``."""
    text = (response.headers.get("Retry-After") or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return default
    return max(0.0, when - time.time())


def error_for(request: Request, response: Response, words: str, doing: str | None = None) -> EEError:
    """Return the error that an answer of 300 and more stands for; ``doing`` is what was attempted."""
    kinds: dict[int, type[EEError]] = {401: Denied, 403: Denied, 404: NotFound, 409: Conflict, 423: Conflict}
    kind = kinds.get(response.status, Unreachable if response.status >= 500 or response.status == 429 else Invalid)
    if 300 <= response.status < 400:
        kind = Denied
        words = f"a redirect to {redact(response.headers.get('Location') or 'nowhere')}, which is not followed"
    who = "" if doing is None else f": {urlsplit(request.url).netloc.rpartition('@')[2]}"
    return kind(
        f"{_attempt(request, doing)}{who} answered {response.status}{': ' if words else ''}{words}.",
        status=response.status,
        method=request.method,
        url=redact(request.url),
    )


def error_words(response: Response) -> str:
    """Return the readable part of an error's body: any JSON of texts flattened, else nothing for HTML."""
    text = response.body.decode("utf-8", "replace").strip()
    try:
        words = "; ".join(_flatten(json.loads(text)))
    except (ValueError, RecursionError):
        words = "" if text.startswith("<") else text
    return shown(words)


def shown(words: str) -> str:
    """Return a server's words fit for a message: of bearable length, and nothing that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in words[:SHOWN_ERROR]).rstrip(". ")


def _flatten(value: t.Any, path: str = "") -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(inner, key if not path else f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _flatten(inner, path)
    elif value is not None:
        yield f"{path}: {value}" if path not in ("", "detail", "errors.detail", "non_field_errors") else str(value)


def unreachable(request: Request, error: Exception, doing: str | None = None) -> Unreachable:
    """Say in words why no answer came; ``doing`` is what was attempted, such as ``read r.example.com/ee:1``."""
    host = urlsplit(request.url).netloc.rpartition("@")[2]
    hint = "Is the server up, and the address right?"
    if isinstance(error, requests.exceptions.SSLError):
        hint = "Give the server's CA with `ca_path`."
    elif isinstance(error, requests.Timeout):
        hint = "Raise `timeout` if the server is slow."
    return Unreachable(
        f"{_attempt(request, doing)}: no answer from {host}: {_root(error)}.",
        hint=hint,
        method=request.method,
        url=redact(request.url),
    )


def _attempt(request: Request, doing: str | None) -> str:
    return f"{request.method} {redact(request.url)}" if doing is None else f"Cannot {doing}"


def _root(error: BaseException) -> str:
    """Return the first cause in words for people: no names of classes, no error numbers."""
    while error.__context__ is not None:
        error = error.__context__
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"its certificate is not trusted: {error.verify_message}"
    elif isinstance(error, TimeoutError):
        words = "it took too long"
    elif isinstance(error, OSError) and error.strerror:
        words = error.strerror
    elif isinstance(error, ValueError) and not isinstance(error, _TELLING):  # the length of a chunk is no number
        words = "its answer breaks off"
    else:
        words = str(error) or "the connection broke"
    return shown(words)


def redact(url: str) -> str:
    """Return a URL fit for messages: no user part, query values only where known to be harmless."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    query = [
        (key, value if key in _PUBLIC_QUERY or "__" in key else "…") for key, value in parse_qsl(parts.query, True)
    ]
    shown = urlencode(query, safe=":/,*").replace(quote("…"), "…")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, shown, ""))
