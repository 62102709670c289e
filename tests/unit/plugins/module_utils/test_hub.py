# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of a hub against answers of galaxy-ng 4.9.2; the integration targets talk to the server itself."""

from __future__ import annotations

import http.server
import json
import threading
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _hub
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Denied,
    EEError,
    Failed,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import Wire
from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import HubRemover, remover_of

HTML = "<!doctype html><h1>Not Found</h1>"
G = "/api/galaxy/"
DENIED = {"errors": [{"status": "403", "code": "authentication_failed", "title": "No.", "detail": "Invalid token."}]}


@pytest.fixture
def serve():
    """Return a function that serves answers, path → what to say, on loopback; a list is said one after another."""
    servers = []

    def start(answers):
        log = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                log.append(f"{self.command} {self.path}")
                answer = answers.get(path, (404, HTML))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):  # of what writes only what is no more than a step towards it
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", log

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def hub_at(host, read_only=False, **login):
    login = login or {"hub_token": "t"}
    return _hub.open_hub({"hub_host": host, "timeout": 5.0, **login}, read_only=read_only)


def task(state, number=1, **more):
    return {"pulp_href": f"{G}{_hub.TASKS}{number}/", "name": "sync", "state": state, **more}


def test_pages_of_both_kinds(serve):
    galaxy = [{"meta": {"count": 3}, "data": [1, 2]}, {"meta": {"count": 3}, "data": [3]}]
    pulp = [{"count": 3, "results": [1]}, {"count": 3, "results": [2, 3]}]
    host, log = serve({G + "a/": galaxy, G + "b/": pulp, G + "c/": {"meta": {"count": 9}, "data": []}, G + "d/": [[]]})
    hub = hub_at(host)
    assert hub.find("a/", name="x y") == [1, 2, 3]
    assert hub.find("b/") == [1, 2, 3]
    assert hub.find("c/") == [], "a count that is never reached must not loop"
    assert log[:2] == [f"GET {G}a/?name=x+y&limit=100&offset=0", f"GET {G}a/?name=x+y&limit=100&offset=2"]
    assert hub.requests == 5
    with pytest.raises(Unreachable, match="no listing"):
        hub.find("d/")


@pytest.mark.parametrize(
    ("suffix", "root"), [("", "/gw/hub/"), ("/api/", "/gw/hub/"), ("/gw/hub", "/gw/hub/"), ("/gw/hub/", "/gw/hub/")]
)
def test_behind_a_gateway(serve, suffix, root):
    host, log = serve(
        {"/api/": {"apis": {"galaxy": "/gw/hub/", "controller": "/api/controller/"}}, root + "x/": {"a": 1}}
    )
    hub = hub_at(host + suffix)
    assert hub.get("x/") == {"a": 1}
    assert hub.get("x/") == {"a": 1}
    assert len(log) == (2 if "gw" in suffix else 4), "the place is asked once, and only if it is not the usual one"


@pytest.mark.parametrize("api", [(404, HTML), {"apis": {"galaxy": "/api/galaxy/"}}, {"apis": {"controller": "/"}}, []])
def test_nothing_there(serve, api):
    host, log = serve({"/api/": api})
    hub = hub_at(host)
    with pytest.raises(NotFound, match="Is this a Galaxy NG"):
        hub.get("x/")
    with pytest.raises(NotFound, match="Is this a Galaxy NG"):
        hub.find_repository("a/b")
    with pytest.raises(NotFound):
        hub.get("x/")
    assert [line for line in log if line == "GET /api/"] == ["GET /api/"]


def test_a_missing_record_is_no_missing_api(serve):
    host, log = serve({G + _hub.repository_path("a/b"): (404, {"errors": [{"status": "404", "title": "Not found."}]})})
    hub = hub_at(host)
    assert hub.find_repository("a/b") is None
    with pytest.raises(NotFound, match="has no repository `a/b`"):
        hub.repository("a/b")
    assert len(log) == 2


def test_bad_credentials_and_missing_rights_are_told_apart(serve):
    me = G + "_ui/v1/me/"
    pulp = (403, {"detail": "You do not have permission to perform this action."})
    host, _log = serve({G + "x/": (403, DENIED), me: (403, DENIED)})
    with pytest.raises(Denied, match=r"Invalid token\. It does not know these credentials") as caught:
        hub_at(host).get("x/")
    assert caught.value.details == {"denied_for": "credentials"}
    host, _log = serve({G + "x/": pulp, me: {"username": "alice"}})
    with pytest.raises(Denied, match=r"permission to perform this action\. It knows the user `alice`") as caught:
        hub_at(host).get("x/")
    assert caught.value.details == {"denied_for": "rights"}
    host, _log = serve({G + "x/": pulp})
    with pytest.raises(Denied) as caught:
        hub_at(host).get("x/")
    assert caught.value.details == {}, "who asks is not known where the question fails"


def test_waiting_follows_child_tasks(serve, monkeypatch):
    monkeypatch.setattr(_hub, "POLLS", (0.01,))
    child = G + _hub.TASKS + "2/"
    host, log = serve(
        {
            G + _hub.TASKS + "1/": [task("waiting"), task("running"), task("completed", child_tasks=[child])],
            child: [task("running", 2), task("completed", 2, created_resources=["v"])],
        }
    )
    record = hub_at(host).wait(host + G + _hub.TASKS + "1/", 10)
    assert [one["created_resources"] for one in record["children"]] == [["v"]]
    assert len(log) == 5


@pytest.mark.parametrize("place", ["1", "2"])
def test_a_failed_task_says_why(serve, monkeypatch, place):
    monkeypatch.setattr(_hub, "POLLS", (0.01,))
    failed = task("failed", place, error={"traceback": "…", "description": "404, message='Not Found'."})
    answers = {"1": task("completed", child_tasks=[G + _hub.TASKS + "2/"]), place: failed}
    host, _log = serve({f"{G}{_hub.TASKS}{number}/": answer for number, answer in answers.items()})
    with pytest.raises(Failed, match=rf"tasks/{place}/ .* ended as failed: 404, message='Not Found'\.$"):
        hub_at(host).wait("1", 10)


def test_the_timeout_holds_and_names_the_task(serve, monkeypatch):
    monkeypatch.setattr(_hub, "POLLS", (0.01,))
    reports = [
        {"message": "Downloading", "state": "running", "done": 3, "total": 9},
        {"message": "Associating", "state": "running", "done": 2, "total": None},
        {"message": "Tags", "state": "completed", "done": 1, "total": 1},
    ]
    host, _log = serve({G + _hub.TASKS + "1/": task("running", progress_reports=reports)})
    with pytest.raises(
        _hub.TimeUp, match=r"still running \(Downloading 3/9, Associating 2\)\. .* Raise `wait_timeout`"
    ):
        hub_at(host).wait("1", 0.05)


def test_words_of_the_hub_do_nothing_to_a_terminal(serve):
    escape = "\x1b]0;x\x07"
    errors = {"errors": [{"title": escape + "Bad.\r", "source": {"parameter": "a" + escape}}]}
    failed = task("failed", error={"description": escape + "y" * 9999})
    host, _log = serve({G + "x/": (400, errors), G + _hub.TASKS + "1/": failed})
    for ask in (lambda hub: hub.get("x/"), lambda hub: hub.wait("1", 5)):
        with pytest.raises(EEError) as caught:
            ask(hub_at(host))
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000


def test_an_error_nested_beyond_reason_is_an_error(serve):
    host, _log = serve({G + "x/": (400, "[" * 60_000), G + "y/": (404, "[" * 60_000)})
    with pytest.raises(Invalid, match="answered 400"):
        hub_at(host).get("x/")
    with pytest.raises(NotFound, match="no such API here"):
        hub_at(host).get("y/")


def image(digest, layers=(), children=(), config=None):
    return {
        "digest": digest,
        "layers": [{"digest": layer, "size": 1} for layer in layers],
        "image_manifests": [{"digest": child} for child in children],
        "config_blob": {"digest": config} if config else {},
    }


def listing(*records):
    return {"meta": {"count": len(records)}, "data": list(records)}


def version(added=(), removed=()):
    def contents(digests):
        tag = {"manifest_digest": "t", "tag_name": "latest"}
        return [tag, *({"manifest_digest": digest, "tag_name": None} for digest in digests)]

    return {"added": contents(added), "removed": contents(removed)}


def test_who_else_needs_the_blobs(serve):
    images = {
        "a": [image("index", children=["child"]), image("child", ["l1", "l2"], config="c"), image("lone", ["l9"])],
        "b/c": [image("other", ["l2"])],
        "d": [image("same config", ["l3"], config="c")],
        "e": [image("former", [])],
        "f": [image("back again", []), image("nothing shared", ["l8"])],
    }
    history = [  # newest first
        version(removed=["former"]),
        version(added=["back again"]),
        version(removed=["back again"]),
        version(added=["back again", "former"]),
    ]
    answers = {f"{G}{_hub.repository_path(name)}_content/images/": listing(*found) for name, found in images.items()}
    answers[G + _hub.EES] = listing(*({"name": name} for name in images))
    answers[f"{G}{_hub.repository_path('a')}_content/history/"] = listing(*history)
    host, _log = serve(answers)
    hub = hub_at(host, read_only=True)
    assert hub.shared_elsewhere("a", "index") == ["b/c", "d", "e"]
    assert hub.shared_elsewhere("a", "child") == ["b/c", "d", "e"]
    assert hub.shared_elsewhere("a", "lone") == ["e"], "this deletion strikes what was deleted before"
    before = hub.requests
    hub.shared_elsewhere("a", "lone")
    assert hub.requests == before + 1, "the images are read once"


def test_what_has_no_address_keeps_no_other_image(serve):
    answers = {
        G + _hub.EES: listing(*({"name": name} for name in ("a", "b/c", "deep/er/ee", "gone"))),
        f"{G}{_hub.repository_path('a')}_content/images/": listing(image("one", ["l1"])),
        f"{G}{_hub.repository_path('b/c')}_content/images/": listing(image("two", ["l1"]), image("three", ["l3"])),
        f"{G}{_hub.repository_path('gone')}_content/images/": (404, {"errors": [{"title": "Not found."}]}),
        f"{G}{_hub.repository_path('a')}_content/history/": listing(),
    }
    host, log = serve(answers)
    hub = hub_at(host, read_only=True)
    assert hub.shared_elsewhere("a", "one") == ["b/c"], "neither the deep one nor the one that went meanwhile fails it"
    assert hub.unaddressed == ["deep/er/ee"]
    assert not [line for line in log if "deep" in line]
    remover = HubRemover(hub, 5.0)
    (warning,) = remover.warnings("a", ["one"])
    assert "share blobs with b/c. Whether images of a share blobs with deep/er/ee is not known" in warning
    assert _hub.LOSS in warning
    (warning,) = remover.warnings("a", ["unshared"])
    assert warning.startswith("Whether images of a share blobs with deep/er/ee is not known")


def test_another_api_is_no_repository_that_went(serve):
    host, _log = serve({G + _hub.EES: listing({"name": "a"})})
    with pytest.raises(NotFound, match="no such API here"):
        hub_at(host).shared_elsewhere("a", "one")


REFUSED = (401, {"errors": [{"code": "UNAUTHORIZED", "message": "Insufficient permissions", "detail": {}}]})


def test_who_may_not_create_a_repository_is_told_so(serve):
    me = G + "_ui/v1/me/"
    answers = {"/token/": {"token": "t"}, "/v2/a/b/blobs/uploads/": REFUSED, me: {"username": "alice"}}
    host, log = serve(answers)
    with pytest.raises(Denied, match=r"401: Insufficient permissions\. It knows the user `alice`, who lacks") as caught:
        hub_at(host).create_pushed("a/b")
    assert caught.value.details == {"denied_for": "rights"}
    assert caught.value.as_result()["status"] == 401
    assert [line.partition(" ")[0] for line in log] == ["GET", "POST", "GET"]
    host, _log = serve({"/token/": REFUSED, me: (403, DENIED)})
    with pytest.raises(Denied, match="does not know these credentials: check `hub_token`") as caught:
        hub_at(host).create_pushed("a/b")
    assert caught.value.details == {"denied_for": "credentials"}


@pytest.mark.parametrize("options", [{}, {"token": "t"}, {"username": "u"}])
def test_nobody_to_log_in_as_behind_a_registry(options):
    with pytest.raises(Denied, match=r"Nobody to log in as at hub\.example\.com") as caught:
        _hub.hub_behind("https://hub.example.com", options, read_only=True)
    assert "give `username` and `password`, or `authfile`" in str(caught.value)
    assert "hub_" not in str(caught.value)


def test_bad_credentials_behind_a_registry(serve):
    answers = {
        G + "pulp/api/v3/status/": {"versions": [{"component": "galaxy"}]},
        G + "x/": (403, DENIED),
        G + "_ui/v1/me/": (403, DENIED),
    }
    host, _log = serve(answers)
    hub = _hub.hub_behind(host, {"username": "u", "password": "p", "timeout": 5.0}, read_only=True)
    assert hub is not None
    with pytest.raises(Denied, match="check `username` and `password`, or `authfile`") as caught:
        hub.get("x/")
    assert "hub_" not in str(caught.value)


@pytest.mark.parametrize(("options", "seconds"), [({"wait_timeout": 7.5}, 7.5), ({}, 120.0)])
def test_how_long_a_hub_behind_a_registry_may_take(monkeypatch, options, seconds):
    class Hub:
        unaddressed = ()
        waited: t.ClassVar[list[float]] = []

        def untag(self, _repository, _tag, timeout):
            self.waited.append(timeout)

        def remove_image(self, _repository, _digest, timeout):
            self.waited.append(timeout)

        def set_tag(self, _repository, _tag, _digest, timeout):
            self.waited.append(timeout)

    monkeypatch.setattr(_hub, "hub_behind", lambda *_args, **_more: Hub())
    host = "hub.example.com"
    wire = SimpleNamespace(
        registry=host, realm=f"https://{host}/token/", credentials=None, base_url=f"https://{host}", requests=0
    )
    remover = remover_of(Registry(t.cast(Wire, wire)), options, read_only=False)
    remover.untag("a", ["1"])
    remover.delete("a", "sha256:1")
    remover.tag("a", "2", "sha256:1")
    assert Hub.waited == [seconds] * 3
    Hub.waited.clear()


def test_looking_ahead_costs_no_more_than_asking_singly(serve):
    def page(names):
        return {"meta": {"count": 250}, "data": [{"name": name} for name in names]}

    pages = [page(["a", *["x"] * 99]), page(["b", "e", *["x"] * 98]), page(["c"])]
    host, log = serve({G + _hub.EES: pages})
    hub = hub_at(host)
    hub.look_ahead(["a", "b", "c", "e", "deep/er/ee"], [])
    assert len(log) == 2, "the third page is no cheaper than asking for the one that is left"
    assert hub.find_repository("a") == {"name": "a"}
    hub.look_ahead(["only one"], ["only one"])
    assert len(log) == 2, "one is asked for by its name"
    hub.forget("a")
    with pytest.raises(NotFound):
        hub.find_repository("a")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"versions": [{"component": "core"}, {"component": "galaxy"}]}, True),
        ({"versions": [{"component": "core"}]}, False),
        ("[]", False),
        ((401, {"errors": []}), False),
        ((404, "page not found"), False),
        ("<html>", False),
    ],
)
def test_whether_a_registry_is_a_hub(serve, answer, found):
    host, _log = serve({G + "pulp/api/v3/status/": answer})
    options = {"username": "u", "password": "p", "timeout": 5.0}
    assert (_hub.hub_behind(host, options, read_only=True) is not None) == found


def test_a_registry_that_does_not_answer_is_no_other_kind_of_registry(serve):
    host, _log = serve({G + "pulp/api/v3/status/": (500, HTML)})
    with pytest.raises(Unreachable):
        _hub.hub_behind(host, {"username": "u", "password": "p", "timeout": 5.0}, read_only=True)


@pytest.mark.parametrize(
    ("record", "identifier"),
    [
        ({"id": "a", "pulp_id": "b"}, "a"),
        ({"pulp_id": "b"}, "b"),
        ({"pk": "c"}, "c"),
        ({"pulp_href": "/api/galaxy/pulp/api/v3/tasks/d/"}, "d"),
    ],
)
def test_ids_of_older_servers(record, identifier):
    assert _hub.record_id(record) == identifier


def test_no_id_at_all():
    with pytest.raises(Unreachable, match="no id"):
        _hub.record_id({})


@pytest.mark.parametrize("name", ["", "a/b/c", "/a", "a/", "a//b"])
def test_names_that_cannot_be_addressed(name):
    with pytest.raises(Invalid, match="no name of a repository"):
        _hub.repository_path(name)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("hub.example.com", ("https://hub.example.com", None)),
        ("http://hub.example.com:8080/", ("http://hub.example.com:8080", None)),
        ("https://gw.example.com/api/galaxy", ("https://gw.example.com", "/api/galaxy/")),
    ],
)
def test_hosts(host, parts):
    assert _hub.split_host(host) == parts


@pytest.mark.parametrize(
    "host",
    [
        "ftp://hub",
        "https://",
        "https://u:pw@hub",
        "https://hub/?x=1",
        "ftp://u:pw@hub",
        "https://u:pw@[::zz]",
        "hub:99999",
    ],
)
def test_hosts_refused(host):
    with pytest.raises(Invalid) as refused:
        _hub.split_host(host)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("login", [{"hub_username": "u"}, {"hub_password": "p"}, {"hub_token": ""}])
def test_nobody(login):
    with pytest.raises(Denied, match="Nobody to log in as"):
        hub_at("http://127.0.0.1:9", **login)


def test_read_only_is_locked(serve):
    host, log = serve({})
    with pytest.raises(AssertionError, match="check mode"):
        hub_at(host, read_only=True).write("POST", "x/")
    assert log == []
