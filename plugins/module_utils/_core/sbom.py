# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bills of materials: what ``look_inside`` found, as CycloneDX 1.6 or SPDX 2.3 (JSON).

The same image gives the same document: its number comes from the digest, its time from the image.
Sources: cyclonedx.org/docs/1.6/json, spdx.github.io/spdx-spec/v2.3, github.com/package-url/purl-spec.
"""

from __future__ import annotations

import datetime
import re
import typing as t
import uuid
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import UNKNOWN, read_created
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.inventory import normalized

TOOL = "foundry.ee"
_NAMESPACE = uuid.UUID("5b0a1f6e-6a0b-5f3e-9b0e-7d1b0c0f4a11")  # of this collection's documents
_NEVER = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)  # where an image does not tell
_NOT_SAID = "NOASSERTION"
_SPDX_ID = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Thing:
    """One component. ``purl`` is its package URL, ``license`` what it says of itself, in its own words."""

    name: str
    version: str
    purl: str
    license: str | None = None


@dataclass(frozen=True)
class Image:
    """The image that a document is about; ``created`` is a time as RFC 3339 writes it, in UTC."""

    name: ImageRef
    digest: str
    created: str

    @property
    def purl(self) -> str:
        repository = self.name.repository.rpartition("/")[2]
        where = quote(self.name.name, safe="")
        return f"pkg:oci/{quote(repository)}@{quote(self.digest, safe='')}?repository_url={where}"

    @property
    def number(self) -> uuid.UUID:
        return uuid.uuid5(_NAMESPACE, self.digest)


def moment(created: str | None) -> str:
    """Return an image's time of creation as both formats want it: in UTC, to the second."""
    found = (read_created(created) or _NEVER).astimezone(datetime.timezone.utc)
    return found.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def things_of(facts: t.Mapping[str, t.Any]) -> list[Thing]:
    """Return all components, sorted by their package URLs, each once."""
    found = [
        *(_thing(item, f"pypi/{quote(normalized(item['name']), safe='')}") for item in facts["python_packages"]),
        *(_thing(item, f"generic/ansible-collection/{item['name']}") for item in facts["collections"]),
        *(_thing(item, f"generic/ansible-role/{quote(item['name'], safe='')}") for item in facts["roles"]),
        *_system_things(facts),
    ]
    return sorted({thing.purl: thing for thing in found}.values(), key=lambda thing: thing.purl)


def _thing(item: t.Mapping[str, t.Any], path: str, qualifiers: str = "") -> Thing:
    version = item["version"] or UNKNOWN  # a Python package that is damaged has none
    purl = f"pkg:{path}@{quote(version, safe='')}{qualifiers}"
    return Thing(item["name"], version, purl, item.get("license") or None)


def _system_things(facts: t.Mapping[str, t.Any]) -> t.Iterator[Thing]:
    system = facts.get("system_packages")
    if not system:
        return
    release = facts.get("os") or {}
    vendor = release.get("ID") or "linux"
    distribution = f"{vendor}-{release['VERSION_ID']}" if release.get("VERSION_ID") else vendor
    for package in system["packages"]:
        path = f"{system['type']}/{quote(vendor)}/{quote(package['name'], safe='')}"
        # The specification asks for an epoch apart from the version in rpm only.
        epoch, colon, version = package["version"].partition(":")
        apart = system["type"] == "rpm" and bool(colon)
        arch = f"arch={quote(package.get('arch') or 'noarch')}"
        qualifiers = f"?{arch}&distro={quote(distribution)}" + (f"&epoch={epoch}" if apart else "")
        named = {**package, "version": version} if apart else package
        yield _thing(named, path, qualifiers)


def cyclonedx(image: Image, facts: t.Mapping[str, t.Any], tool_version: str) -> dict[str, t.Any]:
    """Return a CycloneDX 1.6 document."""
    things = things_of(facts)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{image.number}",
        "version": 1,
        "metadata": {
            "timestamp": image.created,
            "tools": {"components": [{"type": "application", "name": TOOL, "version": tool_version}]},
            "component": {
                "type": "container",
                "bom-ref": image.purl,
                "name": image.name.name,
                "version": image.digest,
                "purl": image.purl,
            },
        },
        "components": [_component(thing) for thing in things],
        "dependencies": [{"ref": image.purl, "dependsOn": [thing.purl for thing in things]}],
    }


def _component(thing: Thing) -> dict[str, t.Any]:
    component: dict[str, t.Any] = {
        "type": "library",
        "bom-ref": thing.purl,
        "name": thing.name,
        "version": thing.version,
        "purl": thing.purl,
    }
    if thing.license is not None:
        component["licenses"] = [{"license": {"name": thing.license}}]
    return component


def spdx(image: Image, facts: t.Mapping[str, t.Any], tool_version: str) -> dict[str, t.Any]:
    """Return an SPDX 2.3 document. Licences are comments: as packages word them they are no SPDX expressions."""
    root = "SPDXRef-Image"
    packages = [
        _spdx_package(thing, f"SPDXRef-{number}-{_SPDX_ID.sub('-', thing.name)}")
        for number, thing in enumerate(things_of(facts), 1)
    ]
    whole = _spdx_package(Thing(image.name.name, image.digest, image.purl), root)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{image.name.name}@{image.digest}",
        "documentNamespace": f"urn:uuid:{image.number}",
        "creationInfo": {"created": image.created, "creators": [f"Tool: {TOOL}-{tool_version}"]},
        "packages": [{**whole, "primaryPackagePurpose": "CONTAINER"}, *packages],
        "relationships": [
            _related("SPDXRef-DOCUMENT", "DESCRIBES", root),
            *(_related(root, "CONTAINS", package["SPDXID"]) for package in packages),
        ],
    }


def _spdx_package(thing: Thing, identifier: str) -> dict[str, t.Any]:
    package = {
        "SPDXID": identifier,
        "name": thing.name,
        "versionInfo": thing.version,
        "downloadLocation": _NOT_SAID,
        "filesAnalyzed": False,
        "licenseConcluded": _NOT_SAID,
        "licenseDeclared": _NOT_SAID,
        "copyrightText": _NOT_SAID,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": thing.purl}
        ],
    }
    return package if thing.license is None else {**package, "licenseComments": thing.license}


def _related(one: str, how: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
