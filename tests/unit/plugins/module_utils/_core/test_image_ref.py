# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("ee", None, "ee", None, None),
        ("ee:1.2", None, "ee", "1.2", None),
        ("team/ee:1", None, "team/ee", "1", None),
        ("localhost/ee", "localhost", "ee", None, None),
        ("localhost:5000/a/b", "localhost:5000", "a/b", None, None),
        ("hub.example.com/team/ee:1.2@" + SHA, "hub.example.com", "team/ee", "1.2", SHA),
        ("hub.example.com/team/ee@" + SHA, "hub.example.com", "team/ee", None, SHA),
        ("[::1]:5000/ee:x", "[::1]:5000", "ee", "x", None),
        ("HUB/ee", "HUB", "ee", None, None),
        ("a__b/c-d.e_f", None, "a__b/c-d.e_f", None, None),
    ],
)
def test_parse_and_print(text, registry, repository, tag, digest):
    ref = image_ref.parse(text)
    assert (ref.registry, ref.repository, ref.tag, ref.digest) == (registry, repository, tag, digest)
    assert str(ref) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 255 characters"),
        ("https://hub.example.com/ee", "leave `https://` out"),
        ("hub.example.com//ee", "empty part between slashes"),
        ("hub.example.com/Team/ee", "upper-case"),
        ("ee:", "no tag"),
        ("ee:-x", "no tag"),
        ("ee@sha256:abc", "no digest"),
        ("ee@", "no digest"),
        ("hub.example.com/a..b", "single"),
        ("ho_st.com:80/ee", "no host name"),
        ("a/" + "b" * 300, "1 to 255 characters"),
        ("ee name", "only lower-case"),
    ],
)
def test_refused(text, words):
    with pytest.raises(Invalid, match=words):
        image_ref.parse(text)


@pytest.mark.parametrize("name", ["ee", "team/ee", "a/b-c/d_e.f"])
def test_repository(name):
    assert image_ref.check_repository(name) == name


@pytest.mark.parametrize("name", ["", "Team/ee", "team/", "ee:1", "ee@sha256", "a b"])
def test_repository_refused(name):
    with pytest.raises(Invalid, match="no name of a repository"):
        image_ref.check_repository(name)


def test_reference_prefers_the_digest():
    assert image_ref.parse("ee:1@" + SHA).reference == SHA
    assert image_ref.parse("ee:1").reference == "1"
    assert image_ref.parse("ee").reference == "latest"


def test_with_tag_and_with_digest():
    ref = image_ref.parse("h.example/ee:1@" + SHA)
    assert str(ref.with_tag("2")) == "h.example/ee:2"
    assert str(ref.with_digest(SHA)) == "h.example/ee@" + SHA
