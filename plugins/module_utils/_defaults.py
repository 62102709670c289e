# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Defaults on a controller: read what is set, tell who is affected, write what differs."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._controller import (
    DEFAULT,
    SYSTEM_SETTINGS,
    Controller,
    Record,
)
from ansible_collections.foundry.ee.plugins.module_utils._core import default_plan
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, EEError, Failed, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import UNREADABLE_SETTING, from_listings
from ansible_collections.foundry.ee.plugins.module_utils._facts import read_everything

ENVIRONMENTS = "execution_environments/"
UNREADABLE = (
    f"This user may not see the setting {DEFAULT}. `affected` says null for what a job gets from it, and does not name "
    "a job that gets its environment from it before and after."
)
UNTOLD_IMAGES = (
    "A controller does not tell its list GLOBAL_JOB_EXECUTION_ENVIRONMENTS. Without `global_job_images` it is taken "
    "for empty, so where `affected` says `newest_global` another environment may be the right one."
)


@dataclass(frozen=True)
class Defaults:
    """What is set where, what shall be, and who gets another environment because of it."""

    controller: Controller
    settings: tuple[default_plan.Setting, ...]
    affected: list[dict[str, t.Any]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return any(setting.changed for setting in self.settings)

    @property
    def diff(self) -> t.Any:
        return default_plan.diff(self.settings)

    @property
    def result(self) -> dict[str, t.Any]:
        return {
            "before": [setting.side(setting.before) for setting in self.settings],
            "after": [setting.side(setting.after) for setting in self.settings],
            "affected": self.affected,
            "requests": self.controller.requests,
        }


def plan_defaults(controller: Controller, params: t.Mapping[str, t.Any]) -> Defaults:
    """Read what the targets of a task have, and plan what they shall have. Raises EEError."""
    targets = default_plan.read_targets(params)
    records = _records(controller, targets)
    default_plan.refuse_twice(records)
    number = controller.setting(DEFAULT) if any(one.scope == default_plan.GLOBAL for one in targets) else None
    before = {one: None if record is None else default_plan.chosen_in(one, record) for one, record in records.items()}
    environments = _environments(controller, default_plan.unmet(targets, before), number)
    settings = []
    warnings = []
    for target in targets:
        is_set = default_plan.known_by_id(number, environments) if records[target] is None else before[target]
        setting, warning = default_plan.settle(target, records[target], is_set, environments)
        settings.append(setting)
        warnings += [warning] if warning else []
    changes = [setting for setting in settings if setting.changed]
    affected, unseen = _affected(controller, changes, params["global_job_images"]) if changes else ([], ())
    return Defaults(controller, tuple(settings), affected, (*warnings, *unseen))


def _environments(controller: Controller, texts: t.Sequence[str], number: int | None) -> list[Record]:
    """Return the environments that these names and images mean, and the one of a number. Raises NotFound."""
    parts = default_plan.cut(default_plan.environment_filters(texts, number), 2 * default_plan.NAMES_PER_REQUEST)
    answers = controller.searches({str(place): (ENVIRONMENTS, part) for place, part in enumerate(parts)})
    found = list({one["id"]: one for records in answers.values() for one in records}.values())
    for text in texts:
        if default_plan.find_environment(text, found)[0] is None:
            raise default_plan.no_environment(text, [str(one["name"]) for one in controller.search(ENVIRONMENTS, ())])
    return found


def _records(
    controller: Controller, targets: t.Sequence[default_plan.Target]
) -> dict[default_plan.Target, Record | None]:
    """Return the record of each target, None for the global default. Raises NotFound, Conflict."""
    questions = default_plan.questions(targets)
    answers = controller.searches({str(number): (one.path, one.filters) for number, one in enumerate(questions)})
    found: dict[tuple[str, str | None], list[Record]] = {(one.scope, one.organization): [] for one in targets}
    for number, question in enumerate(questions):
        found[question.scope, question.organization] += answers[str(number)]
    picked: dict[default_plan.Target, Record | None] = {}
    for target in targets:
        picked[target] = None
        if target.scope != default_plan.GLOBAL:
            named = found[target.scope, target.organization]
            picked[target] = default_plan.pick(target, named)
            if picked[target] is None:
                raise _missing(controller, target, named)
    return picked


def _missing(controller: Controller, target: default_plan.Target, found: t.Sequence[Record]) -> NotFound:
    """Return the error that tells the nearest names."""
    listing = default_plan.LISTINGS[target.scope][0]
    return default_plan.not_found(target, found, controller.search(f"{listing}/", ()))


def _affected(
    controller: Controller, changes: t.Sequence[default_plan.Setting], images: t.Sequence[t.Any] | None
) -> tuple[list[dict[str, t.Any]], tuple[str, ...]]:
    """Return who gets another environment, and what could not be seen, in words.

    Raises Denied and Invalid for changes that the controller would refuse.
    """
    listings = read_everything(controller)
    unseen: tuple[str, ...] = ()
    try:
        number = controller.setting(DEFAULT)
    except Denied:
        number, unseen = UNREADABLE_SETTING, (UNREADABLE,)
    listed = [image.get("image") if isinstance(image, dict) else image for image in images or ()]
    estate = from_listings(
        listings, default_environment=number, global_job_images=[str(image) for image in listed if image]
    )
    default_plan.check_allowed(changes, estate, listings["workflows"])
    affected = default_plan.affected(estate, changes)
    if images is None and default_plan.rests_on_images(affected):
        unseen = (*unseen, UNTOLD_IMAGES)
    return affected, unseen


def write_defaults(planned: Defaults) -> dict[str, t.Any]:
    """Write what differs. Raises EEError, with what was written before it in ``applied``."""
    done: list[str] = []
    for setting in planned.settings:
        if not setting.changed:
            continue
        try:
            _write(planned.controller, setting)
        except EEError as error:
            error.details["applied"] = done
            raise
        done.append(setting.key)
    return {"requests": planned.controller.requests}


def _write(controller: Controller, setting: default_plan.Setting) -> None:
    """Write one default, and look whether it was kept: what a controller does not know it ignores. Raises EEError."""
    number = None if setting.after is None else setting.after.id  # never the empty text: job templates refuse it
    is_global = setting.target.scope == default_plan.GLOBAL
    path, name = (SYSTEM_SETTINGS, DEFAULT) if is_global else (setting.path, setting.field)
    answer = controller.change(path, {name: number})
    if not isinstance(answer, dict) or answer.get(name) != number:
        raise Failed(f"The controller answered well, but did not keep {name} of {setting.key}.")
