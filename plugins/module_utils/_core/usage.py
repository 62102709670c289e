# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses which execution environment: every answer of ``effective`` over a whole estate, and what stands out."""

from __future__ import annotations

import datetime
import typing as t
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from ansible_collections.foundry.ee.plugins.module_utils._core import effective
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import (
    DEFAULT_SETTING,
    SCOPES,
    UNREADABLE_SETTING,
    Environment,
    Estate,
    Ref,
    Unknown,
    known,
)

Record = dict[str, t.Any]
# Keys of environments → for some of them the places (scope, name) that bring them along
Starts = t.Callable[[t.Sequence[int]], t.Mapping[int, t.Sequence[tuple[str, str]]]]

GLOBAL = "global"
ENVIRONMENT = "execution_environment"
IMAGES = "global_job_images"
WHAT_IF_SCOPES = (GLOBAL, "organization", "project", "inventory_source", "job_template", ENVIRONMENT, IMAGES)


@dataclass(frozen=True)
class ImageState:
    """What a registry says about an image. ``problem`` is in words, and None where the image is there."""

    digest: str | None = None
    created: datetime.datetime | None = None
    problem: str | None = None
    missing: bool = False


@dataclass(frozen=True)
class _Answered:
    """One line of the report: what was asked, under which name, and what came of it."""

    kind: str
    name: str
    organization: str | None
    inventory: str | None
    answer: effective.Answer | None
    problem: str | None


def survey(
    estate: Estate,
    *,
    images: t.Mapping[str, ImageState] | None = None,
    now: datetime.datetime | None = None,
    explain: bool = False,
    starts: Starts = lambda keys: {},
) -> Record:
    """Return ``usage``, ``environments``, ``unused``, ``orphans``, ``dangling``, ``in_use`` and ``summary``.

    ``images`` holds what the registries say; without it nothing is said about digests and ages, which are counted from
    ``now``. With ``explain`` each line of ``usage`` tells the levels that were passed over. ``starts`` is asked about
    the environments that nothing gets and that are set nowhere: a schedule or a workflow's node may bring one all the
    same.
    """
    lines = list(_answers(estate))
    users: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line.answer is not None and line.answer.environment is not None:
            users[line.answer.environment.name][line.kind] += 1
    environments = {
        key: _environment(estate, key, users[estate.environments[key].name], images, now) for key in estate.environments
    }
    for key, places in starts([key for key, one in environments.items() if one["unused"]]).items():
        environments[key].update(set_on=[{"scope": scope, "name": name} for scope, name in places], unused=not places)
    orphans = list(_orphans(lines, images))
    dangling = list(_dangling(estate, images))
    unused = [one["name"] for one in environments.values() if one["unused"]]
    return {
        "usage": [_line(line, explain) for line in lines],
        "environments": list(environments.values()),
        "unused": unused,
        "orphans": orphans,
        "dangling": dangling,
        "in_use": sorted({one.image for one in estate.environments.values() if one.image}),
        "summary": {
            **dict.fromkeys(("job_template", "inventory_source", "project", "organization"), 0),
            **Counter(line.kind for line in lines),
            "environments": len(environments),
            "unused": len(unused),
            "orphans": len(orphans),
            "dangling": len(dangling),
        },
    }


def _answers(estate: Estate) -> t.Iterator[_Answered]:
    """Every line, in the order of the kinds. What cannot be resolved has its problem in words."""
    name_of = estate.organization_name
    for key, template in estate.templates.items():
        yield _answered(estate, "job_template", effective.Asked("job", key), name_of(template.organization))
    for key in estate.sources:
        asked = effective.Asked("inventory_update", key)
        owners = estate.organization_of_source(key), estate.inventory_of_source(key)
        yield _answered(estate, "inventory_source", asked, *owners)
    for key, project in estate.projects.items():
        yield _answered(estate, "project", effective.Asked("project_update", key), name_of(project.organization))
    for key in estate.system_jobs:
        yield _answered(estate, "system_job_template", effective.Asked("system_job", key), None)
    for key, organization in estate.organizations.items():
        yield _attempt(
            "organization",
            organization.name,
            organization.name,
            None,
            lambda key=key: effective.organization_default(estate, key),  # type: ignore[misc]
        )


_TABLES = {
    "job_template": "templates",
    "inventory_source": "sources",
    "project": "projects",
    "system_job_template": "system_jobs",
}


def _answered(
    estate: Estate, kind: str, asked: effective.Asked, organization: str | None, inventory: str | None = None
) -> _Answered:
    name = getattr(estate, _TABLES[kind])[asked.target].name
    return _attempt(kind, name, organization, inventory, lambda: effective.resolve(estate, asked))


def _attempt(
    kind: str, name: str, organization: str | None, inventory: str | None, ask: t.Callable[[], effective.Answer]
) -> _Answered:
    try:
        return _Answered(kind, name, organization, inventory, ask(), None)
    except EEError as error:
        return _Answered(kind, name, organization, inventory, None, str(error))


def _line(line: _Answered, explain: bool) -> Record:
    answer = line.answer
    chosen = answer.environment if answer else None
    record: Record = {
        "kind": line.kind,
        "name": line.name,
        "organization": line.organization,
        "inventory": line.inventory,
        "environment": chosen.name if chosen else None,
        "image": chosen.image if chosen else None,
        "level": answer.level if answer else None,
        "because": answer.because if answer else line.problem,
        "warnings": list(answer.warnings) if answer else [],
    }
    if explain:
        record["skipped"] = [{"level": one.level, "why": one.why} for one in answer.skipped] if answer else []
    return record


def _environment(
    estate: Estate,
    key: int,
    users: t.Mapping[str, int],
    images: t.Mapping[str, ImageState] | None,
    now: datetime.datetime | None,
) -> Record:
    one = estate.environments[key]
    set_on = [_target(estate, scope, target) for scope, target in estate.settings_of(key)]
    state = (images or {}).get(one.image or "", ImageState())
    return {
        "name": one.name,
        "image": one.image,
        "organization": estate.organization_name(one.organization),
        "managed": one.managed,
        "pull": one.pull,
        "credential": one.credential,
        "description": one.description,
        "digest": state.digest,
        "image_created": _iso(state.created),
        "age_days": (now - state.created).days if now is not None and state.created is not None else None,
        "image_problem": state.problem,
        "set_on": set_on,
        "used_by": dict(users),
        "unused": not one.managed and not set_on and not users,
    }


def _target(estate: Estate, scope: str, key: int | None) -> Record:
    if key is None:
        return {"scope": GLOBAL, "name": DEFAULT_SETTING}
    return {"scope": scope, "name": getattr(estate, SCOPES[scope].table)[key].name}


def _iso(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def _orphans(lines: t.Iterable[_Answered], images: t.Mapping[str, ImageState] | None) -> t.Iterator[Record]:
    """Yield what can run nowhere: without an environment, or with one whose image is not there."""
    for line in lines:
        why = _why_orphan(line, images or {})
        if why is not None:
            yield {"kind": line.kind, "name": line.name, "organization": line.organization, "why": why}


def _why_orphan(line: _Answered, images: t.Mapping[str, ImageState]) -> str | None:
    if line.answer is None:
        return line.problem
    chosen = line.answer.environment
    if chosen is None:
        return line.answer.because
    if not chosen.image:
        return f"environment `{chosen.name}` has no image"
    state = images.get(chosen.image)
    return None if state is None or not state.missing else state.problem


def _dangling(estate: Estate, images: t.Mapping[str, ImageState] | None) -> t.Iterator[Record]:
    """Yield the defaults that name nothing, or something that those they are for can hardly use."""
    places: list[tuple[str, str, Ref, Ref]] = [
        (GLOBAL, DEFAULT_SETTING, estate.settings.default_environment, None),
        *(("organization", one.name, one.default_environment, key) for key, one in estate.organizations.items()),
        *(("project", one.name, one.default_environment, one.organization) for one in estate.projects.values()),
    ]
    for scope, name, ref, organization in places:
        if ref is None or ref == UNREADABLE_SETTING:
            continue
        why = _why_dangling(estate, ref, organization, images or {})
        if why is not None:
            shown = ref.name if isinstance(ref, Unknown) else estate.environments[ref].name
            yield {"scope": scope, "name": name, "environment": shown, "why": why}


def _why_dangling(
    estate: Estate, ref: int | Unknown, organization: Ref, images: t.Mapping[str, ImageState]
) -> str | None:
    if isinstance(ref, Unknown):
        return str(ref.error())
    chosen = estate.environments[ref]
    if chosen.managed:
        return "it is the controller's own (managed) environment"
    if chosen.organization is not None and chosen.organization != organization:
        return f"it belongs to organization `{estate.organization_name(chosen.organization)}`"
    state = images.get(chosen.image or "")
    return None if state is None or not state.missing else state.problem


def suppose(estate: Estate, changes: t.Sequence[t.Mapping[str, t.Any]]) -> Estate:
    """Return the estate as it would be after changes that nobody has made, one after the other.

    A change has ``scope`` (of ``WHAT_IF_SCOPES``) and, as the scope needs them, ``name``, ``organization`` or
    ``inventory`` (which of several namesakes), ``environment`` (name or image; empty clears), ``image``, ``images``,
    ``state``. Raises NotFound and Invalid.
    """
    for number, change in enumerate(changes):
        try:
            estate = _SUPPOSE.get(change["scope"], _suppose_setting)(estate, change)
        except EEError as error:
            raise type(error)(f"`what_if[{number}]`: {error}") from error
    return estate


def _suppose_setting(estate: Estate, change: t.Mapping[str, t.Any]) -> Estate:
    if change.get("environment") is None:
        raise Invalid("`environment` is missing.", hint="Give a name or an image, or an empty text to clear it.")
    chosen = known(estate.find_environment(change["environment"])) if change["environment"] != "" else None
    if change["scope"] == GLOBAL:
        return estate.with_setting(GLOBAL, None, chosen)
    name, organization = _needed(change, "name"), change.get("organization")
    find: dict[str, t.Callable[[], Ref]] = {
        "organization": lambda: estate.find_organization(name),
        "project": lambda: estate.find_project(name, organization),
        "inventory_source": lambda: estate.find_source(name, change.get("inventory"), organization),
        "job_template": lambda: estate.find_template(name, organization),
    }
    return estate.with_setting(change["scope"], known(find[change["scope"]]()), chosen)


def _suppose_environment(estate: Estate, change: t.Mapping[str, t.Any]) -> Estate:
    """Another image, an environment more (the newest of all) or one less."""
    name = _needed(change, "name")
    keys = estate.environments.names.get(name, [])
    if change.get("state") == "absent":
        return estate.without_environment(known(estate.find_environment(name)))
    image = _needed(change, "image")
    if keys:
        return estate.with_environment(keys[0], replace(estate.environments[keys[0]], image=image))
    organization = change.get("organization")
    newest = Environment(
        name=name,
        image=image,
        organization=known(estate.find_organization(organization)) if organization else None,
        created=datetime.datetime.max.replace(tzinfo=datetime.timezone.utc),
    )
    return estate.with_environment(max(estate.environments, default=0) + 1, newest)


def _suppose_images(estate: Estate, change: t.Mapping[str, t.Any]) -> Estate:
    if change.get("images") is None:
        raise Invalid("`images` is missing.", hint="Give the list of GLOBAL_JOB_EXECUTION_ENVIRONMENTS.")
    return estate.changed(settings=replace(estate.settings, global_job_images=frozenset(change["images"])))


def _needed(change: t.Mapping[str, t.Any], key: str) -> str:
    if not change.get(key):
        raise Invalid(f"`{key}` is missing for scope `{change['scope']}`.")
    return str(change[key])


_SUPPOSE: t.Mapping[str, t.Callable[[Estate, t.Mapping[str, t.Any]], Estate]] = {
    ENVIRONMENT: _suppose_environment,
    IMAGES: _suppose_images,
}
