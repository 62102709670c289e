# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task wants, against a real server: the plan, what it writes, and that a second run has nothing to do."""

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    EEError,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Item, ItemPlan, Registries, plan_item
from ansible_collections.foundry.ee.plugins.module_utils._oci_layout import open_layout
from ansible_collections.foundry.ee.plugins.module_utils._oci_many import Fault, plan_many
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))


@pytest.fixture
def registry():
    with FaultRegistry() as server:
        yield server


@pytest.fixture
def other():
    with FaultRegistry() as server:
        yield server


def item(image, **params):
    return Item.from_params({"state": "present", "image": image, **params})


def run(image, options=None, **params):
    """Plan in check mode, plan and apply for real, plan again: return the real plan's result."""
    wanted = item(image, **params)
    predicted = plan_item(wanted, Registries({"timeout": 5.0, **(options or {})}, read_only=True))
    real = plan_item(wanted, Registries({"timeout": 5.0, **(options or {})}, read_only=False))
    assert predicted.diff == real.diff
    assert predicted.changed == real.changed
    done = real.apply() if real.changed else None
    again = plan_item(wanted, Registries({"timeout": 5.0, **(options or {})}, read_only=True))
    assert not again.changed
    return {**real.result(done), "diff": real.diff, "again": again.requests}


def at(server, rest="team/ee:1.0"):
    return f"{server.host}/{rest}"


def test_nothing_to_do_costs_one_request_for_each_place(registry, other):
    digest = registry.put_image("team/ee", "1.0")
    other.put_image("team/ee", "1.0")
    assert run(at(registry))["requests"] == 1
    assert run(at(registry, f"team/ee:1.0@{digest}"))["requests"] == 1
    assert run(at(registry), source=at(other))["requests"] == 2


def test_requests_for_tokens_count(registry):
    registry.auth = "bearer"
    registry.put_image("team/ee", "1.0", "2.0")
    options = {"username": registry.user, "password": registry.password, "timeout": 5.0}
    assert plan_item(item(at(registry), tags=["2.0"]), Registries(options, read_only=True)).requests == 4
    assert len(registry.seen) == 4


def test_a_copy_takes_every_blob_once_and_the_tag_last(registry, other):
    digest = other.put_image("src/ee", "1.0", layers=[b"a", b"b", b"a", b"c" * 100])
    result = run(at(registry), source=at(other, "src/ee:1.0"), tags=["latest"])
    assert result["digest"] == digest
    assert result["tags"] == {"1.0": digest, "latest": digest}
    assert registry.repository("team/ee").blobs == other.repository("src/ee").blobs
    assert result["bytes_copied"] == sum(map(len, registry.repository("team/ee").blobs.values()))
    writes = [str(seen) for seen in registry.seen if seen.method in ("PUT", "POST", "PATCH")]
    assert [write.rpartition("/")[2] for write in writes[-2:]] == ["1.0", "latest"]


def test_a_copy_within_a_registry_sends_nothing(registry):
    registry.put_image("src/ee", "1.0", layers=[b"x" * 5000])
    assert run(at(registry), source=at(registry, "src/ee:1.0"))["bytes_copied"] == 0
    assert len(registry.asked("POST .*mount=")) == 2


def test_a_broken_source_leaves_no_tag(registry, other):
    digest = other.put_image("src/ee", "1.0", layers=[b"good", b"bad"])
    blobs = other.repository("src/ee").blobs
    blobs[faults.digest_of(b"bad")] = b"BAD"
    plan = plan_item(item(at(registry), source=at(other, "src/ee:1.0")), Registries({"timeout": 5.0}, read_only=False))
    with pytest.raises(Unreachable, match="its bytes have the digest"):
        plan.apply()
    assert registry.repository("team/ee").tags == {}
    blobs[faults.digest_of(b"bad")] = b"bad"
    assert run(at(registry), source=at(other, "src/ee:1.0"))["digest"] == digest


def test_an_index_with_all_its_images_and_chosen_ones(registry, other):
    images = {
        f"linux/{a}": other.put_image("src/ee", layers=[a.encode()], architecture=a)
        for a in ("amd64", "arm64", "s390x")
    }
    index = other.put_index("src/ee", images, "multi")
    source = at(other, "src/ee:multi")
    assert run(at(registry, "team/ee:all"), source=source)["digest"] == index
    assert set(images.values()) <= set(registry.repository("team/ee").manifests)
    assert run(at(registry, "one/ee:1"), source=source, platforms=["linux/arm64"])["digest"] == images["linux/arm64"]
    assert set(registry.repository("one/ee").manifests) == {images["linux/arm64"]}
    two = run(at(registry, "two/ee:1"), source=source, platforms=["linux/arm64", "linux/amd64"])["digest"]
    assert set(registry.repository("two/ee").manifests) == {two, images["linux/arm64"], images["linux/amd64"]}
    with pytest.raises(NotFound, match="no image for linux/riscv64"):
        run(at(registry, "x/ee:1"), source=source, platforms=["linux/riscv64"])
    with pytest.raises(NotFound, match="is one image for linux/arm64"):
        run(at(registry, "x/ee:1"), source=at(registry, "one/ee:1"), platforms=["linux/amd64"])


def test_joining(registry, other):
    arm = other.put_image("src/ee", "arm", layers=[b"arm"], architecture="arm64")
    amd = registry.put_image("team/ee", "amd", layers=[b"amd"])
    index = run(at(registry), index_of=[at(registry, "team/ee:amd"), at(other, "src/ee:arm")])["digest"]
    assert run(at(registry), index_of=[at(other, "src/ee:arm"), at(registry, "team/ee:amd")])["digest"] == index
    assert set(registry.repository("team/ee").manifests) == {index, amd, arm}
    with pytest.raises(Conflict, match="the joined index is"):
        run(at(registry, f"team/ee:x@{amd}"), index_of=[at(registry, "team/ee:amd"), at(other, "src/ee:arm")])


@pytest.mark.parametrize("api", [True, False])
def test_what_is_attached_comes_along(registry, other, api):
    registry.referrers_api = api
    other.referrers_api = True
    digest = other.put_image("src/ee", "1.0")
    sbom = other.put_referrer("src/ee", digest, "application/x.sbom")
    other.put_image("src/ee", digest.replace(":", "-") + ".sig", layers=[b"cosign"])
    other.put_blob("src/ee", b"{}")
    result = run(at(registry), source=at(other, "src/ee:1.0"), referrers=True)
    assert f"@{sbom}" in result["diff"]["after"]
    assert sbom in registry.repository("team/ee").manifests
    assert digest.replace(":", "-") + ".sig" in registry.repository("team/ee").tags
    second = other.put_referrer("src/ee", digest, "application/x.vex")
    assert list(run(at(registry), source=at(other, "src/ee:1.0"), referrers=True)["diff"]["after"]) == [
        "1.0",
        f"@{second}",
    ]


def test_memory_and_rollback(registry):
    one = registry.put_image("team/ee", "prod", layers=[b"1"])
    two = registry.put_image("team/ee", "test", layers=[b"2"])
    result = run(at(registry, f"team/ee:prod@{two}"), remember_previous=True)
    assert result["diff"]["before"] == {"prod": one}
    assert result["diff"]["after"] == {"prod": two, "prod.previous": one}
    assert run(at(registry, "team/ee:prod"), rollback=True)["digest"] == one
    assert registry.repository("team/ee").tags == {"prod": one, "prod.previous": one, "test": two}
    with pytest.raises(NotFound, match=r"has no tag test\.previous"):
        run(at(registry, "team/ee:test"), rollback=True)


def test_the_memory_is_written_before_the_tag_moves(registry, other):
    registry.put_image("team/ee", "prod", layers=[b"1"])
    other.put_image("src/ee", "2", layers=[b"2"])
    run(at(registry, "team/ee:prod"), source=at(other, "src/ee:2"), remember_previous=True)
    writes = [seen.path.rpartition("/")[2] for seen in registry.asked("PUT .*/manifests/")]
    assert writes[-2:] == ["prod.previous", "prod"]  # after the image itself, by its digest


def test_fifty_tags_in_sixty_requests(registry):
    registry.put_image("team/ee", "1.0")
    result = run(at(registry), tags=[f"t{n}" for n in range(50)])
    assert len(result["tags"]) == 51
    assert len(registry.seen) - 52 - 2 <= 60  # without the plans in check mode, before and after


def test_exact_tags(registry):
    digest = registry.put_image("team/ee", "1.0", "old", "key-" + "a" * 32)
    other_digest = registry.put_image("team/ee", "2.0", layers=[b"2"])
    result = run(at(registry), tags=["new"], tags_mode="exact")
    assert result["diff"]["before"] == {"1.0": digest, "old": digest}
    assert registry.repository("team/ee").tags == {
        "1.0": digest,
        "new": digest,
        "key-" + "a" * 32: digest,
        "2.0": other_digest,
    }


def test_absence(registry):
    digest = registry.put_image("team/ee", "1.0", "2.0", "3.0")
    run(at(registry), state="absent")
    assert registry.repository("team/ee").tags == {"2.0": digest, "3.0": digest}
    with pytest.raises(Conflict, match=r"has the tags 2\.0, 3\.0"):
        run(at(registry, f"team/ee@{digest}"), state="absent")
    run(at(registry, "team/ee:2.0"), state="absent", delete_image=True)
    assert registry.repository("team/ee").manifests == {}
    assert not run(at(registry, "team/none:1"), state="absent")["changed"]
    assert not run(at(registry, f"team/ee@{digest}"), state="absent", delete_image=True)["changed"]


@pytest.mark.parametrize("nested", [True, False])
def test_what_a_tagged_index_holds_is_not_deleted(registry, nested):
    part = registry.put_image("team/ee", "1.0-amd64")
    other_part = registry.put_image("team/ee", layers=[b"arm"], architecture="arm64")
    inner = registry.put_index("team/ee", {"linux/amd64": part, "linux/arm64": other_part})
    index = registry.put_index("team/ee", {"linux/amd64": inner}) if nested else inner
    registry.repository("team/ee").tags.update({"1.0": index, "latest": index})
    for image, params in (("team/ee:1.0-amd64", {"delete_image": True}), (f"team/ee@{other_part}", {})):
        with pytest.raises(Conflict, match=r"is part of the index 1\.0, latest, .*Delete the index first"):
            run(at(registry, image), state="absent", **params)
    assert registry.asked("DELETE") == []
    run(at(registry, "team/ee:latest"), state="absent", delete_image=True)
    run(at(registry, "team/ee:1.0-amd64"), state="absent", delete_image=True)
    assert set(registry.repository("team/ee").manifests) == {other_part, inner} - {index}


def test_across_the_gap(registry, other, tmp_path):
    other.referrers_api = registry.referrers_api = True
    digest = other.put_image("src/ee", "1.0", layers=[b"x" * 3000])
    sbom = other.put_referrer("src/ee", digest, "application/x.sbom")
    archive = f"oci-archive:{tmp_path}/ee.tar"
    result = run(archive, source=at(other, "src/ee:1.0"), tags=["1.0", "latest"], referrers=True)
    assert result["tags"] == {"1.0": digest, "latest": digest}
    assert run(at(registry, "team/ee"), source=archive, referrers=True)["tags"] == {"1.0": digest, "latest": digest}
    assert set(registry.repository("team/ee").manifests) == {digest, sbom}
    run(f"oci:{tmp_path}/dir:a", source=at(registry, "team/ee:1.0"))
    run(f"oci:{tmp_path}/dir:b", source=archive)
    layout = open_layout(f"{tmp_path}/dir", archive=False)
    assert layout is not None
    assert layout.tags() == {"a": digest, "b": digest}
    smaller = run(archive, source=f"oci:{tmp_path}/dir:a", tags=["latest"])
    assert smaller["diff"]["after"] == {"latest": digest}
    damaged = tmp_path / "dir" / "blobs" / "sha256" / faults.digest_of(b"x" * 3000)[7:]
    damaged.unlink()
    assert run(f"oci:{tmp_path}/dir:a", source=at(registry, "team/ee:1.0"))["diff"]["after"] == {
        "a": digest,
        "@": digest,
    }
    damaged.write_bytes(b"y" * 3000)
    wrong = plan_item(item(at(other, "x/ee:1"), source=f"oci:{tmp_path}/dir:a"), Registries({}, read_only=False))
    with pytest.raises(Unreachable, match="its bytes have the digest"):
        wrong.apply()
    assert other.repository("x/ee").tags == {}


def test_tags_come_from_the_source_if_none_are_named(registry, other):
    other.put_image("src/ee", "1.2")
    assert list(run(at(registry, "team/ee"), source=at(other, "src/ee:1.2"))["tags"]) == ["1.2"]
    digest = other.put_image("src/ee", "latest")
    assert list(run(at(registry, "team/two"), source=at(other, "src/ee"))["tags"]) == ["latest"]
    only = run(at(registry, "team/three"), source=at(other, f"src/ee@{digest}"))
    assert only["tags"] == {}
    assert only["diff"]["after"] == {"@": digest}


def test_credentials_go_to_the_registry_they_are_for(registry, other):
    for server in (registry, other):
        server.auth = "basic"
    other.password = "another"
    other.put_image("src/ee", "1.0")
    options = {"username": registry.user, "password": registry.password}
    source = at(other, "src/ee:1.0")
    with pytest.raises(EEError, match="No credentials were found"):
        run(at(registry), options, source=source)
    assert all("authorization" not in seen.headers for seen in other.seen)
    run(at(registry), {**options, "source_username": other.user, "source_password": "another"}, source=source)
    headers = {seen.headers.get("authorization") for seen in other.seen}
    assert len(headers - {None}) == 1
    assert not headers & ({seen.headers.get("authorization") for seen in registry.seen} - {None})


def test_credentials_are_for_one_registry(registry, other):
    registries = Registries({"username": "u", "password": "p"}, read_only=True)
    registries.open(item(at(registry)).image.registry, main=True)
    with pytest.raises(Invalid, match="are for one registry"):
        registries.open(item(at(other)).image.registry, main=True)


def test_credentials_of_sources_are_for_one_registry(registry, other):
    with FaultRegistry() as third:
        for server, name in ((other, "amd64"), (third, "arm64")):
            server.auth = "basic"
            server.put_image("src/ee", "1", architecture=name)
        options = {"source_username": other.user, "source_password": other.password}
        index_of = [at(other, "src/ee:1"), at(third, "src/ee:1")]
        with pytest.raises(Invalid, match="`source_username` and `source_token` are for one registry") as raised:
            run(at(registry), options, index_of=index_of)
        assert other.host in str(raised.value)
        assert third.host in str(raised.value)
        assert all("authorization" not in seen.headers for seen in third.seen)


def test_credentials_of_sources_beside_those_of_the_image(registry, other):
    registries = Registries({"username": "u", "source_token": "t"}, read_only=True)
    registries.open(item(at(registry)).image.registry, main=True)
    registries.open(item(at(other)).image.registry, main=False)
    registries.open(item(at(other, "x/y:1")).image.registry, main=False)
    with pytest.raises(Invalid, match="`source_username` and"):
        registries.open(item(at(registry)).image.registry, main=False)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"image": "a.example.com/x:1"}, [("a.example.com", True)]),
        ({"image": "a.example.com/x:1", "source": "a.example.com/y:1"}, [("a.example.com", True)] * 2),
        (
            {"image": "a.example.com/x:1", "source": "b.example.com/y:1"},
            [("a.example.com", True), ("b.example.com", False)],
        ),
        ({"image": "a.example.com/x:1", "index_of": ["oci:/srv/x"]}, [("a.example.com", True)]),
        ({"image": "oci:/srv/x", "source": "b.example.com/y:1"}, [("b.example.com", True)]),
        ({"image": "podman:x:1", "source": "b.example.com/y:1"}, [("b.example.com", True)]),
    ],
)
def test_whose_credentials_are_for_whom(params, expected):
    assert item(**params).hosts() == expected


def many(*wanted, options=None):
    registries = Registries({"timeout": 5.0, **(options or {})}, read_only=True)
    return plan_many([{"state": "present", **params} for params in wanted], registries, 4)


def test_what_cannot_be_planned_is_no_obstacle(registry):
    digest = registry.put_image("team/ee", "1.0")
    planned = many({"image": at(registry)}, {"image": at(registry, "x/y:1")}, {"image": "no-registry"})
    assert isinstance(planned[0], ItemPlan)
    assert planned[0].digest == digest
    assert [plan.error.kind for plan in planned if isinstance(plan, Fault)] == ["not_found", "invalid"]
    assert planned[1].result()["image"] == at(registry, "x/y:1")
    assert sum(plan.requests for plan in planned) == len(registry.seen) == 2


def test_a_login_for_several_registries_is_refused_before_anything_is_asked(registry, other):
    for login in ({"username": "u", "password": "p"}, {"token": "t"}):
        with pytest.raises(Invalid, match=f"names {registry.host} and {other.host}"):
            many({"image": at(registry)}, {"image": at(other)}, options=login)
    sources = [{"image": at(registry), "source": source} for source in (at(other), "127.0.0.1:1/x:1")]
    with pytest.raises(Invalid, match="`source_username` and `source_token`"):
        many(*sources, options={"source_token": "t"})
    assert registry.seen == other.seen == []


def test_images_that_contradict_each_other(registry):
    registry.put_image("src/ee", "1", layers=[b"1"])
    two = registry.put_image("src/ee", "2", layers=[b"2"])
    registry.put_image("team/ee", "old", layers=[b"1"])
    one, other_one = ({"source": at(registry, f"src/ee:{n}")} for n in (1, 2))
    prod = {"image": at(registry, "team/ee:prod")}
    test = {"image": at(registry, "team/ee:test")}
    for wanted in (
        [{**prod, **one}, {**prod, **other_one}],
        [{**prod, **one}, {**test, "tags": ["prod"], **other_one}],
        [{**prod, **one}, {**prod, "state": "absent"}],
        [{**prod, **one, "tags_mode": "exact"}, {"image": at(registry, "team/ee:old")}],
    ):
        with pytest.raises(Invalid, match=r"in `images` say differently what the tag (prod|old) of .*team/ee is to be"):
            many(*wanted)
    goes = {"image": at(registry, "src/ee:2"), "state": "absent", "delete_image": True}
    with pytest.raises(Invalid, match=f"say differently whether .*src/ee@{two} is to be there"):
        many(goes, {"image": at(registry, f"src/ee@{two}")})
    for fine in ([{**prod, **one}, {**prod, **one}], [{**prod, **one}, {**test, **other_one}]):
        assert [plan.changed for plan in many(*fine) if isinstance(plan, ItemPlan)] == [True, True]


def test_an_archive_is_written_once(registry, tmp_path):
    registry.put_image("src/ee", "1")
    (tmp_path / "link").symlink_to(tmp_path)
    files = (f"{tmp_path}/o.tar", f"{tmp_path}/link/o.tar")
    with pytest.raises(Invalid, match="an archive holds one image"):
        many(*({"image": f"oci-archive:{file}:1", "source": at(registry, "src/ee:1")} for file in files))
    assert registry.seen == []


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"source": "h.example.com/x:1", "rollback": True}, "source and rollback each say"),
        ({"state": "absent", "source": "h.example.com/x:1"}, "takes only `tags` and `delete_image`"),
        ({"delete_image": True}, "is for state `absent`"),
        ({"image": "h.example.com/x", "state": "absent", "delete_image": True, "tags": ["1.0"]}, "Leave `tags` out"),
        ({"rollback": True, "tags_mode": "exact"}, "`rollback` takes no `tags_mode: exact`"),
        ({"rollback": True, "referrers": True, "remember_previous": True}, "no `referrers` and no `remember_previous`"),
        ({"image": "h.example.com/x:1@sha256:" + "0" * 64, "rollback": True}, "the digest says which it is to be"),
        ({"platforms": ["linux/amd64"]}, "chooses from a `source`"),
        ({"tags": ["-"]}, "no tag"),
        ({"image": "oci:/srv/x"}, "comes from a `source`"),
        ({"image": "oci:/srv/x", "source": "h.example.com/x:1", "tags_mode": "exact"}, "are for registries"),
    ],
)
def test_what_makes_no_sense(params, why):
    with pytest.raises(Invalid, match=why):
        Item.from_params({"image": "h.example.com/team/ee:1", "state": "present", **params})


def test_a_promotion_that_fails_leaves_the_way_back(registry, other):
    one = registry.put_image("team/ee", "prod.previous", layers=[b"1"])
    two = registry.put_image("team/ee", "prod", layers=[b"2"])
    for fault in ("PUT .*/uploads/", "PUT .*/manifests/"):
        other.put_image("src/ee", "3", layers=[fault.encode()])
        wanted = item(at(registry, "team/ee:prod"), source=at(other, "src/ee:3"), remember_previous=True)
        plan = plan_item(wanted, Registries({"timeout": 5.0}, read_only=False))
        registry.on(fault, faults.status(403))
        with pytest.raises(EEError):
            plan.apply()
        assert registry.repository("team/ee").tags == {"prod.previous": one, "prod": two}


def cosigned(server, name="src/ee"):
    """An image with a signature as cosign attaches it; return the digests of both and the signature's tag."""
    digest = server.put_image(name, "1.0", layers=[b"x" * 3000])
    tag = digest.replace(":", "-") + ".sig"
    return digest, server.put_image(name, tag, layers=[b"cosign"]), tag


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_a_signed_image_across_the_gap(registry, other, tmp_path, kind):
    digest, signature, tag = cosigned(other)
    place = f"{kind}:{tmp_path}/ee"
    result = run(place, source=at(other, "src/ee:1.0"), tags=["1.0", "latest"], referrers=True)
    assert result["diff"]["after"] == {"1.0": digest, "latest": digest, "@": digest, f"@{signature}": signature}
    assert run(at(registry, "team/ee"), source=place, referrers=True)["digest"] == digest
    assert registry.repository("team/ee").tags == {"1.0": digest, "latest": digest, tag: signature}
    again = other.put_image("src/ee", tag, layers=[b"cosign again"])
    assert run(place, source=at(other, "src/ee:1.0"), tags=["1.0"], referrers=True)["diff"]["after"] == {
        "1.0": digest,
        f"@{again}": again,
    }
    layout = open_layout(f"{tmp_path}/ee", archive=kind == "oci-archive")
    assert layout is not None
    assert layout.tags()[tag] == again


def test_an_archive_without_what_was_attached(other, tmp_path):
    digest, signature, tag = cosigned(other)
    archive = f"oci-archive:{tmp_path}/ee.tar"
    run(archive, source=at(other, "src/ee:1.0"), referrers=True)
    assert run(archive, source=at(other, "src/ee:1.0"))["diff"] == {
        "before": {"1.0": digest, tag: signature},
        "after": {"1.0": digest},
        "before_header": f"{tmp_path}/ee.tar",
        "after_header": f"{tmp_path}/ee.tar",
    }


def test_joining_by_digest_alone(registry):
    parts = {a: registry.put_image("team/ee", a, architecture=a) for a in ("amd64", "arm64")}
    tags = [at(registry, f"team/ee:{a}") for a in parts]
    index = plan_item(item(at(registry, "team/ee:x"), index_of=tags), Registries({}, read_only=True)).digest
    result = run(at(registry, f"team/ee@{index}"), index_of=tags)
    assert result["diff"]["after"] == {"@": index}
    assert index in registry.repository("team/ee").manifests
    assert registry.repository("team/ee").tags == parts


def test_joining_brings_what_was_attached_later(registry, other):
    parts = [at(other, "src/ee:1.0")]
    digest = other.put_image("src/ee", "1.0", layers=[b"x" * 3000])
    run(at(registry, "team/ee:all"), index_of=parts, referrers=True)
    _digest, signature, tag = cosigned(other)
    assert _digest == digest
    assert f"@{signature}" in run(at(registry, "team/ee:all"), index_of=parts, referrers=True)["diff"]["after"]
    assert registry.repository("team/ee").tags[tag] == signature


def test_a_deleted_sbom_that_is_still_listed(registry, other):
    digest = other.put_image("src/ee", "1.0")
    gone = other.put_referrer("src/ee", digest, "application/x.sbom")
    listed = {"mediaType": faults.OCI_MANIFEST, "digest": gone, "size": 1}
    fallback = {"schemaVersion": 2, "mediaType": faults.OCI_INDEX, "manifests": [listed]}
    other.put_manifest("src/ee", fallback, digest.replace(":", "-"))
    del other.repository("src/ee").manifests[gone]
    for image in (at(registry), at(registry, "team/two:1.0")):
        source = {"index_of": [at(other, "src/ee:1.0")]} if "two" in image else {"source": at(other, "src/ee:1.0")}
        assert run(image, referrers=True, **source)["changed"]
        plan = plan_item(item(image, referrers=True, **source), Registries({}, read_only=True))
        assert [warning for warning in plan.warnings if gone in warning] == list(plan.warnings) != []


@pytest.mark.parametrize("api", [True, False])
def test_an_sbom_that_was_deleted_where_it_goes_is_brought_again(registry, other, api):
    registry.referrers_api = api
    digest = other.put_image("src/ee", "1.0")
    other.referrers_api = True
    sbom = other.put_referrer("src/ee", digest, "application/x.sbom")
    along = {"source": at(other, "src/ee:1.0"), "referrers": True}
    run(at(registry), **along)
    assert not run(at(registry), **along)["changed"]
    del registry.repository("team/ee").manifests[sbom]
    assert run(at(registry), **along)["diff"]["after"] == {"1.0": digest, f"@{sbom}": sbom}
    assert sbom in registry.repository("team/ee").manifests
    assert not run(at(registry), **along)["changed"]


@pytest.mark.parametrize("damage", [b"{}", b""])
def test_a_layout_with_a_broken_manifest_is_mended(registry, tmp_path, damage):
    digest = registry.put_image("team/ee", "1.0")
    run(f"oci:{tmp_path}/dir:a", source=at(registry))
    (tmp_path / "dir" / "blobs" / "sha256" / digest[7:]).write_bytes(damage)
    assert run(f"oci:{tmp_path}/dir:a", source=at(registry))["diff"]["after"] == {"a": digest, "@": digest}
