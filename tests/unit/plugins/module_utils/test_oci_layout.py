# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import io
import json
import os
import tarfile

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _oci_layout as layouts
from ansible_collections.foundry.ee.plugins.module_utils._core import manifest as m
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid, NotFound, Unreachable
from ansible_collections.foundry.ee.plugins.module_utils._oci_copy import copy, load
from ansible_collections.foundry.ee.plugins.module_utils._oci_sources import LayoutSource

SBOM = "application/vnd.example.sbom"


def described(data, media_type="application/x"):
    return {"mediaType": media_type, "digest": m.digest_of(data), "size": len(data)}


def image(*layers: bytes) -> m.Manifest:
    config = described(b'{"os":"linux","architecture":"amd64"}', m.OCI_CONFIG)
    content = {"schemaVersion": 2, "mediaType": m.OCI_MANIFEST, "config": config}
    return m.made({**content, "layers": [described(layer) for layer in layers]})


def fill(writer, manifest, layers, *tags):
    for data in (b'{"os":"linux","architecture":"amd64"}', *layers):
        blob = m.Descriptor("x", m.digest_of(data), len(data))
        if not writer.has_blob(blob):
            writer.write_blob(blob, lambda data=data: iter([data]))
    for tag in tags:
        writer.put_manifest(manifest, tag, entry=True)


def attach(writer, subject):
    content = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "artifactType": SBOM,
        "config": described(b"{}"),
        "layers": [],
        "subject": subject.as_descriptor(),
    }
    writer.write_blob(m.Descriptor("x", m.digest_of(b"{}"), 2), lambda: iter([b"{}"]))
    writer.put_manifest(m.made(content), None, entry=True)


@pytest.fixture(params=["directory", "archive"])
def place(request, tmp_path):
    archive = request.param == "archive"
    path = str(tmp_path / "ee")
    return path, archive, layouts.ArchiveWriter if archive else layouts.DirectoryWriter


def test_what_was_written_is_read(place):
    path, archive, writer_of = place
    assert layouts.open_layout(path, archive) is None
    one = image(b"a", b"b" * 3_000_000)
    writer = writer_of(path)
    fill(writer, one, [b"a", b"b" * 3_000_000], "1.0", "latest")
    attach(writer, one)
    writer.commit()

    layout = layouts.open_layout(path, archive)
    assert layout is not None
    assert layout.tags() == {"1.0": one.digest, "latest": one.digest}
    assert layout.digest("1.0", None) == layout.digest(None, None) == layout.digest(None, one.digest) == one.digest
    assert layout.digest("none", None) is None
    assert layout.manifest(one.digest).body == one.body
    assert b"".join(layout.read_blob(one.blobs[2])) == b"b" * 3_000_000
    assert [each.raw["artifactType"] for each in layout.referrers(one.digest)] == [SBOM]


def test_a_copy_of_a_copy_is_the_same(place, tmp_path):
    path, archive, writer_of = place
    one = image(b"a")
    writer = writer_of(path)
    fill(writer, one, [b"a"], "1.0")
    attach(writer, one)
    writer.commit()
    files = []
    for number in range(2):
        layout = layouts.open_layout(path, archive)
        assert layout is not None
        source = LayoutSource(layout, "1.0", None)
        path, archive = str(tmp_path / f"{number}.tar"), True
        loaded = load(source, source.manifest(one.digest), attached=True)
        assert [part.root.artifact_type for part in loaded.attached] == [SBOM]
        assert copy(source, layouts.ArchiveWriter(path), loaded, ["1.0"]) > 0
        files.append((tmp_path / f"{number}.tar").read_bytes())
    assert files[0] == files[1]


def test_a_directory_keeps_other_images(tmp_path):
    path = str(tmp_path)
    one, two = image(b"1"), image(b"2")
    for manifest, layer, tags in ((one, b"1", ("a", "b")), (two, b"2", ("b", "c"))):
        writer = layouts.DirectoryWriter(path)
        fill(writer, manifest, [layer], *tags)
        writer.commit()
    layout = layouts.open_layout(path, archive=False)
    assert layout is not None
    assert layout.tags() == {"a": one.digest, "b": two.digest, "c": two.digest}
    with pytest.raises(Invalid, match=r"holds several images.*a, b, c"):
        layout.digest(None, None)
    assert not list(tmp_path.rglob(".coming-*"))


def test_an_archive_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "ee.tar"
    path.write_bytes(b"old")
    writer = layouts.ArchiveWriter(str(path))
    with pytest.raises(Unreachable):
        writer.write_blob(m.Descriptor("x", m.digest_of(b"right"), 5), lambda: iter([b"wrong"]))
    writer.abort()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_takes_no_wrong_bytes(tmp_path):
    writer = layouts.DirectoryWriter(str(tmp_path))
    with pytest.raises(Unreachable):
        writer.write_blob(m.Descriptor("x", m.digest_of(b"right"), 5), lambda: iter([b"wrong"]))
    assert list((tmp_path / "blobs" / "sha256").iterdir()) == []
    assert layouts.open_layout(str(tmp_path), archive=False) is None


def test_full_names_as_podman_writes_them(tmp_path):
    writer = layouts.DirectoryWriter(str(tmp_path))
    fill(writer, image(b"1"), [b"1"], "localhost:5000/team/ee:1.0")
    writer.commit()
    layout = layouts.open_layout(str(tmp_path), archive=False)
    assert layout is not None
    assert list(layout.tags()) == ["1.0"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="cannot be made a directory"):
        layouts.DirectoryWriter(str(tmp_path / "file" / "x"))
    with pytest.raises(Failed, match="cannot be written"):
        layouts.ArchiveWriter(str(tmp_path / "none" / "x.tar"))


def test_what_is_no_layout(tmp_path):
    (tmp_path / "text").write_text("x" * 2000)
    with pytest.raises(Invalid, match="no uncompressed tar file"):
        layouts.open_layout(str(tmp_path / "text"), archive=True)
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(NotFound, match=r"no index\.json"):
        layouts.open_layout(str(tmp_path / "empty.tar"), archive=True)
    (tmp_path / "index.json").write_text(image().body.decode())
    with pytest.raises(Invalid, match="no index"):
        layouts.open_layout(str(tmp_path), archive=False)


def test_a_huge_index_is_not_read(tmp_path):
    with (tmp_path / "index.json").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(Unreachable, match="1073741824 bytes"):
        layouts.open_layout(str(tmp_path), archive=False)


def test_a_changed_blob_is_noticed(tmp_path):
    one = image(b"a")
    writer = layouts.DirectoryWriter(str(tmp_path))
    fill(writer, one, [b"a"], "1.0")
    writer.commit()
    (tmp_path / "blobs" / "sha256" / one.digest[7:]).write_bytes(image(b"b").body)
    layout = layouts.open_layout(str(tmp_path), archive=False)
    assert layout is not None
    with pytest.raises(Unreachable, match="the manifest's digest is"):
        layout.manifest(one.digest)


def test_members_that_lead_elsewhere_are_not_followed(tmp_path):
    one = image(b"a")
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        index = json.dumps({"schemaVersion": 2, "manifests": [one.as_descriptor()]}).encode()
        member = tarfile.TarInfo("index.json")
        member.size = len(index)
        tar.addfile(member, io.BytesIO(index))
        link = tarfile.TarInfo(f"blobs/sha256/{one.digest[7:]}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    layout = layouts.open_layout(str(tmp_path / "evil.tar"), archive=True)
    assert layout is not None
    with pytest.raises(NotFound):
        layout.manifest(one.digest)


def test_a_missing_blob_is_named(tmp_path):
    layouts.DirectoryWriter(str(tmp_path)).commit()
    layout = layouts.open_layout(str(tmp_path), archive=False)
    assert layout is not None
    with pytest.raises(NotFound, match="incomplete"):
        list(layout.read_blob(image(b"a").blobs[0]))


def test_docker_finds_the_image_too(tmp_path):
    one = image(b"a", b"b", b"a")
    writer = layouts.ArchiveWriter(str(tmp_path / "x.tar"), docker_names=["ee:1"])
    fill(writer, one, [b"a", b"b"], "1")
    writer.commit()
    with tarfile.open(tmp_path / "x.tar") as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        listing = json.loads(member.read())
        names = set(tar.getnames())
    assert listing[0]["RepoTags"] == ["ee:1"]
    assert len(listing[0]["Layers"]) == 3
    assert set(listing[0]["Layers"]) | {listing[0]["Config"]} <= names


def test_what_is_attached_by_a_tag_is_no_image_to_choose(place):
    path, archive, writer_of = place
    one, signature = image(b"a"), image(b"sig")
    writer = writer_of(path)
    fill(writer, one, [b"a"], "1.0")
    fill(writer, signature, [b"sig"], f"{m.referrers_tag(one.digest)}.sig")
    writer.commit()
    layout = layouts.open_layout(path, archive)
    assert layout is not None
    assert layout.digest(None, None) == one.digest


class FullDisk(io.BytesIO):
    """A file that takes ``room`` bytes, and fails when it is closed: what it holds back finds none either."""

    def __init__(self, room):
        super().__init__()
        self.room = room
        self.shut = False

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)

    def close(self):
        if not self.shut:
            self.shut = True
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("room", [0, 1_000, 20_000, 60_000, 103_000])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, room):
    opened = []

    def full(handle, mode):
        os.close(handle)
        opened.append(FullDisk(room))
        return opened[0]

    monkeypatch.setattr(layouts.os, "fdopen", full)
    path = str(tmp_path / "ee.tar")
    one = image(b"a" * 100_000)

    class Source:
        where = "here"

        def digest(self):
            return one.digest

        def attached(self, _digest):
            return []

        def manifest(self, _digest):
            return one

        def read_blob(self, blob):
            return iter([b"a" * 100_000 if blob.size == 100_000 else b'{"os":"linux","architecture":"amd64"}'])

    def export():
        copy(Source(), layouts.ArchiveWriter(path), load(Source(), one, attached=False), ["1.0"])

    with pytest.raises(Failed, match=r"ee\.tar cannot be written: No space left on device"):
        export()
    assert opened[0].shut
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["pipe", "device"])
def test_only_regular_files_are_read(tmp_path, target):
    def special(path):
        os.mkfifo(path) if target == "pipe" else path.symlink_to("/dev/zero")

    special(tmp_path / "index.json")
    with pytest.raises(NotFound, match=r"no index\.json"):
        layouts.open_layout(str(tmp_path), archive=False)
    special(tmp_path / "ee.tar")
    with pytest.raises(Invalid, match="no regular file"):
        layouts.open_layout(str(tmp_path / "ee.tar"), archive=True)


def test_a_file_that_turns_into_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(Invalid, match="no regular file"):
        list(layouts._Directory(tmp_path).read("x"))


def test_a_huge_head_of_an_archive_is_not_read(tmp_path):
    head = tarfile.TarInfo("x")
    head.type, head.size = tarfile.XHDTYPE, 2**32
    with (tmp_path / "x.tar").open("wb") as file:
        file.write(head.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(2**33)
    with pytest.raises(Invalid, match="4294967296 bytes"):
        layouts.open_layout(str(tmp_path / "x.tar"), archive=True)


def test_damaged_blobs_are_written_anew(tmp_path):
    one = image(b"abc")
    layer = tmp_path / "blobs" / "sha256" / m.digest_of(b"abc")[7:]
    for _time in range(2):
        writer = layouts.DirectoryWriter(str(tmp_path))
        fill(writer, one, [b"abc"], "1.0")
        writer.commit()
        assert layer.read_bytes() == b"abc"
        layer.write_bytes(b"ABC")
