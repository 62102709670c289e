# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import index as i
from ansible_collections.foundry.ee.plugins.module_utils._core import manifest as m
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound, Unreachable

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
AMD64, ARM64, ARM_V7 = (m.Platform.parse(text) for text in ("linux/amd64", "linux/arm64", "linux/arm/v7"))


def image(layer: str = A, **more) -> m.Manifest:
    config = {"mediaType": m.OCI_CONFIG, "digest": C, "size": 2}
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 7}]
    return m.made({"schemaVersion": 2, "mediaType": m.OCI_MANIFEST, "config": config, "layers": layers, **more})


def index(*platforms: m.Platform) -> m.Manifest:
    return i.join([(image(m.digest_of(str(p).encode())), p) for p in platforms], "here")


def test_a_manifest_is_the_bytes_it_came_as():
    body = json.dumps(dict(image().content), indent=3).encode()
    parsed = m.parse_manifest(body, where="here")
    assert parsed.body == body
    assert parsed.digest == m.digest_of(body)
    assert [blob.digest for blob in parsed.blobs] == [C, A]
    assert parsed.config is not None
    assert parsed.config.size == 2
    assert not parsed.is_index
    assert parsed.children == ()


def test_the_digest_is_checked():
    with pytest.raises(Unreachable, match=r"digest is sha256:.*, expected sha256:aaa"):
        m.parse_manifest(image().body, digest=A, where="here")


def test_sha512_digests_are_checked_too():
    digest = m.digest_of(image().body, "sha512")
    assert m.parse_manifest(image().body, digest=digest, where="here").digest == digest


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "without a valid digest"),
        (b"[" * 100_000, "no JSON"),
        (json.dumps({**image().content, "layers": {}}).encode(), "`layers` is no list"),
        (json.dumps({**image().content, "layers": [{"digest": "../../etc", "size": 1}]}).encode(), "a valid digest"),
        (json.dumps({**image().content, "layers": [{"digest": A, "size": -1}]}).encode(), "a valid size"),
        (json.dumps({**image().content, "layers": [{"digest": A, "size": True}]}).encode(), "a valid size"),
        (json.dumps({**image().content, "mediaType": "text/plain"}).encode(), "no media type of a manifest"),
        (json.dumps({"schemaVersion": 2, "mediaType": m.OCI_INDEX, "manifests": [7]}).encode(), "a valid digest"),
    ],
)
def test_broken_manifests_are_refused(body, why):
    with pytest.raises(Unreachable, match=why):
        m.parse_manifest(body, where="here")


def test_schema_1_is_named():
    with pytest.raises(Invalid, match="Docker schema 1"):
        m.parse_manifest(b'{"schemaVersion": 1, "fsLayers": []}', where="here")


def test_the_media_type_is_the_bodys_then_the_headers_then_guessed():
    bare = {key: value for key, value in image().content.items() if key != "mediaType"}
    body = json.dumps(bare).encode()
    assert m.parse_manifest(image().body, media_type=m.DOCKER_MANIFEST, where="h").media_type == m.OCI_MANIFEST
    assert m.parse_manifest(body, media_type=f"{m.DOCKER_MANIFEST}; x=y", where="h").media_type == m.DOCKER_MANIFEST
    assert m.parse_manifest(body, where="h").media_type == m.OCI_MANIFEST
    assert m.parse_manifest(b'{"schemaVersion": 2, "manifests": []}', where="h").is_index


def test_blobs_are_named_once_and_foreign_ones_not_at_all():
    foreign = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "digest": B, "size": 9}
    layers = [*image().content["layers"] * 2, {**foreign, "urls": ["https://elsewhere.example.com/x"]}]
    assert [b.digest for b in image(layers=layers).blobs] == [C, A]


@pytest.mark.parametrize("text", ["linux", "linux/", "a/b/c/d", ""])
def test_no_platforms(text):
    with pytest.raises(Invalid, match="no platform"):
        m.Platform.parse(text)


@pytest.mark.parametrize(
    ("wanted", "there", "covered"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm", "linux/arm/v6", True),
        ("linux/amd64", "windows/amd64", False),
    ],
)
def test_platforms_cover(wanted, there, covered):
    assert m.Platform.parse(wanted).covers(m.Platform.parse(there)) is covered


def test_joining_depends_on_the_images_only():
    assert index(AMD64, ARM64).digest == index(ARM64, AMD64).digest
    assert [str(c.platform) for c in index(ARM64, ARM_V7, AMD64).children] == [
        "linux/amd64",
        "linux/arm/v7",
        "linux/arm64",
    ]


def test_two_images_for_one_platform_are_not_joined():
    with pytest.raises(Invalid, match="Two different images for linux/amd64"):
        i.join([(image(A), AMD64), (image(B), AMD64)], "here")


def test_picking_one_platform_gives_its_image():
    picked = i.pick(index(AMD64, ARM64), [ARM64], "here")
    assert isinstance(picked, m.Descriptor)
    assert picked.platform == ARM64


def test_picking_several_gives_an_index_of_them():
    picked = i.pick(index(AMD64, ARM64, ARM_V7), [ARM64, AMD64], "here")
    assert isinstance(picked, m.Manifest)
    assert [c.platform for c in picked.children] == [AMD64, ARM64]


def test_picking_all_changes_nothing():
    whole = index(AMD64, ARM64)
    assert i.pick(whole, [ARM64, AMD64], "here") is whole


def test_an_attestation_goes_with_its_image():
    whole = index(AMD64, ARM64, ARM_V7)
    note = {"vnd.docker.reference.digest": whole.children[0].digest}
    unknown = {"os": "unknown", "architecture": "unknown"}
    attestation = {"mediaType": m.OCI_MANIFEST, "digest": B, "size": 3, "platform": unknown, "annotations": note}
    whole = i.make_index([*(dict(c.raw) for c in whole.children), attestation])
    with_it = i.pick(whole, [AMD64, ARM64], "here")
    without = i.pick(whole, [ARM64, ARM_V7], "here")
    assert isinstance(with_it, m.Manifest)
    assert isinstance(without, m.Manifest)
    assert B in [c.digest for c in with_it.children]
    assert B not in [c.digest for c in without.children]


def test_a_missing_platform_is_named_with_those_there_are():
    with pytest.raises(NotFound, match=r"no image for linux/arm/v7\. It has: linux/amd64, linux/arm64"):
        i.pick(index(AMD64, ARM64), [AMD64, ARM_V7], "here")


def test_the_usual_platform():
    assert i.only_platform(index(ARM64, AMD64), None, "here").platform == AMD64
    assert i.only_platform(index(ARM64, ARM_V7), None, "here").platform == ARM_V7
    with pytest.raises(NotFound):
        i.only_platform(index(ARM64), AMD64, "here")


def test_subject_and_artifact_type():
    attached = image(subject={"mediaType": m.OCI_MANIFEST, "digest": B, "size": 3}, artifactType="a/b")
    assert attached.subject == B
    assert attached.artifact_type == "a/b"
    assert image().artifact_type == m.OCI_CONFIG
    assert image().subject is None


def test_referrers_tag():
    assert m.referrers_tag(A) == "sha256-" + "a" * 64
    assert len(m.referrers_tag("sha512:" + "a" * 128)) == 128
