# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which execution environment is set where on a controller, and what that changes for whom."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, replace

from ansible_collections.foundry.ee.plugins.module_utils._core import effective
from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import PLACES, home, title
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import Estate, did_you_mean, nearest

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
NAMES_PER_REQUEST = 40  # a longer address is refused by proxies


@dataclass(frozen=True)
class Target:
    """One place and what is wished for there: an environment's name or image, empty to clear.

    ``within`` is the organization, inventory, workflow or template that the record is in, if that was told.
    """

    scope: str
    name: str | None
    within: str | None
    environment: str

    @property
    def words(self) -> str:
        if self.scope == GLOBAL:
            return "the global default"
        return f"{WORDS[self.scope]} `{self.name}`" + ("" if self.within is None else f" of `{self.within}`")


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
    for option in ("organization", "inventory", "workflow", "template"):
        if given.get(option) is not None and option != key:
            raise Invalid(
                f"Scope `{scope}` takes no `{option}`.",
                hint=f"Of several with one name, `{key}` says which." if key else None,
            )
    return Target(scope, name, given.get(key) if key else None, environment.strip())


def read_targets(params: t.Mapping[str, t.Any]) -> list[Target]:
    """Return the targets of a task's options. Raises Invalid, also for one place named twice."""
    targets = [read_target(one) for one in ([params] if params.get("defaults") is None else params["defaults"])]
    for (scope, name, within), count in Counter((one.scope, one.name, one.within) for one in targets).items():
        if count > 1:
            raise Invalid(f"{Target(scope, name, within, '').words} is named {count} times in one task.")
    return targets


@dataclass(frozen=True)
class Question:
    """A listing to ask for the records of one scope, filtered by some of their names."""

    scope: str
    path: str
    filters: Pairs


def questions(targets: t.Sequence[Target]) -> list[Question]:
    """Return what to ask for the records of all targets, few names at a time."""
    asked = []
    for scope, (listing, _field) in LISTINGS.items():
        names = list(dict.fromkeys(str(one.name) for one in targets if one.scope == scope))
        key = "identifier" if scope == "workflow_node" else "name"
        for start in range(0, len(names), NAMES_PER_REQUEST):
            filters = [(f"or__{key}", name) for name in names[start : start + NAMES_PER_REQUEST]]
            asked.append(Question(scope, f"{listing}/", filters))
    return asked


def pick(target: Target, records: t.Sequence[R]) -> R | None:
    """Return the record that a target names, None if there is none. Raises Conflict if it may be several."""
    named = [record for record in records if title(target.scope, record) == target.name]
    fit = [record for record in named if target.within in (None, home(target.scope, record))]
    if len(fit) > 1:
        option = _WITHIN.get(target.scope, "organization")
        which = ", ".join(sorted(f"`{home(target.scope, record)}`" for record in fit))
        raise Conflict(f"{len(fit)} records are called {target.words}.", hint=f"Say which with `{option}`: {which}.")
    return fit[0] if fit else None


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
    return Chosen(record["id"], record["name"], record["image"], bool(record.get("managed")))


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

    @property
    def changed(self) -> bool:
        return (self.before and self.before.id) != (self.after and self.after.id)

    @property
    def key(self) -> str:
        """How a diff calls the place."""
        return replace(self.target, within=self.within).words

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
    return Setting(target, number, within, before, after, starts, record.get("inventory"))


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
    asked = effective.Asked("job", setting.template, launch=_ref(chosen), inventory=setting.inventory)
    answer = effective.resolve(estate, asked)
    if answer.environment is None:
        return None
    return {"name": answer.environment.name, "image": answer.environment.image, "level": answer.level}


def _ref(chosen: Chosen | None) -> int | None:
    return None if chosen is None else chosen.id
