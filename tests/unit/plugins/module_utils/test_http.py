# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON client against a real server that misbehaves."""

from __future__ import annotations

import email.utils
import json
import time

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _http as http
from ansible_collections.foundry.ee.plugins.module_utils import _http_json as http_json
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(http_json, "PAUSES", (0.01, 0.01, 0.01))


@pytest.fixture
def server():
    with FaultRegistry() as registry:
        yield registry


@pytest.fixture
def other():
    with FaultRegistry() as registry:
        yield registry


def client(server, read_only=False, timeout=5.0):
    connection = http.Connection(timeout=timeout)
    send = http_json.sender(http.open_session(connection), connection)
    return http_json.Client(f"{server.url}/api", send, read_only=read_only, headers={"Authorization": "Token secret"})


def test_json_goes_in_and_comes_out(server):
    taken = {}

    def echo(handler):
        taken["body"] = json.loads(handler.body())
        handler.answer(200, b'{"id": 7}')

    server.on("POST /api/things/", echo)
    server.on("DELETE", lambda handler: handler.answer(204))
    ours = client(server)
    assert ours.call("POST", "things/", {"name": "é"}) == {"id": 7}
    assert taken["body"] == {"name": "é"}
    assert ours.call("DELETE", "things/7/") is None
    assert ours.requests == 2
    assert server.seen[0].headers["authorization"] == "Token secret"


def test_check_mode_cannot_write(server):
    with pytest.raises(AssertionError, match="in check mode"):
        client(server, read_only=True).call("POST", "things/", {})
    assert server.seen == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_may_be_repeated_is(server, method):
    server.on("", faults.status(503), times=2)
    server.on("", faults.says(b"{}"))
    assert client(server).call(method, "things/") == {}
    assert len(server.seen) == 3


def test_what_may_not_be_repeated_is_not(server):
    server.on("", faults.status(503))
    with pytest.raises(Unreachable):
        client(server).call("POST", "things/", {})
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Invalid),
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (409, Conflict),
        (429, Unreachable),
        (500, Unreachable),
    ],
)
def test_kinds_of_errors(server, code, kind):
    server.on("", faults.status(code, Retry_After="999"), times=9)
    with pytest.raises(kind) as caught:
        client(server).call("GET", "things/")
    assert caught.value.as_result()["status"] == code
    assert "fault" in str(caught.value)
    assert len(server.seen) == 1


def test_redirects_are_not_followed(server, other):
    server.on("", faults.redirect(f"{other.url}/x?token=abc"))
    with pytest.raises(Denied, match="not followed") as caught:
        client(server).call("GET", "things/")
    assert "abc" not in str(caught.value)
    assert other.seen == []


def test_another_host_is_not_asked(server, other):
    with pytest.raises(Denied, match="points to another host"):
        client(server).call("GET", f"{other.url}/api/things/")
    assert other.seen == []


@pytest.mark.parametrize("path", ["https://[x", "https://[1.2]/x"])
def test_what_is_no_address_is_not_asked(server, path):
    with pytest.raises(Denied, match="points to another host, an address that cannot be read"):
        client(server).call("GET", path)
    assert server.seen == []


@pytest.mark.parametrize("proxy", ["http://a..b:3128", "http://[::zz]:3128", "nonsense://p"])
def test_a_proxy_that_can_be_none(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    connection = http.Connection(timeout=5.0)
    ours = http_json.Client(
        "https://hub.example.com", http_json.sender(http.open_session(connection), connection), read_only=True
    )
    with pytest.raises(Unreachable, match=r"no answer from hub\.example\.com"):
        ours.call("GET", "x/")


def test_pages(server):
    for number in range(3):
        following = f"/api/things/?page={number + 1}" if number < 2 else None
        server.on(rf"page={number}$", faults.says(json.dumps({"n": number, "next": following}).encode()))
    pages = client(server).pages("things/?page=0", lambda page: page["next"])
    assert [page["n"] for page in pages] == [0, 1, 2]


def test_pages_that_go_round_in_circles(server):
    server.on("", faults.says(b'{"next": "/api/things/"}'), times=9)
    with pytest.raises(Unreachable, match="never ends"):
        list(client(server).pages("things/", lambda page: page["next"]))


@pytest.mark.parametrize("act", [faults.says(b"<html>"), faults.endless, faults.dropped, faults.silent(2)])
def test_answers_that_cannot_be_used(server, act, monkeypatch):
    monkeypatch.setattr(http_json, "LONGEST_BODY", 1_000_000)
    server.on("", act, times=9)
    with pytest.raises(Unreachable):
        client(server, timeout=0.5).call("GET", "things/")


def test_a_long_error_is_cut(server):
    server.on("", lambda handler: handler.answer(400, b"x" * 1_000_000))
    with pytest.raises(Invalid) as caught:
        client(server).call("GET", "things/")
    assert len(str(caught.value)) < 1000


def test_retry_after():
    def asked(text):
        return http.retry_after(http.Response(429, {"Retry-After": text}, b""), 0.5)

    assert asked("7") == 7
    assert asked("soon") == asked("") == 0.5
    assert 8 < asked(email.utils.formatdate(time.time() + 10)) <= 10
    assert asked(email.utils.formatdate(time.time() - 10)) == 0


def test_addresses_in_messages_hold_no_secrets():
    shown = http.redact("https://user:pw@h.example.com/x?token=abc&page=2&name__icontains=y#frag")
    assert shown == "https://h.example.com/x?token=…&page=2&name__icontains=y"


def test_the_cause_is_told_to_people():
    send = http_json.sender(http.open_session(http.Connection()), http.Connection(timeout=0.5))
    ours = http_json.Client("http://127.0.0.1:1", send, read_only=True)
    with pytest.raises(Unreachable, match=r"no answer from 127\.0\.0\.1:1: Connection refused\. Is the server up"):
        ours.call("GET", "x")
