# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP client for JSON APIs: render a request (pure), send it, decode the answer (pure)."""

from __future__ import annotations

import contextlib
import json
import time
import typing as t
from urllib.parse import urljoin, urlsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, EEError, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._http import (
    LONGEST_ERROR,
    NO_HEADERS,
    REPEATABLE,
    SAFE,
    TRANSIENT,
    Connection,
    Request,
    Response,
    Send,
    error_for,
    error_words,
    redact,
    retry_after,
    unreachable,
)

with contextlib.suppress(ImportError):  # the modules say so, see _http.REQUESTS_IMPORT_ERROR
    import requests
    import urllib3

PAUSES = (0.1, 0.3, 1.0)  # seconds, unless the server says Retry-After
LONGEST_PAUSE = 60.0  # seconds; a server that asks for more is told to the user
LONGEST_BODY = 64 * 1024 * 1024  # bytes; a page of 200 templates has about 1 MiB


class Client:
    """Talks to one server as one user. ``send`` is all that touches the network.

    ``read_only`` is the second lock on check mode: a write is then a bug, shown as one.
    ``requests`` counts what was sent, repetitions included.
    """

    def __init__(
        self,
        base_url: str,
        send: Send,
        *,
        read_only: bool,
        headers: t.Mapping[str, str] | None = None,
        words: t.Callable[[Response], str] | None = None,
        error: t.Callable[[Request, Response, str], EEError] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/") + "/"  # urljoin drops a last part without it
        self.requests = 0
        self._send = send
        self._read_only = read_only
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._words = words or error_words
        self._error = error or error_for

    def call(self, method: str, path: str, body: object = None, headers: t.Mapping[str, str] | None = None) -> t.Any:
        """Return the decoded JSON answer, ``None`` if empty. ``headers`` go before the client's own. Raises EEError."""
        request = self._render(method, path, body, headers or {})
        return decode(request, self._exchange(request))

    def pages(self, path: str, next_url: t.Callable[[t.Any], str | None]) -> t.Iterator[t.Any]:
        """Yield every page of a listing; ``next_url`` finds the next one's address in a page. Raises EEError."""
        seen: set[str] = set()
        url: str | None = path
        while url:
            request = self._render("GET", url)
            if request.url in seen:
                raise Unreachable(f"The listing {redact(request.url)} never ends: a page names one before it.")
            seen.add(request.url)
            page = decode(request, self._exchange(request))
            yield page
            url = next_url(page)

    def _render(self, method: str, path: str, body: object = None, more: t.Mapping[str, str] = NO_HEADERS) -> Request:
        if self._read_only and method not in SAFE:
            raise AssertionError(f"{method} {path} in check mode: the plan let it through")
        url = _joined(self.base_url, path)
        if url is None or urlsplit(url)[:2] != urlsplit(self.base_url)[:2]:
            raise Denied(
                f"{self.base_url} points to another host, {redact(path)}.",
                hint="It is not followed: our credentials are for the first host only.",
            )
        headers = {**self._headers, **more}
        if body is None:
            return Request(method, url, headers)
        return Request(method, url, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode())

    def _exchange(self, request: Request) -> Response:
        response = self._send_patiently(request)
        if response.status >= 300:
            raise self._error(request, response, self._words(response))
        return response

    def _send_patiently(self, request: Request) -> Response:
        pauses = PAUSES if request.method in REPEATABLE else ()
        for default in pauses:
            self.requests += 1
            response = self._send(request)
            if response.status not in TRANSIENT:
                return response
            pause = retry_after(response, default)
            if pause > LONGEST_PAUSE:
                return response
            time.sleep(pause)
        self.requests += 1
        return self._send(request)


def _joined(base_url: str, path: str) -> str | None:
    """Return the address of a path, which may be one itself, None where it is none that can be read."""
    try:
        return urljoin(base_url, path)
    except ValueError:
        return None


def sender(session: requests.Session, connection: Connection) -> Send:
    """Return what sends a Request. It follows no redirect: our credentials are for one host."""

    def send(request: Request) -> Response:
        try:
            with session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.data,
                timeout=connection.timeout,
                allow_redirects=False,
                stream=True,
                verify=session.verify,
            ) as answer:
                limit = LONGEST_ERROR if answer.status_code >= 400 else LONGEST_BODY
                return Response(answer.status_code, answer.headers, read_bounded(answer, limit, request))
        except (OSError, urllib3.exceptions.HTTPError) as error:  # all of requests', and what its environment names
            raise unreachable(request, error) from error

    return send


def read_bounded(answer: requests.Response, limit: int, request: Request) -> bytes:
    """Read a body of at most ``limit`` bytes. An error's body is cut, any other raises Unreachable."""
    body = bytearray()
    for chunk in answer.iter_content(64 * 1024):
        body += chunk
        if len(body) > limit:
            if answer.status_code >= 400:
                return bytes(body[:limit])
            raise Unreachable(
                f"{request.method} {redact(request.url)} answered with more than {limit} bytes.",
                hint="Is this the right server?",
                method=request.method,
                url=redact(request.url),
            )
    return bytes(body)


def decode(request: Request, response: Response) -> t.Any:
    """Return the JSON of an answer, ``None`` if it is empty. Raises Unreachable."""
    if not response.body:
        return None
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise Unreachable(
            f"{request.method} {redact(request.url)} answered {response.status} with something that is not JSON.",
            hint="Is the address right, path prefix included?",
            status=response.status,
            method=request.method,
            url=redact(request.url),
        ) from error
