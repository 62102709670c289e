# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wire to one registry: scheme, authentication, repetition, redirects, bounds. Bodies stream both ways."""

from __future__ import annotations

import contextlib
import copy
import http.client
import http.cookiejar
import io
import socket
import ssl
import threading
import time
import typing as t
from urllib.parse import urljoin, urlsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.address import address, is_loopback, origin
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, EEError, Invalid, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import LONGEST_MANIFEST, broken
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Credentials, api_host
from ansible_collections.foundry.ee.plugins.module_utils._http import (
    LONGEST_ERROR,
    NO_HEADERS,
    REPEATABLE,
    SAFE,
    TRANSIENT,
    Connection,
    Request,
    Response,
    open_session,
    redact,
    retry_after,
    unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_auth import Authorizer

# What a broken connection raises while a body is read; requests' own are OSErrors.
LOST: tuple[type[Exception], ...] = (OSError, http.client.HTTPException)
try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import HTTPError
except ImportError:
    pass  # the modules say so, see _http.REQUESTS_IMPORT_ERROR
else:
    LOST = (*LOST, HTTPError)

CHUNK = 1024 * 1024  # bytes
POOL = 16  # connections that are kept open
BUSY_PAUSES = (0.1, 0.3, 1.0, 2.0, 4.0)  # seconds; Galaxy NG answers 429 for about 2 s while it changes a repository
LOST_PAUSES = (0.1, 0.5)  # seconds; for a connection that broke, and a reading over which the server stumbled
LONGEST_WAIT = 120.0  # seconds that a server may ask us to wait for one request, all in all
MOST_REDIRECTS = 5
SLOWEST = 1024  # bytes per second, over one `timeout`: below, an answer counts as stuck
_NO_PROXY = {"http": "", "https": ""}  # this machine is not reached through another one, whatever the environment says
_PROBE = 2.0  # seconds for the question whether a loopback port speaks TLS


class Upload(t.NamedTuple):
    """A body to send: ``open`` starts it anew for every try, ``size`` is in bytes."""

    open: t.Callable[[], t.Iterable[bytes]]
    size: int


class Ask(t.NamedTuple):
    """One request to the registry. ``repeatable`` is set where a POST does no harm twice."""

    method: str
    url: str
    scope: str
    headers: t.Mapping[str, str] = NO_HEADERS
    body: bytes | Upload | None = None
    repeatable: bool = False


class _Sized:
    """An iterable with a length, which requests sends with ``Content-Length``."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    def __len__(self) -> int:
        return self._upload.size

    def __iter__(self) -> t.Iterator[bytes]:
        return iter(self._upload.open())


class Wire:
    """Sends requests to one registry as one user, from any number of threads.

    ``read_only`` is the second lock on check mode: a write is then a bug, shown as one. ``requests`` counts what was
    sent, repetitions, tokens and redirects included.
    """

    def __init__(
        self, registry: str, connection: Connection, credentials: Credentials | None, *, read_only: bool
    ) -> None:
        if address(f"https://{api_host(registry)}") is None:
            raise Invalid(
                f"`{registry}` is no address of a registry.",
                hint="Expected a host such as `registry.example.com`, with a port of 1 to 65535 if it needs one.",
            )
        self.registry = registry
        self.requests = 0
        self._connection = connection
        self._read_only = read_only
        self._lock = threading.Lock()
        self._session = _session(connection)
        self._stranger: requests.Session | None = None
        self.credentials = credentials
        self._base_url: str | None = None
        self._authorizer: Authorizer | None = None
        self._answered = False  # whether the registry has said how it wants us to authenticate
        self._first = threading.Lock()
        self._original: Wire | None = None

    def again(self) -> Wire:
        """Return a wire over the same connections and tokens that counts its own requests."""
        wire = copy.copy(self)
        wire.requests = 0
        wire._original = self._original or self
        return wire

    @property
    def base_url(self) -> str:
        """``https://host``, or ``http://host`` where that is allowed and the server speaks it."""
        if self._original is not None:
            return self._original.base_url
        with self._lock:
            if self._base_url is None:
                host = api_host(self.registry)
                self._base_url = f"{find_scheme(host, self._connection)}://{host}"
            return self._base_url

    @property
    def realm(self) -> str | None:
        """Where the registry has sent us for tokens, None if it has not."""
        return self._auth().realm

    def ask(self, ask: Ask, *, limit: int = LONGEST_MANIFEST) -> Response:
        """Return the complete answer; a status of 300 and more is returned as well. Raises EEError."""
        with self.stream(ask) as answer:
            bound = LONGEST_ERROR if answer.status_code >= 400 else limit
            body = b"" if ask.method == "HEAD" else self._read(answer, bound, ask)
            return Response(answer.status_code, answer.headers, body)

    def fail(self, ask: Ask, response: Response) -> EEError:
        """Return the error that an answer stands for, with what helps for a registry."""
        from ansible_collections.foundry.ee.plugins.module_utils._oci_words import failure

        request = Request(ask.method, urljoin(self.base_url, ask.url))
        return failure(request, response, self.registry, known=self.credentials is not None)

    @contextlib.contextmanager
    def stream(self, ask: Ask) -> t.Iterator[requests.Response]:
        """Yield the answer with its body unread. Authentication, repetition and redirects have been dealt with."""
        if self._read_only and ask.method not in SAFE:
            raise AssertionError(f"{ask.method} {ask.url} in check mode: the plan let it through")
        answer = self._patiently(ask, self._authorized)
        try:
            yield answer
        finally:
            answer.close()

    def chunks(self, answer: requests.Response, ask: Ask) -> t.Iterator[bytes]:
        """Yield a body as it arrives. Raises what ``LOST`` holds, and Unreachable where it hardly moves."""
        began, seen = time.monotonic(), 0
        while True:
            chunk = _read1(answer)
            if not chunk:
                return
            yield chunk
            seen += len(chunk)
            if time.monotonic() - began >= self._connection.timeout:
                if seen < SLOWEST * self._connection.timeout:
                    raise Unreachable(
                        f"{ask.method} {redact(ask.url)}: {self.registry} sends less than {SLOWEST} bytes per second.",
                        hint="The transfer was given up; it can be repeated.",
                    )
                began, seen = time.monotonic(), 0

    def _read(self, answer: requests.Response, limit: int, ask: Ask) -> bytes:
        where = f"{ask.method} {redact(urljoin(self.base_url, ask.url))}"
        length = content_length(answer.headers)
        if answer.status_code < 400 and length is not None and length > limit:
            raise broken(where, f"the answer has {length} bytes, more than the {limit} allowed")
        body = bytearray()
        try:
            for chunk in self.chunks(answer, ask):
                body += chunk
                if len(body) > limit:
                    if answer.status_code >= 400:
                        return bytes(body[:limit])
                    raise broken(where, f"the answer has more than the {limit} bytes allowed")
        except LOST as error:
            raise self._no_answer(ask, error) from error
        if length is not None and len(body) < length:
            raise broken(where, f"the answer ended after {len(body)} of {length} bytes")
        return bytes(body)

    def _no_answer(self, ask: Ask, error: Exception) -> Unreachable:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_words import doing

        request = Request(ask.method, urljoin(self.base_url, ask.url))
        return unreachable(request, error, doing(request, self.registry))

    def _patiently(self, ask: Ask, send: t.Callable[[Ask], requests.Response]) -> requests.Response:
        """Send, and repeat what may be repeated: when the server is busy, stumbles or the connection broke.

        After a break, a part of an upload may be in: where to go on is the caller's question to the server. And a
        registry that keeps manifests in files (CNCF distribution) answers 500 to who reads one while it is written.
        """
        repeatable = ask.repeatable or ask.method != "POST"
        mendable = ask.repeatable or (ask.method in REPEATABLE and not isinstance(ask.body, Upload))
        busy, lost = list(BUSY_PAUSES), list(LOST_PAUSES)
        waited = 0.0
        while True:
            try:
                answer = send(ask)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
                if not mendable or not lost or isinstance(error, (requests.Timeout, requests.exceptions.SSLError)):
                    raise self._no_answer(ask, error) from error
                time.sleep(lost.pop(0))
                continue
            except (OSError, HTTPError) as error:  # all of requests', and what its environment names: CAs, proxies
                raise self._no_answer(ask, error) from error
            if answer.status_code == 500 and ask.method in SAFE and lost:
                answer.close()
                time.sleep(lost.pop(0))
                continue
            if answer.status_code not in TRANSIENT or not repeatable or not busy:
                return answer
            pause = retry_after(Response(answer.status_code, answer.headers, b""), busy.pop(0))
            waited += pause
            if waited > LONGEST_WAIT:
                return answer
            answer.close()
            time.sleep(pause)

    def _authorized(self, ask: Ask) -> requests.Response:
        """Send. The others wait for the first answer, so that not every one of them is sent away for a token."""
        original = self._original or self
        if not original._answered:
            with original._first:
                if not original._answered:
                    try:
                        return self._challenged(ask)
                    finally:
                        original._answered = True
        return self._challenged(ask)

    def _challenged(self, ask: Ask) -> requests.Response:
        """Send with what we have; after a 401 once more with what its challenge asks for."""
        url = urljoin(self.base_url, ask.url)
        ours = origin(url) == origin(self.base_url)
        header = self._auth().header(ask.scope, self._token_send) if ours else None
        answer = self._follow(ask, url, header)
        # Only our own registry may say how to authenticate to it: who it redirects us to could name any realm.
        if answer.status_code != 401 or not ours or origin(answer.url) != origin(self.base_url):
            return answer
        challenge = Response(401, answer.headers, b"")
        if not self._auth().renew(challenge, ask.scope, header):
            return answer
        again = self._auth().header(ask.scope, self._token_send)
        answer.close()
        return self._follow(ask, url, again)

    def _follow(self, ask: Ask, url: str, header: str | None) -> requests.Response:
        """Send; follow redirects of reads. Another host gets neither our header nor our client certificate."""
        for _step in range(MOST_REDIRECTS + 1):
            ours = origin(url) == origin(self.base_url)
            headers = {"Accept-Encoding": "identity", **ask.headers}
            if ours and header is not None:
                headers["Authorization"] = header
            answer = self._send(self._session if ours else self._other_session(), ask, url, headers)
            location = answer.headers.get("Location")
            if ask.method not in SAFE or answer.status_code not in (301, 302, 303, 307, 308) or not location:
                return answer
            answer.close()
            url = self.address(url, location)
        raise Denied(f"{self.registry} redirects more than {MOST_REDIRECTS} times, last to {redact(url)}.")

    def address(self, url: str, location: str) -> str:
        """Return the address that an answer from ``url`` names, relative or not. Raises Denied if it is not safe."""
        try:
            target = urljoin(urljoin(self.base_url, url), location.strip()).partition("#")[0]
        except ValueError:
            target = location
        parts = address(target)
        plain = self.base_url.startswith("http:") or not self._connection.validate_certs
        if parts is not None and target.isascii() and (parts.scheme == "https" or plain):
            return target
        raise Denied(
            f"{self.registry} sends us to {redact(target)}, which is not followed.",
            hint="Expected an HTTPS address without a user.",
        )

    def _send(self, session: requests.Session, ask: Ask, url: str, headers: t.Mapping[str, str]) -> requests.Response:
        with self._lock:
            self.requests += 1
        data = _Sized(ask.body) if isinstance(ask.body, Upload) else ask.body
        return session.request(
            ask.method,
            url,
            headers=dict(headers),
            data=data,
            timeout=self._connection.timeout,
            allow_redirects=False,
            stream=True,
            verify=session.verify,
            proxies=_NO_PROXY if is_loopback(urlsplit(url).netloc) else None,
        )

    def _auth(self) -> Authorizer:
        if self._original is not None:
            return self._original._auth()
        base_url = self.base_url
        with self._lock:
            if self._authorizer is None:
                self._authorizer = Authorizer(base_url, self.credentials)
            return self._authorizer

    def _token_send(self, request: Request) -> Response:
        """Reach the token service, as patiently as the registry. It changes nothing, so check mode may. No redirects.

        A POST exchanges an identity token, which does no harm twice.
        """
        ours = origin(request.url) == origin(self.base_url)
        session = self._session if ours else self._other_session()
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **request.headers}
        ask = Ask(request.method, request.url, "", headers, request.data, repeatable=True)
        with self._patiently(ask, lambda ask: self._send(session, ask, ask.url, ask.headers)) as answer:
            return Response(answer.status_code, answer.headers, self._read(answer, LONGEST_MANIFEST, ask))

    def _other_session(self) -> requests.Session:
        if self._original is not None:
            return self._original._other_session()
        with self._lock:
            if self._stranger is None:
                known = self._connection
                self._stranger = _session(Connection(known.validate_certs, known.ca_path, timeout=known.timeout))
            return self._stranger


def content_length(headers: t.Mapping[str, str]) -> int | None:
    """Return the bytes that an answer promises, None where it says nothing that is a number."""
    text = headers.get("Content-Length") or ""
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _session(connection: Connection) -> requests.Session:
    session = open_session(connection)
    adapter = _adapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # A cookie is a credential too, and nothing in the distribution API needs one.
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return session


def _adapter() -> HTTPAdapter:
    """Return an adapter whose connections wait for the head of an answer as ``_Prompt`` does."""

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *given: t.Any, **named: t.Any) -> None:
            super().init_poolmanager(*given, **named)
            _be_prompt(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **named: t.Any) -> t.Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **named)
            if not known:
                _be_prompt(manager)
            return manager

    return Adapter(pool_connections=POOL, pool_maxsize=POOL)


def _be_prompt(manager: t.Any) -> None:
    """Let the connections that a pool manager of urllib3 opens read answers as ``_Prompt`` does."""
    pools = {}
    for scheme, pool in manager.pool_classes_by_scheme.items():
        connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": _Prompt})
        pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = pools


class _Prompt(http.client.HTTPResponse):
    """An answer whose head is there within the timeout of its connection, give or take one read.

    The timeout by itself bounds each read alone: a head that comes byte by byte, or behind any number of
    ``100 Continue``, would hold us for ever.
    """

    def __init__(self, sock: socket.socket, *given: t.Any, **named: t.Any) -> None:
        super().__init__(sock, *given, **named)
        timeout = sock.gettimeout()
        self._timed = _Timed(self.fp.detach(), None if timeout is None else time.monotonic() + timeout)
        self.fp = io.BufferedReader(self._timed)

    def begin(self) -> None:
        super().begin()
        self._timed.ends = None


class _Timed(io.RawIOBase):
    """What a connection brings; a read that begins after ``ends`` (of time.monotonic) has taken too long."""

    def __init__(self, raw: io.RawIOBase, ends: float | None) -> None:
        self.ends = ends
        self._raw = raw

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: t.Any) -> int | None:
        if self.ends is not None and time.monotonic() > self.ends:
            raise socket.timeout("the head of the answer took too long")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def find_scheme(host: str, connection: Connection) -> str:
    """Return ``https``, or ``http`` where the server does not speak TLS and that is allowed.

    It is allowed for loopback addresses, and for all if certificates are not checked.
    """
    if connection.validate_certs and not is_loopback(host):
        return "https"
    url = f"https://{host}"
    if not is_loopback(host) and requests.utils.get_environ_proxies(url):
        return "https"  # the question could not be asked directly
    parts = urlsplit(url)
    return "https" if _speaks_tls(parts.hostname or "", parts.port or 443, min(connection.timeout, _PROBE)) else "http"


def _speaks_tls(host: str, port: int, timeout: float) -> bool:
    """Begin a handshake and say how the other side took it. Nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((host, port), timeout=timeout)
    except OSError:
        return True  # the first request will say in words that nobody answers
    try:
        with plain, context.wrap_socket(plain, server_hostname=host or None):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # an alert (a client certificate is missing, say) is TLS as well
    except socket.timeout:
        return True  # it may be slow, and a password must not go in clear because of that
    except OSError:
        return False


def _read1(answer: requests.Response) -> bytes:
    """Return what has arrived of a body, at most CHUNK bytes; a slow sender is then noticed, not waited for."""
    raw: t.Any = answer.raw
    source = raw if hasattr(raw, "read1") else raw._fp  # urllib3 before 2.0 hides it
    return bytes(source.read1(CHUNK))
