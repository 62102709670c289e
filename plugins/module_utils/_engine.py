# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman, docker and buildah as commands, behind one interface.

What differs between the three is in one class each; what a caller asks for does not. Nothing secret is ever part of a
command: credentials and secrets are handed over as names of private files.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform as host_platform
import re
import shutil
import signal
import subprocess
import sys
import typing as t
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import KEY_LABEL, own_labels
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Denied,
    EEError,
    Failed,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import label_instruction
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._engine_leftovers import (
    TASK_ARGUMENT,
    kill_inside,
    working_containers,
)

LOCAL = "localhost"  # what podman and buildah call the registry of images that have none
ENGINES = ("podman", "docker", "buildah")
TAIL = 100  # lines of output that a failed build is explained from
PATIENCE_S = 10.0  # seconds that a stopped engine has to tidy up before it is killed
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# What Go's net and net/http say of a server that cannot be reached, or is gone in the middle of an exchange.
_AWAY = re.compile(
    r"\b(dial|read|write) (tcp|udp)\b|connection (refused|reset)|broken pipe|closed (network|idle) connection"
    r"|no such host|no route to host|network is unreachable|\btime(d )?out\b|: (unexpected )?eof\b|server misbehaving"
)
_REMOTE = ("CONTAINER_HOST", "CONTAINER_CONNECTION")
_LOST = re.compile(r"^[Ee]rror:? .*checking if cached image exists.* not known")
_UNREADABLE = re.compile(r'image "?([0-9a-f]{64})"?: you may need to remove the image')
_LISTINGS = 5  # times that a list of images is asked for while other tasks remove some
_LIBC = ctypes.CDLL(None)  # loaded before there are children: between fork and exec little is allowed


@dataclass(frozen=True)
class Completed:
    """How a command ended. ``output`` is what it printed; ``errors`` is empty where the two were merged."""

    rc: int
    output: str
    errors: str = ""


OnLine = t.Callable[[str], None]


class Run(t.Protocol):
    """Runs a command with a text as input. With ``on_line``, each line of merged output is handed over as it comes."""

    def __call__(
        self, argv: t.Sequence[str], env: t.Mapping[str, str], on_line: OnLine | None = None, stdin: str | None = None
    ) -> Completed:
        """Return how it ended. Raises OSError where it cannot be started."""


@dataclass(frozen=True)
class LocalImage:
    """An image in the engine's store. ``id`` and ``digests`` begin with ``sha256:``; ``names`` are its tags.

    ``digest`` is the manifest's in the store (None in docker's), ``digests`` are those by which registries know it.
    ``layers`` are the digests of the unpacked layers.
    """

    id: str
    names: tuple[str, ...] = ()
    digest: str | None = None
    digests: tuple[str, ...] = ()
    labels: t.Mapping[str, str] = field(default_factory=dict)
    created: str | None = None
    size: int | None = None
    platform: str | None = None
    layers: tuple[str, ...] = ()
    config: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def own_labels(self) -> dict[str, str]:
        """Its labels without what only the image that it is built on may say of itself."""
        return own_labels(self.labels, self.layers, self.config)

    def digests_of(self, name: str) -> tuple[str, ...]:
        """Return all digests by which ``name`` (without tag) is known.

        podman gives each name of an image every digest that the image was ever pulled by, under whatever name.
        """
        parted = (text.rpartition("@") for text in self.digests)
        return tuple(digest for repository, _at, digest in parted if repository == name)

    def digest_of(self, name: str) -> str | None:
        """Return the digest by which ``name`` (without tag) is known.

        An image pulled through an index has two: the index's, which every machine sees whatever its architecture, is
        preferred to the manifest's.
        """
        known = self.digests_of(name)
        others = (digest for digest in known if digest != self.digest)
        return next(others, None) or next(iter(known), None) or self.digest


@dataclass(frozen=True)
class Access:
    """How the engine reaches a registry: files with credentials and certificates, and whether TLS is checked."""

    authfile: str | None = None
    cert_dir: str | None = None
    tls_verify: bool = True


@dataclass(frozen=True)
class Secret:
    """A file that steps of the build may mount by ``id``."""

    id: str
    src: str


@dataclass(frozen=True)
class BuildOrder:
    """One build: everything the engine is told. Paths are absolute. ``timestamp`` is in seconds since 1970."""

    context: str
    containerfile: str
    iidfile: str
    build_args: t.Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    labels: t.Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    no_cache: bool = False
    squash: str = "off"
    timestamp: int | None = None
    policy_file: str | None = None
    pull_always: bool = False
    access: Access = field(default_factory=Access)
    extra_args: tuple[str, ...] = ()
    tmpdir: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {} if self.tmpdir is None else {"TMPDIR": self.tmpdir}


class Engine:
    """What all three have in common, in the words of podman. ``program`` is the path of the command."""

    name = "podman"
    _remove_verb: t.ClassVar[tuple[str, ...]] = ("rm", "--force")

    def __init__(self, program: str, run: Run, connection: str | None = None) -> None:
        self.program = program
        self._run = run
        self._connection = connection
        self.task = "task"  # names what we start, so that it can be found when it is left

    # What is in the store

    def inspect(self, reference: str) -> LocalImage | None:
        """Return the image that a name, digest or id stands for, or None."""
        done = self._do(["image", "inspect", reference])
        if done.rc != 0:
            if _is_unknown_image(done.errors):
                return None
            raise self.failure(f"look at the image {reference}", done)
        return _local_image(_json(done.output)[0])

    def inspect_all(self, references: t.Sequence[str]) -> dict[str, LocalImage]:
        """Return those images that are there, by name; one look for all of them."""
        return _by_name(references, self._inspect_many(references))

    def _inspect_many(self, references: t.Sequence[str]) -> list[LocalImage]:
        """Return those images that are there."""
        if not references:
            return []
        done = self._do(["image", "inspect", *references])
        if done.rc != 0 and not _is_unknown_image(done.errors):
            raise self.failure("look at the images", done)
        return [_local_image(record) for record in _json(done.output or "[]")]

    def find(self, label: str, value: str) -> LocalImage | None:
        """Return an image that carries a label of its own, one with a name if there is one, or None."""
        return self._first(
            ["image", "ls", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}={value}"], label
        )

    def _first(self, arguments: t.Sequence[str], label: str) -> LocalImage | None:
        done = self._listed(label, arguments)
        found = self._inspect_many(list(dict.fromkeys(done.output.split())))
        images = [image for image in found if label in image.own_labels]  # what was built on it carries the label, too
        return max(images, key=lambda image: bool(image.names), default=None)

    def _listed(self, label: str, arguments: t.Sequence[str]) -> Completed:
        """List images. podman reads one after the other, and gives up if one is removed meanwhile by another task."""
        done = self._do(arguments)
        for _more in range(_LISTINGS - 1):
            if done.rc == 0 or not _is_unknown_image(done.errors):
                break
            done = self._do(arguments)
        if done.rc == 0:
            return done
        broken = _UNREADABLE.search(done.errors)
        remedy = "A killed engine can leave such an image. Remove it: `{} rmi --force {}`."
        hint = None if broken is None else remedy.format(self.name, broken[1])
        raise self.failure(f"list the images labelled {label}", done, hint)

    def find_key(self, key: str) -> LocalImage | None:
        """Return an image with a build key, or None."""
        return self.find(KEY_LABEL, key)

    def full_name(self, ref: ImageRef) -> ImageRef:
        """Return a reference as the engine's store writes it; an image made here without a registry is local."""
        registry = ref.registry or LOCAL
        tag = ref.tag or ("latest" if ref.digest is None else None)
        return ref._replace(registry=registry, tag=tag if ref.digest is None else None)

    def to_build_on(self, ref: ImageRef, digest: str) -> ImageRef:
        """Return the reference by which a build takes an image of the digest that ``ref``, a full name, stands for."""
        return ref.with_digest(digest)

    def platform(self) -> str:
        """Return ``os/architecture`` of what the engine builds by itself."""
        if self._local:
            machine = host_platform.machine()
            return f"linux/{_MACHINES.get(machine, machine)}"
        return self._ask_platform()

    @property
    def _local(self) -> bool:
        remote = self._connection is not None or any(os.environ.get(name) for name in _REMOTE)
        return sys.platform.startswith("linux") and not remote

    def _ask_platform(self) -> str:
        done = self._checked("ask for the engine's platform", ["info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"])
        return done.output.strip()

    # Changes

    def build(self, order: BuildOrder, on_line: OnLine) -> str:
        """Build, and return the id of the image, which has no name yet. Raises Failed with the end of the output.

        podman and buildah compare with every image of the store, and give up if one is removed meanwhile by another
        task. That says nothing about the build, which is begun once more.
        """
        try:
            return self._build_once(order, on_line)
        except Failed as error:
            if not any(_LOST.search(line) for line in error.details["tail"]):
                raise
        on_line("foundry.ee: another task removed an image that the engine just compared with; building once more")
        return self._build_once(order, on_line)

    def _build_once(self, order: BuildOrder, on_line: OnLine) -> str:
        tail: deque[str] = deque(maxlen=TAIL)

        def see(line: str) -> None:
            tail.append(line)
            on_line(line)

        environment = {**self._environment(order.access), **order.environment}
        done = self._run([*self._command(), *self.build_arguments(order)], environment, see)
        if done.rc != 0:
            raise Failed(_ended(self.name, done.rc), details={"rc": done.rc, "tail": list(tail)})
        return _sha256(Path(order.iidfile).read_text(encoding="utf-8").strip())

    def build_arguments(self, order: BuildOrder) -> list[str]:
        """Return the arguments of one build; the context comes last."""
        arguments = [
            *self._build_verb(),
            "--file",
            order.containerfile,
            "--iidfile",
            order.iidfile,
            *self._cache_arguments(order),
            *self._task_arguments(),
            *(text for name, value in sorted(order.build_args.items()) for text in ("--build-arg", f"{name}={value}")),
            *(text for secret in order.secrets for text in ("--secret", f"id={secret.id},src={secret.src}")),
        ]
        arguments += [text for name, value in sorted(order.labels.items()) for text in ("--label", f"{name}={value}")]
        if order.platform is not None:
            arguments += ["--platform", order.platform]
        return [*arguments, *self._special_build_arguments(order), *order.extra_args, order.context]

    def label(self, order: BuildOrder, image_id: str, labels: t.Mapping[str, str], folder: Path) -> str:
        """Return the id of the image with labels added, which was built by ``order``; ``folder`` is empty, to be used.

        Not by ``--label`` in the first place: podman 4.3 puts such labels on the last image of every stage, and an
        image that is not the wanted one would carry its build key.
        """
        file = folder / "Containerfile"
        file.write_text(f"FROM {image_id.rpartition(':')[2]}\n{label_instruction(labels)}\n", encoding="utf-8")
        small = BuildOrder(
            context=str(folder),
            containerfile=str(file),
            iidfile=order.iidfile,
            platform=order.platform,
            timestamp=order.timestamp,
            no_cache=True,  # there is nothing to be found for an image that is new
        )
        return self.build(small, _ignore)

    def tag(self, image_id: str, reference: str) -> None:
        self._checked(f"tag {image_id} as {reference}", ["tag", image_id, reference])

    def pull(self, reference: str, access: Access, platform: str | None = None) -> LocalImage:
        """Fetch an image; return it."""
        chosen = [] if platform is None else ["--platform", platform]
        arguments = ["pull", "--quiet", *chosen, *self._access_arguments(access), reference]
        done = self._do(arguments, self._environment(access))
        if done.rc != 0:
            raise self.failure(f"pull {reference}", done)
        image = self.inspect(reference)
        if image is None:
            raise Failed(f"{self.name} pulled {reference}, and does not know it now.")
        return image

    def push(self, image_id: str, reference: str, access: Access) -> None:
        """Put an image of the store under a name of a registry."""
        arguments = ["push", "--quiet", *self._access_arguments(access), image_id, f"docker://{reference}"]
        done = self._do(arguments, self._environment(access))
        if done.rc != 0:
            raise self.failure(f"push {reference}", done)

    def save(self, reference: str, path: str) -> None:
        """Write an image into an OCI layout as one tar file."""
        self._checked(f"save {reference}", ["save", "--quiet", "--format", "oci-archive", "--output", path, reference])

    def load(self, path: str) -> None:
        """Take the image of such a file into the store."""
        self._checked(f"load {path}", ["load", "--quiet", "--input", path])

    def remove(self, image_id: str) -> None:
        """Delete an image that has no name and is not in use; anything else is left as it is."""
        self._do(["rmi", image_id])

    def untag(self, reference: str) -> None:
        """Take a name away. An image that has no other goes as well."""
        self._do(["rmi", reference])

    def start(self, image: str, script: str, stdin: str = "", entrypoint: bool = True) -> Completed:
        """Run a shell script in a throw-away container without network, as the image's user.

        It goes through the image's entry point, as a job's command does, or past it.
        """
        command = ["sh", "-c", script] if entrypoint else ["-c", script]
        past = [] if entrypoint else ["--entrypoint", "/bin/sh"]
        named = ["--name", self._container]
        arguments = ["run", "--rm", "--interactive", *named, "--network", "none", *past, image, *command]
        return self._run([*self._command(), *arguments], {}, None, stdin)

    def clear(self, task: str) -> None:
        """Remove the containers and processes that a task left when it, or the engine, was killed. Raises nothing."""
        self._do([*self._remove_verb, f"foundry-ee-{task}"])
        if self._local:
            self._clear_builds(task)

    # The parts in which the engines differ

    @property
    def _container(self) -> str:
        return f"foundry-ee-{self.task}"

    def _task_arguments(self) -> list[str]:
        return ["--build-arg", f"{TASK_ARGUMENT}={self.task}"] if self._local else []

    def _clear_builds(self, task: str) -> None:
        store, driver = self._store()
        if not store:
            return
        for left in working_containers(Path(store), driver, task):
            if left.layer is not None:
                kill_inside(left.layer)
            self._do([*self._remove_verb, left.id])

    def _store(self) -> tuple[str, str]:
        """Return the folder of the engine's store and the name of its driver, empty where it does not tell."""
        done = self._do(["info", "--format", "{{.Store.GraphRoot}} {{.Store.GraphDriverName}}"])
        store, _space, driver = done.output.strip().rpartition(" ")
        return (store, driver) if done.rc == 0 else ("", "")

    def _command(self) -> list[str]:
        if self._connection is None:
            return [self.program]
        return [self.program, "--url" if "://" in self._connection else "--connection", self._connection]

    def _build_verb(self) -> list[str]:
        return ["build"]

    def _cache_arguments(self, order: BuildOrder) -> list[str]:
        return ["--no-cache"] if order.no_cache else []

    def _special_build_arguments(self, order: BuildOrder) -> list[str]:
        arguments = ["--jobs", "0"]  # independent stages at the same time
        if order.timestamp is not None:
            arguments += ["--timestamp", str(order.timestamp)]
        arguments += self._squash_arguments(order)
        if order.policy_file is not None:
            arguments += ["--signature-policy", order.policy_file]
        if order.pull_always:
            arguments.append("--pull-always")
        return arguments + self._access_arguments(order.access)

    def _squash_arguments(self, order: BuildOrder) -> list[str]:
        return {"new": ["--squash"], "all": ["--squash-all"]}.get(order.squash, [])

    def _access_arguments(self, access: Access) -> list[str]:
        arguments = []
        if access.authfile is not None:
            arguments += ["--authfile", access.authfile]
        if access.cert_dir is not None:
            arguments += ["--cert-dir", access.cert_dir]
        if not access.tls_verify:
            arguments.append("--tls-verify=false")
        return arguments

    def _environment(self, access: Access) -> dict[str, str]:
        return {}

    # How commands are run

    def _do(self, arguments: t.Sequence[str], env: t.Mapping[str, str] | None = None) -> Completed:
        return self._run([*self._command(), *arguments], env or {})

    def _checked(self, what: str, arguments: t.Sequence[str]) -> Completed:
        done = self._do(arguments)
        if done.rc != 0:
            raise self.failure(what, done)
        return done

    def failure(self, what: str, done: Completed, remedy: str | None = None) -> EEError:
        """Return the error that a command's end stands for."""
        words = _last_words(done.errors or done.output)
        kind, hint = _kind_of(words)
        return kind(f"{self.name} could not {what}: {words or _ended(self.name, done.rc)}.", hint=remedy or hint)


class Podman(Engine):
    """podman, on this machine or behind its remote connection."""


class Docker(Engine):
    """docker with buildx, on this machine or wherever its context or DOCKER_HOST points."""

    name = "docker"

    def full_name(self, ref: ImageRef) -> ImageRef:
        """Return a reference as docker's store writes it: names of Docker Hub are bare there."""
        hub = ref.registry in ("docker.io", "index.docker.io")
        repository = ref.repository.removeprefix("library/") if hub else ref.repository
        full = super().full_name(ref)
        return full._replace(registry=None if hub else ref.registry, repository=repository)

    def to_build_on(self, ref: ImageRef, digest: str) -> ImageRef:
        """An image that was made here has no digest in docker's store but its id, which BuildKit does not know."""
        image = self.inspect(str(ref)) if ref.digest is None else None
        return ref if image is not None and image.id == digest else super().to_build_on(ref, digest)

    def platform(self) -> str:
        form = "{{.Server.Os}}/{{.Server.Arch}}"  # the daemon may run in a virtual machine, as on macOS
        return self._checked("ask for the engine's platform", ["version", "--format", form]).output.strip()

    def label(self, order: BuildOrder, image_id: str, labels: t.Mapping[str, str], folder: Path) -> str:
        """Build once more, which costs nothing: every step is cached. BuildKit builds on no image without a name."""
        return self.build(replace(order, labels=labels, no_cache=False), _ignore)

    def push(self, image_id: str, reference: str, access: Access) -> None:
        """Push by a name, which docker wants the image to have; it has it only meanwhile."""
        self._check_access(access)
        self.tag(image_id, reference)
        try:
            done = self._do(["push", "--quiet", reference], self._environment(access))
        finally:
            self._do(["rmi", "--no-prune", reference])
        if done.rc != 0:
            raise self.failure(f"push {reference}", done)

    def pull(self, reference: str, access: Access, platform: str | None = None) -> LocalImage:
        self._check_access(access)
        return super().pull(reference, access, platform)

    def save(self, reference: str, path: str) -> None:
        """Write an image as docker does: from version 25 on, that is an OCI layout."""
        self._checked(f"save {reference}", ["save", "--output", path, reference])

    def _command(self) -> list[str]:
        if self._connection is None:
            return [self.program]
        return [self.program, "--host" if "://" in self._connection else "--context", self._connection]

    def _build_verb(self) -> list[str]:
        # Without an attestation the result is one manifest, the same each time.
        return ["buildx", "build", "--progress", "plain", "--load", "--provenance=false"]

    def _special_build_arguments(self, order: BuildOrder) -> list[str]:
        if order.squash != "off":
            raise Invalid("docker with buildx does not squash.", hint="Leave `squash` out, or use podman or buildah.")
        if order.policy_file is not None or order.pull_always:
            raise Invalid("`policy` is for podman and buildah only.", hint="docker has no signature policies.")
        self._check_access(order.access)
        return [] if order.timestamp is None else ["--build-arg", f"SOURCE_DATE_EPOCH={order.timestamp}"]

    def _task_arguments(self) -> list[str]:
        return []

    def _clear_builds(self, task: str) -> None:
        """Nothing to do: BuildKit clears up when its client is gone."""

    def _check_access(self, access: Access) -> None:
        """Refuse what only docker's daemon can be told. Raises Invalid."""
        if access.cert_dir is not None:
            raise Invalid(
                "docker takes no certificates by option.",
                hint="Put them below /etc/docker/certs.d of the daemon's host; leave `ca_path` and `client_cert` out.",
            )

    def _access_arguments(self, access: Access) -> list[str]:
        return []

    def _environment(self, access: Access) -> dict[str, str]:
        return {} if access.authfile is None else {"DOCKER_CONFIG": str(Path(access.authfile).parent)}


class Buildah(Engine):
    """buildah, on this machine. It shares its store with podman."""

    name = "buildah"
    _remove_verb = ("rm",)

    def __init__(self, program: str, run: Run, connection: str | None = None) -> None:
        super().__init__(program, run, connection)
        if connection is not None:
            raise Invalid("buildah has no remote connections.", hint="Leave `connection` out, or use podman.")

    def inspect(self, reference: str) -> LocalImage | None:
        done = self._do(["inspect", "--type", "image", reference])
        if done.rc != 0:
            if _is_unknown_image(done.errors):
                return None
            raise self.failure(f"look at the image {reference}", done)
        record = _json(done.output)
        listed = _json(self._checked(f"list {reference}", ["images", "--json", record["FromImageID"]]).output)
        image = record.get("OCIv1") or {}
        digest = record.get("FromImageDigest") or None
        names = tuple(listed[0].get("names") or ()) if listed else ()
        return LocalImage(
            id=_sha256(record["FromImageID"]),
            names=names,
            digest=digest,
            digests=tuple(f"{name.rpartition(':')[0]}@{digest}" for name in names if digest),
            labels=dict((image.get("config") or {}).get("Labels") or {}),
            created=image.get("created"),
            platform=f"{image.get('os')}/{image.get('architecture')}",
            layers=tuple((image.get("rootfs") or {}).get("diff_ids") or ()),
            config=image.get("config") or {},
        )

    def _inspect_many(self, references: t.Sequence[str]) -> list[LocalImage]:
        return [image for image in map(self.inspect, references) if image is not None]

    def save(self, reference: str, path: str) -> None:
        self._checked(f"save {reference}", ["push", "--quiet", reference, f"oci-archive:{path}"])

    def load(self, path: str) -> None:
        self._checked(f"load {path}", ["pull", "--quiet", f"oci-archive:{path}"])

    def find(self, label: str, value: str) -> LocalImage | None:
        return self._first(["images", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}={value}"], label)

    def start(self, image: str, script: str, stdin: str = "", entrypoint: bool = True) -> Completed:
        found = self.inspect(image)
        prefix = [] if found is None or not entrypoint else list(found.config.get("Entrypoint") or ())
        arguments = ["from", "--quiet", "--name", self._container, image.rpartition(":")[2]]
        container = self._checked(f"start {image}", arguments).output.strip()
        try:
            command = ["run", "--network", "none", container, "--", *prefix, "/bin/sh", "-c", script]
            return self._run([*self._command(), *command], {}, None, stdin)
        finally:
            self._do(["rm", container])

    def _store(self) -> tuple[str, str]:
        done = self._do(["info"])
        store = _json(done.output).get("store") or {} if done.rc == 0 else {}
        return store.get("GraphRoot") or "", store.get("GraphDriverName") or ""

    def _cache_arguments(self, order: BuildOrder) -> list[str]:
        # buildah keeps no layers unless told so.
        layers = "false" if order.squash == "new" else "true"
        return [f"--layers={layers}", *super()._cache_arguments(order)]

    def _squash_arguments(self, order: BuildOrder) -> list[str]:
        return ["--squash"] if order.squash == "all" else []


ENGINE_CLASSES: dict[str, type[Engine]] = {"podman": Podman, "docker": Docker, "buildah": Buildah}


def open_engine(name: str, run: Run | None = None, connection: str | None = None) -> Engine:
    """Return the engine of a name; ``auto`` takes the first that is installed. Raises NotFound."""
    wanted = tuple(ENGINE_CLASSES) if name == "auto" else (name,)
    for candidate in wanted:
        program = shutil.which(candidate)
        if program is not None:
            return ENGINE_CLASSES[candidate](program, run or run_command, connection)
    there = [other for other in ENGINES if shutil.which(other)]
    instead = f", or set `engine: {there[0]}`, which is there" if there else ""
    raise NotFound(f"{' or '.join(wanted)} is not installed on this host.", hint=f"Install {wanted[0]}{instead}.")


def run_command(
    argv: t.Sequence[str], env: t.Mapping[str, str], on_line: OnLine | None = None, stdin: str | None = None
) -> Completed:
    """Run a command in a process group of its own, which ends with us: nothing goes on unseen."""
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
        env={**os.environ, **env},
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform.startswith("linux") else None,
    ) as process:
        try:
            if on_line is None:
                output, errors = process.communicate(None if stdin is None else stdin.encode())
                return Completed(
                    process.returncode, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
                )
            for line in t.cast("t.IO[bytes]", process.stdout):
                on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
            return Completed(process.wait(), "")
        except BaseException:
            _stop(process)
            raise


def _ignore(_line: str) -> None:
    pass


def _end_with_parent() -> None:
    """Ask the kernel to stop this process when its parent is gone, even by SIGKILL (prctl(2), PR_SET_PDEATHSIG = 1)."""
    with contextlib.suppress(OSError, AttributeError):
        _LIBC.prctl(1, signal.SIGTERM, 0, 0, 0)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command and what it started: first so that it can tidy up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _local_image(record: t.Mapping[str, t.Any]) -> LocalImage:
    """Read one element of ``image inspect``, which podman and docker print alike."""
    config = record.get("Config") or {}
    parts = [record.get("Os"), record.get("Architecture"), record.get("Variant")]
    return LocalImage(
        id=_sha256(record["Id"]),
        names=tuple(record.get("RepoTags") or ()),
        digest=record.get("Digest") or None,
        digests=tuple(record.get("RepoDigests") or ()),
        labels=dict(config.get("Labels") or {}),
        created=record.get("Created"),
        size=record.get("Size"),
        platform="/".join(part for part in parts if part) or None,
        layers=tuple((record.get("RootFS") or {}).get("Layers") or ()),
        config=config,
    )


def _by_name(references: t.Sequence[str], images: t.Sequence[LocalImage]) -> dict[str, LocalImage]:
    """Return which of the references are names of which image. What is known by another road only is left out."""
    named = {name: image for image in images for name in image.names}
    return {reference: named[reference] for reference in references if reference in named}


def _sha256(image_id: str) -> str:
    return image_id if image_id.startswith("sha256:") else f"sha256:{image_id}"


def _json(text: str) -> t.Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failed(f"The engine printed something that is not JSON: {text[:200]!r}.") from error


def _is_unknown_image(errors: str) -> bool:
    """Say whether an engine reports that it has no such image. They have no exit code of their own for it."""
    lower = errors.lower()
    return any(
        words in lower for words in ("image not known", "no such image", "no such object", "failed to find image")
    )


def _last_words(text: str) -> str:
    """Return the last line of an engine's complaint, without its prefix."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").rstrip(".")[:1000] if lines else ""


def _kind_of(words: str) -> tuple[type[EEError], str | None]:
    """Return the kind of an engine's complaint and the way to mend it. Engines give nothing but words."""
    lower = words.lower()
    # What this machine lacks comes first: its words are part of what is said of registries.
    if "no space left" in lower:
        return Failed, "Free space where the engine keeps its images."
    if "executable file" in lower and "not found" in lower:
        return Failed, "Install that program where the engine runs, or take it out of the engine's settings."
    if "permission denied" in lower and "requested access" not in lower:
        return Failed, "May the user of this task reach that file or socket on the host of the engine?"
    if re.search(r"unauthorized|authentication required|denied|\b403\b", lower):
        return Denied, "Are `username` and `password`, or `authfile`, right for this registry and repository?"
    if "manifest unknown" in lower or "not found" in lower or "name unknown" in lower:
        return NotFound, "Is the name right, tag included?"
    if "x509" in lower or "certificate" in lower:
        return Unreachable, "Give the registry's CA with `ca_path`."
    if _AWAY.search(lower):
        return Unreachable, "Is the registry up, and the address right?"
    if "unknown flag" in lower or "unknown shorthand" in lower:
        return Invalid, "Does this version of the engine know the option?"
    return Failed, None


def _ended(name: str, rc: int) -> str:
    if rc < 0:
        return f"{name} was ended by signal {-rc}"
    return f"{name} ended with exit code {rc}"
