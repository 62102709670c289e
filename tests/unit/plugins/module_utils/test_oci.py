# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client against a real server that misbehaves: each case ends well or in a typed error, and gives nothing away."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _oci, _oci_blobs, _oci_copy, _oci_http, _oci_lists
from ansible_collections.foundry.ee.plugins.module_utils._core import manifest as m
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    EEError,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import load
from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import delete_manifest, untag
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import RegistrySource
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry, digest_of

BLOB = os.urandom(3 * 1024 * 1024)
DESCRIBED = m.Descriptor("application/x", digest_of(BLOB), len(BLOB))
LOGIN = {"username": FaultRegistry.user, "password": FaultRegistry.password}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No credentials of the machine's user, no long pauses."""
    for name in (
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "DOCKER_CONFIG",
        "HTTP_PROXY",
        "http_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    monkeypatch.setattr(_oci_http, "BUSY_PAUSES", (0.01,) * 5)
    monkeypatch.setattr(_oci_http, "LOST_PAUSES", (0.01,) * 2)
    monkeypatch.setattr(_oci_blobs, "_BREAK_PAUSE", 0.01)


@pytest.fixture
def registry():
    with FaultRegistry() as server:
        yield server


@pytest.fixture
def other():
    with FaultRegistry() as server:
        yield server


def open_(server, read_only=False, **options):
    return _oci.open_registry(f"{server.host}/team/ee", {"timeout": 5.0, **options}, read_only)


def ref(server, tag="1.0"):
    return f"{server.host}/team/ee{'@' if ':' in tag else ':'}{tag}"


def read(client, blob=DESCRIBED, repository="team/ee"):
    return b"".join(_oci_blobs.verified(client.read_blob(repository, blob), blob, "here"))


def _note(seen, chunks):
    for chunk in chunks:
        seen += chunk
        yield b""


def write(client, data=BLOB, size=1024 * 1024):
    blob = m.Descriptor("application/x", digest_of(data), len(data))
    client.write_blob("team/ee", blob, lambda: (data[at : at + size] for at in range(0, len(data), size)))


# What it does on a good day


def test_what_a_tag_stands_for(registry):
    digest = registry.put_image("team/ee", "1.0")
    client = open_(registry, read_only=True)
    assert client.digest(ref(registry)) == digest
    assert client.digest(ref(registry, digest)) == digest
    assert client.digest(ref(registry, "none")) is None
    assert client.requests == 3
    assert {seen.method for seen in registry.seen} == {"HEAD"}


def test_a_registry_that_does_not_name_digests(registry):
    digest = registry.put_image("team/ee", "1.0")
    media_type, body = registry.repository("team/ee").manifests[digest]
    registry.on("HEAD", faults.says(b"", Content_Type=media_type))
    registry.on("GET", faults.says(body, Content_Type=media_type))
    assert open_(registry).digest(ref(registry)) == digest


def test_configuration_of_an_image_and_of_an_index(registry):
    images = {
        "linux/arm64": registry.put_image("team/ee", architecture="arm64", config={"Labels": {"a": "arm64"}}),
        "linux/amd64": registry.put_image("team/ee", config={"Labels": {"a": "amd64"}}),
    }
    registry.put_index("team/ee", images, "multi")
    client = open_(registry)
    assert client.config(ref(registry, images["linux/arm64"]))["config"]["Labels"] == {"a": "arm64"}
    assert client.config(ref(registry, "multi"))["config"]["Labels"] == {"a": "amd64"}
    arm = m.Platform.parse("linux/arm64")
    assert client.config(ref(registry, "multi"), arm)["config"]["Labels"] == {"a": "arm64"}


def test_a_tag_of_the_same_image(registry):
    digest = registry.put_image("team/ee", "1.0")
    assert open_(registry).tag(ref(registry), "latest") == digest
    assert registry.repository("team/ee").tags == {"1.0": digest, "latest": digest}


def test_ten_thousand_tags_and_repositories(registry):
    digest = registry.put_image("team/ee")
    registry.repository("team/ee").tags.update({f"t{number:05}": digest for number in range(10_000)})
    registry.repositories.update({f"r{number:05}": faults.Repository() for number in range(10_000)})
    client = open_(registry)
    tags = client.tags("team/ee")
    assert tags is not None
    assert len(tags) == 10_000
    assert client.requests == 10
    assert len(client.catalog()) == 10_001
    assert client.tags("none") is None


def test_digests_are_asked_in_parallel_and_kept_in_order(registry):
    digest = registry.put_image("team/ee", *(f"t{number}" for number in range(30)))
    found = open_(registry).digests("team/ee", ["none", *(f"t{number}" for number in range(30))])
    assert list(found.values()) == [None] + [digest] * 30


def test_blobs_go_in_whole_and_come_out_whole(registry):
    client = open_(registry)
    assert not client.has_blob("team/ee", DESCRIBED)
    write(client)
    assert client.has_blob("team/ee", DESCRIBED)
    assert read(client) == BLOB
    assert client.bytes_written == len(BLOB)
    write(client, b"")
    assert registry.repository("team/ee").blobs[digest_of(b"")] == b""


def test_the_first_upload_to_a_repository_begins_alone(registry):
    """It creates the repository, and Galaxy NG refuses one of two that do so at once."""
    begun = []

    def first(handler):
        time.sleep(0.2)
        begun.append(len(registry.asked("POST")))
        handler.begin("team/ee")

    registry.on("POST", first)
    client = open_(registry)
    client.has_blob("team/ee", DESCRIBED)  # the first request of all goes alone anyway
    _oci.in_parallel(lambda number: write(client, b"%d" % number), range(4))
    assert begun == [1]
    assert len(registry.asked("POST")) == 4


def test_a_blob_of_another_repository_is_taken_over(registry):
    registry.put_blob("other/ee", BLOB)
    client = open_(registry)
    assert client.mount("team/ee", DESCRIBED, "other/ee")
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}
    registry.mounts = False
    assert not client.mount("third/ee", DESCRIBED, "other/ee")
    assert registry.uploads == {}  # the upload that it began instead was cancelled


def test_a_registry_that_takes_no_large_blob_gets_pieces(registry, monkeypatch):
    monkeypatch.setattr(_oci_blobs, "UPLOAD_PIECE", 1_000_000)
    registry.largest_put = 2_000_000
    write(open_(registry))
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}
    assert [int(seen.headers["content-length"]) for seen in registry.asked("PATCH")] == [1_000_000] * 3 + [145_728]


def test_referrers_by_the_api_and_by_the_tag(registry):
    subject = registry.put_image("team/ee", "1.0")
    client = open_(registry)
    assert client.referrers("team/ee", subject) == []
    registry.referrers_api = True
    attached = registry.put_referrer("team/ee", subject, "application/x.sbom")
    assert [each.digest for each in open_(registry).referrers("team/ee", subject)] == [attached]

    registry.referrers_api = False
    fallback = open_(registry)
    manifest = fallback.manifest(ref(registry, attached))
    fallback.put_manifest("team/ee", manifest)
    fallback.put_manifest("team/ee", manifest)  # once is enough
    found = fallback.referrers("team/ee", subject)
    assert [(each.digest, each.raw["artifactType"]) for each in found] == [(attached, "application/x.sbom")]
    assert len(registry.asked("GET .*/referrers/")) == 3


@pytest.mark.parametrize("deletes_tags", [True, False])
def test_one_tag_is_removed_and_nothing_else(registry, deletes_tags):
    registry.deletes_tags = deletes_tags
    digest = registry.put_image("team/ee", "1.0", "latest", "gone")
    untag(open_(registry), "team/ee", ["gone", "never-was"])
    assert registry.repository("team/ee").tags == {"1.0": digest, "latest": digest}
    assert set(registry.repository("team/ee").manifests) == {digest}


def test_a_registry_that_does_not_delete_keeps_its_tags(registry):
    registry.deletes = False
    digest = registry.put_image("team/ee", "1.0")
    with pytest.raises(Conflict, match=r"does not delete.*switched on"):
        untag(open_(registry), "team/ee", ["1.0"])
    assert registry.repository("team/ee").tags == {"1.0": digest}
    assert registry.asked("PUT") == []
    with pytest.raises(Conflict):
        delete_manifest(open_(registry), "team/ee", digest)


def test_deleting_twice(registry):
    digest = registry.put_image("team/ee", "1.0")
    assert delete_manifest(open_(registry), "team/ee", digest)
    assert not delete_manifest(open_(registry), "team/ee", digest)


def test_check_mode_cannot_write(registry):
    registry.put_image("team/ee", "1.0")
    client = open_(registry, read_only=True)
    for attempt in (
        lambda: write(client),
        lambda: client.tag(ref(registry), "x"),
        lambda: untag(client, "team/ee", ["1.0"]),
        lambda: client.mount("team/ee", DESCRIBED, "other"),
    ):
        with pytest.raises(AssertionError, match="in check mode"):
            attempt()
    assert {seen.method for seen in registry.seen} <= {"GET", "HEAD"}


def test_short_names_and_other_hosts_are_refused(registry):
    with pytest.raises(Invalid, match="names no registry"):
        _oci.open_registry("team/ee", {}, True)
    with pytest.raises(Invalid, match="is not at"):
        open_(registry).digest("127.0.0.1:1/team/ee:1.0")
    assert _oci.open_registry(f"{registry.host}/", {}, True).catalog() == []


# Who we are


def test_basic(registry):
    registry.auth = "basic"
    digest = registry.put_image("team/ee", "1.0")
    client = open_(registry, **LOGIN)
    assert client.digest(ref(registry)) == digest
    assert client.requests == 1  # no challenge is waited for
    with pytest.raises(Denied, match="do they allow reading"):
        open_(registry, **{**LOGIN, "password": "wrong"}).digest(ref(registry))
    with pytest.raises(Denied, match="No credentials were found"):
        open_(registry).digest(ref(registry))


def test_a_token_for_each_scope_is_asked_for_once(registry):
    registry.auth = "bearer"
    registry.put_image("team/ee", "1.0", "2.0")
    client = open_(registry, **LOGIN)
    client.digests("team/ee", ["1.0", "2.0", "3.0"])
    client.tag(ref(registry), "latest")
    client.tag(ref(registry), "newest")
    assert len(registry.asked("/token")) == 2
    assert all("Basic" not in seen.headers.get("authorization", "") for seen in registry.asked("/v2/")[1:])


def test_many_that_ask_at_once_are_sent_for_one_token(registry):
    registry.auth = "bearer"
    registry.put_image("team/ee", *map(str, range(20)))
    client = open_(registry, **LOGIN)
    assert None not in client.digests("team/ee", map(str, range(20))).values()
    assert client.requests == len(registry.seen) == 22  # the challenge, the token, one for each tag


def test_a_token_is_as_good_as_a_password(registry):
    registry.auth = "bearer"
    digest = registry.put_image("team/ee", "1.0")
    registry.tokens["given"] = {"repository:team/ee:pull"}
    assert open_(registry, token="given").digest(ref(registry)) == digest
    with pytest.raises(Denied):
        open_(registry, token="unknown").digest(ref(registry))
    assert registry.asked("/token") == []


def test_an_expired_token_is_renewed(registry):
    registry.auth = "bearer"
    digest = registry.put_image("team/ee", "1.0")
    client = open_(registry, **LOGIN)
    client.digest(ref(registry))
    registry.tokens.clear()
    assert client.digest(ref(registry)) == digest
    assert len(registry.asked("/token")) == 2


def test_a_token_that_expires_while_a_blob_is_sent(registry):
    registry.auth = "bearer"
    client = open_(registry, **LOGIN)
    registry.on("PUT .*/uploads/", faults.status(401, WWW_Authenticate=f'Bearer realm="{registry.url}/token"'))
    write(client)
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}


def test_a_401_loop_ends(registry):
    registry.put_image("team/ee", "1.0")
    challenge = f'Bearer realm="{registry.url}/token",service="x"'
    registry.on("/v2/", faults.status(401, WWW_Authenticate=challenge), times=1000)
    with pytest.raises(Denied):
        open_(registry, **LOGIN).digest(ref(registry))
    assert len(registry.seen) <= 4


def test_a_token_service_that_refuses(registry):
    registry.auth = "bearer"
    with pytest.raises(Denied, match=r"token service of .* gives user `robot` no token: 401.*password right"):
        open_(registry, username="robot", password="wrong").digest(ref(registry))
    with pytest.raises(Denied, match="gives an anonymous user no token"):
        open_(registry).digest(ref(registry))


NO_TOKENS = [b"", b"[]", b"<html>", b'{"token": ""}', b'{"token": "a\\nb"}', b'{"token": 7}', b"[" * 100_000]


@pytest.mark.parametrize("answer", [*NO_TOKENS, b'{"token": "t", "expires_in": 1' + b"0" * 400 + b"}"])
def test_a_token_service_that_talks_nonsense(registry, answer):
    registry.auth = "bearer"
    registry.on("/token", faults.says(answer))
    with pytest.raises(Unreachable, match="token service"):
        open_(registry, **LOGIN).digest(ref(registry))


def test_credentials_are_not_sent_to_a_realm_on_another_host(registry, other):
    registry.auth = "bearer"
    registry.realm = f"{other.url}/token"
    with pytest.raises(Denied, match="another host"):
        open_(registry, **LOGIN).digest(ref(registry))
    assert other.seen == []


def test_a_token_service_that_is_busy_or_breaks_off(registry):
    registry.auth = "bearer"
    digest = registry.put_image("team/ee", "1.0")
    registry.on("/token", faults.status(429, Retry_After="0"), times=2)
    registry.on("/token", faults.dropped)
    assert open_(registry, **LOGIN).digest(ref(registry)) == digest
    assert all(seen.headers["accept-encoding"] == "identity" for seen in registry.seen)


@pytest.mark.parametrize("realm", ["http://[::1", "http://127.0.0.1:abc/token", "http://a..b/token", "/token", ""])
def test_a_token_service_at_no_address(registry, realm):
    challenge = f'Bearer realm="{realm}"'
    registry.on("HEAD", lambda handler: handler.answer(401, WWW_Authenticate=challenge))
    with pytest.raises(Denied, match="no address of a token service"):
        open_(registry, **LOGIN).digest(ref(registry))


def test_an_identity_token_is_exchanged(registry, tmp_path):
    registry.auth = "bearer"
    digest = registry.put_image("team/ee", "1.0")
    registry.tokens["exchanged"] = {"repository:team/ee:pull"}
    taken = {}

    def exchange(handler):
        taken["body"] = handler.body().decode()
        handler.answer(200, b'{"access_token": "exchanged"}')

    registry.on("POST /token", exchange)
    authfile = tmp_path / "auth.json"
    authfile.write_text(json.dumps({"auths": {registry.host: {"identitytoken": "long-lived"}}}))
    assert open_(registry, read_only=True, authfile=str(authfile)).digest(ref(registry)) == digest
    assert "refresh_token=long-lived" in taken["body"]
    assert "scope=repository%3Ateam%2Fee%3Apull" in taken["body"]


# Addresses


@pytest.mark.parametrize("host", ["localhost:99999", "[1.2.3]", f"r.{'a' * 64}"])
@pytest.mark.parametrize("validate_certs", [True, False])
def test_a_host_that_can_be_none(host, validate_certs):
    with pytest.raises(Invalid, match="is no address of a registry"):
        _oci.open_registry(f"{host}/team/ee:1.0", {"validate_certs": validate_certs}, read_only=True)


@pytest.mark.parametrize("proxy", ["http://a..b:3128", "http://[::zz]:3128", "http://p:99999", "nonsense://p"])
def test_a_proxy_that_can_be_none(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(Unreachable, match=r"Cannot read r.example.com/ee:1.0: no answer"):
        _oci.open_registry("r.example.com/ee:1.0", {}, read_only=True).digest("r.example.com/ee:1.0")


# Redirects


def test_a_blob_elsewhere_is_fetched_without_our_credentials(registry, other):
    registry.auth = "basic"
    other.put_blob("x", BLOB)
    where = f"{other.url}/v2/x/blobs/{DESCRIBED.digest}"
    registry.on("GET .*/blobs/", faults.redirect(where))
    assert read(open_(registry, **LOGIN)) == BLOB
    assert "authorization" not in other.seen[0].headers
    assert "cookie" not in other.seen[0].headers


def test_a_host_that_we_were_sent_to_is_not_told_who_we_are_when_it_asks(registry, other):
    registry.auth = "basic"
    other.auth = "basic"
    registry.on("GET .*/blobs/", faults.redirect(f"{other.url}/v2/x/blobs/{DESCRIBED.digest}"))
    with pytest.raises(Denied):
        read(open_(registry, **LOGIN))
    assert len(other.seen) == 1
    assert "authorization" not in other.seen[0].headers


def test_within_the_registry_a_redirect_keeps_the_credentials(registry):
    registry.auth = "basic"
    digest = registry.put_image("team/ee", "1.0")
    registry.on("GET .*/manifests/1.0", faults.redirect(f"/v2/team/ee/manifests/{digest}", 302))
    assert open_(registry, **LOGIN).manifest(ref(registry)).digest == digest


def test_redirects_end(registry):
    registry.on("GET", faults.redirect("/v2/team/ee/manifests/1.0"), times=1000)
    with pytest.raises(Denied, match="redirects more than 5 times"):
        open_(registry).manifest(ref(registry))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://h/x", "http://user@h/x", "gopher://h"])
def test_redirects_to_what_is_no_web_address(registry, location):
    registry.on("GET", faults.redirect(location))
    with pytest.raises(Denied, match="not followed"):
        open_(registry).manifest(ref(registry))


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://127.0.0.1:99999/x", "http://127.0.0.1:abc/x", "http://a..b/x", "/\xe9"]
)
def test_redirects_and_uploads_to_no_address(registry, location):
    registry.on("GET .*/blobs/", faults.redirect(location))
    with pytest.raises(Denied, match="sends us to"):
        read(open_(registry))
    registry.on("POST", faults.redirect(location, 202))
    with pytest.raises(Denied, match="sends us to"):
        write(open_(registry))


@pytest.mark.parametrize("kind", ["GET .*/blobs/", "GET .*/manifests/"])
def test_the_body_of_a_redirect_is_not_read(registry, kind):
    def send(handler):
        handler.send_response(307)
        handler.send_header("Location", f"{handler.path}?moved")
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b" " * 65536)

    registry.put_blob("team/ee", BLOB)
    registry.put_image("team/ee", "1.0")
    registry.on(kind + "[^?]*$", send)
    assert read(open_(registry)) == BLOB
    assert open_(registry).manifest(ref(registry)).layers


def test_cookies_are_not_kept(registry):
    registry.put_image("team/ee", "1.0")
    registry.on("HEAD", lambda handler: handler.answer(404, Set_Cookie="session=secret"))
    client = open_(registry)
    client.digest(ref(registry))
    client.digest(ref(registry))
    assert "cookie" not in registry.seen[1].headers


def test_this_machine_is_not_reached_through_a_proxy(registry, other, monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, other.url)
    digest = registry.put_image("team/ee", "1.0")
    assert open_(registry).digest(ref(registry)) == digest
    assert other.seen == []


def test_another_machine_is_and_the_proxy_sees_no_credentials(other, monkeypatch):
    monkeypatch.setenv("https_proxy", other.url)
    with pytest.raises(Unreachable, match=r"Cannot read r\.invalid/ee:1: no answer"):
        _oci.open_registry("r.invalid/ee", {**LOGIN, "timeout": 5.0}, True).digest("r.invalid/ee:1")
    assert {seen.method for seen in other.seen} == {"CONNECT"}
    assert all("authorization" not in seen.headers for seen in other.seen)


# Breaks


@pytest.mark.parametrize("after", [0, 1, 1_000_000, len(BLOB) - 1])
def test_a_blob_that_breaks_off_is_gone_on_with(registry, after):
    registry.put_blob("team/ee", BLOB)
    registry.on("GET .*/blobs/", faults.cut_after(BLOB, after), times=2)
    assert read(open_(registry)) == BLOB


def test_a_registry_that_knows_no_ranges(registry):
    registry.put_blob("team/ee", BLOB)
    registry.on("GET .*/blobs/", faults.cut_after(BLOB, 1_000_000))
    registry.on("GET .*/blobs/", faults.says(BLOB))
    assert read(open_(registry)) == BLOB


@pytest.mark.parametrize(
    "answer",
    [
        faults.status(416),
        lambda handler: handler.answer(206, b"x"),
        lambda h: h.answer(206, Content_Range="bytes 9999999-"),
    ],
)
def test_a_registry_that_knows_ranges_badly(registry, answer):
    registry.put_blob("team/ee", BLOB)
    registry.on("GET .*/blobs/", faults.cut_after(BLOB, 1_000_000))
    registry.on("GET .*/blobs/", answer)
    assert read(open_(registry)) == BLOB


def test_a_blob_in_chunks_that_stop(registry):
    def stop(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n" % 1000 + BLOB[:1000] + b"\r\n")
        handler.hang_up()

    registry.put_blob("team/ee", BLOB)
    registry.on("GET .*/blobs/", stop)
    assert read(open_(registry)) == BLOB


def test_a_blob_that_always_breaks_off(registry):
    registry.put_blob("team/ee", BLOB)
    registry.on("GET .*/blobs/", faults.cut_after(BLOB, 1000), times=1000)
    with pytest.raises(Unreachable, match="the transfer broke 8 times"):
        read(open_(registry))


@pytest.mark.parametrize("after", [0, 1, 1_000_000, len(BLOB) - 1])
def test_an_upload_that_breaks_off_goes_on_where_the_registry_stands(registry, after):
    registry.on("PUT .*/uploads/", faults.upload_cut_after(after))
    client = open_(registry)
    write(client)
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}
    sent = [seen.headers["content-range"] for seen in registry.asked("PATCH")]
    assert sent[0].startswith(f"{after if after > 1 else 0}-")


def test_an_upload_that_breaks_off_again(registry, monkeypatch):
    monkeypatch.setattr(_oci_blobs, "UPLOAD_PIECE", 500_000)
    registry.on("PUT .*/uploads/", faults.upload_cut_after(700_000))
    registry.on("PATCH .*/uploads/", faults.upload_cut_after(100_000), times=3)
    write(open_(registry))
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}


def test_an_upload_goes_on_with_the_piece_that_broke(registry, monkeypatch):
    # CNCF distribution takes no address of the upload but the last one that it named, as the fault registry does.
    monkeypatch.setattr(_oci_blobs, "UPLOAD_PIECE", 500_000)
    registry.largest_put = 1000
    registry.on("PATCH .*/uploads/.*state=3", faults.dropped)
    write(open_(registry))
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}
    sent = [seen.headers["content-range"].partition("-")[0] for seen in registry.asked("PATCH")]
    assert sent == ["0", "500000", "1000000", "1500000", "1500000", "2000000", "2500000", "3000000"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_upload_that_the_registry_forgets(registry, method):
    registry.largest_put = 1000
    registry.on(f"{method} .*/uploads/", faults.status(404), times=2)
    write(open_(registry))
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}


def test_an_upload_that_the_registry_always_forgets(registry):
    registry.on("(PUT|PATCH) .*/uploads/", faults.status(404), times=1000)
    with pytest.raises(NotFound):
        write(open_(registry))


def test_an_upload_that_always_breaks_off(registry):
    registry.on("(PUT|PATCH) .*/uploads/", faults.upload_cut_after(10), times=1000)
    with pytest.raises(Unreachable):
        write(open_(registry))
    assert registry.repository("team/ee").blobs == {}


def test_a_lost_answer_to_an_upload_that_came_through(registry):
    def accept_and_break(handler):
        registry.put_blob("team/ee", handler.body())
        handler.hang_up()

    registry.on("PUT .*/uploads/", accept_and_break)
    write(open_(registry))
    assert registry.asked("PATCH") == []


def test_a_connection_that_breaks_before_an_answer_is_tried_again(registry):
    digest = registry.put_image("team/ee", "1.0")
    registry.on("HEAD", faults.dropped, times=2)
    assert open_(registry).digest(ref(registry)) == digest


def test_a_registry_that_is_not_there():
    with pytest.raises(Unreachable, match=r"no answer from 127\.0\.0\.1:1:"):
        _oci.open_registry("127.0.0.1:1/x", {}, True).digest("127.0.0.1:1/x:1")


# Lies


def test_bytes_that_are_not_those_of_the_digest_are_not_given_on(registry):
    wrong = bytes(len(BLOB))
    registry.repository("team/ee").blobs[DESCRIBED.digest] = wrong
    seen = bytearray()
    with pytest.raises(Unreachable, match="its bytes have the digest"):
        seen.extend(
            b"".join(_note(seen, _oci_blobs.verified(open_(registry).read_blob("team/ee", DESCRIBED), DESCRIBED, "")))
        )
    assert len(seen) < len(BLOB)  # the end is held back until the whole is known


def test_wrong_bytes_never_get_in(registry):
    wrong = m.Descriptor("application/x", digest_of(b"other"), len(BLOB))
    with pytest.raises(Unreachable, match="its bytes have the digest"):
        open_(registry).write_blob("team/ee", wrong, lambda: iter([BLOB]))
    assert registry.repositories.get("team/ee", faults.Repository()).blobs == {}
    assert len(registry.asked("PUT")) <= 1


@pytest.mark.parametrize("data", [BLOB[:-1], BLOB + b"x", b""])
def test_blobs_of_the_wrong_size_never_get_in(registry, data):
    with pytest.raises(Unreachable, match=r"it ended after|it has more than"):
        open_(registry).write_blob("team/ee", DESCRIBED, lambda: iter([data] if data else []))
    assert registry.repositories.get("team/ee", faults.Repository()).blobs == {}


def test_a_manifest_that_is_not_the_one_asked_for(registry):
    digest = registry.put_image("team/ee", "1.0")
    registry.on("GET", faults.says(registry.repository("team/ee").manifests[digest][1]))
    with pytest.raises(Unreachable, match="the manifest's digest is"):
        open_(registry).manifest(ref(registry, "sha256:" + "0" * 64))
    registry.on("HEAD", faults.says(b"", Docker_Content_Digest=digest))
    with pytest.raises(Unreachable, match="it answered"):
        open_(registry).digest(ref(registry, "sha256:" + "0" * 64))


def test_a_registry_that_says_it_stored_something_else(registry):
    registry.put_image("team/ee", "1.0")
    registry.on("PUT", lambda handler: handler.answer(201, Docker_Content_Digest="sha256:" + "0" * 64))
    with pytest.raises(Unreachable, match="the registry says it is"):
        open_(registry).tag(ref(registry), "x")


@pytest.mark.parametrize("length", [len(BLOB) - 1, len(BLOB) + 1, 10**12])
def test_a_content_length_that_lies(registry, length):
    registry.on("GET .*/blobs/", faults.says(BLOB, length=length), times=1000)
    with pytest.raises(Unreachable, match="promises"):
        read(open_(registry))


@pytest.mark.parametrize("length", ["\xb2", "-1", "9" * 5000, "many"])
def test_a_content_length_that_is_no_number(registry, length):
    digest = registry.put_image("team/ee", "1.0")
    body = registry.repository("team/ee").manifests[digest][1]
    registry.on("GET", lambda handler: handler.answer(200, body, Content_Length=length, Connection="close"), times=5)
    with contextlib.suppress(Unreachable):  # Python itself may take it for no HTTP
        assert open_(registry).manifest(ref(registry)).digest == digest


def test_a_short_manifest(registry):
    registry.on("GET", faults.says(b'{"schemaVersion": 2', length=5000), times=1000)
    with pytest.raises(Unreachable):
        open_(registry).manifest(ref(registry))


def test_a_manifest_of_a_gigabyte(registry):
    registry.on("GET", faults.says(b"{", length=1024**3))
    with pytest.raises(Unreachable, match="1073741824 bytes, more than the 4194304 allowed"):
        open_(registry).manifest(ref(registry))


@pytest.mark.parametrize("code", [200, 500])
def test_a_body_without_end(registry, code):
    began = time.monotonic()

    def act(handler):
        handler.send_response_only = lambda *_a: BaseHandler.send_response_only(handler, code)
        faults.endless(handler)

    from http.server import BaseHTTPRequestHandler as BaseHandler

    registry.on("GET", act, times=3)
    with pytest.raises(Unreachable):
        open_(registry).manifest(ref(registry))
    assert time.monotonic() - began < 60


# Lists


def test_a_list_that_goes_round_in_circles(registry):
    page = json.dumps({"tags": ["a"]}).encode()
    registry.on("GET", faults.says(page, Link='</v2/team/ee/tags/list?last=a>; rel="next"'), times=1000)
    with pytest.raises(Unreachable, match="never ends"):
        open_(registry).tags("team/ee")
    assert len(registry.seen) == 2


def test_a_list_that_never_ends(registry, monkeypatch):
    monkeypatch.setattr(_oci_lists, "MOST_NAMES", 50)

    def page(handler):
        tags = [f"{len(registry.seen)}-{number}" for number in range(10)]
        link = f'</v2/team/ee/tags/list?last={tags[-1]}>; rel="next"'
        handler.answer(200, json.dumps({"tags": tags}).encode(), Link=link)

    registry.on("GET", page, times=1000)
    with pytest.raises(Unreachable, match="more than 50 entries"):
        open_(registry).tags("team/ee")


def test_a_list_that_goes_on_elsewhere(registry, other):
    page = json.dumps({"tags": ["a"]}).encode()
    registry.on("GET", faults.says(page, Link=f'<{other.url}/v2/team/ee/tags/list>; rel="next"'))
    with pytest.raises(Unreachable, match="on another host"):
        open_(registry, **LOGIN).tags("team/ee")
    assert other.seen == []


@pytest.mark.parametrize(
    "link",
    [
        "</v2/team/ee/tags/list?last=a>; rel=next",
        '<list?last=a>; rel="next"',
        '<?last=a>; rel="next"',
        "</v2/team/ee/tags/list?last=a> ; Rel='Next'",
        '</x>; rel="prev", </v2/team/ee/tags/list?last=a>; title="a, b"; rel="next"',
        '</v2/team/ee/tags/list?last=a>; rel="last next"',
    ],
)
def test_the_next_page_in_whatever_words(registry, link):
    registry.put_image("team/ee", "a", "b")
    registry.on("GET .*n=1000", faults.says(b'{"tags": ["a"]}', Link=link))
    assert open_(registry).tags("team/ee") == ["a", "b"]


@pytest.mark.parametrize(
    "link",
    ["</x>; rel=prev", "</x>; title=next", '</x>; rel="nextish"', "<x>;" + "a;" * 20_000, "<x>;a" + " " * 60_000],
)
def test_no_next_page(registry, link):
    registry.on("GET", faults.says(b'{"tags": ["a"]}', Link=link))
    assert open_(registry).tags("team/ee") == ["a"]


def test_a_next_page_at_no_address(registry):
    registry.on("GET", faults.says(b'{"tags": ["a"]}', Link='<http://[::1>; rel="next"'))
    with pytest.raises(Denied, match="an address that cannot be read"):
        open_(registry).tags("team/ee")


def test_a_page_of_what_one_may_not_see(registry):
    registry.put_image("team/ee", "b")
    registry.on("GET .*n=1000", faults.says(b'{"tags": []}', Link='<list?last=a>; rel="next"'))
    assert open_(registry).tags("team/ee") == ["b"]


def test_pages_of_referrers(registry):
    registry.referrers_api = True
    subject = registry.put_image("team/ee", "1.0")
    attached = {registry.put_referrer("team/ee", subject, f"application/x.{kind}") for kind in ("sbom", "signature")}
    first = sorted(attached)[0]
    entry = {"mediaType": faults.OCI_MANIFEST, "digest": first, "size": 1}
    page = json.dumps({"schemaVersion": 2, "mediaType": faults.OCI_INDEX, "manifests": [entry]}).encode()
    link = f'</v2/team/ee/referrers/{subject}?page=2>; rel="next"'
    registry.on("GET .*/referrers/", faults.says(page, Link=link))
    assert {each.digest for each in open_(registry).referrers("team/ee", subject)} == attached
    registry.on("GET .*/referrers/", faults.says(page, Link=link), times=1000)
    with pytest.raises(Unreachable, match="never ends"):
        open_(registry).referrers("team/ee", subject)


@pytest.mark.parametrize("tag", ["../../x", "..", "a b", "?", "ä", ""])
def test_a_registry_that_lists_what_is_no_tag(registry, tag):
    registry.put_image("team/ee", "1.0")
    registry.on("GET .*/tags/", faults.says(json.dumps({"tags": ["1.0", tag]}).encode()))
    client = open_(registry)
    found = client.digests("team/ee", client.tags("team/ee"))
    assert found["1.0"] is not None
    assert found[tag] is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tags": "x"}', b'{"tags": [1]}', b"{}"])
def test_what_is_no_list(registry, body):
    registry.on("GET", faults.says(body))
    with pytest.raises(Unreachable, match="no list of tags"):
        open_(registry).tags("team/ee")


def test_a_repository_whose_tags_are_gone(registry):
    registry.on("GET", faults.says(b'{"tags": null}'))
    assert open_(registry).tags("team/ee") == []


# Busy, slow, ill


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_registry_is_waited_for(registry, code):
    digest = registry.put_image("team/ee", "1.0")
    registry.on("HEAD", faults.status(code, Retry_After="0"), times=3)
    assert open_(registry).digest(ref(registry)) == digest


def test_retry_after_is_obeyed(registry):
    digest = registry.put_image("team/ee", "1.0")
    registry.on("HEAD", faults.status(429, Retry_After="1"))
    began = time.monotonic()
    assert open_(registry).digest(ref(registry)) == digest
    assert time.monotonic() - began >= 1


def test_a_busy_registry_takes_a_blob_in_the_end(registry):
    registry.on("POST .*/uploads/", faults.status(429))
    registry.on("PUT .*/uploads/", faults.status(503))
    write(open_(registry))
    assert registry.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "86400"}])
def test_a_storm_of_429_ends(registry, headers):
    registry.on("", faults.status(429, **headers), times=1000)
    with pytest.raises(Unreachable, match="429") as caught:
        open_(registry).digest(ref(registry))
    assert caught.value.status == 429
    assert len(registry.seen) <= 6


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_manifest_that_is_just_written_is_read_again(registry, method):
    digest = registry.put_image("team/ee", "1.0")
    registry.on(f"{method} .*/manifests/", faults.status(500), times=2)
    client = open_(registry)
    assert (client.digest(ref(registry)) if method == "HEAD" else client.manifest(ref(registry)).digest) == digest


def test_a_broken_server(registry):
    registry.on("", faults.status(500), times=1000)
    client = open_(registry)
    for attempt in (
        lambda: client.digest(ref(registry)),
        lambda: client.manifest(ref(registry)),
        lambda: client.tags("team/ee"),
        lambda: read(client),
        lambda: write(client),
        lambda: delete_manifest(client, "team/ee", DESCRIBED.digest),
        lambda: client.referrers("team/ee", DESCRIBED.digest),
    ):
        with pytest.raises(Unreachable) as caught:
            attempt()
        assert caught.value.status == 500


def test_a_server_that_says_nothing(registry):
    registry.on("", faults.silent(3), times=1000)
    with pytest.raises(Unreachable, match="Raise `timeout`"):
        open_(registry, timeout=0.2).digest(ref(registry))
    assert len(registry.seen) <= 6


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_a_body_that_drips(registry, what):
    registry.on("GET", faults.dripping(0.05), times=1000)
    client = open_(registry, timeout=1)
    blob = m.Descriptor("application/x", DESCRIBED.digest, 100_000)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="less than 1024 bytes per second"):
        client.manifest(ref(registry)) if what == "manifest" else read(client, blob)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("act", [faults.head_dripping(0.05), faults.continuing(0.01)])
def test_a_head_that_does_not_come_to_an_end(registry, act):
    registry.on("HEAD", act, times=1000)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"took too long.*Raise `timeout`"):
        open_(registry, timeout=0.5).digest(ref(registry))
    assert time.monotonic() - began < 10
    digest = registry.put_image("team/ee", "1.0")
    registry.faults.clear()
    assert open_(registry, timeout=0.5).digest(ref(registry)) == digest


def test_a_proxy_whose_answer_does_not_come_to_an_end(other, monkeypatch):
    monkeypatch.setenv("https_proxy", other.url)
    other.on("CONNECT", faults.head_dripping(0.05), times=1000)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        _oci.open_registry("r.invalid/ee", {"timeout": 0.5}, True).digest("r.invalid/ee:1")
    assert time.monotonic() - began < 10


def test_a_body_may_take_longer_than_the_timeout(registry):
    def slowly(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(BLOB)))
        handler.end_headers()
        for start in range(0, len(BLOB), len(BLOB) // 4):
            handler.wfile.write(BLOB[start : start + len(BLOB) // 4])
            time.sleep(0.3)

    registry.on("GET .*/blobs/", slowly)
    assert read(open_(registry, timeout=0.6)) == BLOB
    assert len(registry.asked("GET .*/blobs/")) == 1


def test_a_lost_blob_is_named(registry):
    with pytest.raises(NotFound, match="has lost this blob"):
        read(open_(registry))


def test_a_configuration_that_is_no_json(registry):
    digest = registry.put_image("team/ee", "1.0")
    content = json.loads(registry.repository("team/ee").manifests[digest][1])
    for data in (b"\xff", b"[]", b"[" * 100_000):
        config = {**content["config"], "digest": registry.put_blob("team/ee", data), "size": len(data)}
        registry.put_manifest("team/ee", {**content, "config": config}, "bad")
        with pytest.raises(Unreachable, match="no JSON"):
            open_(registry).config(ref(registry, "bad"))


def test_memory_does_not_grow_with_the_blob(registry):
    import tracemalloc

    def chunks():
        for _number in range(64):
            yield bytes(1024 * 1024)

    def swallow(handler):
        left = int(handler.headers["Content-Length"])
        while left:
            left -= len(handler.rfile.read(min(65536, left)))
        handler.answer(201)

    registry.on("PUT .*/uploads/", swallow)
    hasher = hashlib.sha256()
    for chunk in chunks():
        hasher.update(chunk)
    blob = m.Descriptor("application/x", "sha256:" + hasher.hexdigest(), 64 * 1024 * 1024)
    client = open_(registry)
    tracemalloc.start()
    client.write_blob("team/ee", blob, chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_errors_do_not_show_secrets(registry):
    registry.auth = "basic"
    for attempt in (lambda c: c.digest(ref(registry)), lambda c: c.tags("team/ee"), write):
        with pytest.raises(EEError) as caught:
            attempt(open_(registry, username="robot", password="Top5ecret"))
        assert "Top5ecret" not in str(caught.value) + repr(caught.value.__cause__) + str(caught.value.as_result())


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"errors": [{"code": "X", "message": "\\u001b[31mred\\nline"}]}'])
def test_words_of_errors_are_fit_for_a_terminal(registry, body):
    registry.on("GET", lambda handler: handler.answer(400, body))
    with pytest.raises(Invalid) as caught:
        open_(registry).manifest(ref(registry))
    assert str(caught.value).isprintable()


def test_a_galaxy_ng_takes_blobs_in_pieces_only():
    # The real one is asked by the integration target ee_registry_image_hub.
    with FaultRegistry(auth="bearer") as server:
        server.realm = f"{server.url}/token/"
        server.on(
            "PUT .*/uploads/", lambda handler: handler.error(500, "FAULT") if handler.body() else handler._route()
        )
        server.on("PATCH .*/uploads/", faults.dropped)
        server.on("PATCH .*/uploads/", _as_pulp)
        write(open_(server, **LOGIN))
        assert server.repository("team/ee").blobs == {DESCRIBED.digest: BLOB}


def _as_pulp(handler):
    """Pulp answers a piece with 204."""
    answer = handler.answer
    handler.answer = lambda _status, body=b"", **headers: answer(204, body, **headers)
    handler._route()


def test_where_only_another_api_may_tag(registry):
    digest = registry.put_image("team/ee", "1.0")
    said = []

    def otherwise(*what):
        said.append(what)
        return True

    def refuses(code):
        return lambda handler: handler.error(400, code)

    client = open_(registry)
    manifest = client.manifest(ref(registry))
    registry.on("PUT .*/manifests/", refuses("NAME_INVALID"), times=3)
    with pytest.raises(Invalid, match="NAME_INVALID"):
        client.put_manifest("team/ee", manifest, "new")
    client.tag_otherwise = otherwise
    client.put_manifest("team/ee", manifest, "new")
    assert said == [("team/ee", "new", digest)]
    with pytest.raises(Invalid, match="NAME_INVALID"):
        client.put_manifest("team/ee", manifest)
    registry.on("PUT .*/manifests/", refuses("MANIFEST_INVALID"))
    with pytest.raises(Invalid, match="MANIFEST_INVALID"):
        client.put_manifest("team/ee", manifest, "new")
    assert len(said) == 1


def test_tags_that_the_registry_lists_are_quoted(registry):
    digest = registry.put_image("team/ee", "1.0")
    client = open_(registry)
    manifest = client.manifest(ref(registry))
    client.put_manifest("team/ee", manifest, "a?b#c")
    untag(client, "team/ee", ["d?e#f"])
    assert [str(seen) for seen in registry.asked("PUT|DELETE")] == [
        "PUT /v2/team/ee/manifests/a%3Fb%23c",
        "DELETE /v2/team/ee/manifests/d%3Fe%23f",
        *(str(seen) for seen in registry.asked("PUT|DELETE")[2:]),
    ]
    assert client.digest(ref(registry, digest)) == digest


@pytest.mark.parametrize("size", [2**63, 10**40])
def test_a_descriptor_of_an_impossible_size(registry, size):
    layer = {"mediaType": "x", "digest": DESCRIBED.digest, "size": size}
    config = {"mediaType": m.OCI_CONFIG, "digest": DESCRIBED.digest, "size": 2}
    content = {"schemaVersion": 2, "mediaType": m.OCI_MANIFEST, "config": config, "layers": [layer]}
    registry.put_manifest("team/ee", content, "1.0")
    with pytest.raises(Unreachable, match="without a valid size"):
        open_(registry).manifest(ref(registry))


# What is copied


def loaded(server, tag="1.0", attached=False):
    source = RegistrySource(open_(server, read_only=True), parse(ref(server, tag)))
    digest = source.digest()
    assert digest is not None
    return load(source, source.manifest(digest), attached=attached)


def index_of(server, *children):
    content = {"schemaVersion": 2, "mediaType": m.OCI_INDEX, "manifests": list(children)}
    digest = server.put_manifest("team/ee", content, "1.0")
    return {"mediaType": m.OCI_INDEX, "digest": digest, "size": len(server.repository("team/ee").manifests[digest][1])}


def child_of(server, **config):
    digest = server.put_image("team/ee", **config)
    body = server.repository("team/ee").manifests[digest][1]
    return {"mediaType": m.OCI_MANIFEST, "digest": digest, "size": len(body)}


def test_each_manifest_is_read_once(registry):
    inner = index_of(registry, *[child_of(registry)] * 40)
    outer = index_of(registry, *[inner] * 40)
    image = loaded(registry)
    assert [part.media_type for part in image.main.manifests] == [m.OCI_MANIFEST, m.OCI_INDEX, m.OCI_INDEX]
    assert image.digest == outer["digest"]
    assert len(registry.seen) == 4


def test_too_many_manifests(registry, monkeypatch):
    monkeypatch.setattr(_oci_copy, "_MOST_MANIFESTS", 5)
    children = [child_of(registry, created=str(number)) for number in range(6)]
    index_of(registry, *children[:4])
    assert len(loaded(registry).main.manifests) == 5
    index_of(registry, *children)
    with pytest.raises(Unreachable, match="more than 5 manifests"):
        loaded(registry)
    with pytest.raises(Unreachable, match="more than 5 manifests"):
        _oci_copy.platforms_of(RegistrySource(open_(registry), parse(ref(registry))), digest_at(registry, "1.0"))


def test_too_much_that_is_attached(registry, monkeypatch):
    monkeypatch.setattr(_oci_copy, "_MOST_MANIFESTS", 5)
    registry.referrers_api = True
    subject = registry.put_image("team/ee", "1.0")
    for number in range(6):
        registry.put_referrer("team/ee", subject, f"application/x{number}")
    with pytest.raises(Unreachable, match="more than 5 manifests"):
        loaded(registry, attached=True)


def test_an_index_of_what_is_no_image_is_not_copied_in_part(registry):
    index_of(registry, child_of(registry), {**child_of(registry, architecture="arm64"), "mediaType": "application/x"})
    with pytest.raises(Invalid, match="a `application/x`, which is no image"):
        loaded(registry)


def test_an_entry_without_a_media_type_is_what_it_turns_out_to_be(registry):
    child = child_of(registry)
    index_of(registry, {key: value for key, value in child.items() if key != "mediaType"})
    assert loaded(registry).main.manifests[0].digest == child["digest"]


def test_what_is_listed_as_attached_and_gone(registry):
    subject = registry.put_image("team/ee", "1.0")
    kept, gone = (registry.put_referrer("team/ee", subject, f"application/{kind}") for kind in ("kept", "gone"))
    children = [{"mediaType": m.OCI_MANIFEST, "digest": digest, "size": 1} for digest in (kept, gone)]
    fallback = {"schemaVersion": 2, "mediaType": m.OCI_INDEX, "manifests": children}
    registry.put_manifest("team/ee", fallback, m.referrers_tag(subject))
    del registry.repository("team/ee").manifests[gone]
    image = loaded(registry, attached=True)
    assert [part.root.digest for part in image.attached] == [kept]
    assert image.lost == (gone,)


def test_a_configuration_that_is_too_large_to_be_one(registry):
    digest = registry.put_image("team/ee", "1.0")
    content = json.loads(registry.repository("team/ee").manifests[digest][1])
    content["config"]["size"] = m.LONGEST_MANIFEST + 1
    registry.put_manifest("team/ee", content, "1.0")
    source = RegistrySource(open_(registry), parse(ref(registry)))
    with pytest.raises(Unreachable, match="more than the 4194304 allowed"):
        _oci_copy.choose(source, digest_at(registry, "1.0"), [m.Platform("linux", "amd64")])
    assert registry.asked("/blobs/") == []


def digest_at(server, tag):
    return server.repository("team/ee").tags[tag]
