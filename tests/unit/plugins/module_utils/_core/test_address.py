# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import address as a

UNREACHABLE = [
    "https://r.example.com:99999",
    "https://r.example.com:0",
    "https://r.example.com:abc",
    "https://[::zz]:5000",
    "https://[1.2.3]",
    "https://[::1",
    "https://r..example.com",
    "https://.example.com",
    f"https://r.{'a' * 64}",
    "https://r example.com",
    "https://r.example.com\\evil.example.com",
    "https://",
    "ftp://r.example.com",
    "r.example.com",
    "",
]


@pytest.mark.parametrize("url", UNREACHABLE)
def test_no_request_could_be_sent_there(url):
    assert a.reachable(url) is None
    assert a.address(url) is None


@pytest.mark.parametrize(
    "url",
    ["https://r", "http://127.0.0.1:1", "https://[::1]:5000/v2/", "https://r_1.example.com.", "https://é.example.com"],
)
def test_a_request_could_be_sent_there(url):
    assert a.reachable(url) is not None
    assert a.address(url) == a.reachable(url)


def test_a_user_is_no_part_of_an_address_that_the_other_side_names():
    assert a.reachable("https://u:p@r.example.com") is not None
    assert a.address("https://u:p@r.example.com") is None


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "a.localhost"]
)
def test_loopback(host):
    assert a.is_loopback(host)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1:5000", "localhost.example.com", "[fe80::1]", "128.0.0.1"])
def test_not_loopback(host):
    assert not a.is_loopback(host)
