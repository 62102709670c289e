# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCI image layouts on disk: a directory, or the same as one tar file.

Source of the shape: github.com/opencontainers/image-spec, ``image-layout.md``. Nothing is ever extracted: blobs are
read by their digests only, so a crafted archive cannot write anywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
import threading
import typing as t
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    LONGEST_MANIFEST,
    OCI_INDEX,
    Descriptor,
    Manifest,
    broken,
    parse_manifest,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import subject_of_tag
from ansible_collections.foundry.ee.plugins.module_utils._oci_blobs import Opener, verified

CHUNK = 1024 * 1024  # bytes
NAME = "org.opencontainers.image.ref.name"
_MARK = b'{"imageLayoutVersion":"1.0.0"}'
_LONGEST_INDEX = 16 * 1024 * 1024  # bytes
_LONGEST_HEAD = 1024 * 1024  # bytes of what an archive says about one member


class _Files(t.Protocol):
    """The files of a layout, by their names in it."""

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None where there is none."""

    def read(self, name: str) -> t.Iterator[bytes]:
        """Yield a file's bytes."""


class _Directory:
    def __init__(self, path: Path) -> None:
        self._path = path

    def size(self, name: str) -> int | None:
        try:
            found = (self._path / name).stat()
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def read(self, name: str) -> t.Iterator[bytes]:
        with _open(self._path / name) as file:
            yield from _chunks(file, os.fstat(file.fileno()).st_size)


class _Archive:
    """Members of an uncompressed tar file, found once, read by offset: any number of threads may read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] = {}
        try:
            with _open(path) as file, tarfile.open(fileobj=_heads_of(file), mode="r:") as tar:
                for member in tar:
                    if member.isreg() and not member.issparse():
                        self._members[member.name.removeprefix("./")] = (member.offset_data, member.size)
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise Invalid(f"{path} is no uncompressed tar file: {error}.", hint="Unpack it first.") from error

    def size(self, name: str) -> int | None:
        found = self._members.get(name)
        return None if found is None else found[1]

    def read(self, name: str) -> t.Iterator[bytes]:
        offset, size = self._members[name]
        with _open(self._path) as file:
            file.seek(offset)
            yield from _chunks(file, size)


def _open(path: Path) -> t.BinaryIO:
    """Open a regular file. Others are refused: a named pipe may wait for ever, a device may never end."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise Invalid(f"{path} is no regular file.")


def _chunks(file: t.BinaryIO, size: int) -> t.Iterator[bytes]:
    """Yield at most the next ``size`` bytes of a file."""
    while size and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _heads_of(file: t.BinaryIO) -> t.IO[bytes]:
    return t.cast(t.IO[bytes], _Heads(file))


class _Heads:
    """A tar file of which tarfile reads the members' heads: one that is huge is not brought into memory."""

    def __init__(self, file: t.BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > _LONGEST_HEAD:
            raise tarfile.ReadError(f"a member's head has {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class Layout:
    """An OCI layout to read from. Raises NotFound where there is none, Invalid where it is none."""

    def __init__(self, path: str, files: _Files) -> None:
        self.path = path
        self._files = files
        index = self._small("index.json", _LONGEST_INDEX)
        self.index = parse_manifest(index, media_type=OCI_INDEX, where=f"{path}/index.json")
        if not self.index.is_index:
            raise Invalid(f"{path} is no OCI layout: its index.json is no index.")

    def tags(self) -> dict[str, str]:
        """Return tag → digest; of a full image name, as podman writes it, the tag."""
        return {_tag(c.annotations[NAME]): c.digest for c in self.index.children if c.annotations.get(NAME)}

    def digest(self, tag: str | None, digest: str | None) -> str | None:
        """Return what a tag or digest stands for; without either, the one image there is. Raises Invalid."""
        if digest is not None:
            return digest if self._files.size(_blob_name(digest)) is not None else None
        if tag is not None:
            return self.tags().get(tag)
        # What is attached to an image by a tag, as cosign does it, is no image to choose from.
        tags = {tag: found for tag, found in self.tags().items() if subject_of_tag(tag) is None}
        images = set(tags.values()) or {c.digest for c in self.index.children}
        if len(images) > 1:
            raise Invalid(
                f"{self.path} holds several images.",
                hint=f"Name one of its tags: {', '.join(sorted(tags)) or 'it has none, give a digest'}.",
            )
        return next(iter(images), None)

    def manifest(self, digest: str) -> Manifest:
        """Return a manifest, checked. Raises NotFound."""
        known = {c.digest: c.media_type for c in self.index.children}
        return parse_manifest(
            self._small(_blob_name(digest), LONGEST_MANIFEST),
            media_type=known.get(digest),
            digest=digest,
            where=f"{self.path}@{digest}",
        )

    def referrers(self, digest: str) -> list[Descriptor]:
        """Return the entries of the index that are attached to a digest."""
        loose = {c.digest: c for c in self.index.children if not c.annotations.get(NAME)}
        return [c for c in loose.values() if self.manifest(c.digest).subject == digest]

    def has_blob(self, blob: Descriptor) -> bool:
        return self._files.size(_blob_name(blob.digest)) == blob.size

    def read_blob(self, blob: Descriptor) -> t.Iterator[bytes]:
        """Yield a blob's bytes, unchecked. Raises NotFound, Failed."""
        name = _blob_name(blob.digest)
        if self._files.size(name) is None:
            raise NotFound(f"{self.path} has no blob {blob.digest}.", hint="The layout is incomplete; make it again.")
        try:
            yield from self._files.read(name)
        except OSError as error:
            raise Failed(f"{self.path}: reading {name} failed: {error.strerror}.") from error

    def _small(self, name: str, limit: int) -> bytes:
        size = self._files.size(name)
        if size is None:
            raise NotFound(f"{self.path} has no {name}.", hint="Expected an OCI layout.")
        if size > limit:
            raise broken(f"{self.path}/{name}", f"it has {size} bytes, more than the {limit} allowed")
        return b"".join(self._files.read(name))


def open_layout(path: str, archive: bool) -> Layout | None:
    """Return the layout at a path, None where nothing is. Raises EEError."""
    place = Path(path)
    try:
        if archive:
            return Layout(path, _Archive(place)) if place.exists() else None
        return Layout(path, _Directory(place)) if (place / "index.json").exists() else None
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}.") from error


class DirectoryWriter:
    """Adds images to an OCI layout directory. Blobs arrive under passing names; the index changes last, at once."""

    workers = 6
    manifest_workers = 1

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._entries: list[dict[str, t.Any]] = []
        self.bytes_written = 0
        self._lock = threading.Lock()
        try:
            (self._path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failed(f"{path} cannot be made a directory: {error.strerror}.") from error

    def has_blob(self, blob: Descriptor) -> bool:
        """Return whether the blob is there, its bytes included: a damaged one is written anew."""
        files, name = _Directory(self._path), _blob_name(blob.digest)
        if files.size(name) != blob.size:
            return False
        algorithm, _colon, expected = blob.digest.partition(":")
        hasher = hashlib.new(algorithm)
        try:
            for chunk in files.read(name):
                hasher.update(chunk)
        except OSError:
            return False
        return hasher.hexdigest() == expected

    def write_blob(self, blob: Descriptor, source: Opener) -> None:
        self._write(_blob_name(blob.digest), verified(source(), blob, f"On the way to {self._path}"))
        with self._lock:
            self.bytes_written += blob.size

    def put_manifest(self, manifest: Manifest, tag: str | None, entry: bool) -> None:
        """Add a manifest; with ``entry`` the index names it, under a tag or without one."""
        self._write(_blob_name(manifest.digest), [manifest.body])
        if entry:
            self._entries.append(_entry(manifest, tag))

    def commit(self) -> None:
        """Bring the new entries into the index, in place of those with the same tag."""
        layout = open_layout(str(self._path), archive=False)
        kept = [] if layout is None else [dict(c.raw) for c in layout.index.children]
        tags = {_entry_tag(entry) for entry in self._entries}
        loose = {entry["digest"] for entry in self._entries if _entry_tag(entry) is None}
        kept = [
            entry
            for entry in kept
            if (entry["digest"] not in loose if _entry_tag(entry) is None else _entry_tag(entry) not in tags)
        ]
        self._write("oci-layout", [_MARK])
        self._write("index.json", [_index([*kept, *self._entries])])

    def abort(self) -> None:
        """Leave the blobs that came: the next try does not send them again."""

    def _write(self, name: str, chunks: t.Iterable[bytes]) -> None:
        target = self._path / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, passing = tempfile.mkstemp(dir=target.parent, prefix=".coming-")
            try:
                with os.fdopen(handle, "wb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                Path(passing).chmod(0o644)
                Path(passing).replace(target)
            except BaseException:
                Path(passing).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise Failed(f"{target} cannot be written: {error.strerror}.") from error


class ArchiveWriter:
    """Writes one image with what belongs to it into a new tar file, which takes the old one's place at the end.

    Times and owners do not enter, so the same image gives the same file.
    """

    workers = 1
    manifest_workers = 1

    def __init__(self, path: str, docker_names: t.Sequence[str] = ()) -> None:
        self._path = Path(path)
        self._entries: list[dict[str, t.Any]] = []
        self._blobs: set[str] = set()
        self._docker_names = list(docker_names)
        self._image: Manifest | None = None
        self.bytes_written = 0
        try:
            handle, self._passing = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            self._file = os.fdopen(handle, "wb")
        except OSError as error:
            raise Failed(f"{path} cannot be written: {error.strerror}.") from error
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        try:
            self._add("oci-layout", len(_MARK), iter([_MARK]))
        except BaseException:
            self.abort()
            raise

    def has_blob(self, blob: Descriptor) -> bool:
        return blob.digest in self._blobs

    def write_blob(self, blob: Descriptor, source: Opener) -> None:
        self._blobs.add(blob.digest)
        where = f"On the way to {self._path}"
        self._add(_blob_name(blob.digest), blob.size, verified(source(), blob, where))
        self.bytes_written += blob.size

    def put_manifest(self, manifest: Manifest, tag: str | None, entry: bool) -> None:
        if manifest.digest not in self._blobs:
            self._blobs.add(manifest.digest)
            self._add(_blob_name(manifest.digest), len(manifest.body), iter([manifest.body]))
        if entry:
            self._entries.append(_entry(manifest, tag))
        if self._image is None and not manifest.is_index:
            self._image = manifest

    def commit(self) -> None:
        index = _index(self._entries)
        if self._docker_names and self._image is not None:
            listing = _docker_listing(self._image, self._docker_names)
            self._add("manifest.json", len(listing), iter([listing]))
        self._add("index.json", len(index), iter([index]))
        try:
            self._tar.close()
            self._file.close()
            Path(self._passing).chmod(0o644)
            Path(self._passing).replace(self._path)
        except OSError as error:
            raise Failed(f"{self._path} cannot be written: {error.strerror}.") from error

    def abort(self) -> None:
        with contextlib.suppress(OSError):  # closing writes what is held back, which a full disk does not take either
            self._file.close()
        with contextlib.suppress(OSError):
            Path(self._passing).unlink(missing_ok=True)

    def _add(self, name: str, size: int, chunks: t.Iterator[bytes]) -> None:
        member = tarfile.TarInfo(name)
        member.size = size
        try:
            self._tar.addfile(member, t.cast(t.IO[bytes], io.BufferedReader(_Stream(chunks), CHUNK)))
        except OSError as error:
            raise Failed(f"{self._path} cannot be written: {error.strerror or error}.") from error


class _Stream(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: t.Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


def _blob_name(digest: str) -> str:
    algorithm, _colon, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _entry(manifest: Manifest, tag: str | None) -> dict[str, t.Any]:
    entry = manifest.as_descriptor()
    if tag is not None:
        entry["annotations"] = {NAME: tag}
    elif manifest.subject is not None:
        entry["artifactType"] = manifest.artifact_type
    return entry


def _entry_tag(entry: t.Mapping[str, t.Any]) -> str | None:
    name = (entry.get("annotations") or {}).get(NAME)
    return None if name is None else _tag(str(name))


def _tag(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return tail if colon and head and "/" not in tail else name


def _index(entries: t.Sequence[t.Mapping[str, t.Any]]) -> bytes:
    ordered = sorted(entries, key=lambda entry: (_entry_tag(entry) or "~", entry["digest"]))
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": ordered}
    return json.dumps(content, separators=(",", ":")).encode()


def _docker_listing(image: Manifest, names: t.Sequence[str]) -> bytes:
    """Return the ``manifest.json`` by which docker of any age finds the image in the same file."""
    if image.config is None:
        raise EEError("An index cannot be loaded into docker.")
    layers = [_blob_name(blob.digest) for blob in image.layers]
    return json.dumps([{"Config": _blob_name(image.config.digest), "RepoTags": list(names), "Layers": layers}]).encode()
