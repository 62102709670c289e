# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import re

import jsonschema  # type: ignore[import-untyped]
import pytest
import referencing

from ansible_collections.foundry.ee.plugins.module_utils._core import sbom
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse

FIXTURES = pathlib.Path(__file__).parents[4] / "fixtures" / "sbom"
DIGEST = "sha256:" + "1" * 64
IMAGE = sbom.Image(parse("registry.example.com/ee/network:1.4"), DIGEST, "2026-11-20T10:05:07Z")
FACTS = {
    "collections": [{"name": "ansible.posix", "version": "2.1.0", "license": "GPL-3.0-or-later"}],
    "python_packages": [
        {"name": "Jinja2", "version": "3.1.6", "license": "BSD License"},
        {"name": "jinja2", "version": "3.1.6", "license": None},
        {"name": "odd name+1", "version": "1+local", "license": None},
    ],
    "roles": [{"name": "süß/role", "version": "unknown"}],
    "system_packages": {
        "type": "rpm",
        "packages": [
            {"name": "git-core", "version": "1:2.43.0-1.el9", "arch": "x86_64", "license": "GPLv2"},
            {"name": "libstdc++", "version": "11.4.1-3.el9", "arch": "x86_64", "license": "GPLv3+"},
        ],
    },
    "os": {"ID": "rhel", "VERSION_ID": "9.4"},
}
DEBIAN = {
    **FACTS,
    "system_packages": {"type": "deb", "packages": [{"name": "git", "version": "1:2.39.5-0", "arch": "amd64"}]},
    "os": {"ID": "debian", "VERSION_ID": "12"},
}
NOTHING: dict[str, object] = {"collections": [], "python_packages": [], "roles": [], "system_packages": None, "os": {}}


def schema(name):
    return json.loads((FIXTURES / f"{name}.schema.json").read_text())


def validator():
    """Return a validator for CycloneDX 1.6; the schemas name each other by the file names of their origin."""
    resources = [
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", referencing.Resource.from_contents(schema(name)))
        for name in ("spdx", "jsf-0.82")
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft7Validator(schema("bom-1.6"), registry=registry)


@pytest.mark.parametrize("facts", [FACTS, DEBIAN, NOTHING])
def test_cyclonedx_is_what_its_schema_wants(facts):
    document = sbom.cyclonedx(IMAGE, facts, "0.1.0")
    assert [error.message for error in validator().iter_errors(document)] == []


def test_the_schema_is_one_that_refuses():
    document = sbom.cyclonedx(IMAGE, FACTS, "0.1.0")
    document["components"][0]["type"] = "nonsense"
    assert [error.json_path for error in validator().iter_errors(document)] == ["$.components[0].type"]


def test_package_urls():
    # The form of each kind: github.com/package-url/purl-spec, types-doc.
    assert [thing.purl for thing in sbom.things_of(FACTS)] == [
        "pkg:generic/ansible-collection/ansible.posix@2.1.0",
        "pkg:generic/ansible-role/s%C3%BC%C3%9F%2Frole@unknown",
        "pkg:pypi/jinja2@3.1.6",
        "pkg:pypi/odd%20name%2B1@1%2Blocal",
        "pkg:rpm/rhel/git-core@2.43.0-1.el9?arch=x86_64&distro=rhel-9.4&epoch=1",
        "pkg:rpm/rhel/libstdc%2B%2B@11.4.1-3.el9?arch=x86_64&distro=rhel-9.4",
    ]
    assert sbom.things_of(DEBIAN)[0].purl == "pkg:deb/debian/git@1%3A2.39.5-0?arch=amd64&distro=debian-12"


def test_a_package_without_a_version():
    facts = {**NOTHING, "python_packages": [{"name": "broken", "version": None, "license": None}]}
    assert [thing.purl for thing in sbom.things_of(facts)] == ["pkg:pypi/broken@unknown"]
    assert [error.message for error in validator().iter_errors(sbom.cyclonedx(IMAGE, facts, "0.1.0"))] == []


@pytest.mark.parametrize(
    ("created", "told"),
    [
        ("2026-11-20T10:05:07Z", "2026-11-20T10:05:07Z"),
        ("2026-11-20T10:05:07.123456789Z", "2026-11-20T10:05:07Z"),
        ("2026-11-20T00:05:07.5+02:00", "2026-11-19T22:05:07Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("yesterday", "1970-01-01T00:00:00Z"),
        (None, "1970-01-01T00:00:00Z"),
    ],
)
def test_moments_are_told_in_utc(created, told):
    assert sbom.moment(created) == told


def test_the_image_itself():
    purl = f"pkg:oci/network@sha256%3A{'1' * 64}?repository_url=registry.example.com%2Fee%2Fnetwork"
    assert IMAGE.purl == purl
    assert sbom.cyclonedx(IMAGE, FACTS, "0.1.0")["metadata"]["component"]["bom-ref"] == purl


def test_documents_are_the_same_each_time():
    assert sbom.cyclonedx(IMAGE, FACTS, "1") == sbom.cyclonedx(IMAGE, FACTS, "1")
    assert sbom.spdx(IMAGE, FACTS, "1") == sbom.spdx(IMAGE, FACTS, "1")


@pytest.mark.parametrize("facts", [FACTS, DEBIAN, NOTHING])
def test_spdx_has_what_the_specification_wants(facts):
    """Check SPDX 2.3, clauses 6, 7 and 11. A document of a real image has passed the SPDX project's own validator."""
    document = sbom.spdx(IMAGE, facts, "0.1.0")
    assert (document["spdxVersion"], document["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["documentNamespace"])
    assert re.fullmatch(r"Tool: \S+-\S+", document["creationInfo"]["creators"][0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
    identifiers = [package["SPDXID"] for package in document["packages"]]
    assert len(set(identifiers)) == len(identifiers)
    for package in document["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"]
        assert package["downloadLocation"] == "NOASSERTION"
        assert package["externalRefs"][0]["referenceLocator"].startswith("pkg:")
    known = {"SPDXRef-DOCUMENT", *identifiers}
    relations = document["relationships"]
    assert relations[0] == {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-Image",
    }
    assert all({item["spdxElementId"], item["relatedSpdxElement"]} <= known for item in relations)
    assert len(relations) == len(document["packages"])
