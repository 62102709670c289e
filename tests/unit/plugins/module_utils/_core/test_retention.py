# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import retention as r
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
KEY = "0123456789abcdef" * 4


def digest(name: str) -> str:
    return "sha256:" + name.encode().hex().rjust(64, "0")


def found(name, *tags, days=100, blobs=None, **more):
    created = None if days is None else NOW - timedelta(days=days)
    return r.Found(digest(name), tags, created, blobs or {digest(name): 10}, **more)


def kept(images, **policy):
    decisions = r.decide("team/ee", images, r.Policy(**policy), NOW)
    assert all(decision.because for decision in decisions)
    assert len(decisions) == len(images)
    return {tag for decision in decisions if decision.keep for tag in decision.image.tags}


def because(images, tag, **policy):
    decisions = r.decide("team/ee", images, r.Policy(**policy), NOW)
    return next(" | ".join(d.because) for d in decisions if tag in d.image.tags)


FIVE = [found(str(n), f"t{n}", days=n * 10) for n in range(1, 6)]


def test_the_newest():
    assert kept(FIVE, newest=2) == {"t1", "t2"}
    assert kept(FIVE, newest=0) == set()
    assert kept(FIVE, newest=50) == {f"t{n}" for n in range(1, 6)}
    assert because(FIVE, "t2", newest=2) == "it is number 2 of the 2 newest"
    assert because(FIVE, "t3", newest=2) == "it is not among the 2 newest and nothing uses it"


def test_the_images_of_an_index_take_no_place_beside_it():
    images = []
    for number in (1, 2, 3):
        parts = [found(f"{number}{arch}", f"1.{number}-{arch}", days=100 - number) for arch in ("amd64", "arm64")]
        whole = frozenset(part.digest for part in parts)
        images += [found(str(number), f"1.{number}", days=100 - number, parts=whole), *parts]
    wanted = {f"1.{number}{arch}" for number in (2, 3) for arch in ("", "-amd64", "-arm64")}
    assert kept(images, newest=2) == wanted
    assert because(images, "1.3-arm64", newest=2) == "it is part of the index `1.3`"
    assert because(images, "1.2", newest=2) == "it is number 2 of the 2 newest"


def test_younger_than():
    assert kept(FIVE, younger_than=timedelta(days=30)) == {"t1", "t2"}
    assert because(FIVE, "t1", younger_than=timedelta(days=30)) == "it is 10 days old"
    assert because(FIVE, "t5", younger_than=timedelta(days=30)).startswith("it is older than 30 days")


def test_an_image_without_a_date_stays():
    images = [*FIVE, found("x", "undated", days=None)]
    assert kept(images, newest=1) == {"t1", "undated"}
    assert kept(images, younger_than=timedelta(days=1)) == {"undated"}
    assert kept(images, tags=("t1",)) == {"t1"}  # no rule asks for its date


def test_an_image_from_the_future_stays_and_is_not_the_newest():
    images = [*FIVE, found("x", "future", days=-400), found("y", "ahead", days=-1)]
    assert kept(images, newest=1) == {"future", "ahead"}
    assert because(images, "future", newest=1) == "its date is to come"
    assert because(images, "ahead", newest=1) == "it is number 1 of the 1 newest"


def test_tags():
    assert kept(FIVE, tags=("t[12]", "x*")) == {"t1", "t2"}
    assert because(FIVE, "t1", tags=("x", "t?")) == "its tag `t1` matches `t?` of `keep_tags`"
    assert kept([found("a", "prod", "old")], tags=("prod",)) == {"prod", "old"}  # an image is one unit


def test_only_some_tags_are_looked_at():
    images = [found("a", "ci-1"), found("b", "ci-2", "release"), found("c", "ci-3", "key-" + "0" * 32)]
    assert kept(images, newest=0, only_tags=("ci-*",)) == {"ci-2", "release"}


@pytest.mark.parametrize("tag", ["key-" + "0" * 32, "prod.previous"])
def test_an_image_with_nothing_but_bookkeeping_is_looked_at_only_if_that_is_asked_for(tag):
    images = [found("a", tag), found("b", "ci-1")]
    assert kept(images, newest=0, only_tags=("ci-*",)) == {tag}
    assert because(images, tag, newest=0, only_tags=("ci-*",)) == f"its tag `{tag}` is not among `only_tags`"
    assert kept(images, newest=0, only_tags=("ci-*", tag[:4] + "*")) == set()
    assert kept(images, newest=0) == set()


def test_what_is_attached_by_its_tag_is_no_matter_of_only_tags():
    signature = found("s", "sha256-" + digest("a")[7:] + ".sig")
    images = [found("a", "ci-1"), signature, found("b", "release")]
    assert kept(images, newest=0, only_tags=("ci-*",)) == {"release"}
    images = [found("a", "ci-1", signature.tags[0]), found("b", "release")]
    assert kept(images, newest=0, only_tags=("ci-*",)) == {"release"}


@pytest.mark.parametrize(
    ("line", "per_line", "expected"),
    [
        ("minor", 1, {"1.4.10", "1.5.0", "v2.0.0"}),
        ("minor", 2, {"1.4.10", "1.4.9", "1.5.0", "1.5.0-rc.1", "v2.0.0"}),
        ("major", 1, {"1.5.0", "v2.0.0"}),
    ],
)
def test_lines_of_versions(line, per_line, expected):
    tags = ["1.4.9", "1.4.10", "1.5.0", "1.5.0-rc.1", "1.5.0-rc.1.1", "v2.0.0", "1.5", "latest", "1.4.2-1"]
    images = [found(tag, tag) for tag in tags]
    if per_line == 2:
        expected = expected - {"1.5.0-rc.1"} | {"1.5.0-rc.1.1"}  # more parts are later, semver.org 11.4.4
    assert kept(images, line=line, per_line=per_line) == expected


def test_a_pre_release_pushes_no_release_out():
    tags = ["1.4.9", "1.4.10", "1.4.11-rc.1", "1.4.11-rc.2", "1.4.10-rc.1", "1.4.9_build.7"]
    images = [found(tag, tag) for tag in tags]
    assert kept(images, line="minor", per_line=1) == {"1.4.11-rc.2", "1.4.10"}
    newest = {"1.4.11-rc.2", "1.4.11-rc.1", "1.4.10", "1.4.9", "1.4.9_build.7"}
    assert kept(images, line="minor", per_line=2) == newest


@pytest.mark.parametrize(
    ("ref", "stays"),
    [
        ("h.example.com/team/ee:t3", True),
        ("team/ee:t3", True),
        (f"h.example.com/team/ee@{digest('3')}", True),
        (f"h.example.com/team/ee:other@{digest('3')}", True),
        ("alias.example.com/team/ee:t3", True),
        ("other.example.com/team/ee:t3", False),
        ("h.example.com/team/other:t3", False),
        ("h.example.com/team/ee", False),
        (f"h.example.com/team/ee:t3@{digest('9')}", False),
    ],
)
def test_what_is_in_use_stays(ref, stays):
    hosts = frozenset({"h.example.com", "alias.example.com"})
    policy = {"newest": 0, "in_use": r.references([ref]), "hosts": hosts}
    assert kept(FIVE, **policy) == ({"t3"} if stays else set())
    if stays:
        assert because(FIVE, "t3", **policy) == f"`{ref}` is in use"


@pytest.mark.parametrize(
    ("host", "ref", "repository"),
    [
        ("h.example.com", "H.Example.Com/team/ee:t3", "team/ee"),
        ("H.example.com", "h.example.com/team/ee:t3", "team/ee"),
        ("h.example.com", "h.example.com:443/team/ee:t3", "team/ee"),
        ("h.example.com:443", "h.example.com/team/ee:t3", "team/ee"),
        ("docker.io", "index.docker.io/team/ee:t3", "team/ee"),
        ("registry-1.docker.io", "docker.io/team/ee:t3", "team/ee"),
        ("docker.io", "docker.io/library/ee:t3", "ee"),
        ("docker.io", "docker.io/ee:t3", "library/ee"),
        ("docker.io", "ee:t3", "library/ee"),
    ],
)
def test_a_registry_has_several_names(host, ref, repository):
    policy = r.Policy(newest=0, in_use=r.references([ref]), hosts=frozenset({host}))
    decisions = r.decide(repository, FIVE, policy, NOW)
    assert [d.image.tags for d in decisions if d.keep] == [("t3",)]


@pytest.mark.parametrize(
    ("host", "ref", "repository"),
    [
        ("h.example.com", "h.example.com:5000/team/ee:t3", "team/ee"),
        ("h.example.com", "h.example.com/ee:t3", "library/ee"),
        ("h.example.com", "docker.io/team/ee:t3", "team/ee"),
    ],
)
def test_another_registry_is_another(host, ref, repository):
    policy = r.Policy(newest=0, in_use=r.references([ref]), hosts=frozenset({host}))
    assert not any(d.keep for d in r.decide(repository, FIVE, policy, NOW))


def test_digests_in_use_that_no_tag_leads_to():
    index = found("i", "1.0", parts=frozenset({digest("x")}))
    refs = [f"h.example.com/team/ee@{digest(name)}" for name in ("i", "x", "none")]
    used = r.references([*refs, f"team/ee:1@{digest('short')}", f"team/other@{digest('o')}", "team/ee:2"])
    policy = r.Policy(in_use=used, hosts=frozenset({"h.example.com"}))
    assert r.not_found("team/ee", [index], policy) == sorted([digest("none"), digest("short")])


def test_what_is_in_use_without_a_tag_keeps_its_parts_and_takes_no_place():
    untagged = found("i", days=1, parts=frozenset({digest("x"), digest("5")}))
    images = [*FIVE, untagged, found("j", "gone", parts=frozenset({digest("x")}))]
    policy = r.Policy(newest=1, in_use=r.references([f"team/ee@{digest('i')}"]))
    decisions = r.decide("team/ee", images, policy, NOW)
    assert {tag for d in decisions if d.keep for tag in d.image.tags} == {"t1", "t5"}
    assert set(r.to_delete(decisions)) == {digest(name) for name in ("2", "3", "4", "j")}


def test_no_tag_means_latest():
    refs = r.references(["team/ee"])
    assert kept([found("a", "latest"), found("b", "x")], newest=0, in_use=refs) == {"latest"}


def test_an_unreadable_image_in_use_stops_everything():
    with pytest.raises(Invalid, match="in_use"):
        r.references(["team/EE:1"])


def test_build_keys_in_use():
    images = [
        found("a", "a", build_keys=frozenset({KEY})),
        found("b", "b", f"key-{KEY[:32]}"),
        found("c", "c", "key-" + "f" * 32),
    ]
    assert kept(images, newest=0, build_keys=frozenset({r.build_key(KEY)})) == {"a", "b", f"key-{KEY[:32]}"}


def test_parts_of_a_kept_index_stay():
    index = found("i", "1.0", parts=frozenset({digest("x"), digest("y")}))
    images = [index, found("x", "1.0-amd64"), found("z", "1.0-s390x")]
    assert kept(images, tags=("1.0",)) == {"1.0", "1.0-amd64"}
    assert because(images, "1.0-amd64", tags=("1.0",)) == "it is part of the index `1.0`"
    decisions = r.decide("team/ee", images, r.Policy(tags=("1.0",)), NOW)
    assert r.to_delete(decisions) == [digest("z")]


def test_a_part_in_use_keeps_its_index():
    index = found("i", "1.0", parts=frozenset({digest("x")}))
    refs = r.references([f"team/ee@{digest('x')}"])
    assert kept([index], newest=0, in_use=refs) == {"1.0"}


def test_an_index_goes_with_its_parts_but_not_with_shared_ones():
    one = found("i", "1", parts=frozenset({digest("x"), digest("y")}))
    two = found("j", "2", parts=frozenset({digest("y")}))
    tagged = found("x", "x")
    decisions = r.decide("team/ee", [one, two], r.Policy(tags=("2",)), NOW)
    assert r.to_delete(decisions) == [digest("i"), digest("x")]
    decisions = r.decide("team/ee", [one, two, tagged], r.Policy(tags=("2", "x")), NOW)
    assert r.to_delete(decisions) == [digest("i")]


def test_what_something_is_attached_to_stays_unless_said():
    signature = found("s", "sha256-" + digest("a")[7:] + ".sig")
    images = [found("a", "a", attached=(digest("s"),)), signature, found("b", "b")]
    assert kept(images, newest=0) == {"a", *signature.tags}
    assert "attached" in because(images, "a", newest=0)
    assert kept(images, newest=0, keep_attached=False) == set()
    decisions = r.decide("team/ee", images, r.Policy(newest=0, keep_attached=False), NOW)
    assert set(r.to_delete(decisions)) == {digest("a"), digest("b"), digest("s")}


@pytest.mark.parametrize(
    "policy",
    [
        {"in_use": r.references([f"team/ee@{digest('s')}"])},
        {"in_use": r.references(["team/ee:sbom"])},
        {"tags": ("sbom",)},
        {"build_keys": frozenset({KEY[:32]})},
    ],
)
def test_what_is_attached_stays_if_it_is_named_itself(policy):
    sbom = found("s", "sbom", subject=digest("a"), build_keys=frozenset({KEY}))
    images = [found("a", "a", attached=(digest("s"),)), sbom]
    policy = {"newest": 0, "keep_attached": False, **policy}
    assert kept(images, **policy) == {"sbom"}
    assert r.to_delete(r.decide("team/ee", images, r.Policy(**policy), NOW)) == [digest("a")]


def test_what_is_attached_to_a_part_keeps_the_index():
    signed = r.with_attached(found("i", "1", parts=frozenset({digest("x")})), {digest("x"): [digest("s")]})
    images = [signed, found("x", "1-amd64")]
    assert kept(images, newest=0) == {"1", "1-amd64"}
    assert because(images, "1", newest=0) == "1 signatures, SBOMs or the like are attached to its parts"
    decisions = r.decide("team/ee", images, r.Policy(newest=0, keep_attached=False), NOW)
    assert r.to_delete(decisions) == [digest("i"), digest("x"), digest("s")]


def test_what_is_attached_to_a_part_stays_with_a_part_that_stays():
    attached = {digest("x"): [digest("s")], digest("y"): [digest("t")]}
    one = r.with_attached(found("i", "1", parts=frozenset({digest("x"), digest("y")})), attached)
    two = found("j", "2", parts=frozenset({digest("y")}))
    decisions = r.decide("team/ee", [one, two], r.Policy(tags=("2",), keep_attached=False), NOW)
    assert r.to_delete(decisions) == [digest("i"), digest("x"), digest("s")]


def test_what_is_attached_does_not_count_as_an_image():
    signature = found("s", "sha256-" + digest("1")[7:] + ".sig", days=1)
    assert kept([*FIVE, signature], newest=1) == {"t1", *signature.tags}


def test_what_is_attached_to_something_unknown_stays():
    stray = found("s", "sha256-" + digest("none")[7:])
    assert kept([stray], newest=0, keep_attached=False) == set(stray.tags)


def test_what_is_attached_to_a_part_goes_the_way_of_the_index():
    index = found("i", "1", parts=frozenset({digest("x")}))
    sbom = found("s", "sbom", subject=digest("x"))
    assert kept([index, sbom], tags=("1",)) == {"1", "sbom"}
    assert kept([index, sbom], newest=0) == set()


def test_the_image_before_stays_as_long_as_its_tag():
    images = [found("a", "prod"), found("b", "prod.previous"), found("c", "gone.previous")]
    assert kept(images, tags=("prod",)) == {"prod", "prod.previous"}
    assert because(images, "prod.previous", tags=("prod",)) == "`prod` stood for it before"
    assert kept(images, newest=0) == set()


def test_what_a_part_stood_for_before_stays_as_well():
    """However many steps lie between an image and what is kept for itself."""
    index = found("i", "prod", parts=frozenset({digest("x")}))
    memory = found("y", "amd.previous", parts=frozenset({digest("z")}))
    images = [found("z", "deep"), found("w", "deep.previous"), memory, found("x", "amd"), index]
    assert kept(images, tags=("prod",)) == {"prod", "amd", "amd.previous", "deep", "deep.previous"}
    assert because(images, "amd.previous", tags=("prod",)) == "`amd` stood for it before"
    assert kept(images, newest=0) == set()


def test_bytes_that_each_decision_frees():
    base, shared, own = digest("base"), digest("shared"), digest("own")
    images = [
        found("a", "a", blobs={base: 100, shared: 5, own: 3}),
        found("b", "b", blobs={base: 100, shared: 5}),
        found("c", "c", blobs={base: 100, digest("c"): 7}),
    ]
    decisions = r.decide("team/ee", images, r.Policy(tags=("c",)), NOW)
    alone = dict(zip((d.image.tags[0] for d in decisions), r.bytes_freed_alone(decisions)))
    assert alone == {"a": 3, "b": 0, "c": 0}
    assert r.bytes_freed(decisions) == 8
    assert decisions[0].as_result("h/x", 9)["bytes_freed"] == 9


def test_shared_blobs_are_counted_once_and_only_if_nothing_kept_has_them():
    base, own, other = digest("base"), digest("own"), digest("other")
    images = [
        found("a", "a", blobs={base: 100, own: 5}),
        found("b", "b", blobs={base: 100, own: 5, other: 7}),
        found("c", "c", blobs={base: 100}),
    ]
    assert r.bytes_freed(r.decide("team/ee", images, r.Policy(tags=("c",)), NOW)) == 12
    assert r.bytes_freed(r.decide("team/ee", images, r.Policy(newest=0), NOW)) == 112
    assert r.bytes_freed(r.decide("team/ee", images, r.Policy(tags=("*",)), NOW)) == 0


def test_nothing_that_is_kept_is_ever_deleted():
    """Random repositories and policies: no kept image, no part of one and nothing in use is among the deletions."""
    chance = random.Random(5)  # noqa: S311 - the same cases every time
    for _round in range(300):
        images = []
        for number in range(chance.randrange(12)):
            parts = frozenset(digest(str(n)) for n in range(number) if chance.random() < 0.2)
            subject = digest(str(chance.randrange(12))) if chance.random() < 0.2 else None
            tags = [f"t{number}", f"1.{number % 3}.{number}"][: chance.randrange(1, 3)]
            days = chance.choice([None, *range(40)])
            images.append(found(str(number), *tags, days=days, parts=parts, subject=subject))
        used = [f"team/ee:t{chance.randrange(12)}" for _n in range(chance.randrange(3))]
        policy = r.Policy(
            newest=chance.choice([None, 0, 2]),
            younger_than=chance.choice([None, timedelta(days=20)]),
            line=chance.choice([None, "major", "minor"]),
            in_use=r.references(used),
            keep_attached=chance.random() < 0.5,
        )
        decisions = r.decide("team/ee", images, policy, NOW)
        going = set(r.to_delete(decisions))
        for decision in decisions:
            if decision.keep:
                assert not going & {decision.image.digest, *decision.image.parts}
            if any(f"team/ee:{tag}" in used for tag in decision.image.tags):
                assert decision.keep


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2592000), ("12h", 43200), ("8w", 4838400), (" 1 d ", 86400), ("0h", 0)]
)
def test_durations(text, seconds):
    assert r.duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "1y", "9" * 30 + "w"])
def test_no_durations(text):
    with pytest.raises(Invalid):
        r.duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T08:00:00Z", datetime(2026, 11, 20, 8, tzinfo=timezone.utc)),
        ("2026-11-20T10:00:00.123456789+02:00", datetime(2026, 11, 20, 8, tzinfo=timezone.utc)),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2026-13-40T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_dates(text, expected):
    assert r.created_at(text) == expected


@pytest.mark.parametrize("text", ["", "key-", "xyz", "key-" + "0" * 31])
def test_no_build_keys(text):
    with pytest.raises(Invalid):
        r.build_key(text)
