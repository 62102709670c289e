# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.location import parse_location

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "kind", "path", "tag", "digest"),
    [
        ("r.example.com/team/ee:1.0", "registry", None, "1.0", None),
        ("localhost:5000/ee", "registry", None, None, None),
        (f"r.example.com/ee@{DIGEST}", "registry", None, None, DIGEST),
        (f"r.example.com/ee:1@{DIGEST}", "registry", None, "1", DIGEST),
        ("oci:/srv/ee", "layout", "/srv/ee", None, None),
        ("oci:/srv/ee:1.0", "layout", "/srv/ee", "1.0", None),
        ("oci:/srv/e:e/x", "layout", "/srv/e:e/x", None, None),
        (f"oci:/srv/ee@{DIGEST}", "layout", "/srv/ee", None, DIGEST),
        ("oci-archive:/srv/ee.tar", "archive", "/srv/ee.tar", None, None),
        ("oci-archive:/srv/ee.tar:1.0", "archive", "/srv/ee.tar", "1.0", None),
        ("podman:localhost/ee:1.0", "engine", None, "1.0", None),
        (f"docker:{DIGEST}", "engine", None, None, DIGEST),
        ("buildah:" + "a" * 64, "engine", None, None, DIGEST),
    ],
)
def test_locations(text, kind, path, tag, digest):
    location = parse_location(text)
    assert (location.kind, location.path, location.tag, location.digest) == (kind, path, tag, digest)
    assert str(location) == text


def test_short_names_of_engines():
    assert str(parse_location("podman:ee").ref) == "localhost/ee"
    assert str(parse_location("docker:ee:1").ref) == "ee:1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ee:1.0", "names no registry"),
        ("oci:srv/ee", "no absolute path"),
        ("oci-archive:ee.tar", "no absolute path"),
        ("oci:/srv/ee:-x", "no tag"),
        ("oci:/srv/ee@sha256:short", "no digest"),
        ("docker://r.example.com/ee", "leave `docker://` out"),
        ("oci://srv", "starts with a scheme"),
        ("", "no image reference"),
        ("podman:EE", "lower-case"),
    ],
)
def test_what_is_none(text, why):
    with pytest.raises(Invalid, match=why):
        parse_location(text)


def test_only_registries_have_a_reference_in_one():
    assert str(parse_location("r.example.com/ee:1").registry) == "r.example.com/ee:1"
    with pytest.raises(Invalid, match="no image in a registry"):
        str(parse_location("oci:/srv/ee").registry)
