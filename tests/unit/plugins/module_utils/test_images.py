# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import hashlib
import http.server
import json
import threading

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._images import Images, read_created


def blob(value):
    data = json.dumps(value).encode()
    return data, "sha256:" + hashlib.sha256(data).hexdigest()


CONFIG, CONFIG_DIGEST = blob({"architecture": "amd64", "os": "linux", "created": "2026-11-10T12:00:00.123456789Z"})
TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST, MANIFEST_DIGEST = blob(
    {
        "schemaVersion": 2,
        "mediaType": TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": CONFIG_DIGEST,
            "size": len(CONFIG),
        },
        "layers": [],
    }
)
CHILD = {"mediaType": TYPE, "digest": MANIFEST_DIGEST, "size": len(MANIFEST)}
INDEX, INDEX_DIGEST = blob(
    {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [{**CHILD, "platform": {"os": "linux", "architecture": "amd64"}}],
    }
)


CONTENT = {
    "/v2/ee/one/manifests/1": (TYPE, MANIFEST),
    f"/v2/ee/one/blobs/{CONFIG_DIGEST}": ("application/octet-stream", CONFIG),
    "/v2/ee/many/manifests/1": (INDEX_TYPE, INDEX),
    f"/v2/ee/many/manifests/{MANIFEST_DIGEST}": (TYPE, MANIFEST),
    f"/v2/ee/many/blobs/{CONFIG_DIGEST}": ("application/octet-stream", CONFIG),
}


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry of one image ``ee/one:1``, and one index ``ee/many:1``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.wfile.write(self.start())

    def do_HEAD(self):
        self.start()

    def start(self):
        kind, body = CONTENT.get(self.path, ("application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'))
        self.send_response(200 if self.path in CONTENT else 403 if "secret" in self.path else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(body).hexdigest())
        self.end_headers()
        return body

    def log_message(self, *args):
        """Be silent."""


@pytest.fixture(scope="module")
def host():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def images(tmp_path):
    return Images({"authfile": None, "username": None, "password": None, "token": None, "timeout": 5.0})


MADE = datetime.datetime(2026, 11, 10, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(("name", "digest"), [("one", MANIFEST_DIGEST), ("many", INDEX_DIGEST)])
def test_digest_and_age(images, host, name, digest):
    image = f"{host}/ee/{name}:1"
    state = images.states([image], age=True)[image]
    assert (state.digest, state.created, state.problem) == (digest, MADE, None)


def test_only_a_digest_is_one_request(images, host):
    image = f"{host}/ee/one:1"
    state = images.states([image, image], age=False)[image]
    assert (state.digest, state.created, images.requests) == (MANIFEST_DIGEST, None, 1)


@pytest.mark.parametrize("age", [True, False])
def test_what_is_not_there_is_missing(images, host, age):
    state = images.states([f"{host}/ee/none:1"], age=age)[f"{host}/ee/none:1"]
    assert state.missing
    assert "ee/none" in (state.problem or "")


@pytest.mark.parametrize("image", ["short:1", "https://hub.example.com/x", "Not An Image"])
def test_what_cannot_be_asked_for_is_told(images, image):
    state = images.states([image], age=True)[image]
    assert state.problem
    assert not state.missing


def test_a_refusal_is_no_absence(images, host):
    state = images.states([f"{host}/ee/secret:1"], age=True)[f"{host}/ee/secret:1"]
    assert state.problem
    assert not state.missing


def test_a_silent_registry_is_not_asked_for_every_image(images):
    names = [f"127.0.0.1:1/ee/{i}:1" for i in range(40)]
    states = images.states(names, age=False)
    assert all(states[name].problem for name in names)
    assert not any(states[name].missing for name in names)
    assert len({name for name in names if states[name].problem}) == 40
    assert len(images._registries) <= 16


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-10T12:00:00.123456789Z", MADE),
        ("2026-11-10T12:00:00Z", MADE.replace(microsecond=0)),
        ("2026-11-10T12:00:00.5+00:00", MADE.replace(microsecond=500000)),
        ("2026-11-10T12:00:00", MADE.replace(microsecond=0)),
        ("some day", None),
        (None, None),
    ],
)
def test_times_of_images(text, read):
    assert read_created(text) == read
