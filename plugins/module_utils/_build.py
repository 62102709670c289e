# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan one image: look at engine and registry, as far as ``_core.build_plan`` asks for it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core import policy as policies
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import (
    Base,
    Decision,
    Found,
    Mode,
    Publication,
    Record,
    Wanted,
    choose_base,
    decide,
    kept_base,
    key_tag,
    own_labels_of,
    publication,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.containerfile import (
    BUILDER_ARGUMENT,
    DEFAULT_BASE,
    SECRETS,
    builder_of,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Denied,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Platform
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Context, Definition
from ansible_collections.foundry.ee.plugins.module_utils._engine import LOCAL, Engine, LocalImage, Secret
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry
from ansible_collections.foundry.ee.plugins.module_utils._workspace import KeyLock

BASE_ARGUMENT = "EE_BASE_IMAGE"
T = t.TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What the user asks for. ``names`` are all names of the image, the first is the one it is known by.

    ``from_files``: the definition is a file, or belongs to the files of its folder.

    ``timestamp`` is in seconds since 1970; ``context`` is where the build context is kept, None for nowhere;
    ``rendering`` are further arguments of ``context.collect``. ``bearer``: we reach the registry by a bearer token.
    """

    definition: Definition
    folder: Path
    from_files: bool
    names: tuple[ImageRef, ...]
    build_args: t.Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    rebuild: Mode = "changed"
    base_policy: t.Literal["pinned", "newest"] = "pinned"
    push: bool = False
    push_tags: bool = True
    no_cache: bool = False
    squash: t.Literal["off", "new", "all"] = "off"
    prune: bool = False
    timestamp: int | None = None
    context: Path | None = None
    policy: policies.Policy | None = None
    policy_keyring: str | None = None
    rendering: t.Mapping[str, t.Any] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    extra_args: tuple[str, ...] = ()
    bearer: bool = False


@dataclass(frozen=True)
class BuildPlan:
    """What was found and what follows. Made to be printed: see ``diff`` and ``result``."""

    wanted: Wanted
    decision: Decision
    base: Base
    builder: Base | None
    platform: str
    context: Context
    at_hand: Found | None
    local: LocalImage | None
    changed_inputs: tuple[str, ...]
    publication: Publication | None
    requests: int
    warnings: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.decision.action != "unchanged" or (self.publication is not None and self.publication.changed)

    @property
    def diff(self) -> dict[str, t.Any]:
        key = self.at_hand.record.key if self.at_hand is not None else None
        kept = self.decision.action == "unchanged"
        before: dict[str, t.Any] = {"build_key": key, "names": self._names_now()}
        after: dict[str, t.Any] = {
            "build_key": key if kept else self._key_after,
            "names": before["names"] if kept else sorted({*before["names"], *self.wanted.names}),
        }
        if self.publication is not None:
            # What is still to be sent has no digest that is known.
            to = self.publication.digest or "the new image"
            before["registry"] = dict(self.publication.before)
            after["registry"] = {**self.publication.before, **dict.fromkeys(self.publication.written, to)}
        return {"before": before, "after": after}

    @property
    def _key_after(self) -> str | None:
        source = self.decision.source
        return self.wanted.key if source is None else source.record.key

    def _names_now(self) -> list[str]:
        """Return which of the wanted names the engine's image has."""
        return sorted(set(self.wanted.names) & set(self.local.names)) if self.local is not None else []

    @property
    def result(self) -> dict[str, t.Any]:
        known: dict[str, t.Any] = {
            "action": self.decision.action,
            "because": list(self.decision.because),
            "image": self.wanted.names[0],
            "build_key": self._key_after,
            "changed_inputs": list(self.changed_inputs),
            "base": _told(self.base),
            "platform": self.platform,
            "requests": self.requests,
        }
        if self.builder is not None:
            known["builder"] = _told(self.builder)
        if self.decision.action == "unchanged" and self.local is not None:
            known["image_id"] = self.local.id
            known["digest"] = self._digest(self.local)
        return known

    def _digest(self, local: LocalImage) -> str | None:
        if self.publication is not None:
            return self.publication.digest
        return local.digest_of(self.wanted.names[0].rpartition(":")[0])


class Planner:
    """Plans one request. ``lock`` keeps two tasks from building the same at once; None to only look.

    ``known`` is what the engine's store has by name, where it was asked for many a moment ago.
    """

    def __init__(
        self,
        request: Request,
        engine: Engine,
        registry: Registry | None,
        lock: KeyLock | None,
        base_registry: t.Callable[[ImageRef], Registry],
    ) -> None:
        self.request = request
        self.engine = engine
        self.registry = registry
        self.lock = lock
        self.known: t.Mapping[str, LocalImage] = {}
        self._base_registry = base_registry
        self._warnings: list[str] = []
        self._requests = 0

    # What is

    def plan(self) -> BuildPlan:
        """Look, and decide. Where the same image is being built by another task, wait for it and look again."""
        planned = self._plan()
        if planned.decision.action == "built" and self.lock is not None and self.lock.take(planned.wanted.key):
            self.known = {}
            planned = self._plan()
        return planned

    def _plan(self) -> BuildPlan:
        self._warnings = []
        request = self.request
        known = [secret.id for secret in request.secrets if secret.id in SECRETS]
        context = contexts.collect(request.definition, str(request.folder), secrets=known, **request.rendering)
        platform = request.platform or self.engine.platform()
        name = self._local_name(request.names[0])
        local = self.known.get(name) or self.engine.inspect(name)
        at_hand = self._at_hand(name, local)
        base, builder, wanted = self._wanted(context, platform, at_hand)
        changed_inputs = (
            tuple(contexts.changed_inputs(at_hand.record.inputs, wanted.inputs))
            if at_hand is not None and at_hand.record.inputs
            else ()
        )
        decision = decide(
            wanted,
            request.rebuild,
            at_hand,
            lambda: self._in_engine(wanted.key),
            lambda: self._in_registry(wanted.key),
            changed_inputs,
        )
        self._check_login(decision)
        self._check_source(decision)
        return BuildPlan(
            wanted=wanted,
            decision=decision,
            base=base,
            builder=builder,
            platform=platform,
            context=context,
            at_hand=at_hand,
            local=local,
            changed_inputs=changed_inputs,
            publication=self._publication(decision, wanted) if request.push else None,
            requests=self._count(),
            warnings=tuple(self._warnings),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the image, as the engine writes them."""
        return tuple(self._local_name(name) for name in self.request.names)

    @property
    def base_name(self) -> str:
        """The name of the base image, as the engine writes it. Raises Invalid."""
        return self._local_name(self._base_ref())

    @property
    def keeps_base(self) -> bool:
        """Whether an image that is there stays on the base image that it was built on."""
        return self.request.rebuild == "never" or self._policy() == "pinned"

    def _check_login(self, decision: Decision) -> None:
        """Refuse, in check mode too, what no engine can do with a bearer token. Raises Invalid."""
        if self.request.bearer and (self.request.push or decision.action == "pulled"):
            what = "push" if self.request.push else "pull the image that was found"
            raise Invalid(
                f"{self.engine.name} cannot {what} with a bearer token: it takes user and password.",
                hint="Give `username` and `password`, or `authfile`, in place of `token`.",
            )

    def _check_source(self, decision: Decision) -> None:
        """Refuse to publish under a build key what was not built by one. Raises Invalid."""
        source = decision.source
        if self.request.push and source is not None and source.record.key is None:
            raise Invalid(
                f"{source.reference} in the {source.where} carries no build key of its own, and is not pushed.",
                hint="Let it be built, with `rebuild: changed`, or push it as it is with `ee_registry_image`.",
            )

    def _local_name(self, ref: ImageRef) -> str:
        return str(self.engine.full_name(ref))

    def _count(self) -> int:
        return self._requests + (self.registry.requests if self.registry is not None else 0)

    def _at_hand(self, name: str, local: LocalImage | None) -> Found | None:
        """Return the image that has the first name now: the engine's, else the registry's."""
        if local is not None:
            return Found("engine", name, Record.of(local.own_labels), frozenset(local.names))
        platform = Platform.parse(self.request.platform or self.engine.platform())
        labels = self._asked(lambda registry: _labels(registry, self.request.names[0], platform))
        return None if labels is None else Found("registry", name, Record.of(labels))

    def _in_engine(self, key: str) -> Found | None:
        image = self.engine.find_key(key)
        if image is None:
            return None
        return Found("engine", next(iter(image.names), image.id), Record.of(image.own_labels), frozenset(image.names))

    def _in_registry(self, key: str) -> Found | None:
        ref = self.request.names[0].with_tag(key_tag(key))
        digest = self._asked(lambda registry: registry.digest(ref))
        return None if digest is None else Found("registry", str(ref), Record(key=key))

    def _asked(self, ask: t.Callable[[Registry], T]) -> T | None:
        """Ask the registry, if there is one. To publish we need it; else a registry that is away is worth a warning."""
        if self.registry is None:
            return None
        try:
            return ask(self.registry)
        except (Unreachable, Denied) as error:
            if self.request.push:
                raise
            self._warnings.append(f"The registry was not looked at: {error}")
            return None

    def _publication(self, decision: Decision, wanted: Wanted) -> Publication:
        if self.registry is None:
            raise AssertionError("to be pushed, and there is no registry")
        names = self.request.names
        source = decision.source
        tag = key_tag(wanted.key if source is None or source.record.key is None else source.record.key)
        tags = [name.reference for name in names] if self.request.push_tags else []
        return publication(decision.action == "built", tag, self.registry.digests(names[0].repository, [tag, *tags]))

    def _wanted(self, context: Context, platform: str, at_hand: Found | None) -> tuple[Base, Base | None, Wanted]:
        request = self.request
        recorded = Record() if at_hand is None else at_hand.record
        kept = at_hand is not None and request.rebuild == "never"
        chosen = (BASE_ARGUMENT, BUILDER_ARGUMENT)
        arguments = {name: value for name, value in request.build_args.items() if name not in chosen}

        def inputs_of(base: str | None, builder: str | None) -> dict[str, t.Any]:
            images = {"base_digest": base, "builder_digest": builder}
            return {"build_args": arguments, **images, "platform": platform, "squash": request.squash}

        def is_recorded(base: str | None, builder: str | None) -> bool:
            """Say whether the image at hand is what would be built on these."""
            return contexts.build_key(context, **inputs_of(base, builder)) == recorded.key

        builder = None
        if (name := builder_of(request.definition, context.text)) is not None:
            ref = image_ref.parse(request.build_args.get(BUILDER_ARGUMENT, name))
            builder = self._choose(
                "builder", ref, recorded.of_builder, kept, partial(is_recorded, recorded.base_digest)
            )
        with_builder = None if builder is None else builder.digest
        base = self._choose("base", self._base_ref(), recorded, kept, lambda digest: is_recorded(digest, with_builder))
        wanted = Wanted(
            names=tuple(self._local_name(name) for name in request.names),
            key=contexts.build_key(context, **inputs_of(base.digest, with_builder)),
            inputs=contexts.input_digests(context, **inputs_of(base.digest, with_builder)),
            base_name=base.name,
            base_digest=base.digest,
            builder_name=None if builder is None else builder.name,
            builder_digest=with_builder,
        )
        return base, builder, wanted

    def _choose(self, what: str, ref: ImageRef, recorded: Record, kept: bool, is_good: t.Callable[[str], bool]) -> Base:
        """Choose the digest of the base or builder image. One that ``is_good`` need not be there any more.

        ``kept``: the image at hand stays, whatever it was built on.
        """
        if kept:
            return kept_base(str(ref), ref.digest, recorded)
        return choose_base(
            str(ref),
            ref.digest,
            self._policy(),
            recorded,
            lambda digest: is_good(digest) or self._base_is_there(ref.with_digest(digest)),
            lambda: self._current_base(what, ref),
        )

    def _policy(self) -> t.Literal["pinned", "newest"]:
        return "newest" if self.request.rebuild == "base_changed" else self.request.base_policy

    def _base_ref(self) -> ImageRef:
        name = self.request.build_args.get(BASE_ARGUMENT)
        if name is None:
            image = self.request.definition.base_image
            name = DEFAULT_BASE if image is None else image.name
        return image_ref.parse(name)

    def _base_is_there(self, ref: ImageRef) -> bool:
        return self.engine.inspect(self._local_name(ref)) is not None or self._base_in_registry(ref) is not None

    def _base_in_registry(self, ref: ImageRef) -> str | None:
        if ref.registry is None or ref.registry == LOCAL:
            return None
        registry = self._base_registry(ref)
        try:
            return registry.digest(ref)
        finally:
            self._requests += registry.requests if registry is not self.registry else 0

    def _current_base(self, what: str, ref: ImageRef) -> str:
        """Return the digest that the name of a base image (``what``: base or builder) stands for.

        The registry's goes before the engine's, which may be older, and differs for an image that was made on this
        host: every machine shall come to the same build key. A short name is for the engine to resolve: which registry
        it means is its own setting.
        """
        digest = self._newest_base(ref) or self._base_here(ref)
        if digest is None:
            raise NotFound(
                f"The {what} image {ref} is neither in its registry nor in {self.engine.name}.",
                hint="Is its name right, registry and tag included?",
            )
        return digest

    def _base_here(self, ref: ImageRef) -> str | None:
        image = self.engine.inspect(self._local_name(ref))
        return None if image is None else image.digest_of(self.engine.full_name(ref).name) or image.id

    def _newest_base(self, ref: ImageRef) -> str | None:
        """Return what the registry has. One that is away is no obstacle, unless it is asked for what is newest."""
        try:
            return self._base_in_registry(ref)
        except (Unreachable, Denied) as error:
            if self._policy() == "newest":
                raise
            self._warnings.append(f"The base image's registry was not looked at: {error}")
            return None


def _told(base: Base) -> dict[str, t.Any]:
    return {"name": base.name, "digest": base.digest, "because": base.because}


def _labels(registry: Registry, ref: ImageRef, platform: Platform) -> dict[str, str] | None:
    """Return the own labels of an image in a registry, None where there is none for the platform."""
    try:
        config = registry.config(ref, platform)
    except NotFound:
        return None
    return own_labels_of(config)
