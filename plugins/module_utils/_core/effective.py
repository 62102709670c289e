# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which execution environment a job gets, and why: one pure function over the facts of ``estate``.

The order of the levels, and which kind of job knows which, was measured on AWX 24.6 and 25.5; the answers that their
own code gave are in ``tests/fixtures/precedence/vectors.json``.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import (
    Environment,
    Estate,
    Ref,
    Unknown,
    known,
)

LAUNCH = "launch"
TEMPLATE = "template"
PROJECT = "project"
ORGANIZATION = "organization"
INVENTORY_ORGANIZATION = "inventory_organization"
DEFAULT = "default"
GLOBAL_JOB_IMAGES = "global_job_images"
NEWEST_GLOBAL = "newest_global"
CONTROL_PLANE = "control_plane"

OWN_LEVELS = (LAUNCH, TEMPLATE, PROJECT, ORGANIZATION, INVENTORY_ORGANIZATION)
LEVELS = (*OWN_LEVELS, DEFAULT, GLOBAL_JOB_IMAGES, NEWEST_GLOBAL, CONTROL_PLANE)

# The levels of its own that a kind knows; after them come the three global ones. `project` and `inventory_source` are
# the records, as the controller shows them in `resolved_environment`; what runs for them is a `project_update` and an
# `inventory_update`, which may well get another environment.
_KNOWS: t.Mapping[str, tuple[str, ...]] = {
    "job": (LAUNCH, TEMPLATE, PROJECT, ORGANIZATION, INVENTORY_ORGANIZATION),
    "job_template": (TEMPLATE, PROJECT, ORGANIZATION, INVENTORY_ORGANIZATION),
    "ad_hoc_command": (LAUNCH, INVENTORY_ORGANIZATION),
    "inventory_update": (TEMPLATE, ORGANIZATION, INVENTORY_ORGANIZATION),
    "inventory_source": (TEMPLATE, ORGANIZATION, INVENTORY_ORGANIZATION),
    "project_update": (),
    "project": (TEMPLATE, ORGANIZATION),
    "system_job": (TEMPLATE,),
    "workflow_job": (TEMPLATE, ORGANIZATION, INVENTORY_ORGANIZATION),
    "workflow_job_template": (),
}
KINDS = tuple(_KNOWS)

_WORDS = {
    "job": "a job",
    "job_template": "a job template",
    "ad_hoc_command": "an ad hoc command",
    "inventory_update": "an inventory update",
    "inventory_source": "an inventory source",
    "project_update": "a project update",
    "project": "a project",
    "system_job": "a system job",
    "workflow_job": "a workflow job",
    "workflow_job_template": "a workflow template",
}


@dataclass(frozen=True)
class Asked:
    """What is to run. ``target`` is the key of the template, source, project, workflow or system job template.

    ``launch`` and ``inventory`` are the environment and the inventory given at launch; they count where the template
    asks for them. Without a target, ``environment``, ``project``, ``organization``, ``inventory`` and
    ``inventory_organization`` are what the run says itself.
    """

    kind: str
    target: int | None = None
    launch: Ref = None
    inventory: Ref = None
    environment: Ref = None
    project: Ref = None
    organization: Ref = None
    inventory_organization: Ref = None


@dataclass(frozen=True)
class Skipped:
    """A level that came before the deciding one, and why it did not decide."""

    level: str
    why: str


@dataclass(frozen=True)
class Answer:
    """``environment`` and ``level`` are None where the run gets none. ``because`` says in words what decided."""

    kind: str
    target: str | None
    environment: Environment | None
    level: str | None
    because: str
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_result(self) -> dict[str, t.Any]:
        """Return the record that the lookup and the modules hand out."""
        chosen = self.environment
        return {
            "kind": self.kind,
            "target": self.target,
            "name": chosen.name if chosen else None,
            "image": chosen.image if chosen else None,
            "pull": chosen.pull if chosen else None,
            "credential": chosen.credential if chosen else None,
            "level": self.level,
            "because": self.because,
            "skipped": [{"level": one.level, "why": one.why} for one in self.skipped],
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class _Place:
    """One level as a job sees it: the environment set there, or why there is none."""

    level: str
    setting: Ref
    why_not: str
    because: str


@dataclass(frozen=True)
class _Fallback:
    """What the global levels give every job of an estate that has nothing of its own."""

    environment: Environment | None
    level: str | None
    because: str
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]


@dataclass
class _Situation:
    """The facts of one run, gathered from the estate."""

    name: str | None = None
    has_template: bool = False
    asks: bool = True
    template: Ref = None
    project: Ref = None
    organization: Ref = None
    inventory: Ref = None
    inventory_organization: Ref = None
    constructed: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def resolve(estate: Estate, asked: Asked) -> Answer:
    """Return the environment that a run gets, the level that decided, and why each level before it did not.

    Raises NotFound where the facts name something that is not among them, or no control plane environment exists;
    Invalid for an unknown kind.
    """
    if asked.kind not in _KNOWS:
        raise Invalid(f"`{asked.kind}` is no kind of job.", hint=f"Expected one of {', '.join(KINDS)}.")
    situation = _situation(estate, asked)
    if asked.kind == "workflow_job_template":
        return Answer(asked.kind, situation.name, None, None, "a workflow template has none; its nodes' templates have")
    if asked.kind == "project_update" or (asked.kind == "inventory_update" and situation.constructed):
        return _control_plane(estate, asked.kind, situation.name)
    own = _own_levels(estate, asked, situation)
    if own.environment is not None:
        return own
    last = estate.memo("fallback", lambda: _fallback(estate))
    return replace(
        own,
        environment=last.environment,
        level=last.level,
        because=last.because,
        skipped=(*own.skipped, *last.skipped),
        warnings=(*own.warnings, *last.warnings),
    )


def _own_levels(estate: Estate, asked: Asked, situation: _Situation) -> Answer:
    """Return the answer of the levels that are a run's own; without an environment where none of them has one."""
    skipped: list[Skipped] = []
    warnings = list(situation.warnings)
    for level in OWN_LEVELS:
        if level not in _KNOWS[asked.kind]:
            skipped.append(Skipped(level, f"does not count for {_WORDS[asked.kind]}"))
            continue
        place = _PLACES[level](estate, asked, situation, warnings)
        if place.setting is None:
            skipped.append(Skipped(level, place.why_not))
            continue
        chosen = _environment(estate, place.setting, place.because)
        warnings += _remarks(chosen)
        return Answer(asked.kind, situation.name, chosen, level, place.because, tuple(skipped), tuple(warnings))
    return Answer(asked.kind, situation.name, None, None, "", tuple(skipped), tuple(warnings))


def affected(before: Estate, after: Estate) -> list[dict[str, t.Any]]:
    """Return what gets another environment in ``after``: ``{kind, name, before, after}``, each side a record or None.

    A side is ``{name, image, level}``; it is None where the run gets no environment, does not exist, or is decided by
    something that is not among the facts.
    """
    sides = [{asked: side(estate, asked) for asked in everything(estate)} for estate in (before, after)]
    changes = []
    for asked in dict.fromkeys((*sides[0], *sides[1])):
        old, new = sides[0].get(asked), sides[1].get(asked)
        if _what(old) != _what(new):
            name = _situation(before if asked in sides[0] else after, asked).name
            changes.append({"kind": asked.kind, "name": name, "before": old, "after": new})
    return changes


def everything(estate: Estate) -> t.Iterator[Asked]:
    """Yield what runs: a job of every job template, an update of every inventory source and project, system jobs."""
    for kind, table in (
        ("job", estate.templates),
        ("inventory_update", estate.sources),
        ("project_update", estate.projects),
        ("system_job", estate.system_jobs),
    ):
        for key in table:
            yield Asked(kind, key)


def organization_default(estate: Estate, key: int) -> Answer:
    """Return what a job of an organization gets if neither it nor its template nor its project says otherwise."""
    answer = resolve(estate, Asked("job", organization=key))
    own = tuple(one for one in answer.skipped if one.level not in (LAUNCH, TEMPLATE, PROJECT, INVENTORY_ORGANIZATION))
    return Answer(
        "organization",
        estate.organizations[key].name,
        answer.environment,
        answer.level,
        answer.because,
        own,
        answer.warnings,
    )


def _what(side: dict[str, t.Any] | None) -> tuple[t.Any, t.Any] | None:
    return None if side is None else (side["name"], side["image"])


def side(estate: Estate, asked: Asked) -> dict[str, t.Any] | None:
    """Return ``{name, image, level}`` of what a run gets; None where it gets none, or the facts do not tell."""
    try:
        answer = resolve(estate, asked)
    except EEError:
        return None
    if answer.environment is None:
        return None
    return {"name": answer.environment.name, "image": answer.environment.image, "level": answer.level}


def _situation(estate: Estate, asked: Asked) -> _Situation:
    if asked.target is None:
        return _without_template(estate, asked)
    return _GATHER[asked.kind](estate, asked, asked.target)


def _without_template(estate: Estate, asked: Asked) -> _Situation:
    here = _Situation(
        template=asked.environment,
        project=asked.project,
        organization=asked.organization,
        inventory=asked.inventory,
        inventory_organization=asked.inventory_organization,
    )
    if here.organization is None and isinstance(here.project, int):
        here.organization = estate.projects[here.project].organization
    _look_at_inventory(estate, here)
    return here


def _job(estate: Estate, asked: Asked, target: int) -> _Situation:
    template = estate.templates[target]
    here = _Situation(
        name=template.name,
        has_template=True,
        asks=template.asks,
        template=template.environment,
        project=template.project,
        organization=template.organization,
        inventory=template.inventory,
    )
    if asked.inventory is not None and template.asks_inventory:
        here.inventory = asked.inventory
    elif asked.inventory is not None:
        here.warnings.append(
            f"{_quoted(template.name)} does not ask for an inventory at launch, so the one given is ignored "
            "(`ask_inventory_on_launch`)."
        )
    _look_at_inventory(estate, here)
    return here


def _inventory_source(estate: Estate, asked: Asked, target: int) -> _Situation:
    source = estate.sources[target]
    here = _Situation(
        name=source.name,
        has_template=True,
        template=source.environment,
        organization=source.organization,
        inventory=source.inventory,
    )
    if source.organization is None:
        here.notes[ORGANIZATION] = "the source's own organization is that of its inventory"
    _look_at_inventory(estate, here)
    return here


def _project(estate: Estate, asked: Asked, target: int) -> _Situation:
    project = estate.projects[target]
    return _Situation(
        name=project.name, has_template=True, template=project.environment, organization=project.organization
    )


def _system_job(estate: Estate, asked: Asked, target: int) -> _Situation:
    template = estate.system_jobs[target]
    return _Situation(name=template.name, has_template=True, template=template.environment)


def _workflow(estate: Estate, asked: Asked, target: int) -> _Situation:
    workflow = estate.workflows[target]
    here = _Situation(
        name=workflow.name,
        has_template=True,
        template=workflow.environment,
        organization=workflow.organization,
        inventory=workflow.inventory,
    )
    _look_at_inventory(estate, here)
    return here


def _ad_hoc(estate: Estate, asked: Asked, target: int) -> _Situation:
    """The target of an ad hoc command is its inventory."""
    here = _Situation(name=estate.inventories[target].name, inventory=target)
    _look_at_inventory(estate, here)
    return here


_GATHER: t.Mapping[str, t.Callable[[Estate, Asked, int], _Situation]] = {
    "job": _job,
    "job_template": _job,
    "ad_hoc_command": _ad_hoc,
    "inventory_update": _inventory_source,
    "inventory_source": _inventory_source,
    "project_update": _project,
    "project": _project,
    "system_job": _system_job,
    "workflow_job": _workflow,
    "workflow_job_template": _workflow,
}


def _look_at_inventory(estate: Estate, here: _Situation) -> None:
    if isinstance(here.inventory, int):
        inventory = estate.inventories[here.inventory]
        here.inventory_organization = inventory.organization
        here.constructed = inventory.constructed
    elif here.inventory is not None:
        here.inventory_organization = here.inventory


def _at_launch(estate: Estate, asked: Asked, here: _Situation, warnings: list[str]) -> _Place:
    because = "the environment given at launch"
    if asked.launch is None:
        return _Place(LAUNCH, None, "nothing was given at launch", because)
    if here.asks:
        return _Place(LAUNCH, asked.launch, "", because)
    why = "the template does not ask for an environment at launch, so the one given is ignored"
    warnings.append(f"{_quoted(here.name)}: {why} (`ask_execution_environment_on_launch`).")
    return _Place(LAUNCH, None, why, because)


def _at_template(estate: Estate, asked: Asked, here: _Situation, warnings: list[str]) -> _Place:
    if not here.has_template:
        return _Place(TEMPLATE, here.template, "no environment of its own", "the environment of its own")
    return _Place(
        TEMPLATE, here.template, f"{_quoted(here.name)} has no environment set", f"set on {_quoted(here.name)}"
    )


def _at_project(estate: Estate, asked: Asked, here: _Situation, warnings: list[str]) -> _Place:
    if here.project is None:
        return _Place(PROJECT, None, "no project", "")
    project = estate.projects[known(here.project)]
    why_not = f"project {_quoted(project.name)} has no default environment"
    return _Place(PROJECT, project.default_environment, why_not, f"default of project {_quoted(project.name)}")


def _at_organization(estate: Estate, asked: Asked, here: _Situation, warnings: list[str]) -> _Place:
    return _of_organization(estate, ORGANIZATION, here.organization, here.notes.get(ORGANIZATION, "no organization"))


def _at_inventory_organization(estate: Estate, asked: Asked, here: _Situation, warnings: list[str]) -> _Place:
    why_not = "no inventory" if here.inventory is None else "the inventory has no organization"
    return _of_organization(estate, INVENTORY_ORGANIZATION, here.inventory_organization, why_not)


def _of_organization(estate: Estate, level: str, ref: Ref, why_not: str) -> _Place:
    if ref is None:
        return _Place(level, None, why_not, "")
    whose = "the inventory's organization" if level == INVENTORY_ORGANIZATION else "organization"
    organization = estate.organizations[known(ref)]
    label = f"{whose} {_quoted(organization.name)}"
    return _Place(level, organization.default_environment, f"{label} has no default environment", f"default of {label}")


_PLACES: t.Mapping[str, t.Callable[[Estate, Asked, _Situation, list[str]], _Place]] = {
    LAUNCH: _at_launch,
    TEMPLATE: _at_template,
    PROJECT: _at_project,
    ORGANIZATION: _at_organization,
    INVENTORY_ORGANIZATION: _at_inventory_organization,
}


def _fallback(estate: Estate) -> _Fallback:
    skipped: list[Skipped] = []
    warnings: list[str] = []
    setting = estate.settings.default_environment
    if isinstance(setting, Unknown):
        if setting.fatal:
            raise setting.error()
        skipped.append(Skipped(DEFAULT, f"DEFAULT_EXECUTION_ENVIRONMENT names {setting.words}, which does not exist"))
        warnings.append(
            f"DEFAULT_EXECUTION_ENVIRONMENT names {setting.words}, which does not exist: it is passed over."
        )
    elif setting is not None:
        chosen = estate.environments[setting]
        return _Fallback(
            chosen,
            DEFAULT,
            "the setting DEFAULT_EXECUTION_ENVIRONMENT",
            (),
            tuple(_remarks(chosen)),
        )
    else:
        skipped.append(Skipped(DEFAULT, "DEFAULT_EXECUTION_ENVIRONMENT is not set"))
    images = estate.settings.global_job_images
    candidates = estate.global_environments()
    listed = [one for one in candidates if one.image in images]
    if listed:
        because = "the newest global environment whose image is in GLOBAL_JOB_EXECUTION_ENVIRONMENTS"
        warnings += _among(listed, "are global and have an image in GLOBAL_JOB_EXECUTION_ENVIRONMENTS")
        return _Fallback(listed[0], GLOBAL_JOB_IMAGES, because, tuple(skipped), tuple(warnings))
    why = "no global environment has an image of the list" if images else "no images are listed"
    skipped.append(Skipped(GLOBAL_JOB_IMAGES, f"{why} (GLOBAL_JOB_EXECUTION_ENVIRONMENTS)"))
    if candidates:
        warnings += _among(candidates, "are global")
        because = "the newest global environment"
        return _Fallback(candidates[0], NEWEST_GLOBAL, because, tuple(skipped), tuple(warnings))
    skipped.append(Skipped(NEWEST_GLOBAL, "no environment is global and not managed"))
    return _Fallback(None, None, "no level has an environment", tuple(skipped), tuple(warnings))


def _among(candidates: t.Sequence[Environment], what: str) -> list[str]:
    if len(candidates) < 2:
        return []
    shown = ", ".join(_quoted(one.name) for one in candidates[:5]) + (", …" if len(candidates) > 5 else "")
    note = (
        "" if all(one.created is not None for one in candidates) else " (as listed: the last is taken for the newest)"
    )
    return [f"{len(candidates)} environments {what} ({shown}): the newest wins{note}, {_quoted(candidates[0].name)}."]


def _control_plane(estate: Estate, kind: str, name: str | None) -> Answer:
    managed = estate.control_plane_environments()
    if not managed:
        raise NotFound(
            f"No control plane environment for {_WORDS[kind]} of {_quoted(name)}: none is managed and global.",
            hint="On the controller: `awx-manage register_default_execution_environments`. "
            "In variables: an entry of `controller_execution_environments` with `managed: true`.",
        )
    because = (
        f"{_WORDS[kind]}{' of a constructed inventory' if kind == 'inventory_update' else ''} uses the control plane's"
    )
    skipped = tuple(Skipped(level, "the control plane's environment is used whatever is set") for level in LEVELS[:-1])
    return Answer(kind, name, managed[0], CONTROL_PLANE, because, skipped)


def _remarks(chosen: Environment) -> list[str]:
    """What works but is rarely meant."""
    if chosen.managed:
        return [f"{_quoted(chosen.name)} is the controller's own (managed) environment."]
    return []


def _environment(estate: Estate, ref: Ref, where: str) -> Environment:
    if isinstance(ref, Unknown):
        raise ref.error(where)
    return estate.environments[known(ref)]


def _quoted(name: str | None) -> str:
    return "the run" if name is None else f"`{name}`"
