# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at an image: its record in the engine or a registry, and inside, once per image and host."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import own_labels_of
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import ImageRef
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import look_inside
from ansible_collections.foundry.ee.plugins.module_utils._core.index import only_platform, platform_of
from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import Platform
from ansible_collections.foundry.ee.plugins.module_utils._engine import Completed, Engine, LocalImage
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry
from ansible_collections.foundry.ee.plugins.module_utils._workspace import state_folder

LOOK = 'python=$(sed -n "1s/^#! *//p" "$(command -v ansible)" 2>/dev/null); exec ${python:-python3} -'
KEPT = 200  # looks that are remembered
_SHOWN = 10  # lines


@dataclass(frozen=True)
class Seen:
    """An image's record. ``id`` is the digest of its configuration, which names its content wherever it is.

    ``digest`` may be that of an index; ``manifest``, where it is known, is the image's own. ``own_labels`` are those
    labels that speak of this image and not of the one that it is built on.
    """

    where: t.Literal["engine", "registry"]
    reference: str
    id: str
    digest: str | None
    platform: str | None
    platforms: tuple[str, ...]
    labels: t.Mapping[str, str]
    created: str | None
    size: int | None = None
    config: t.Mapping[str, t.Any] = field(default_factory=dict)
    own_labels: t.Mapping[str, str] = field(default_factory=dict)
    manifest: str | None = None


def in_engine(engine: Engine, text: str) -> Seen | None:
    """Return what the engine has under a name, digest or id, None where it has nothing."""
    reference, name = text, text
    if not is_id(text):
        ref = engine.full_name(image_ref.parse(text))
        reference, name = str(ref), ref.name
    image = engine.inspect(reference)
    if image is None:
        return None
    return Seen(
        where="engine",
        reference=reference,
        id=image.id,
        digest=image.digest_of(name),
        platform=image.platform,
        platforms=(image.platform,) if image.platform else (),
        labels=image.labels,
        created=image.created,
        size=image.size,
        config=image.config,
        own_labels=image.own_labels,
    )


def is_id(text: str) -> bool:
    """Say whether a text is an image's id or digest, and no name."""
    return image_ref.is_digest(text) or (len(text) >= 12 and all(digit in "0123456789abcdef" for digit in text))


def in_registry(registry: Registry, ref: ImageRef, platform: str | None) -> Seen | None:
    """Return what a registry has, without fetching more than manifest and configuration; None where it has nothing."""
    try:
        top = registry.manifest(ref)
    except NotFound:
        return None
    chosen = top
    if top.is_index:
        wanted = None if platform is None else Platform.parse(platform)
        chosen = registry.manifest(ref.with_digest(only_platform(top, wanted, str(ref)).digest))
    if chosen.config is None:
        raise Failed(f"{ref} is an index of indexes.", hint="Name one of its images by digest.")
    config = registry.config_of(ref.repository, chosen.config)
    settings = config.get("config") or {}
    own = str(platform_of(config))
    return Seen(
        where="registry",
        reference=str(ref),
        id=chosen.config.digest,
        digest=top.digest,
        platform=own,
        platforms=tuple(str(child.platform) for child in top.children if child.platform) if top.is_index else (own,),
        labels=dict(settings.get("Labels") or {}),
        created=config.get("created"),
        size=sum(blob.size for blob in chosen.blobs),
        config=settings,
        own_labels=own_labels_of(config),
        manifest=chosen.digest,
    )


def look(engine: Engine, image_id: str, reference: str) -> dict[str, t.Any]:
    """Return what is inside an image of the engine. The same image is looked into once. Raises Failed."""
    remembered = _recall(image_id)
    if remembered is not None:
        return remembered
    done = engine.start(reference, LOOK, stdin=inspect.getsource(look_inside), entrypoint=False)
    facts = read_facts(done)
    if facts is None:
        tail = "; ".join((done.errors or done.output).splitlines()[-_SHOWN:])
        raise Failed(
            f"It cannot be seen what is inside {reference}: {tail or f'exit code {done.rc}'}.",
            hint="A look inside needs a shell and Python 3.9 or later in the image.",
        )
    remember(image_id, facts)
    return facts


def look_from_afar(engine: Engine, seen: Seen, reach: Reach, platform: str | None) -> dict[str, t.Any]:
    """Return what is inside an image of a registry. It is fetched for that, and deleted again if it was not here.

    It is fetched by digest: the engine's names stay what they are.
    """
    remembered = _recall(seen.id)
    if remembered is not None:
        return remembered
    ref = image_ref.parse(seen.reference)
    pinned = str(engine.full_name(ref.with_digest(seen.manifest or seen.digest or "")))
    here = engine.inspect(seen.id) or engine.inspect(pinned)
    if here is not None:
        return look(engine, here.id, here.id)
    image: LocalImage = engine.pull(pinned, reach.engine_access(ref), platform)
    try:
        return look(engine, image.id, image.id)
    finally:
        engine.remove(image.id)


def read_facts(done: Completed) -> dict[str, t.Any] | None:
    """Return what ``look_inside`` printed, None where it did not come so far."""
    for line in done.output.splitlines():
        if done.rc == 0 and line.startswith(look_inside.MARK):
            facts: dict[str, t.Any] = json.loads(line[len(look_inside.MARK) :])
            return facts
    return None


def remember(image_id: str, facts: t.Mapping[str, t.Any]) -> None:
    """Keep a look for next time. What an id stands for never changes; where it cannot be kept, it is not."""
    folder = state_folder() / "looks"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        new = folder / f".{os.getpid()}"
        new.write_text(json.dumps(facts), encoding="utf-8")
        new.replace(_place(folder, image_id))
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-KEPT]:
            path.unlink(missing_ok=True)


def _recall(image_id: str) -> dict[str, t.Any] | None:
    try:
        content = json.loads(_place(state_folder() / "looks", image_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _place(folder: Path, image_id: str) -> Path:
    # The script's own text is part of the name: a look by an older one is not taken for one by this.
    form = f"{len(inspect.getsource(look_inside)):x}"
    return folder / f"{image_id.rpartition(':')[2]}-{form}.json"
