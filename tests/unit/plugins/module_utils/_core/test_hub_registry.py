# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import hub_registry
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_registry import Registry

# As galaxy-ng 4.9.2 answers (2026-11-20), without the fields that we do not read.
RECORD = {
    "id": "01a1f821-4487-76bd-b602-68bd95b90e7e",
    "name": "up",
    "url": "https://registry.example.org",
    "policy": "immediate",
    "tls_validation": False,
    "client_cert": None,
    "ca_cert": None,
    "download_concurrency": 5,
    "proxy_url": "http://proxy.example.org:3128",
    "write_only_fields": [
        {"name": "client_key", "is_set": False},
        {"name": "username", "is_set": True},
        {"name": "password", "is_set": True},
        {"name": "client_key", "is_set": False},
        {"name": "proxy_username", "is_set": True},
        {"name": "proxy_password", "is_set": True},
    ],
    "rate_limit": 0,
    "is_indexable": False,
}
CURRENT = Registry.from_record("1", RECORD)


def unknown(_name, _value):
    return None


def plan(options, update_secrets="on_change", same=unknown, name="up", current=CURRENT):
    return hub_registry.plan_present(name, hub_registry.normalized(options), current, update_secrets, same)


def test_a_record_is_read():
    assert CURRENT.values["tls_validation"] is False
    assert CURRENT.values["rate_limit"] is None, "0 is no limit, as is none"
    assert CURRENT.secrets_set == {
        "username": True,
        "password": True,
        "client_key": False,
        "proxy_username": True,
        "proxy_password": True,
    }


def test_before_4_7_secrets_were_listed_elsewhere():
    record = {key: value for key, value in RECORD.items() if key != "write_only_fields"}
    registry = Registry.from_record("1", {**record, "hidden_fields": [{"name": "password", "is_set": True}]})
    assert registry.secrets_set["password"]
    assert not registry.secrets_set["username"]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, None),
        ({"url": "https://registry.example.org ", "tls_validation": False, "rate_limit": 0, "ca_cert": ""}, None),
        ({"tls_validation": True}, {"tls_validation": True}),
        ({"download_concurrency": 0}, {"download_concurrency": None}),
        ({"rate_limit": 3}, {"rate_limit": 3}),
        ({"ca_cert": "PEM\n"}, {"ca_cert": "PEM"}),
        ({"username": ""}, {"username": None}),
        ({"client_key": ""}, None),
        ({"client_key": "k"}, {"client_key": "k"}),
        ({"password": "p"}, None),
        ({"password": "p", "rate_limit": 3}, {"rate_limit": 3, "password": "p"}),
    ],
)
def test_what_is_sent(options, body):
    planned = plan(options)
    expected = None if body is None else {"name": "up", "url": "https://registry.example.org", **body}
    assert planned.body == expected
    assert planned.changed == (body is not None)


@pytest.mark.parametrize(
    ("update_secrets", "same", "sent"),
    [
        ("on_change", None, False),
        ("on_change", True, False),
        ("on_change", False, True),
        ("always", True, True),
        ("never", False, False),
    ],
)
def test_secrets(update_secrets, same, sent):
    planned = plan({"password": "p"}, update_secrets, lambda _name, _value: same)
    assert planned.changed == sent
    assert ("password" in (planned.body or {})) == sent
    assert "p" not in str(planned.diff["after"]["password"]).split()


def test_a_proxys_user_and_password_go_together_and_with_its_address():
    planned = plan({"proxy_username": "u", "proxy_password": "p"}, same=lambda name, _value: name != "proxy_password")
    assert planned.body == {
        "name": "up",
        "url": "https://registry.example.org",
        "proxy_url": "http://proxy.example.org:3128",
        "proxy_username": "u",
        "proxy_password": "p",
    }


def test_new():
    planned = plan({"url": "https://r.example", "password": "p", "ca_cert": ""}, current=None)
    assert planned.body == {"name": "up", "url": "https://r.example", "password": "p"}
    assert planned.before is None
    assert planned.result["registry"]["secrets_set"]["password"]
    assert "p" not in planned.result["registry"].values()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "`url` is not given"),
        ({"url": ""}, "`url` is empty"),
        ({"url": "registry.example.org"}, "Give an address"),
        ({"url": "https://[bad"}, "is no address"),
        ({"url": "https://u:p@r.example"}, "holds a user"),
        ({"url": "https://r.example", "rate_limit": -1}, "above 0"),
        ({"url": "https://r.example", "proxy_username": "u", "proxy_password": "p"}, "there is no proxy"),
        ({"url": "https://r.example", "proxy_url": "http://p", "proxy_username": "u"}, "Give both"),
    ],
)
def test_refused(options, words):
    with pytest.raises(Invalid, match=words):
        plan(options, current=None)


def test_renaming():
    other = Registry.from_record("2", {**RECORD, "name": "new"})
    assert hub_registry.pick("up", None, [CURRENT]) == (CURRENT, "up")
    assert hub_registry.pick("up", "new", [CURRENT]) == (CURRENT, "new")
    assert hub_registry.pick("up", "new", [other]) == (other, "new")
    assert hub_registry.pick("up", "new", []) == (None, "new")
    with pytest.raises(Conflict, match="the hub has both"):
        hub_registry.pick("up", "new", [CURRENT, other])
    assert plan({}, name="new").body == {"name": "new", "url": "https://registry.example.org"}


def test_absent():
    assert not hub_registry.plan_absent(None, []).changed
    planned = hub_registry.plan_absent(CURRENT, ["a/b"])
    assert planned.changed
    assert planned.diff["after"] == {}
    assert "a/b" in planned.warnings[0]
