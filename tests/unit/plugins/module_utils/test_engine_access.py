# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._engine import Access
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach, merged_auth
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace

IMAGE = parse("127.0.0.1:9/team/ee:1")
OURS = {"auth": base64.b64encode(b"me:pass").decode()}
NONE = dict.fromkeys(("username", "password", "token", "authfile", "ca_path", "client_cert", "client_key"))
OPTIONS = {**NONE, "validate_certs": True, "timeout": 5.0}


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / name))


def reach(workspace, engine="podman", **options):
    return Reach({**OPTIONS, **options}, IMAGE, None, workspace, engine)


def test_ours_goes_before_what_is_known():
    known = [
        {"auths": {"127.0.0.1:9/team/ee": {"auth": "old"}, "quay.io": {"auth": "first"}}},
        {"auths": {"quay.io": {"auth": "second"}}, "credHelpers": {"127.0.0.1:9": "pass", "gcr.io": "gcloud"}},
    ]
    assert merged_auth(known, IMAGE, "me", "pass") == {
        "auths": {"127.0.0.1:9": OURS, "127.0.0.1:9/team/ee": OURS, "quay.io": {"auth": "first"}},
        "credHelpers": {"gcr.io": "gcloud"},
    }


def test_a_user_becomes_a_private_file():
    with Workspace() as workspace:
        access = reach(workspace, username="me", password="pass").engine_access(parse("localhost/x:1"))
        path = Path(access.authfile)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.is_relative_to(workspace.path)
        assert json.loads(path.read_text())["auths"]["127.0.0.1:9"] == OURS


def test_without_a_user_the_engine_looks_for_itself():
    with Workspace() as workspace:
        assert reach(workspace).engine_access(parse("localhost/x:1")) == Access()
        assert reach(workspace, authfile="/a.json").engine_access(parse("localhost/x:1")) == Access("/a.json")


def test_docker_gets_a_folder_with_all_of_the_users_settings(tmp_path):
    home = tmp_path / "DOCKER_CONFIG"
    (home / "contexts").mkdir(parents=True)
    (home / "config.json").write_text(json.dumps({"currentContext": "far", "auths": {"quay.io": {"auth": "x"}}}))
    with Workspace() as workspace:
        access = reach(workspace, "docker", username="me", password="pass").engine_access(parse("localhost/x:1"))
        folder = Path(access.authfile).parent
        assert (folder / "contexts").resolve() == home / "contexts"
        content = json.loads((folder / "config.json").read_text())
    assert content["currentContext"] == "far"
    assert set(content["auths"]) == {"quay.io", "127.0.0.1:9", "127.0.0.1:9/team/ee"}
    assert (home / "contexts").exists()


def test_docker_asks_no_helper_for_a_registry_whose_user_is_given(tmp_path):
    home = tmp_path / "DOCKER_CONFIG"
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud"}}))
    with Workspace() as workspace:
        access = reach(workspace, "docker", username="me", password="pass").engine_access(parse("localhost/x:1"))
        content = json.loads(Path(access.authfile).read_text())
    assert content["credsStore"] == "desktop"
    assert content["credHelpers"] == {"gcr.io": "gcloud", "127.0.0.1:9": ""}


def test_a_named_file_takes_the_place_of_dockers_helpers(tmp_path):
    home = tmp_path / "DOCKER_CONFIG"
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"credsStore": "desktop", "credHelpers": {"127.0.0.1:9": "pass"}}))
    named = tmp_path / "auth.json"
    named.write_text(json.dumps({"auths": {"127.0.0.1:9": OURS}}))
    with Workspace() as workspace:
        access = reach(workspace, "docker", authfile=str(named)).engine_access(parse("localhost/x:1"))
        content = json.loads(Path(access.authfile).read_text())
    assert (content["credsStore"], content["credHelpers"], content["auths"]) == ("", {}, {"127.0.0.1:9": OURS})


@pytest.mark.parametrize(("text", "words"), [(None, "is not there"), ("[]", "is no JSON object"), ("{", "is no JSON")])
def test_a_credentials_file_of_no_use(tmp_path, text, words):
    named = tmp_path / "auth.json"
    if text is not None:
        named.write_text(text)
    with Workspace() as workspace, pytest.raises(Invalid, match=words):
        reach(workspace, "docker", authfile=str(named)).engine_access(parse("localhost/x:1"))


def test_certificates_are_laid_out_as_engines_want_them(tmp_path):
    for name in ("ca.pem", "me.pem"):
        (tmp_path / name).write_text(name)
    with Workspace() as workspace:
        access = reach(workspace, ca_path=str(tmp_path / "ca.pem"), client_cert=str(tmp_path / "me.pem")).engine_access(
            IMAGE
        )
        files = {path.name: path.read_text() for path in Path(access.cert_dir).iterdir()}
    assert files == {"ca.crt": "ca.pem", "client.cert": "me.pem", "client.key": "me.pem"}


def test_a_certificate_that_is_not_there():
    with Workspace() as workspace, pytest.raises(Invalid, match="/no/such"):
        reach(workspace, ca_path="/no/such").engine_access(IMAGE)
