# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _oci_prune as prune
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.retention import Policy, references
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Registries
from ansible_collections.foundry.ee.tests.unit import fault_registry as faults
from ansible_collections.foundry.ee.tests.unit.fault_registry import FaultRegistry

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)


@pytest.fixture
def registry(monkeypatch, tmp_path):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    with FaultRegistry() as server:
        yield server


def plans(server, *paths, policy, read_only=False):
    registries = Registries({"timeout": 5.0}, read_only=read_only)
    wanted = [prune.parse_repository(f"{server.host}/{path}") for path in paths]
    found = prune.find_repositories(wanted, lambda ref: registries.open(ref, main=True))
    return [prune.plan_repository(repository, policy, NOW, registries.remover) for repository in found]


def fill(server, path="team/ee", count=4, **more):
    """Put images t1 (newest) to tN, which share one layer; return their digests."""
    return [
        server.put_image(
            path,
            f"t{n}",
            layers=[b"base" * 250, f"{path}-{n}".encode()],
            created=f"2026-10-{30 - n:02}T00:00:00Z",
            **more,
        )
        for n in range(1, count + 1)
    ]


def test_the_oldest_go(registry):
    digests = fill(registry)
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=2))
    assert plan.digests == digests[2:]
    assert plan.tags(after=False) == {f"t{n}": digests[n - 1] for n in range(1, 5)}
    assert plan.tags(after=True) == {"t1": digests[0], "t2": digests[1]}
    assert [seen for seen in registry.seen if seen.method not in ("GET", "HEAD")] == []
    prune.apply_all([plan])
    assert registry.repository("team/ee").tags == plan.tags(after=True)
    assert set(registry.repository("team/ee").manifests) == set(digests[:2])
    (again,) = plans(registry, "team/ee", policy=Policy(newest=2))
    assert again.digests == []


def test_bytes_are_counted_over_all_repositories(registry):
    fill(registry, "a/ee", 2)
    fill(registry, "b/ee", 2)
    both = plans(registry, "a/ee", "b/ee", policy=Policy(newest=0))
    unshared = sum(
        len(body) for repo in ("a/ee", "b/ee") for _type, body in registry.repository(repo).manifests.values()
    )
    unshared += sum(len(b) for b in {b for r in ("a/ee", "b/ee") for b in registry.repository(r).blobs.values()})
    assert prune.freed(both) == unshared
    alone = prune.freed_alone(both)
    assert {name: len(sizes) for name, sizes in alone.items()} == dict.fromkeys((plan.name for plan in both), 2)
    assert 0 < sum(map(sum, alone.values())) < unshared - 1000  # without the layer that all share
    one = plans(registry, "a/ee", "b/ee", policy=Policy(in_use=references(["b/ee:t1"]), newest=0))
    assert prune.freed(one) < unshared - 1000  # the layer that all share stays


def test_repositories_by_pattern(registry):
    fill(registry, "team/a", 2)
    fill(registry, "team/b", 2)
    fill(registry, "other/c", 2)
    registry.repository("team/empty")
    found = plans(registry, "team/*", policy=Policy(newest=1))
    assert [plan.path for plan in found] == ["team/a", "team/b", "team/empty"]
    with pytest.raises(NotFound, match="no repository like"):
        plans(registry, "none/*", policy=Policy(newest=1))


def test_a_repository_that_is_not_there(registry):
    with pytest.raises(NotFound, match="team/none is not there"):
        plans(registry, "team/none", policy=Policy(newest=1))


def test_an_index_is_as_new_as_its_images_and_goes_with_them(registry):
    images = {
        "linux/amd64": registry.put_image("team/ee", layers=[b"1"], created="2026-10-01T00:00:00Z"),
        "linux/arm64": registry.put_image("team/ee", layers=[b"2"], created="2026-10-05T00:00:00Z"),
    }
    index = registry.put_index("team/ee", images, "multi")
    fill(registry, count=1)
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=1))
    decision = next(d for d in plan.decisions if "multi" in d.image.tags)
    assert decision.image.created == datetime(2026, 10, 5, tzinfo=timezone.utc)
    assert plan.digests == [index, *sorted(images.values())]
    prune.apply_all([plan])
    assert len(registry.repository("team/ee").manifests) == 1


def test_an_index_within_an_index_keeps_what_it_holds(registry):
    image = registry.put_image("team/ee", "old", layers=[b"1"], created="2026-01-01T00:00:00Z")
    inner = registry.put_index("team/ee", {"linux/amd64": image})
    registry.put_index("team/ee", {"linux/amd64": inner}, "prod")
    (plan,) = plans(registry, "team/ee", policy=Policy(tags=("prod",)))
    assert plan.digests == []
    (plan,) = plans(registry, "team/ee", policy=Policy(tags=("none",)))
    assert {image, inner} < set(plan.digests)


def test_an_image_is_as_new_as_the_later_of_its_dates(registry):
    old, new = "2020-01-01T00:00:00Z", "2026-10-01T00:00:00Z"
    label = "org.opencontainers.image.created"
    registry.put_image("team/ee", "inherited", config={"Labels": {label: old}}, created=new)
    registry.put_image("team/ee", "clamped", config={"Labels": {label: new}}, created=old)
    registry.put_image("team/ee", "old", config={"Labels": {label: old}}, created=old)
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=2))
    assert plan.tags(after=True).keys() == {"inherited", "clamped"}


@pytest.mark.parametrize("nested", [True, False])
def test_an_index_in_use_by_its_digest_alone_keeps_its_parts(registry, nested):
    part = registry.put_image("team/ee", "1.0-amd64", layers=[b"1"], created="2026-01-01T00:00:00Z")
    index = inner = registry.put_index("team/ee", {"linux/amd64": part})
    if nested:
        index = registry.put_index("team/ee", {"linux/amd64": inner})
    fill(registry, count=2)
    used = references([f"{registry.host}/team/ee@{index}", f"{registry.host}/team/ee@sha256:{'0' * 64}"])
    policy = Policy(newest=0, in_use=used, hosts=frozenset({registry.host}))
    (plan,) = plans(registry, "team/ee", policy=policy)
    assert plan.tags(after=True) == {"1.0-amd64": part}
    assert {d.image.digest: d.because for d in plan.decisions if d.keep} == {
        index: (f"`{used[0]}` is in use",),
        part: (f"it is part of the index {index}",),
    }
    prune.apply_all([plan])
    assert set(registry.repository("team/ee").manifests) == {index, inner, part}


def test_an_image_without_a_date_is_as_old_as_its_last_step(registry):
    steps = [{"created": "2026-01-02T00:00:00Z"}, {"created": "2026-03-04T00:00:00Z"}, {}, "x"]
    registry.put_image("team/ee", "a", history=steps)
    registry.put_image("team/ee", "b", history=7, config=["x"], created=["x"])
    registry.put_image("team/ee", "c", config={"Labels": ["x"]})
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=1))
    dates = {tag: decision.image.created for decision in plan.decisions for tag in decision.image.tags}
    assert dates == {"a": datetime(2026, 3, 4, tzinfo=timezone.utc), "b": None, "c": None}


def test_a_part_that_was_not_copied_does_not_matter(registry):
    image = registry.put_image("team/ee", layers=[b"1"])
    index = registry.put_index("team/ee", {"linux/amd64": image}, "sparse")
    del registry.repository("team/ee").manifests[image]
    (plan,) = plans(registry, "team/ee", policy=Policy(tags=("none",)))
    assert index in plan.digests
    prune.apply_all([plan])
    assert registry.repository("team/ee").manifests == {}


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("keep_attached", [True, False])
def test_what_is_attached(registry, api, keep_attached):
    registry.referrers_api = api
    digest = fill(registry, count=1)[0]
    sbom = registry.put_referrer("team/ee", digest, "application/x.sbom")
    if not api:
        body = registry.repository("team/ee").manifests[sbom][1]
        entry = {"mediaType": faults.OCI_MANIFEST, "digest": sbom, "size": len(body)}
        content = {"schemaVersion": 2, "mediaType": faults.OCI_INDEX, "manifests": [entry]}
        registry.put_manifest("team/ee", content, digest.replace(":", "-"))
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=0, keep_attached=keep_attached))
    assert (digest in plan.digests) == (sbom in plan.digests) == (not keep_attached)
    prune.apply_all([plan])
    assert bool(registry.repository("team/ee").manifests) == keep_attached


@pytest.mark.parametrize("keep_attached", [True, False])
def test_what_is_attached_to_a_part(registry, keep_attached):
    registry.referrers_api = True
    part = registry.put_image("team/ee", layers=[b"1"], created="2026-10-01T00:00:00Z")
    index = registry.put_index("team/ee", {"linux/amd64": part}, "1.0")
    sbom = registry.put_referrer("team/ee", part, "application/x.sbom")
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=0, tags=("x",), keep_attached=keep_attached))
    assert plan.digests == ([] if keep_attached else [index, part, sbom])
    prune.apply_all([plan])
    assert bool(registry.repository("team/ee").manifests) == keep_attached


def test_build_keys_are_read_from_the_label(registry):
    digest = registry.put_image("team/ee", "a", config={"Labels": {"io.foundry.ee.build-key": "ab" * 32}})
    keys = frozenset({"ab" * 16})
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=0, tags=("x",), build_keys=keys))
    assert plan.digests == []
    assert digest in {d.image.digest for d in plan.decisions}


def test_a_tag_that_goes_while_we_look(registry):
    fill(registry)
    registry.on("GET .*/manifests/t2", faults.status(404))
    (plan,) = plans(registry, "team/ee", policy=Policy(newest=1))
    assert "t2" not in plan.tags(after=False)


def test_one_repository_that_fails_does_not_keep_the_others(registry):
    fill(registry, "a/ee", 2)
    fill(registry, "b/ee", 2)
    both = plans(registry, "a/ee", "b/ee", policy=Policy(newest=1))
    registry.on("DELETE .*a/ee", faults.status(403), times=9)
    with pytest.raises(Failed, match=r"failed in 1 of 2 repositories: .*a/ee"):
        prune.apply_all(both)
    assert len(registry.repository("a/ee").tags) == 2
    assert len(registry.repository("b/ee").tags) == 1


@pytest.mark.parametrize(
    "text", ["h.example.com", "h.example.com/", "team/ee", "h.example.com/ee:1", "h.example.com/EE"]
)
def test_what_is_no_repository(text):
    with pytest.raises(Invalid):
        prune.parse_repository(text)
