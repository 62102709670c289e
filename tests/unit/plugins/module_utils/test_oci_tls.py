# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS to a registry: who is trusted, and who sees our certificate and password. Certificates are made by openssl."""

from __future__ import annotations

import socket
import ssl
import subprocess

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _oci, _oci_http
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, Invalid, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._http import Connection
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry

LOGIN = {"username": FaultRegistry.user, "password": FaultRegistry.password}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, and a certificate of it that serves 127.0.0.1 and also says who a client is."""
    folder = tmp_path_factory.mktemp("pki")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-subj", "/CN=authority", "-days", "9", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key, "-subj", "/CN=client", "-keyout", "leaf.key", "-out", "leaf.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9", "-extfile", "ext"]
    openssl("x509", "-req", "-in", "leaf.csr", *signing, "-out", "leaf.pem")
    return folder


def context(pki, client=ssl.CERT_NONE):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pki / "leaf.pem", pki / "leaf.key")
    made.load_verify_locations(pki / "ca.pem")
    made.verify_mode = client
    return made


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))


def digest(server, **options):
    ref = f"{server.host}/team/ee:1.0"
    return _oci.open_registry(ref, {"timeout": 5.0, **options}, True).digest(ref)


def test_the_authority_decides(pki):
    with FaultRegistry(tls=context(pki)) as registry:
        image = registry.put_image("team/ee", "1.0")
        assert digest(registry, ca_path=str(pki / "ca.pem")) == image
        assert digest(registry, validate_certs=False) == image
        registry.seen.clear()
        with pytest.raises(Unreachable, match=r"certificate is not trusted.*ca_path"):
            digest(registry, **LOGIN)
        assert registry.seen == []


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key"])
@pytest.mark.parametrize("path", ["/nonexistent/x.pem", "a\0b"])
def test_a_file_that_is_not_there(pki, option, path):
    with pytest.raises(Invalid, match="is not there or may not be read"):
        _oci.open_registry("127.0.0.1:1/team/ee:1.0", {"client_cert": str(pki / "leaf.pem"), option: path}, True)


def test_an_authority_that_is_not_asked_for_may_be_missing(pki):
    with FaultRegistry(tls=context(pki)) as registry:
        image = registry.put_image("team/ee", "1.0")
        assert digest(registry, ca_path="/nonexistent/x.pem", validate_certs=False) == image


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key"])
def test_a_file_of_something_else(pki, option):
    options = {"ca_path": str(pki / "ca.pem"), "client_cert": str(pki / "leaf.pem")}
    with FaultRegistry(tls=context(pki)) as registry, pytest.raises(Unreachable, match="no answer from"):
        digest(registry, **{**options, option: str(pki / "ext")})


def test_an_authority_of_the_environment_that_is_not_there(pki, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/x.pem")
    with FaultRegistry(tls=context(pki)) as registry:
        image = registry.put_image("team/ee", "1.0")
        assert digest(registry, ca_path=str(pki / "ca.pem")) == image
        with pytest.raises(Unreachable, match="no answer from"):
            digest(registry)


def test_our_certificate_is_shown_to_the_registry_and_nobody_else(pki):
    ours = {"client_cert": str(pki / "leaf.pem"), "client_key": str(pki / "leaf.key"), "ca_path": str(pki / "ca.pem")}
    with (
        FaultRegistry(tls=context(pki, ssl.CERT_REQUIRED)) as registry,
        FaultRegistry(tls=context(pki, ssl.CERT_OPTIONAL)) as other,
    ):
        image = registry.put_image("team/ee", "1.0")
        other.put_image("team/ee", "1.0")
        assert digest(registry, **ours) == image
        assert registry.certificates[0]["subject"] == ((("commonName", "client"),),)
        registry.on("HEAD", faults.redirect(f"{other.url}/v2/team/ee/manifests/1.0"))
        assert digest(registry, **ours, **LOGIN) == image
        assert not other.certificates[0]
        assert "authorization" not in other.seen[0].headers
        with pytest.raises(Unreachable):
            digest(registry, ca_path=ours["ca_path"])


def test_a_redirect_from_https_to_http_is_refused(pki):
    with FaultRegistry(tls=context(pki)) as registry, FaultRegistry() as plain:
        registry.on("HEAD", faults.redirect(f"{plain.url}/v2/team/ee/manifests/1.0"))
        with pytest.raises(Denied, match="not followed"):
            digest(registry, ca_path=str(pki / "ca.pem"))
        assert plain.seen == []


def test_a_token_service_on_another_host_needs_https_on_both_sides(pki):
    options = {**LOGIN, "ca_path": str(pki / "ca.pem")}
    with FaultRegistry("bearer", tls=context(pki)) as registry, FaultRegistry(tls=context(pki)) as service:
        image = registry.put_image("team/ee", "1.0")
        registry.realm = f"{service.url}/token"
        service.tokens = registry.tokens
        assert digest(registry, **options) == image
        assert service.asked("/token")[0].headers["authorization"].startswith("Basic ")
        with FaultRegistry() as plain:
            registry.realm = f"{plain.url}/token"
            registry.tokens.clear()
            with pytest.raises(Denied, match="another host"):
                digest(registry, **options)
            assert plain.seen == []


def test_a_token_service_that_another_host_names_gets_no_password(pki):
    options = {**LOGIN, "ca_path": str(pki / "ca.pem")}
    with FaultRegistry("basic", tls=context(pki)) as registry, FaultRegistry("bearer", tls=context(pki)) as other:
        registry.on("HEAD", faults.redirect(f"{other.url}/v2/team/ee/manifests/1.0"), times=9)
        with pytest.raises(Denied):
            digest(registry, **options)
        assert [str(seen) for seen in other.seen] == ["HEAD /v2/team/ee/manifests/1.0"]
        assert "authorization" not in other.seen[0].headers
        assert other.tokens == {}


@pytest.mark.parametrize("checked", [True, False])
def test_a_handshake_that_takes_too_long_is_one_all_the_same(checked, monkeypatch):
    monkeypatch.setattr(_oci_http, "_PROBE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        assert _oci_http.find_scheme(host, Connection(validate_certs=checked)) == "https"
