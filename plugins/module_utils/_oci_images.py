# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for one image: look, plan, apply."""

from __future__ import annotations

import copy
import threading
import typing as t
from types import MappingProxyType

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef, check_tag
from ansible_collections.foundry.ee.plugins.module_utils._core.location import Location, parse_location
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Manifest, Platform
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Credentials
from ansible_collections.foundry.ee.plugins.module_utils._core.tags import (
    PREVIOUS,
    TagPlan,
    plan_tags,
    previous_tag,
)
from ansible_collections.foundry.ee.plugins.module_utils._http import Connection
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry, in_parallel, required
from ansible_collections.foundry.ee.plugins.module_utils._oci_auth import credentials_from
from ansible_collections.foundry.ee.plugins.module_utils._oci_http import Wire

if t.TYPE_CHECKING:
    from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import Remover

_FEW = 4  # tags; beyond, listing the repository first saves the requests for those that are not there
_CONNECTION = ("validate_certs", "ca_path", "client_cert", "client_key", "timeout")
Options = t.Mapping[str, t.Any]


class Client(t.Protocol):
    """What counts the requests it sends."""

    @property
    def requests(self) -> int:
        """Return how many were sent so far."""


class Registries:
    """The registries of one task, each opened once. Credentials go to the host they are for.

    ``username``, ``password``, ``token`` and the client certificate are for the registry of ``image``;
    ``source_username`` and so on for another one that is read. Everybody else gets what the credentials files have.
    """

    def __init__(self, options: Options, *, read_only: bool) -> None:
        self._options = options
        self._read_only = read_only
        self._wires: dict[tuple[str, Credentials | None, Connection], Wire] = {}
        self._lock = threading.Lock()
        self._hosts: dict[bool, str] = {}  # for the credentials of `image` (True) and of other ones
        self._opened: list[Client] = []

    @property
    def requests(self) -> int:
        """Return how many requests were sent to what was opened here."""
        return sum(client.requests for client in self._opened)

    def apart(self) -> Registries:
        """Return the same, whose ``requests`` are counted apart."""
        apart = copy.copy(self)
        apart._opened = []
        return apart

    def open(self, ref: ImageRef, main: bool) -> Registry:
        """Return a client of its own for one image, over connections that are shared."""
        options = self.options(main)
        host = t.cast(str, ref.registry)
        self.claim(host, main)
        key = (host, credentials_from(options, host, ref.repository), Connection.from_params(options))
        with self._lock:
            if key not in self._wires:
                self._wires[key] = Wire(host, key[2], key[1], read_only=self._read_only)
            registry = Registry(self._wires[key].again())
        if main:
            registry.tag_otherwise = lambda *what: self._tag_otherwise(registry, *what)
        self._opened.append(registry)
        return registry

    def _tag_otherwise(self, registry: Registry, repository: str, tag: str, digest: str) -> bool:
        remover = self._remover(registry)
        done = remover.tag(repository, tag, digest)
        registry.wire.requests += remover.requests
        return done

    def remover(self, registry: Registry) -> Remover:
        """Return what removes from a registry that was opened as the main one, and has been asked before."""
        remover = self._remover(registry)
        self._opened.append(remover)
        return remover

    def _remover(self, registry: Registry) -> Remover:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_remove import remover_of

        return remover_of(registry, self._options, read_only=self._read_only)

    def options(self, main: bool) -> Options:
        """Return the options of ``foundry.ee._registry`` for the registry of ``image``, or for another one."""
        return self._options if main else self._for_source()

    def claim(self, host: str, main: bool) -> None:
        """Refuse a second host for the credentials of the options. Raises Invalid."""
        options = self.options(main)
        if options.get("username") is None and options.get("token") is None:
            return
        with self._lock:
            first = self._hosts.setdefault(main, host)
        if first != host:
            user, token = ("username", "token") if main else ("source_username", "source_token")
            raise Invalid(
                f"`{user}` and `{token}` are for one registry, and the task names {first} and {host}.",
                hint="Give `authfile`, which holds credentials by registry, or write one task for each.",
            )

    def _for_source(self) -> dict[str, t.Any]:
        given = self._options
        options = {name: given.get(f"source_{name}") for name in ("username", "password", "token")}
        options["authfile"] = given.get("authfile")
        for name in ("validate_certs", "ca_path"):
            own = given.get(f"source_{name}")
            options[name] = given.get(name) if own is None else own
        options["timeout"] = given.get("timeout")
        return options


class Item(t.NamedTuple):
    """One image of a task, as the user wants it."""

    image: Location
    present: bool = True
    tags: tuple[str, ...] = ()
    exact: bool = False
    source: Location | None = None
    platforms: tuple[Platform, ...] = ()
    index_of: tuple[Location, ...] = ()
    referrers: bool = False
    remember: bool = False
    rollback: bool = False
    delete_image: bool = False

    @classmethod
    def from_params(cls, params: Options) -> Item:
        """Read the options of one image. Raises Invalid."""
        item = cls(
            image=parse_location(params["image"]),
            present=params["state"] == "present",
            tags=tuple(dict.fromkeys(check_tag(tag) for tag in params.get("tags") or ())),
            exact=params.get("tags_mode") == "exact",
            source=None if params.get("source") is None else parse_location(params["source"]),
            platforms=tuple(Platform.parse(text) for text in params.get("platforms") or ()),
            index_of=tuple(parse_location(text) for text in params.get("index_of") or ()),
            referrers=bool(params.get("referrers")),
            remember=bool(params.get("remember_previous")),
            rollback=bool(params.get("rollback")),
            delete_image=bool(params.get("delete_image")),
        )
        item._check()
        return item

    @property
    def named(self) -> tuple[str, ...]:
        """The tag in ``image``, then those of ``tags``."""
        first = () if self.image.tag is None else (self.image.tag,)
        return tuple(dict.fromkeys((*first, *self.tags)))

    def _check(self) -> None:
        where = f"`{self.image}`"
        self._check_rollback(where)
        comes = [name for name in ("source", "index_of", "rollback") if getattr(self, name)]
        if len(comes) > 1:
            raise Invalid(f"{where}: {' and '.join(comes)} each say which image it is to be.", hint="Give one of them.")
        if not self.present and (comes or self.platforms or self.exact or self.referrers or self.remember):
            raise Invalid(f"{where}: state `absent` takes only `tags` and `delete_image`.")
        if self.present and self.delete_image:
            raise Invalid(f"{where}: `delete_image` is for state `absent`.")
        if self.delete_image and self.tags:
            raise Invalid(
                f"{where}: `delete_image` deletes the image that `image` names, with every tag of it.",
                hint="Leave `tags` out, and name the image there by its tag or digest.",
            )
        if self.platforms and self.source is None:
            raise Invalid(f"{where}: `platforms` chooses from a `source`.", hint="Give `source` as well.")
        if self.image.kind == "registry":
            return
        if self.source is None:
            raise Invalid(f"{where}: an image outside a registry comes from a `source`.", hint="Give `source`.")
        if not self.present or self.exact or self.remember:
            raise Invalid(f"{where}: `absent`, `tags_mode: exact` and `remember_previous` are for registries.")

    def _check_rollback(self, where: str) -> None:
        if not self.rollback:
            return
        others = {"tags_mode: exact": self.exact, "referrers": self.referrers, "remember_previous": self.remember}
        given = [f"`{name}`" for name, value in others.items() if value]
        if given:
            raise Invalid(f"{where}: `rollback` takes no {' and no '.join(given)}.", hint="It moves the tags, no more.")
        if self.image.digest is not None:
            raise Invalid(
                f"{where}: `rollback` looks up which image it was, and the digest says which it is to be.",
                hint="Leave the one or the other out.",
            )

    def hosts(self) -> list[tuple[str, bool]]:
        """The registries that are asked for it, each with whether the credentials of ``image`` are for it."""
        others = [place for place in (self.source, *self.index_of) if place is not None and place.kind == "registry"]
        hosts = [t.cast(str, place.registry.registry) for place in others]
        if self.image.kind != "registry":
            return [(host, True) for host in hosts]
        own = t.cast(str, self.image.registry.registry)
        return [(own, True), *((host, host == own) for host in hosts)]


class Done(t.NamedTuple):
    """What only the real run knows: bytes of blobs that we sent, and the digest that an engine's push ended in."""

    bytes_copied: int = 0
    digest: str | None = None


class ItemPlan(t.NamedTuple):
    """What is to happen for one image. ``apply`` does it, and returns the bytes of the blobs that were sent.

    ``extra`` holds what comes beside the tags: ``@`` the image itself, ``@digest`` what is attached to it. ``by_id``:
    the tags are planned by image ids, which an engine knows before it knows the digest.
    """

    item: Item
    tags: TagPlan
    digest: str | None
    clients: tuple[Client, ...]
    apply: t.Callable[[], Done]
    warnings: tuple[str, ...] = ()
    header: str = ""
    extra: t.Mapping[str, str | None] = MappingProxyType({})
    by_id: bool = False

    @property
    def changed(self) -> bool:
        return self.tags.changed or bool(self.extra)

    @property
    def diff(self) -> dict[str, t.Any]:
        """Tag → digest before and after; ``@`` stands for the image itself where it comes or goes by its digest."""
        before, after = _known(self.tags.before), _known(self.tags.after)
        if self.tags.image is not None:
            before["@"] = self.tags.image
        for name, digest in self.extra.items():
            after[name] = t.cast(str, digest)
        return {"before": before, "after": after, "before_header": self.header, "after_header": self.header}

    @property
    def requests(self) -> int:
        return sum(client.requests for client in self.clients)

    def result(self, done: Done | None = None) -> dict[str, t.Any]:
        """Return the result of this image, before or after ``apply``."""
        digest = self.digest if done is None or done.digest is None else done.digest
        tags = dict(sorted(self.tags.present.items()))
        if self.by_id:  # the plan holds image ids, and every tag stands for the one digest
            tags = dict.fromkeys(tags, digest) if digest is not None else {}
        return {
            "image": str(self.item.image),
            "changed": self.changed,
            "digest": digest,
            "tags": tags,
            "requests": self.requests,
            "bytes_copied": 0 if done is None else done.bytes_copied,
        }


def plan_item(item: Item, registries: Registries) -> ItemPlan:
    """Look at everything that matters for one image, and say what is to be done. Writes nothing.

    Each kind of task has a module of its own, imported where it is needed: a task with nothing to do is mostly imports.
    """
    if "engine" in (item.image.kind, None if item.source is None else item.source.kind):
        from ansible_collections.foundry.ee.plugins.module_utils._oci_engine import plan_engine

        return plan_engine(item, registries)
    if item.image.kind != "registry":
        from ansible_collections.foundry.ee.plugins.module_utils._oci_saves import plan_save

        return plan_save(item, registries)
    if item.index_of:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_joins import plan_join

        return plan_join(item, registries)
    if item.source is not None:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_copies import plan_copy

        return plan_copy(item, registries)
    if not item.present:
        from ansible_collections.foundry.ee.plugins.module_utils._oci_absence import plan_absence

        return plan_absence(item, registries)
    ref = item.image.registry
    registry = registries.open(ref, main=True)
    if item.rollback:
        return _plan_rollback(item, ref, registry)
    return _plan_tags(item, ref, registry, registries)


def _plan_tags(item: Item, ref: ImageRef, registry: Registry, registries: Registries) -> ItemPlan:
    digest = item.image.digest
    names = item.named or (("latest",) if digest is None else ())
    current = current_digests(registry, ref, names, item)
    if digest is None:
        main = item.image.tag or "latest"
        digest = required(current[main] if main in current else registry.digest(ref), str(ref))
    elif digest not in current.values():
        required(registry.digest(ref.with_digest(digest)), str(ref))
    plan = with_memory(item, registry, ref, names, digest, current)
    remover = registries.remover(registry) if plan.to_remove else None

    def apply() -> Done:
        return apply_tags(registry, ref, plan, remover=remover)

    return ItemPlan(item, plan, digest, clients(registry, remover), apply, header=ref.name)


def _plan_rollback(item: Item, ref: ImageRef, registry: Registry) -> ItemPlan:
    names = item.named or ("latest",)
    memories = {tag: previous_tag(tag) for tag in names}
    current = registry.digests(ref.repository, [*names, *memories.values()])
    after: dict[str, str | None] = {}
    for tag, memory in memories.items():
        if current[memory] is None:
            raise NotFound(
                f"{ref.name} has no tag {memory}, so the image that {tag} stood for before is not known.",
                hint="Promote with `remember_previous: true`, or name the digest.",
            )
        after[tag] = current[memory]
    plan = TagPlan({tag: current[tag] for tag in names}, after)
    return ItemPlan(item, plan, after[names[0]], (registry,), lambda: apply_tags(registry, ref, plan), header=ref.name)


def current_digests(registry: Registry, ref: ImageRef, names: t.Sequence[str], item: Item) -> dict[str, str | None]:
    """Return what the tags that matter stand for, with as few requests as possible."""
    if not item.exact and len(names) <= _FEW:
        return registry.digests(ref.repository, names)
    there = dict.fromkeys(registry.tags(ref.repository) or [])
    asked = there if item.exact else [tag for tag in names if tag in there]
    return {**dict.fromkeys(names), **registry.digests(ref.repository, asked)}


def with_memory(
    item: Item,
    registry: Registry,
    ref: ImageRef,
    names: t.Sequence[str],
    digest: str,
    current: dict[str, str | None],
) -> TagPlan:
    if item.remember:
        moving = [tag for tag in names if current.get(tag) not in (None, digest)]
        memories = [previous_tag(tag) for tag in moving]
        current = {**current, **registry.digests(ref.repository, [tag for tag in memories if tag not in current])}
    return plan_tags(names, digest, current, exact=item.exact, remember=item.remember)


def apply_tags(
    registry: Registry,
    ref: ImageRef,
    plan: TagPlan,
    *,
    known: Manifest | None = None,
    remover: Remover | None = None,
) -> Done:
    """Bring tags to where the plan wants them. Memories first: a break then loses none."""
    manifests = {} if known is None else {known.digest: known}
    for digest in sorted(set(plan.to_put.values()) - set(manifests)):
        manifests[digest] = registry.manifest(ref.with_digest(digest))
    memories = [tag for tag in plan.to_put if tag.endswith(PREVIOUS)]
    others = [tag for tag in plan.to_put if tag not in memories]

    def put(tag: str) -> None:
        registry.put_manifest(ref.repository, manifests[plan.to_put[tag]], tag)

    in_parallel(put, memories, registry.manifest_workers)
    in_parallel(put, others, registry.manifest_workers)
    if remover is not None and plan.to_remove:
        remover.untag(ref.repository, plan.to_remove)
    return Done()


def clients(*clients: Client | None) -> tuple[Client, ...]:
    return tuple(client for client in clients if client is not None)


def _known(tags: t.Mapping[str, str | None]) -> dict[str, str]:
    return {tag: digest for tag, digest in sorted(tags.items()) if digest is not None}
