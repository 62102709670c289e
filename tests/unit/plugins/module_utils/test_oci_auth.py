# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _auth_files, _oci_auth
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Credentials

HOST = "r.example.com"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def auths(path: Path, user: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pair = base64.b64encode(f"{user}:pw".encode()).decode()
    path.write_text(json.dumps({"auths": {HOST: {"auth": pair}}}))
    return path


def helper(home: Path, monkeypatch, script: str) -> dict[str, str]:
    program = home / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    path = home / "helpers.json"
    path.write_text(json.dumps({"credHelpers": {HOST: "test"}}))
    return {"authfile": str(path)}


def test_options_come_first(home):
    auths(home / "run" / "containers" / "auth.json", "file")
    options = {"username": "option", "password": None, "authfile": "/none"}
    assert _oci_auth.credentials_from(options, HOST, "x") == Credentials("option", "")
    assert _oci_auth.credentials_from({"token": "t"}, HOST, "x") == Credentials(bearer="t")


def test_files_in_the_order_of_podman(home, monkeypatch):
    assert _oci_auth.credentials_from({}, HOST, "x") is None
    auths(home / ".docker" / "config.json", "docker")
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("docker", "pw")
    auths(home / ".config" / "containers" / "auth.json", "config")
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("config", "pw")
    auths(home / "run" / "containers" / "auth.json", "runtime")
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("runtime", "pw")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(auths(home / "named.json", "named")))
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("named", "pw")
    assert _oci_auth.credentials_from({}, "other.example.com", "x") is None


def test_a_file_that_has_none_for_the_registry_does_not_end_the_search(home):
    auths(home / ".docker" / "config.json", "docker")
    (home / "run" / "containers").mkdir(parents=True)
    (home / "run" / "containers" / "auth.json").write_text('{"auths": {"other.example.com": {"auth": "eDp5"}}}')
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("docker", "pw")


def test_a_named_file_has_to_be_there_and_readable(home):
    with pytest.raises(Invalid, match="`authfile`"):
        _oci_auth.credentials_from({"authfile": str(home / "none")}, HOST, "x")
    (home / "text").write_text("user: x")
    with pytest.raises(Invalid, match="no JSON"):
        _oci_auth.credentials_from({"authfile": str(home / "text")}, HOST, "x")


def test_a_helper_is_asked_for_the_registry(home, monkeypatch):
    options = helper(home, monkeypatch, 'read host; printf \'{"Username": "%s", "Secret": "%s"}\' "$host" "$1"')
    assert _oci_auth.credentials_from(options, HOST, "x") == Credentials(HOST, "get")


def test_a_helper_that_knows_nothing(home, monkeypatch):
    options = helper(home, monkeypatch, "echo credentials not found in native keychain; exit 1")
    assert _oci_auth.credentials_from(options, HOST, "x") is None


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("echo locked >&2; exit 3", Failed, "failed with status 3"),
        ("echo nonsense", Invalid, "printed no JSON"),
        ("echo '{}'", Invalid, "printed no credentials"),
        ("sleep 60", Failed, "gave no answer"),
    ],
)
def test_a_helper_that_fails(home, monkeypatch, script, kind, words):
    monkeypatch.setattr(_auth_files, "_HELPER_TIMEOUT", 1.0)
    with pytest.raises(kind, match=words):
        _oci_auth.credentials_from(
            helper(home, monkeypatch, f"exec {script}" if "sleep" in script else script), HOST, "x"
        )


def test_where_a_helper_knows_nothing_the_file_itself_is_read(home, monkeypatch):
    options = helper(home, monkeypatch, "echo credentials not found in native keychain; exit 1")
    pair = base64.b64encode(b"u:pw").decode()
    (home / "helpers.json").write_text(json.dumps({"credHelpers": {HOST: "test"}, "auths": {HOST: {"auth": pair}}}))
    assert _oci_auth.credentials_from(options, HOST, "x") == Credentials("u", "pw")


@pytest.mark.parametrize("registry", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("known", ["https://index.docker.io/v1/", None])
@pytest.mark.parametrize("section", [{"credsStore": "test"}, {"credHelpers": {"https://index.docker.io/v1/": "test"}}])
def test_a_helper_is_asked_for_docker_hub_by_the_name_that_docker_gives_it(home, monkeypatch, registry, known, section):
    script = f'read host; [ "$host" = {known or registry} ] || {{ echo credentials not found; exit 1; }}'
    options = helper(home, monkeypatch, script + '; echo \'{"Username": "u", "Secret": "s"}\'')
    (home / "helpers.json").write_text(json.dumps({"auths": {"https://index.docker.io/v1/": {}}, **section}))
    assert _oci_auth.credentials_from(options, registry, "library/x") == Credentials("u", "s")


def test_a_helper_that_is_no_program(home, monkeypatch):
    options = helper(home, monkeypatch, "")
    (home / "bin" / "docker-credential-test").write_bytes(b"\x7fELF")
    with pytest.raises(Failed, match="docker-credential-test cannot be run"):
        _oci_auth.credentials_from(options, HOST, "x")


def test_a_default_place_that_is_not_ours_is_passed_over(home, monkeypatch):
    theirs = home / "run" / "containers" / "auth.json"
    is_file = Path.is_file

    def guarded(path):  # a folder of another user; the tests' own user may be root, whom no mode stops
        if path == theirs:
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", guarded)
    auths(home / ".docker" / "config.json", "docker")
    assert _oci_auth.credentials_from({}, HOST, "x") == Credentials("docker", "pw")
    with pytest.raises(Invalid, match="may not see"):
        _oci_auth.credentials_from({"authfile": str(theirs)}, HOST, "x")


def test_nested_nonsense(home, monkeypatch):
    (home / "deep").write_text("[" * 100_000)
    with pytest.raises(Invalid, match="no JSON"):
        _oci_auth.credentials_from({"authfile": str(home / "deep")}, HOST, "x")
    options = helper(home, monkeypatch, f"cat {home}/deep")
    with pytest.raises(Invalid, match="printed no JSON"):
        _oci_auth.credentials_from(options, HOST, "x")


def test_a_helper_that_is_not_installed(home):
    (home / "file").write_text(json.dumps({"credsStore": "nowhere-to-be-found"}))
    with pytest.raises(Failed, match="docker-credential-nowhere-to-be-found is not installed"):
        _oci_auth.credentials_from({"authfile": str(home / "file")}, HOST, "x")
