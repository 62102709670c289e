# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes that the core's parts hand to one another.

``definition`` makes a :class:`Definition` from text, ``context`` makes a :class:`Context` from a definition and its
folder, ``_engine`` builds an image from a context.

They are named tuples where frozen dataclasses would read the same: every task makes its classes anew, and a dataclass
takes five times as long (0.5 ms each).
"""

from __future__ import annotations

import os
import re
import typing as t
from types import MappingProxyType

STAGES = ("base", "galaxy", "builder", "final")
STEP_NAMES = tuple(f"{position}_{stage}" for stage in STAGES for position in ("prepend", "append"))

NOTHING: t.Mapping[str, t.Any] = MappingProxyType({})


class Place(t.NamedTuple):
    """Where in a user's file something stands; ``line`` and ``column`` count from 1, ``key`` is the key path."""

    path: str | None = None
    line: int | None = None
    column: int | None = None
    key: str = ""


class Finding(t.NamedTuple):
    """A problem (the definition is refused) or advice (it is accepted); ``hint`` says how to mend it."""

    message: str
    hint: str
    place: Place = Place()

    def as_result(self) -> dict[str, t.Any]:
        place = self.place
        return {
            "path": place.path,
            "line": place.line,
            "column": place.column,
            "key": place.key,
            "message": self.message,
            "hint": self.hint,
        }


class Change(t.NamedTuple):
    """What a migration or a lock made of a definition; ``key`` is the key path that it is about."""

    key: str
    message: str

    def as_result(self) -> dict[str, str]:
        return {"key": self.key, "message": self.message}


class Image(t.NamedTuple):
    """An image that a build starts from. ``signature_original_name`` is its name before mirroring."""

    name: str
    signature_original_name: str | None = None


class Requirements(t.NamedTuple):
    """A requirements list of the definition: a file (path as written, relative to the definition) or its content."""

    file: str | None = None
    content: str | None = None


class Exclude(t.NamedTuple):
    """What collections ask for and shall not get; names, or ``~`` and a regular expression."""

    python: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    all_from_collections: tuple[str, ...] = ()


class BuildFile(t.NamedTuple):
    """A file, directory or glob (``src``) for the folder ``dest`` below ``_build``."""

    src: str
    dest: str


class ContainerInit(t.NamedTuple):
    """How a container of the image starts; ``None`` leaves the instruction (or package) out."""

    package_pip: str | None = "dumb-init==1.2.5"
    entrypoint: str | None = '["/opt/builder/bin/entrypoint", "dumb-init"]'
    cmd: str | None = '["bash"]'


class Options(t.NamedTuple):
    """``options`` of version 3, each with its default. ``None`` for ``package_manager_path`` means: found in the image.

    ``workdir`` and ``user``: ``None`` leaves the instruction out.
    """

    container_init: ContainerInit = ContainerInit()
    package_manager_path: str | None = None
    relax_passwd_permissions: bool = True
    skip_ansible_check: bool = False
    skip_pip_install: bool = False
    workdir: str | None = "/runner"
    user: str | None = "1000"
    tags: tuple[str, ...] = ()


class Definition(t.NamedTuple):
    """An execution environment definition of any version, with every default filled in.

    Versions 1 and 2 arrive with the options that keep their images as they were: no user, working directory, entry
    point, checks or relaxed ``/etc/passwd``. ``steps`` maps a name of ``STEP_NAMES`` to its lines; ``prepend`` and
    ``append`` of the older versions arrive as ``prepend_final`` and ``append_final``.
    """

    version: int
    base_image: Image | None = None
    builder_image: Image | None = None
    build_args: t.Mapping[str, str] = NOTHING
    galaxy: Requirements | None = None
    python: Requirements | None = None
    system: Requirements | None = None
    exclude: Exclude = Exclude()
    python_package: str | None = None
    python_path: str | None = None
    ansible_core: str | None = None
    ansible_runner: str | None = None
    ansible_config: str | None = None
    build_files: tuple[BuildFile, ...] = ()
    steps: t.Mapping[str, tuple[str, ...]] = NOTHING
    options: Options = Options()


class Stored(t.NamedTuple):
    """A large file's content, left where it lies: its path on this host, bytes, and digest with the file's mode."""

    place: str
    size: int
    digest: str


class ContextFile(t.NamedTuple):
    """One file of a build context: ``path`` with ``/`` and relative to the context, ``mode`` the permission bits.

    Exactly one of ``data`` (a file's bytes), ``link`` (a symbolic link's target) and ``stored`` is set.
    """

    path: str
    mode: int = 0o644
    data: bytes | None = None
    link: str | None = None
    stored: Stored | None = None

    @property
    def size(self) -> int:
        """The bytes of the content, or of a link's target."""
        if self.stored is not None:
            return self.stored.size
        return len(self.data if self.data is not None else os.fsencode(self.link or ""))


class Context(t.NamedTuple):
    """A complete build context, sorted by path. ``containerfile`` is the path of the instruction file in it."""

    containerfile: str
    files: tuple[ContextFile, ...]

    @property
    def text(self) -> str:
        """The instruction file."""
        for file in self.files:
            if file.path == self.containerfile and file.data is not None:
                return file.data.decode()
        raise AssertionError(f"{self.containerfile} is not in its own context")


def instructions(lines: t.Iterable[str]) -> t.Iterator[tuple[int, str]]:
    """Yield the instructions of a build step's entries, each with the index of the entry that it begins in.

    An entry may have several lines and an instruction may go on in the next entry. Continued lines are joined; comments
    and the inner lines of a here-document are left out.
    """
    start, whole, ends = 0, "", ""
    for index, entry in enumerate(lines):
        for line in entry.split("\n"):
            text = line.strip()
            if ends:
                ends = "" if text == ends else ends
                continue
            if not text or text.startswith("#"):
                continue
            start = start if whole else index
            whole += line.rstrip()
            if whole.endswith("\\"):
                whole = f"{whole[:-1]} "
                continue
            here = re.search(r"<<-?[\"']?(\w+)", whole) if "<<" in whole else None
            ends = "" if here is None else here[1]
            yield start, whole
            whole = ""
    if whole:
        yield start, whole


def user_of(lines: t.Iterable[str]) -> str | None:
    """Return the user that build steps end with, None where they name none."""
    users = [words[1] for words in (text.split(None, 1) for _at, text in instructions(lines)) if _names_user(words)]
    return users[-1].strip() if users else None


def _names_user(words: t.Sequence[str]) -> bool:
    return len(words) == 2 and words[0].upper() == "USER"
