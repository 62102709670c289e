# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a plan of ``_build``: build, check, name, publish, in an order in which every break leaves the old image.

An image has no name before it is complete and checked, and carries no build key: what is found by name or key is good.
"""

from __future__ import annotations

import inspect
import os
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._build import BASE_ARGUMENT, BuildPlan, Request
from ansible_collections.foundry.ee.plugins.module_utils._core import context as contexts
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core import policy as policies
from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import Found, Record, content_mark, short
from ansible_collections.foundry.ee.plugins.module_utils._core.containerfile import BUILDER_ARGUMENT
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed
from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import labels_of, not_of_its_own
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import look_inside
from ansible_collections.foundry.ee.plugins.module_utils._core.progress import Follower, Progress, failed_step, telling
from ansible_collections.foundry.ee.plugins.module_utils._engine import BuildOrder, Engine, LocalImage
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._git import Commit, last_commit
from ansible_collections.foundry.ee.plugins.module_utils._image_facts import LOOK, read_facts, remember
from ansible_collections.foundry.ee.plugins.module_utils._oci import Registry
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace, log_path

_SHOWN = 20  # lines of a failed step or check
_TOLD = 3  # of them are part of the message
# Side by side, for it is mostly the start of Python, twice.
_CHECK = "ansible --version >/dev/null & ansible-runner --version >/dev/null || exit 1; wait $! || exit 1"


@dataclass(frozen=True)
class Tools:
    """What the work is done with."""

    engine: Engine
    registry: Registry | None
    workspace: Workspace
    reach: Reach
    tell: t.Callable[[Progress], None]


def carry_out(request: Request, plan: BuildPlan, tools: Tools) -> dict[str, t.Any]:
    """Make the world as planned; return what only now is known. Raises EEError."""
    try:
        return _carry_out(request, plan, tools)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failed(
            f"{where}{error.strerror}.", hint="Mend that on the host that builds; the old image is in place."
        ) from error


def _carry_out(request: Request, plan: BuildPlan, tools: Tools) -> dict[str, t.Any]:
    action, source = plan.decision.action, plan.decision.source
    result: dict[str, t.Any] = {}
    if action == "built":
        try:
            image_id, result = _build(request, plan, tools)
        except BaseException:  # a break by the user as well
            tools.engine.clear(tools.workspace.name)
            raise
    elif action == "pulled" and source is not None:
        image_id = _pull(request, plan, tools, source)
    elif source is not None:
        found = tools.engine.inspect(source.reference)
        if found is None:
            raise Failed(f"{source.reference} went away while it was being named.", hint="Run the task again.")
        image_id = found.id
    else:
        raise AssertionError(f"{action} without a source")
    if action in ("built", "tagged"):
        for name in plan.wanted.names:
            tools.engine.tag(image_id, name)
    if action != "unchanged" and request.prune:
        _prune(plan, image_id, tools.engine)
    return {**result, "image_id": image_id, "digest": _publish(request, plan, tools, image_id)}


def _pull(request: Request, plan: BuildPlan, tools: Tools, source: Found) -> str:
    """Fetch what was found, name it, and see that it is what was found. Return its id."""
    engine = tools.engine
    passing = source.reference not in plan.wanted.names and engine.inspect(source.reference) is None
    image = engine.pull(source.reference, tools.reach.engine_access(request.names[0]), request.platform)
    try:
        if source.record.key is not None and Record.of(image.own_labels).key != source.record.key:
            raise Failed(
                f"{source.reference} does not carry the build key that it was taken for, {short(source.record.key)}.",
                hint="Look who moved that tag, remove it with `ee_registry_image`, and run the task again.",
            )
        for name in plan.wanted.names:
            engine.tag(image.id, name)
    finally:
        if passing:  # the name by which it was found: with it, the image would never count as without a name
            engine.untag(source.reference)
    return image.id


def _prune(plan: BuildPlan, image_id: str, engine: Engine) -> None:
    """Delete the image that lost its name to the new one, if it is one of ours and has no other name."""
    old = plan.local
    if old is None or old.id == image_id or Record.of(old.own_labels).key is None:
        return
    now = engine.inspect(old.id)
    if now is not None and not now.names:
        engine.remove(old.id)


def _publish(request: Request, plan: BuildPlan, tools: Tools, image_id: str) -> str | None:
    """Send the image under its key's tag, then move the other tags there. Return the digest that the registry has."""
    planned, registry = plan.publication, tools.registry
    if planned is None or registry is None:
        image = tools.engine.inspect(plan.wanted.names[0])
        return None if image is None else image.digest_of(plan.wanted.names[0].rpartition(":")[0])
    by_key = request.names[0].with_tag(planned.tag)
    if planned.upload:
        tools.tell(Progress(0, 0, f"pushing {by_key}"))
        tools.engine.push(image_id, str(by_key), tools.reach.engine_access(by_key))
    digest = registry.digest(by_key)
    if digest is None:
        raise Failed(f"{by_key} was pushed, and the registry does not have it.", hint="Run the task again.")
    for tag in planned.tags:
        registry.tag(by_key.with_digest(digest), tag)
    return digest


def _build(request: Request, plan: BuildPlan, tools: Tools) -> tuple[str, dict[str, t.Any]]:
    started = time.monotonic()
    commit = last_commit(request.folder) if request.from_files else None
    timestamp = request.timestamp if request.timestamp is not None else _timestamp(commit)
    order = _order(request, plan, tools, timestamp)
    contexts.write(contexts.plan_write(plan.context, order.context))
    path = log_path(plan.wanted.key)
    follower = Follower(plan.context.text)
    bare = _run_build(order, plan, tools, path, follower)
    tools.tell(follower.end("checking the image"))
    facts = _check(request, bare, tools.engine, path)
    made = _seen(tools.engine, bare)
    labels = labels_of(
        plan.wanted,
        created=int(time.time()) if timestamp is None else timestamp,
        revision=None if commit is None else commit.revision,
        version=request.names[0].tag,
        facts=facts,
        content=content_mark(made.layers, made.config),
        inherited=not_of_its_own(made.labels, (plan.context.text, *request.extra_args)),
    )
    image_id = tools.engine.label(order, bare, labels, tools.workspace.folder("labels"))
    if Record.of(_seen(tools.engine, image_id).own_labels).key != plan.wanted.key:
        raise Failed(
            f"{plan.wanted.names[0]} became another image while it got its labels, one that was not checked.",
            hint="Run the task again. With docker, see that its build cache is large enough for one build.",
        )
    if facts is not None:
        remember(image_id, facts)
    return image_id, {"log": str(path), "elapsed": round(time.monotonic() - started, 1)}


def _seen(engine: Engine, image_id: str) -> LocalImage:
    image = engine.inspect(image_id)
    if image is None:
        raise Failed(f"The image {image_id} went away while it was being finished.", hint="Run the task again.")
    return image


def _order(request: Request, plan: BuildPlan, tools: Tools, timestamp: int | None) -> BuildOrder:
    folder = request.context or tools.workspace.folder("context")
    return BuildOrder(
        context=str(folder),
        containerfile=str(folder / plan.context.containerfile),
        iidfile=str(tools.workspace.path / "image-id"),
        build_args={**request.build_args, **_image_arguments(request, plan, tools.engine)},
        secrets=request.secrets,
        platform=request.platform,
        no_cache=request.no_cache,
        squash=request.squash,
        timestamp=timestamp,
        policy_file=_policy_file(request, tools.workspace),
        pull_always=policies.pulls_always(request.policy),
        tmpdir=str(tools.workspace.temporary),
        access=tools.reach.engine_access(image_ref.parse(plan.base.name)),
        extra_args=request.extra_args,
    )


def _policy_file(request: Request, workspace: Workspace) -> str | None:
    text = policies.document(request.policy, request.policy_keyring, request.definition)
    return None if text is None else str(workspace.write(policies.FILE, text))


def _timestamp(commit: Commit | None) -> int | None:
    """Return the time that the image gets: SOURCE_DATE_EPOCH, else the definition's commit, else None (now).

    Source: reproducible-builds.org/specs/source-date-epoch.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if text.isdigit():
        return int(text)
    return None if commit is None else commit.time


def _image_arguments(request: Request, plan: BuildPlan, engine: Engine) -> dict[str, str]:
    """Return the base and builder images by digest: what was decided on is what is built on, whatever its tag means.

    A policy that wants signatures knows an image by its tag.
    """
    images = {BASE_ARGUMENT: plan.base, BUILDER_ARGUMENT: plan.builder}
    found = {}
    for name, image in images.items():
        if image is not None:
            ref = engine.full_name(image_ref.parse(image.name))
            by_tag = image.digest is None or request.policy == "signature_required"
            found[name] = str(ref if by_tag else engine.to_build_on(ref, str(image.digest)))
    return found


def _run_build(order: BuildOrder, plan: BuildPlan, tools: Tools, path: Path, follower: Follower) -> str:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as log:

        def see(line: str) -> None:
            log.write(line + "\n")
            log.flush()
            follower.feed(line)
            tools.tell(follower.progress)

        try:
            return tools.engine.build(order, see)
        except Failed as error:
            raise _build_failed(error, follower.progress, plan.wanted.names[0], path) from error


def _build_failed(error: Failed, progress: Progress, name: str, path: Path) -> Failed:
    lines = error.details.get("tail", [])
    step = failed_step(lines) or progress.instruction or "before the first"
    tail = telling(lines)
    words = " ".join([f"{error}.", *tail[-_TOLD:]])
    return Failed(
        f"Building {name} failed in step {progress.step} of {progress.steps}, `{step}`: {words}",
        hint=f"The whole output is in {path}.",
        details={"log": str(path), "failed_step": step, "tail": tail[-_SHOWN:]},
    )


def _check(request: Request, image: str, engine: Engine, path: Path) -> dict[str, t.Any] | None:
    """See that ansible and ansible-runner start as a job would start them; return what is in the image.

    Where the definition wants no check, what cannot be found out is left out.
    """
    checked = not request.definition.options.skip_ansible_check
    done = engine.start(
        image,
        f"{_CHECK}; {LOOK}" if checked else LOOK,
        stdin=inspect.getsource(look_inside),
        entrypoint=checked,
    )
    facts = read_facts(done)
    if facts is None and checked:
        engine.remove(image)
        user = request.definition.options.user or "of the base image"
        tail = "\n".join((done.errors or done.output).splitlines()[-_SHOWN:])
        raise Failed(
            f"The image was built, and ansible and ansible-runner do not start in it as user {user}:\n{tail}",
            hint="\nIs ansible-runner among the Python packages? `options.skip_ansible_check: true` skips this check.",
            details={"log": str(path)},
        )
    return facts
