# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which execution environment is set where on a controller, and what that changes for whom."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ansible_collections.foundry.ee.plugins.module_utils._core import effective
from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import PLACES, home, may, title
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Denied, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import (
    Environment,
    Estate,
    Ref,
    Unknown,
    did_you_mean,
    nearest,
)

Record = t.Mapping[str, t.Any]
R = t.TypeVar("R", bound=Record)
Pairs = list[tuple[str, str]]

GLOBAL = "global"
# scope → (listing, field)
LISTINGS: t.Mapping[str, tuple[str, str]] = {kind: (listing, field) for listing, (field, kind) in PLACES.items()}
SCOPES = (GLOBAL, *LISTINGS)
WORDS = {
    "organization": "organization",
    "project": "project",
    "job_template": "job template",
    "inventory_source": "inventory source",
    "workflow_node": "workflow node",
    "schedule": "schedule",
}
# scopes whose records are told apart by something else than an organization
_WITHIN = {"inventory_source": "inventory", "workflow_node": "workflow", "schedule": "template"}
# listings whose records do not show their organization: scope → what to filter by
_HOMES = {
    "inventory_source": "inventory__organization__name",
    "workflow_node": "workflow_job_template__organization__name",
    "schedule": "unified_job_template__organization__name",
}
NAMES_PER_REQUEST = 40
LONGEST_FILTERS = 6000  # characters of an address; many proxies refuse more than 8 KiB of it


@dataclass(frozen=True)
class Target:
    """One place and what is wished for there: an environment's name or image, empty to clear.

    ``within`` is the organization, inventory, workflow or template that the record is in, if that was told;
    ``organization`` that of the inventory, workflow or template.
    """

    scope: str
    name: str | None
    within: str | None
    environment: str
    organization: str | None = None

    @property
    def words(self) -> str:
        if self.scope == GLOBAL:
            return "the global default"
        told = [f" of `{one}`" for one in (self.within, self.organization) if one is not None]
        return f"{WORDS[self.scope]} `{self.name}`" + "".join(told)


def read_target(given: t.Mapping[str, t.Any]) -> Target:
    """Return the target of a task's options, or of one entry of its list. Raises Invalid."""
    scope, name = given.get("scope"), given.get("name")
    environment = given.get("environment")
    if scope is None or environment is None:
        raise Invalid("A default needs `scope` and `environment`.", hint="An empty `environment` clears it.")
    if scope == GLOBAL and name is not None:
        raise Invalid(f"The global default takes no `name`, but got `{name}`.", hint="Did you mean another `scope`?")
    if scope != GLOBAL and not name:
        raise Invalid(f"Scope `{scope}` needs the `name` of the {WORDS[scope]}.")
    key = "organization" if scope in ("project", "job_template") else _WITHIN.get(scope)
    above = given.get("organization") if scope in _WITHIN else None
    for option in ("organization", "inventory", "workflow", "template"):
        if given.get(option) is not None and option != key and not (option == "organization" and above):
            raise Invalid(
                f"Scope `{scope}` takes no `{option}`.",
                hint=f"Of several with one name, `{key}` says which." if key else None,
            )
    return Target(scope, name, given.get(key) if key else None, environment.strip(), above)


def read_targets(params: t.Mapping[str, t.Any]) -> list[Target]:
    """Return the targets of a task's options. Raises Invalid, also for one place named twice."""
    targets = [read_target(one) for one in ([params] if params.get("defaults") is None else params["defaults"])]
    _refuse_twice(Counter(one.words for one in targets))
    return targets


def refuse_twice(records: t.Mapping[Target, Record | None]) -> None:
    """Refuse one record that is named in two ways, such as with its organization and without it. Raises Invalid."""
    found = [(one, record["id"]) for one, record in records.items() if record is not None]
    first = {(one.scope, number): one for one, number in reversed(found)}
    _refuse_twice(Counter(first[one.scope, number].words for one, number in found))


def _refuse_twice(counted: t.Mapping[str, int]) -> None:
    for words, count in counted.items():
        if count > 1:
            raise Invalid(f"{words} is named {count} times in one task.", hint="Which of them is meant?")


@dataclass(frozen=True)
class Question:
    """A listing to ask for the records of one scope, filtered by some of their names.

    ``organization`` is the one that they have to be in, where the records themselves do not tell theirs.
    """

    scope: str
    path: str
    filters: Pairs
    organization: str | None = None


def questions(targets: t.Sequence[Target]) -> list[Question]:
    """Return what to ask for the records of all targets, few names at a time."""
    asked = []
    for scope, (listing, _field) in LISTINGS.items():
        key = "identifier" if scope == "workflow_node" else "name"
        for organization in dict.fromkeys(one.organization for one in targets if one.scope == scope):
            fit = [one for one in targets if (one.scope, one.organization) == (scope, organization)]
            names = [(f"or__{key}", str(one.name)) for one in fit]
            told = [] if organization is None else [(_HOMES[scope], organization)]
            asked += [Question(scope, f"{listing}/", told + part, organization) for part in cut(names)]
    return asked


def cut(filters: t.Iterable[tuple[str, str]], most: int = NAMES_PER_REQUEST) -> list[Pairs]:
    """Return filters, each once, in parts that make an address of moderate length."""
    parts: list[Pairs] = []
    room = 0
    for pair in dict.fromkeys(filters):
        length = len(urlencode([pair])) + 1
        if not parts or length > room or len(parts[-1]) == most:
            parts.append([])
            room = LONGEST_FILTERS
        parts[-1].append(pair)
        room -= length
    return parts


def pick(target: Target, records: t.Sequence[R]) -> R | None:
    """Return the record that a target names, None if there is none. Raises Conflict if it may be several.

    ``records`` are in the target's organization already, if it tells one (``Question``).
    """
    named = [record for record in records if title(target.scope, record) == target.name]
    fit = [record for record in named if target.within in (None, home(target.scope, record))]
    if len(fit) > 1:
        raise Conflict(f"{len(fit)} records are called {target.words}.", hint=_which(target, fit))
    return fit[0] if fit else None


def _which(target: Target, fit: t.Sequence[Record]) -> str:
    """Return how namesakes can be told apart, if they can."""
    option = _WITHIN.get(target.scope, "organization")
    homes = sorted({f"`{home(target.scope, record)}`" for record in fit})
    if len(homes) > 1:
        return f"Say which with `{option}`: {', '.join(homes)}."
    if target.scope in _WITHIN and target.organization is None:
        return f"All are of a {option} called {homes[0]}: say which with `organization`."
    return "Nothing that a task can say tells them apart: rename one of them."


def not_found(target: Target, named: t.Sequence[Record], everything: t.Sequence[Record]) -> NotFound:
    """Return the error for a target that is not there, with the nearest names, or where there is one of its name."""
    elsewhere = sorted({f"`{home(target.scope, one)}`" for one in named if title(target.scope, one) == target.name})
    if elsewhere:
        return NotFound(f"There is no {target.words}.", hint=f"There is one of {', '.join(elsewhere)}.")
    names = dict.fromkeys(title(target.scope, one) for one in everything)
    return NotFound(f"There is no {target.words}.", hint=did_you_mean(nearest(str(target.name), names)))


@dataclass(frozen=True)
class Chosen:
    """An environment that is set somewhere. ``name`` and ``image`` are None if this user may not see it."""

    id: int
    name: str | None = None
    image: str | None = None
    managed: bool = False
    editable: bool = True

    def is_meant_by(self, text: str) -> bool:
        return text in (self.name, self.image)

    def as_result(self) -> dict[str, t.Any]:
        return {"id": self.id, "name": self.name, "image": self.image}


def chosen_in(target: Target, record: Record) -> Chosen | None:
    """Return what a record has set."""
    field = LISTINGS[target.scope][1]
    if record.get(field) is None:
        return None
    summary = (record.get("summary_fields") or {}).get(field) or {}
    return Chosen(record[field], summary.get("name"), summary.get("image"))


def unmet(targets: t.Sequence[Target], before: t.Mapping[Target, Chosen | None]) -> list[str]:
    """Return the environments that are wished for and not set, each once."""
    texts = [one.environment for one in targets if one.environment and not _meets(before[one], one.environment)]
    return list(dict.fromkeys(texts))


def environment_filters(texts: t.Sequence[str], number: int | None) -> Pairs:
    """Return filters that find environments by name or image, and one by its number."""
    filters = [(f"or__{key}", text) for text in texts for key in ("name", "image")]
    return filters + ([] if number is None else [("or__id", str(number))])


def no_environment(text: str, names: t.Iterable[str]) -> NotFound:
    hint = did_you_mean(nearest(text, names))
    return NotFound(f"There is no execution environment with the name or the image `{text}`.", hint=hint)


def find_environment(text: str, records: t.Sequence[Record]) -> tuple[Chosen | None, str | None]:
    """Return the environment of a name, else the newest of an image, with a warning if there were several.

    One that the controller manages itself is not taken by its image while there is another.
    """
    by_name = [record for record in records if record["name"] == text]
    by_image = [record for record in records if record["image"] == text]
    by_image = [record for record in by_image if not record.get("managed")] or by_image
    fit = by_name or sorted(by_image, key=lambda record: str(record["created"]), reverse=True)
    warning = None
    if len(fit) > 1:
        names = ", ".join(f"`{record['name']}`" for record in fit)
        warning = f"{len(fit)} execution environments have the image {text} ({names}): the newest is taken."
    return (_chosen(fit[0]) if fit else None), warning


def _chosen(record: Record) -> Chosen:
    return Chosen(record["id"], record["name"], record["image"], bool(record.get("managed")), may(record, "edit"))


def known_by_id(number: int | None, records: t.Sequence[Record]) -> Chosen | None:
    if number is None:
        return None
    return next((_chosen(record) for record in records if record["id"] == number), Chosen(number))


def _meets(before: Chosen | None, text: str) -> bool:
    return before is not None and before.is_meant_by(text)


@dataclass(frozen=True)
class Setting:
    """What one place has, and shall have. ``id`` and ``within`` are None for the global default."""

    target: Target
    id: int | None
    within: str | None
    before: Chosen | None
    after: Chosen | None
    template: int | None = None  # of a workflow node and of a schedule: what it starts
    inventory: int | None = None
    workflow: int | None = None
    editable: bool = True

    @property
    def changed(self) -> bool:
        return (self.before and self.before.id) != (self.after and self.after.id)

    @property
    def key(self) -> str:
        """How a diff calls the place."""
        return replace(self.target, within=self.within).words  # with the organization, if the task told it

    @property
    def path(self) -> str:
        return f"{LISTINGS[self.target.scope][0]}/{self.id}/"

    @property
    def field(self) -> str:
        return LISTINGS[self.target.scope][1]

    def side(self, chosen: Chosen | None) -> dict[str, t.Any]:
        return {
            "scope": self.target.scope,
            "name": self.target.name,
            "within": self.within,
            "environment": None if chosen is None else chosen.as_result(),
        }


def settle(
    target: Target, record: Record | None, before: Chosen | None, environments: t.Sequence[Record]
) -> tuple[Setting, str | None]:
    """Return what to do about a target, and a warning. ``record`` is None for the global default.

    ``environments`` has what is wished for and not set (``unmet``).
    """
    warning = None
    after: Chosen | None = None
    if _meets(before, target.environment):
        after = before
    elif target.environment:
        after, warning = find_environment(target.environment, environments)
    return _setting(target, record, before, after), warning


def _setting(target: Target, record: Record | None, before: Chosen | None, after: Chosen | None) -> Setting:
    if record is None:
        return Setting(target, None, None, before, after)
    starts = record.get("unified_job_template") if target.scope in ("workflow_node", "schedule") else None
    number, within = record["id"], home(target.scope, record)
    return Setting(
        target,
        number,
        within,
        before,
        after,
        starts,
        record.get("inventory"),
        record.get("workflow_job_template"),
        may(record, "edit"),
    )


def check_allowed(settings: t.Sequence[Setting], estate: Estate, workflows: t.Sequence[Record]) -> None:
    """Refuse what the controller would refuse, before anything is written. Raises Denied, Invalid.

    ``workflows`` are the workflow templates as the API shows them: a node does not say whether it may be edited.
    """
    closed = {one["id"] for one in workflows if not may(one, "edit")}
    for setting in settings:
        if setting.target.scope == GLOBAL:
            _check_setting(setting)
        elif not setting.editable or setting.workflow in closed:
            raise Denied(
                f"This user may not edit the {setting.key}.",
                hint="That takes its administrator's rights, or those of its organization's administrator, and a token "
                "that may write.",
            )
        if setting.target.scope == "workflow_node" and setting.after is not None and not _asks(setting, estate):
            raise Invalid(
                f"The {setting.key} cannot bring an execution environment along: what it starts does not ask for one "
                "on launch.",
                hint="Set `ask_execution_environment_on_launch` on the job template first.",
            )


def _check_setting(setting: Setting) -> None:
    """Who may write the setting may edit every environment. An auditor, and a token that only reads, may not."""
    if any(one is not None and not one.editable for one in (setting.before, setting.after)):
        raise Denied(
            "This user may read the global default, but not change it.",
            hint="That is for superusers, with a token that may write.",
        )


def _asks(setting: Setting, estate: Estate) -> bool:
    """Whether what a node starts asks for an environment. What this user does not see may well ask."""
    template = setting.template
    if template is not None and template in estate.templates:
        return estate.templates[template].asks
    others = (estate.projects, estate.sources, estate.workflows, estate.system_jobs)
    return not any(template in table for table in others)


def diff(settings: t.Sequence[Setting]) -> dict[str, dict[str, t.Any]]:
    """Return the places that change, each with the name of its environment (``#id`` if it may not be seen)."""

    def shown(chosen: Chosen | None) -> str | None:
        return None if chosen is None else chosen.name or f"#{chosen.id}"

    changes = [setting for setting in settings if setting.changed]
    return {
        "before": {setting.key: shown(setting.before) for setting in changes},
        "after": {setting.key: shown(setting.after) for setting in changes},
    }


def affected(estate: Estate, settings: t.Sequence[Setting]) -> list[dict[str, t.Any]]:
    """Return which jobs get another environment by these settings: ``{kind, name, before, after}``.

    ``estate`` is the controller as it is. A workflow node and a schedule count for the job that they start.
    """
    estate = _with_hidden(estate, settings)
    after = estate
    started: list[dict[str, t.Any]] = []
    for setting in settings:
        if setting.target.scope in ("workflow_node", "schedule"):
            continue
        after = after.with_setting(setting.target.scope, setting.id, _ref(setting.after))
    for setting in settings:
        if setting.target.scope in ("workflow_node", "schedule") and setting.template in estate.templates:
            started += _started(estate, after, setting)
    return effective.affected(estate, after) + started


def rests_on_images(changes: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    """Whether one of the answers would be another one with other GLOBAL_JOB_EXECUTION_ENVIRONMENTS."""
    sides = [change[side] for change in changes for side in ("before", "after")]
    return any(side is not None and side["level"] == effective.NEWEST_GLOBAL for side in sides)


def _started(before: Estate, after: Estate, setting: Setting) -> list[dict[str, t.Any]]:
    old, new = _side(before, setting, setting.before), _side(after, setting, setting.after)
    if [old and old["name"], old and old["image"]] == [new and new["name"], new and new["image"]]:
        return []
    name = f"{before.templates[t.cast('int', setting.template)].name} ({setting.key})"
    return [{"kind": "job", "name": name, "before": old, "after": new}]


def _side(estate: Estate, setting: Setting, chosen: Chosen | None) -> dict[str, t.Any] | None:
    inventory: Ref = setting.inventory
    if setting.inventory is not None and setting.inventory not in estate.inventories:
        inventory = Unknown("inventory", str(setting.inventory), estate.where)
    asked = effective.Asked("job", setting.template, launch=_ref(chosen), inventory=inventory)
    return effective.side(estate, asked)


def _with_hidden(estate: Estate, settings: t.Sequence[Setting]) -> Estate:
    """Add the environments that are set on nodes and schedules, and that this user may not list."""
    for setting in settings:
        if setting.before is not None and setting.before.id not in estate.environments:
            name = setting.before.name or f"#{setting.before.id}"
            # one of another organization: it is no global one, whatever the id of that is
            hidden = Environment(name, setting.before.image, Unknown("organization", "?", estate.where))
            estate = estate.with_environment(setting.before.id, hidden)
    return estate


def _ref(chosen: Chosen | None) -> int | None:
    return None if chosen is None else chosen.id
