# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Galaxy NG, as one user. Measured on 4.9.2; ids of servers before 4.7 (``pk``, ``pulp_id``) are understood."""

from __future__ import annotations

import base64
import json
import time
import typing as t
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils._core.address import reachable
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Denied,
    EEError,
    Failed,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import (
    REQUESTS_IMPORT_ERROR,
    Connection,
    Request,
    Response,
    error_for,
    error_words,
    open_session,
    redact,
    shown,
)
from ansible_collections.foundry.ee.plugins.module_utils._http_json import Client, sender
from ansible_collections.foundry.ee.plugins.module_utils._run import fail

USUAL_ROOT = "/api/galaxy/"
PAGE_SIZE = 100  # what the server allows at most
EES = "v3/plugin/execution-environments/repositories/"
REGISTRIES = "_ui/v1/execution-environments/registries/"
REMOTES = "_ui/v1/execution-environments/remotes/"
NAMESPACES = "pulp/api/v3/pulp_container/namespaces/"
DISTRIBUTIONS = "pulp/api/v3/distributions/container/container/"
REPOSITORIES = "pulp/api/v3/repositories/container/"
TASKS = "pulp/api/v3/tasks/"
UNFINISHED = frozenset({"waiting", "running", "canceling"})
HUB_LOGIN = "`hub_token`, or user and password"  # which options hold the credentials, for messages
REGISTRY_LOGIN = "`username` and `password`, or `authfile`"
POLLS = (0.1, 0.15, 0.25, 0.4, 0.6, 1.0)  # seconds between looks at a task; the last is repeated

LOSS = (
    "This hub may then lose blobs that these repositories need, with its next deletion here if not with this one. "
    "To be safe take away only the tags and leave the image, or delete the repository as a whole; "
    "what is lost comes back by pushing it again."
)

Record = dict[str, t.Any]


class TimeUp(Failed):
    """A task of the hub takes longer than we were told to wait. It goes on."""


class Hub:
    """Reads and writes records. Paths are relative to the root of Galaxy's API, or absolute as the server gives them.

    ``root`` is that path. If it is only ``assumed``, the first answer decides whether ``/api/`` has to be asked: that
    saves everyone whose hub is in the usual place one request. ``login`` names the options that hold the credentials.
    """

    def __init__(self, client: Client, *, root: str = USUAL_ROOT, assumed: bool = True, login: str = HUB_LOGIN) -> None:
        self._client = client
        self._root = root
        self._assumed = assumed
        self._login = login
        self._found: dict[str, Record] = {}
        self._distributions: dict[str, Record] = {}
        self._registries: dict[str, str] | None = None
        self._images: dict[str, list[Record]] | None = None
        self.unaddressed: list[str] = []

    @property
    def requests(self) -> int:
        """How many requests were sent, repetitions included."""
        return self._client.requests

    # Plain access

    def get(self, path: str, **query: str | int) -> t.Any:
        """Return what a path answers. Raises EEError."""
        if not self._assumed:
            return self._call("GET", path, query)
        try:
            answer = self._call("GET", path, query)
        except EEError as error:
            if not _wrong_place(error) or not self._ask_root():
                raise
            return self._call("GET", path, query)
        self._assumed = False
        return answer

    def find(self, path: str, **filters: str | int) -> list[Record]:
        """Return every record of a listing, of either of the server's two kinds of pages. Raises EEError.

        Pages are asked for by offset, since the links of one kind lack the host and those of the other name one.
        """
        records: list[Record] = []
        while True:
            page = self.get(path, **filters, limit=PAGE_SIZE, offset=len(records))
            found, count = _page(path, page)
            records += found
            if not found or len(records) >= count:
                return records

    def write(self, method: str, path: str, body: object = None) -> t.Any:
        """Send a change and return the answer. Raises EEError."""
        return self._call(method, path, {}, body)

    def _call(self, method: str, path: str, query: t.Mapping[str, str | int], body: object = None) -> t.Any:
        where = (path if path.startswith("/") else self._root + path) + ("?" + urlencode(query) if query else "")
        try:
            return self._client.call(method, where, body)
        except Denied as error:
            if error.status != 403:
                raise
            raise self._why_denied(error) from error

    def _why_denied(self, error: Denied) -> Denied:
        """Tell bad credentials from missing rights: this server answers the same to both, and half of it has no codes.

        Its APIs answer 403, its registry 401. Only who is known may ask who he is.
        """
        try:
            me = self._client.call("GET", self._root + "_ui/v1/me/")
        except Denied:
            reason, hint = "credentials", f"It does not know these credentials: check {self._login}."
        except EEError:
            return error
        else:
            reason = "rights"
            hint = f"It knows the user `{shown(str(me.get('username')))}`, who lacks the right to do this."
        details = {"denied_for": reason}
        return Denied(str(error), hint=hint, status=error.status, method=error.method, url=error.url, details=details)

    def _ask_root(self) -> bool:
        """Ask ``/api/`` of a gateway where Galaxy is. Return whether that is elsewhere than thought."""
        self._assumed = False
        try:
            answer = self._client.call("GET", "/api/")
        except EEError:
            return False  # no gateway; the caller tells what failed first
        apis = answer.get("apis") if isinstance(answer, dict) else None
        root = apis.get("galaxy") if isinstance(apis, dict) else None
        if not isinstance(root, str) or root.rstrip("/") == self._root.rstrip("/"):
            return False
        self._root = root.rstrip("/") + "/"
        return True

    # Tasks

    def finish(self, method: str, path: str, body: object, timeout: float) -> Record | None:
        """Send a change, and wait for the task that it starts, if any. Raises EEError."""
        answer = self.write(method, path, body)
        return self.wait(answer["task"], timeout) if isinstance(answer, dict) and "task" in answer else None

    def wait(self, task: str, timeout: float) -> Record:
        """Return a task's record when it, and every task it started, has ended well.

        ``task`` is its address (or the id alone), ``timeout`` in seconds holds for the whole of it. Raises Failed with
        the task's own words, and Failed when the time is up; the task goes on then.
        """
        record = self.ended(task, time.monotonic() + timeout)
        for one in (record, *record["children"]):
            if one["state"] != "completed":
                raise Failed(f"The hub's task {_named(one)} ended as {shown(one['state'])}: {task_error(one)}.")
        return record

    def ended(self, task: str, end: float) -> Record:
        """Return a task's record when it has ended, well or not, and in ``children`` those of the tasks it started.

        ``end`` is a time of ``time.monotonic()``. Raises TimeUp.
        """
        path = task_path(task)
        for pause in _pauses():
            record: Record = self.get(path)
            if record["state"] not in UNFINISHED:
                break
            left = end - time.monotonic()
            if left <= 0:
                raise TimeUp(
                    f"The time is up, and the hub's task {_named(record)} is still "
                    f"{record['state']}{_progress(record)}.",
                    hint="It goes on. Raise `wait_timeout`; where no task ever starts, the hub lacks a worker.",
                )
            time.sleep(min(pause, left))
        children = [self.ended(child, end) for child in record.get("child_tasks") or ()]
        return {**record, "children": [one for child in children for one in (child, *child["children"])]}

    # Execution environments and their images

    def repositories_of_registry(self, registry_id: str) -> list[str]:
        """Return the names of the repositories that sync from a registry. Raises EEError."""
        return sorted(record["name"] for record in self.find(REMOTES) if record.get("registry") == registry_id)

    def registries(self) -> dict[str, str]:
        """Return id → name of the remote registries; they are read once. Raises EEError."""
        if self._registries is None:
            self._registries = {record_id(record): str(record["name"]) for record in self.find(REGISTRIES)}
        return self._registries

    def repository(self, name: str) -> Record:
        """Return the record of an EE repository; it is read once. Raises NotFound."""
        if name not in self._found:
            try:
                self._found[name] = self.get(repository_path(name))
            except _NoSuchApi:
                raise
            except NotFound as error:
                raise NotFound(f"The hub has no repository `{name}`.", status=404, url=error.url) from error
        return self._found[name]

    def repositories_in(self, namespace: str) -> list[str]:
        """Return the names of a namespace's repositories: ``namespace/…``, and one of the same name. Raises EEError."""
        found = self.find(EES, name__startswith=namespace)
        return sorted(record["name"] for record in found if record["namespace"]["name"] == namespace)

    def find_repository(self, name: str) -> Record | None:
        """Return the record of an EE repository, None if there is none. Raises EEError."""
        try:
            return self.repository(name)
        except _NoSuchApi:
            raise
        except NotFound:
            return None

    def find_distribution(self, name: str) -> Record | None:
        """Return the record of what serves a repository; it is read once. None if this user sees none. Raises EEError.

        It alone knows ``private``. Of a repository that is pushed to it knows all that there is; see :func:`pushed`.
        """
        repository_path(name)
        if name not in self._distributions:
            try:
                found = self.find(DISTRIBUTIONS, name=name)
            except Denied:
                return None
            self._distributions.update({record["name"]: record for record in found if record["name"] == name})
        return self._distributions.get(name)

    def look_ahead(self, names: t.Iterable[str], private: t.Iterable[str]) -> None:
        """Read the records of several repositories by pages, as long as that takes fewer requests than one by one.

        Of those in ``private`` it is what serves them, and of all that this does not tell enough of, their own. What no
        page has is asked for in its turn. Raises EEError.
        """
        self._page_through(DISTRIBUTIONS, private, self._distributions)
        told = {name for name, record in self._distributions.items() if pushed(record) is not None}
        self._page_through(EES, set(names) - told, self._found)

    def _page_through(self, path: str, names: t.Iterable[str], found: dict[str, Record]) -> None:
        missing = {name for name in names if is_addressable(name)}
        read, pages_left = 0, 1
        while 0 < pages_left < len(missing):
            records, count = _page(path, self.get(path, limit=PAGE_SIZE, offset=read))
            found.update({record["name"]: record for record in records if record["name"] in missing})
            missing -= found.keys()
            read += len(records)
            pages_left = -(-(count - read) // PAGE_SIZE) if records else 0

    def forget(self, name: str) -> None:
        """Read a repository anew when it is asked for next: it was changed."""
        self._found.pop(name, None)
        self._distributions.pop(name, None)

    def create_pushed(self, name: str) -> None:
        """Make an empty repository to push to. Raises EEError.

        The hub makes one at the first push only, and half a push will do: what begins it is an upload without content.
        """
        repository_path(name)
        host = urlsplit(self._client.base_url).netloc
        scope = urlencode({"service": host, "scope": f"repository:{name}:pull,push"})
        try:
            token = self._client.call("GET", "/token/?" + scope)["token"]
            self._client.call("POST", f"/v2/{quote(name)}/blobs/uploads/", headers={"Authorization": f"Bearer {token}"})
        except Denied as error:
            raise self._why_denied(error) from error
        self.forget(name)

    def tags(self, repository: str) -> dict[str, str]:
        """Return tag → digest of a repository's newest version. Raises NotFound."""
        records = self.find(repository_path(repository) + "_content/tags/")
        return {record["name"]: record["tagged_manifest"]["digest"] for record in records}

    def images(self, repository: str) -> list[Record]:
        """Return the manifests (and indexes) of a repository's newest version. Raises NotFound."""
        return self.find(repository_path(repository) + "_content/images/")

    def set_tag(self, repository: str, tag: str, digest: str, timeout: float) -> None:
        """Point a tag at an image that is in the repository, and wait, ``timeout`` seconds at most. Raises EEError."""
        self.finish("POST", self._content(repository) + "tag/", {"tag": tag, "digest": digest}, timeout)

    def untag(self, repository: str, tag: str, timeout: float) -> None:
        """Take a tag away; its image stays, even if that was its last. Raises EEError."""
        self.finish("POST", self._content(repository) + "untag/", {"tag": tag}, timeout)

    def remove_image(self, repository: str, digest: str, timeout: float) -> None:
        """Delete an image and all its tags; see :meth:`shared_elsewhere` first. Raises EEError."""
        path = f"{repository_path(repository)}_content/images/{quote(digest, safe=':')}/"
        self.finish("DELETE", path, None, timeout)

    def shared_elsewhere(self, repository: str, digest: str) -> list[str]:
        """Return the other repositories whose images use blobs of an image, or are copies of one that was deleted here.

        Deleting an image makes this server reclaim whatever the repository held before, whoever else uses it (measured
        on 4.9.2): the image's own blobs are struck by the next deletion, those of former images by this one. The safe
        ways are in LOSS. Costs a request per repository, once per Hub: there is no cheaper one that every user may ask.
        Those that cannot be asked about are in ``unaddressed`` afterwards.
        """
        mine = self._images_by_repository().get(repository, [])
        image = next((record for record in mine if record["digest"] == digest), None)
        struck = _blobs_of(image, mine) if image is not None else set()
        former = self._former_images(repository)
        return sorted(
            name
            for name, images in self._images_by_repository().items()
            if name != repository
            and any(record["digest"] in former or struck & _blobs_of(record, images) for record in images)
        )

    def _images_by_repository(self) -> dict[str, list[Record]]:
        if self._images is None:
            names = [str(record["name"]) for record in self.find(EES)]
            self.unaddressed = sorted(name for name in names if not is_addressable(name))
            images = {name: self._images_if_there(name) for name in names if is_addressable(name)}
            self._images = {name: found for name, found in images.items() if found is not None}
        return self._images

    def _images_if_there(self, repository: str) -> list[Record] | None:
        try:
            return self.images(repository)
        except _NoSuchApi:
            raise
        except NotFound:  # deleted since the list was made
            return None

    def _former_images(self, repository: str) -> set[str]:
        """Return the digests of images that a repository held, and holds no more."""
        removed: set[str] = set()
        for version in reversed(self.find(repository_path(repository) + "_content/history/")):  # newest first
            for key, change in (("added", removed.discard), ("removed", removed.add)):
                for content in version[key]:
                    if content["tag_name"] is None and content["manifest_digest"]:
                        change(content["manifest_digest"])
        return removed

    def _content(self, repository: str) -> str:
        record = self.repository(repository)["pulp"]["repository"]
        kind = str(record["pulp_type"]).rpartition(".")[2]  # "container.container-push", "container.container"
        return f"{REPOSITORIES}{kind}/{record_id(record)}/"


def _blobs_of(image: Record, images: t.Sequence[Record]) -> set[str]:
    """Return the digests of an image's configuration and layers; of an index, those of its images."""
    listed = {entry["digest"] for entry in image.get("image_manifests") or ()}
    blobs: set[str] = set()
    for record in (image, *(other for other in images if other["digest"] in listed)):
        blobs.update(layer["digest"] for layer in record.get("layers") or ())
        if (record.get("config_blob") or {}).get("digest"):
            blobs.add(record["config_blob"]["digest"])
    return blobs


def is_addressable(name: str) -> bool:
    """Whether the hub's own API has a path for a repository. ``a/b/c`` can be pushed and is listed, and has none."""
    return name.count("/") <= 1 and "" not in name.split("/")


def pushed(distribution: t.Mapping[str, t.Any]) -> Record | None:
    """Return what an EE's record holds, as far as we need it, from what serves it. None if it is not pushed to."""
    if "/container-push/" not in str(distribution.get("repository")):
        return None
    return {
        "name": distribution["name"],
        "description": distribution.get("description"),
        "pulp": {"repository": {"remote": None}, "distribution": distribution},
    }


def repository_path(name: str) -> str:
    """Return the path of an EE repository. Raises Invalid for names that this server cannot address."""
    if not is_addressable(name):
        raise Invalid(
            f"`{name}` is no name of a repository on a hub.",
            hint="Write `name`, or `namespace/name`: one slash at most.",
        )
    return EES + quote(name) + "/"


def record_id(record: t.Mapping[str, t.Any]) -> str:
    """Return the id of a record; it was named ``pk`` or ``pulp_id`` before 4.7. Raises Unreachable."""
    for key in ("id", "pulp_id", "pk"):
        if record.get(key):
            return str(record[key])
    href = record.get("pulp_href")
    if isinstance(href, str):
        return href.rstrip("/").rpartition("/")[2]
    raise Unreachable("A record of the hub has no id.", hint="Is this a Galaxy NG server?")


def task_path(task: str) -> str:
    """Return the path of a task given by address or id. Raises Invalid."""
    try:
        identifier = urlsplit(task).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        identifier = ""
    if not identifier:
        raise Invalid(f"`{task}` is no task of a hub.", hint="Give what `tasks` of `ee_hub_sync` returned.")
    return f"{TASKS}{quote(identifier)}/"


def task_error(record: t.Mapping[str, t.Any]) -> str:
    """Return a failed task's own words."""
    error = record.get("error")
    words = error.get("description") if isinstance(error, dict) else None
    return shown(str(words or record.get("reason") or "it gave no reason"))


def _named(record: t.Mapping[str, t.Any]) -> str:
    return shown(f"{record['pulp_href']} ({record.get('name')})")


def _progress(record: t.Mapping[str, t.Any]) -> str:
    """Return in words how far a task is."""
    reports = [report for report in record.get("progress_reports") or () if report.get("state") == "running"]
    done = [f"{report['message']} {report['done']}{_of(report.get('total'))}" for report in reports]
    return f" ({shown(', '.join(done))})" if done else ""


def _of(total: object) -> str:
    return "" if total is None else f"/{total}"


def _pauses() -> t.Iterator[float]:
    yield from POLLS
    while True:
        yield POLLS[-1]


def _page(path: str, page: t.Any) -> tuple[list[Record], int]:
    """Return the records of a page and how many there are in all."""
    if isinstance(page, dict):
        if isinstance(page.get("data"), list):
            return page["data"], int(page["meta"]["count"])
        if isinstance(page.get("results"), list):
            return page["results"], int(page["count"])
    raise Unreachable(f"`{path}` is no listing on this server.", hint="Is it a Galaxy NG?")


def words(response: Response) -> str:
    """Return what an error's body says; Galaxy's own API lists errors, each with the parameter it is about.

    Those of its registry have a ``message``, and a ``detail`` for programs.
    """
    try:
        said = [_error_in_words(error) for error in json.loads(response.body)["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return error_words(response)
    return shown("; ".join(said))


def _error_in_words(error: Record) -> str:
    where = (error.get("source") or {}).get("parameter")
    what = str(error.get("message") or error.get("detail") or error["title"])
    return f"{where}: {what}" if where else what


class _NoSuchApi(NotFound):
    """The path is not known here at all. A record that is missing has its own error, as JSON."""


def _error_for(request: Request, response: Response, said: str) -> EEError:
    if response.status == 404 and not _is_json(response):
        return _NoSuchApi(
            f"{request.method} {redact(request.url)} answered 404: there is no such API here.",
            hint="Is this a Galaxy NG, and the path prefix right?",
            status=404,
            method=request.method,
            url=redact(request.url),
        )
    return error_for(request, response, said)


def _is_json(response: Response) -> bool:
    try:
        json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return True


def _wrong_place(error: EEError) -> bool:
    """Whether an error may mean that the API is elsewhere: no such API, a redirect, or a page for people."""
    return isinstance(error, _NoSuchApi) or (error.status is not None and error.status < 400)


def open_hub(params: t.Mapping[str, t.Any], *, read_only: bool, login: str = HUB_LOGIN) -> Hub:
    """Return the hub that a task's options name; ``login`` is for messages. Nothing is sent. Raises Invalid, Denied.

    No token is ever made: a hub keeps one per user, and making one ends the one in use elsewhere.
    """
    if not params.get("hub_host"):
        raise Invalid("No hub is named.", hint="Give `hub_host`, or set the environment variable HUB_HOST.")
    base, root = split_host(params["hub_host"])
    connection = Connection.from_params(params)
    client = Client(
        base,
        sender(open_session(connection), connection),
        read_only=read_only,
        headers=_login(params.get("hub_username"), params.get("hub_password"), params.get("hub_token")),
        words=words,
        error=_error_for,
    )
    return Hub(client, root=root or USUAL_ROOT, assumed=root is None, login=login)


def hub_behind(registry_url: str, options: t.Mapping[str, t.Any], *, read_only: bool) -> Hub | None:
    """Return the hub that serves a registry (``https://hub.example.com``), or None if it is another kind of registry.

    ``options`` are those of a registry: ``username`` and ``password`` are the hub's, too. One request tells, or two
    where something else answers ``/api/``; a registry that names ``/token/`` as its realm is worth it. Raises EEError.
    """
    login = {"hub_username": options.get("username"), "hub_password": options.get("password")}
    if not all(login.values()):
        raise Denied(
            f"Nobody to log in as at {urlsplit(registry_url).netloc} beyond its registry.",
            hint=f"If it is a Galaxy NG, its own API does this, and takes no `token`: give {REGISTRY_LOGIN}.",
        )
    hub = open_hub({**options, **login, "hub_host": registry_url}, read_only=read_only, login=REGISTRY_LOGIN)
    try:
        status = hub.get("pulp/api/v3/status/")
    except EEError as error:
        if error.status is None or error.status >= 500:
            raise
        return None  # not found, not allowed, or a page for people
    versions = status.get("versions") if isinstance(status, dict) else None
    components = {entry.get("component") for entry in versions or () if isinstance(entry, dict)}
    return hub if "galaxy" in components else None


def hub_of(module: AnsibleModule) -> Hub:
    """Return the hub of a module's options, or end the module."""
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    try:
        return open_hub(module.params, read_only=module.check_mode)
    except EEError as error:
        fail(module, error)


def split_host(host: str) -> tuple[str, str | None]:
    """Return address and root of ``hub.example.com`` or ``https://gateway.example.com/api/galaxy/``. Raises Invalid."""
    parts = reachable(host if "://" in host else "https://" + host)
    if parts is None or parts.query or parts.fragment:
        raise Invalid(f"`hub_host` is `{redact(host)}`.", hint="Give an address such as `https://hub.example.com`.")
    if parts.username is not None:
        raise Invalid("`hub_host` has a user in it.", hint="Give it with `hub_username`: addresses end up in logs.")
    path = parts.path.rstrip("/")
    root = None if path in ("", "/api") else path + "/"
    return urlunsplit((parts.scheme, parts.netloc, "", "", "")), root


def _login(username: str | None, password: str | None, token: str | None) -> dict[str, str]:
    """Return the header that logs in. Raises Denied."""
    if token:
        return {"Authorization": f"Token {token}"}
    if username and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
    raise Denied("Nobody to log in as at the hub.", hint="Give `hub_token`, or `hub_username` and `hub_password`.")
