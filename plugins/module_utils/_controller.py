# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One controller of the AWX family, as one user. Paths are relative to the API's version: ``organizations/``."""

from __future__ import annotations

import base64
import contextlib
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlunsplit

from ansible_collections.foundry.ee.plugins.module_utils._core.address import reachable
from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import PLACES, SEPARATOR, Use, uses
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    EEError,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import did_you_mean, nearest
from ansible_collections.foundry.ee.plugins.module_utils._http import (
    Connection,
    Response,
    error_words,
    open_session,
    redact,
)
from ansible_collections.foundry.ee.plugins.module_utils._http_json import Client, sender

PAGE_SIZE = 200  # what the server allows at most; it silently gives less where it is told to
PARALLEL = 8  # requests at a time
USUAL_ROOT = "/api/v2/"
SYSTEM_SETTINGS = "settings/system/"  # a PATCH of its settings elsewhere answers 200 and is ignored
DEFAULT = "DEFAULT_EXECUTION_ENVIRONMENT"

Record = dict[str, t.Any]
Query = t.Sequence[tuple[str, str]]


class _Page(t.NamedTuple):
    """One page to ask for. An ``optional`` one is empty for a user who may not read it."""

    path: str
    query: Query
    number: int
    optional: bool = False


class Controller:
    """Reads and writes records. ``connect`` makes a client; each thread has its own, since sessions are not shared.

    ``root`` is the path of the API's version. It is only assumed: the first answer decides whether ``<below>/api/`` has
    to be asked, which saves everyone who is not behind a gateway one request. ``below`` is the path that a proxy puts
    before the controller's own.
    """

    def __init__(self, connect: t.Callable[[], Client], *, root: str = USUAL_ROOT, below: str = "") -> None:
        self._connect = connect
        self._local = threading.local()
        self._clients: list[Client] = []
        self._pool: ThreadPoolExecutor | None = None
        self._root = root
        self._below = below
        self._assumed = True

    @property
    def requests(self) -> int:
        """How many requests were sent, repetitions included."""
        return sum(client.requests for client in self._clients)

    def get(self, path: str, query: Query = ()) -> t.Any:
        """Return what a path answers. Raises EEError."""
        if not self._assumed:
            return self._read(path, query)
        try:
            answer = self._read(path, query)
        except EEError as error:
            if not _wrong_place(error) or not self._ask_root():
                raise
            return self._read(path, query)
        self._assumed = False
        return answer

    def listing(self, path: str, **filters: str | int | bool) -> list[Record]:
        """Return every record of a listing, oldest first. Raises EEError."""
        return self.search(path, [(key, _word(value)) for key, value in filters.items()])

    def search(self, path: str, query: Query) -> list[Record]:
        """Return every record of a listing; a filter such as ``or__name`` may occur many times. Raises EEError."""
        return self._all({"": (path, query)})[""]

    def listings(self, paths: t.Mapping[str, str], *, optional: t.Sequence[str] = ()) -> dict[str, list[Record]]:
        """Return every record of many listings, read in parallel, by their names. Raises EEError.

        Those of ``optional`` are empty where this user may not read them.
        """
        return self._all({name: (path, ()) for name, path in paths.items()}, optional)

    def searches(self, wanted: t.Mapping[str, tuple[str, Query]]) -> dict[str, list[Record]]:
        """Return every record of many filtered listings, read in parallel, by their names. Raises EEError."""
        return self._all(wanted)

    def named(self, path: str, name: str, what: str) -> list[Record]:
        """Return the records of a listing that have a name: at least one. Raises NotFound with the nearest names."""
        found = self.search(path, [("name", name)])
        if not found:
            others = [str(record["name"]) for record in self.search(path, ())]
            raise NotFound(f"There is no {what} `{name}` on the controller.", hint=did_you_mean(nearest(name, others)))
        return found

    def me(self) -> Record:
        """Return the user that we are, empty where the controller does not tell. Raises EEError."""
        answer = self.get("me/")
        found = answer.get("results") if isinstance(answer, dict) else None
        return t.cast("Record", found[0]) if found else {}

    def credential(self, name: str, organization: str | None) -> tuple[int, str]:
        """Return the id and the name of a container registry credential, by ``name`` or ``name++organization``.

        ``name++`` is one without an organization. Of several with the same name the one of ``organization`` is taken.
        One request, also for a name that has the separator in it. Raises NotFound, Conflict, Invalid.
        """
        short, separator, home = name.rpartition(SEPARATOR)
        found = self.search("credentials/", [("or__name", one) for one in ((name, short) if separator else (name,))])
        if not separator or any(record["name"] == name for record in found):
            short, separator, home = name, "", ""
        found = [record for record in found if record["name"] == short]
        found = found or self.named("credentials/", short, "credential")
        fit = [record for record in found if record.get("kind") == "registry"]
        if not fit:
            raise Invalid(
                f"The credential `{short}` is not for a container registry, but of kind `{found[0].get('kind')}`.",
                hint="Only a credential of the type *Container Registry* can pull images.",
            )
        homes: dict[str, int] = {}
        for record in fit:
            told = (record.get("summary_fields") or {}).get("organization") or {}
            homes[str(told.get("name") or "")] = record["id"]
        if separator and home not in homes:
            where = f"in `{home}`" if home else "without an organization"
            raise NotFound(f"There is no credential `{short}` {where}.", hint=did_you_mean(nearest(home, homes)))
        wanted = home if separator else organization or ""
        if wanted not in homes and len(fit) > 1:
            which = ", ".join(f"`{short}{SEPARATOR}{other}`" for other in sorted(homes))
            raise Conflict(f"{len(fit)} registry credentials are called `{short}`.", hint=f"Say which: {which}.")
        return homes[wanted] if wanted in homes else next(iter(homes.values())), short

    def setting(self, name: str) -> t.Any:
        """Return a setting of category *system*. Raises Denied for all but superusers and auditors, NotFound."""
        settings = self.get(SYSTEM_SETTINGS)
        if not isinstance(settings, dict) or name not in settings:
            raise NotFound(f"The controller has no setting `{name}`.", hint="Is it set in a file there?")
        return settings[name]

    def save(self, path: str, number: int | None, fields: Record) -> t.Any:
        """Add a record to a listing, or change some fields of one, and return it. Raises EEError."""
        if number is None:
            return self._client.call("POST", self._root + path, fields)
        return self.change(f"{path}{number}/", fields)

    def change(self, path: str, fields: Record) -> t.Any:
        """Change some fields and return the record. A change of nothing still bumps ``modified``. Raises EEError."""
        return self._client.call("PATCH", self._root + path, fields)

    def delete(self, path: str) -> None:
        """Delete a record, or find it gone: a repeated request may have worked the first time. Raises EEError."""
        with contextlib.suppress(NotFound):
            self._client.call("DELETE", self._root + path)

    @property
    def _client(self) -> Client:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
            self._clients.append(client)
        return client

    def _read(self, path: str, query: Query) -> t.Any:
        return self._client.call("GET", self._root + path + ("?" + urlencode(query) if query else ""))

    def _ask_root(self) -> bool:
        """Ask ``/api/`` where the API is. Return whether that is elsewhere than thought."""
        self._assumed = False
        try:
            answer = self._client.call("GET", f"{self._below}/api/")
        except EEError:
            if not self._below:
                raise
            return False  # a path that was given, and is not that of a controller: the first answer tells more
        root = _root_in(answer if isinstance(answer, dict) else {})
        if root is not None and not root.startswith(f"{self._below}/"):
            root = self._below + root  # a controller does not know what a proxy puts before its paths
        moved = root is not None and root != self._root
        self._root = root or self._root
        return moved

    def _all(
        self, wanted: t.Mapping[str, tuple[str, Query]], optional: t.Sequence[str] = ()
    ) -> dict[str, list[Record]]:
        """Read first pages, then the pages they announce: all at once, since one listing often outweighs the rest.

        Ordered by id, so that what is created meanwhile comes last and moves nothing.
        """
        asked = [_Page(*listing, 1, optional=name in optional) for name, listing in wanted.items()]
        first = dict(zip(wanted, self._pages(asked)))
        records = {name: {record["id"]: record for record in page["results"]} for name, page in first.items()}
        rest = [(name, number) for name in wanted for number in range(2, _page_count(first[name]) + 1)]
        for (name, _number), page in zip(rest, self._pages([_Page(*wanted[name], number) for name, number in rest])):
            records[name].update({record["id"]: record for record in page["results"]})
        return {name: list(found.values()) for name, found in records.items()}

    def _pages(self, pages: t.Sequence[_Page]) -> list[Record]:
        """Read pages in parallel. The first one alone where it still has to find out where the API is."""
        alone = 1 if self._assumed or len(pages) == 1 else 0
        answers = [self._page(page) for page in pages[:alone]]
        if len(pages) > alone:
            if self._pool is None:  # kept, and with it the connections of its threads
                self._pool = ThreadPoolExecutor(PARALLEL)
            answers += self._pool.map(self._page, pages[alone:])
        return answers

    def _page(self, asked: _Page) -> Record:
        numbered: Query = [] if asked.number == 1 else [("page", str(asked.number))]
        try:
            page = self.get(asked.path, [*asked.query, ("order_by", "id"), ("page_size", str(PAGE_SIZE)), *numbered])
        except NotFound:
            if asked.number == 1:
                raise
            return {"results": []}  # records were deleted since the first page, and this one is gone
        except Denied as error:
            if not asked.optional or error.status != 403:
                raise
            return {"results": []}
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise Unreachable(f"`{asked.path}` is no listing on this server.", hint="Is it a controller?")
        return page


def _page_count(page: Record) -> int:
    """Return how many pages a listing has. The server may give fewer records per page than were asked for."""
    if not page.get("next") or not page["results"]:
        return 1
    return -(-int(page["count"]) // len(page["results"]))


def _wrong_place(error: EEError) -> bool:
    """Whether an error may mean that the API is elsewhere: not found, a redirect, or a page for people."""
    return isinstance(error, NotFound) or (error.status is not None and error.status < 400)


def _root_in(answer: Record) -> str | None:
    """Return the path of the API's version from the answer of ``/api/``: a gateway's, or a controller's own."""
    apis = answer.get("apis")
    behind_gateway = apis.get("controller") if isinstance(apis, dict) else None
    if isinstance(behind_gateway, str):
        return behind_gateway.rstrip("/") + "/v2/"
    version: object = answer.get("current_version")
    return version if isinstance(version, str) else None


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def words(response: Response) -> str:
    """Return what an error's body says, and how to mend what the body alone does not explain."""
    said = error_words(response)
    if response.status == 401:
        return (
            "it does not accept the user and password, or the token; a wrong one and an expired one get the same answer"
        )
    if response.status == 403:
        return (
            f"{said or 'forbidden'} (a missing right, a record of another organization, or a token that may only read)"
        )
    return said


def open_controller(params: t.Mapping[str, t.Any], read_only: bool) -> Controller:
    """Return the controller that a task's options name. Nothing is sent, and no token is ever made. Raises Invalid."""
    if not params.get("controller_host"):
        raise Invalid(
            "No controller is named.", hint="Give `controller_host`, or set the environment variable CONTROLLER_HOST."
        )
    base, root = split_host(params["controller_host"])
    connection = Connection.from_params(params)
    headers = {"Authorization": _authorization(params)}

    def connect() -> Client:
        send = sender(open_session(connection), connection)
        return Client(base, send, read_only=read_only, headers=headers, words=words)

    below = "" if root is None else root[: -len("/v2/")]
    return Controller(connect, root=root or USUAL_ROOT, below=below)


def split_host(host: str) -> tuple[str, str | None]:
    """Return a server's address, and the API's path if the user gave one (``https://gateway/api/controller``)."""
    parts = reachable(host if "://" in host else f"https://{host}")
    if parts is None:
        raise Invalid(
            f"`{redact(host)}` is no address of a controller.", hint="Expected `https://controller.example.com`."
        )
    if parts.username is not None:
        raise Invalid(
            "`controller_host` holds a user.", hint="Give it as `controller_username` and `controller_password`."
        )
    path = parts.path.rstrip("/")
    root = None if path in ("", "/api") else f"{path}/" if path.endswith("/v2") else f"{path}/v2/"
    return urlunsplit((parts.scheme, parts.netloc, "", "", "")), root


def _authorization(params: t.Mapping[str, t.Any]) -> str:
    if params.get("controller_oauthtoken"):
        return f"Bearer {params['controller_oauthtoken']}"
    if params.get("controller_username") and params.get("controller_password") is not None:
        pair = f"{params['controller_username']}:{params['controller_password']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    raise Denied(
        "Nobody to log in as at the controller.",
        hint="Give `controller_oauthtoken`, or `controller_username` and `controller_password`.",
    )


def environment_uses(controller: Controller, environment: int) -> tuple[tuple[Use, ...], tuple[str, ...]]:
    """Return where an environment is set, and what could not be seen, in words. Raises EEError."""
    filters = {listing: (f"{listing}/", [(field, str(environment))]) for listing, (field, _kind) in PLACES.items()}
    found = controller.searches(filters)
    default, warnings = default_setting(controller)
    return uses(found, is_default=default == environment), warnings


def default_setting(controller: Controller) -> tuple[int | None, tuple[str, ...]]:
    """Return the id in the global default, and a warning where this user may not see it. Raises EEError."""
    try:
        return controller.setting(DEFAULT), ()
    except Denied:
        return None, (f"This user may not see the setting {DEFAULT}, so nobody knows whether it matters here.",)
