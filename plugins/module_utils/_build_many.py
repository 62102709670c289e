# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many images in one task: the engine is asked once for all of them, and each is planned when those before are done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._build import BuildPlan, Planner, Request
from ansible_collections.foundry.ee.plugins.module_utils._build_work import Tools, carry_out
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._engine import Engine
from ansible_collections.foundry.ee.plugins.module_utils._run import Plan
from ansible_collections.foundry.ee.plugins.module_utils._workspace import KeyLock


@dataclass(frozen=True)
class Job:
    """One build: what is asked for, what plans it, and what carries it out."""

    request: Request
    planner: Planner
    tools: Tools


@dataclass(frozen=True)
class Foretold:
    """In check mode, a build on an image that this task would build before it. Its key cannot be known yet."""

    planner: Planner
    planned: BuildPlan | None

    @property
    def changed(self) -> bool:
        return True

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.planned.warnings if self.planned is not None else ()

    @property
    def diff(self) -> dict[str, t.Any]:
        new = {"build_key": "the new image", "names": sorted(self.planner.names)}
        if self.planned is None:
            return {"before": {"build_key": None, "names": []}, "after": new}
        known = self.planned.diff
        return {"before": known["before"], "after": {**known["after"], **new}}

    @property
    def result(self) -> dict[str, t.Any]:
        name = self.planner.base_name
        because = f"{name}, which it is built on, is built before it"
        return {
            "action": "built",
            "because": [because],
            "image": self.planner.names[0],
            "build_key": None,
            "changed_inputs": [] if self.planned is None or self.planned.at_hand is None else ["base image"],
            "base": {"name": name, "digest": None, "because": because},
            "platform": self.planner.request.platform or self.planner.engine.platform(),
            "requests": 0 if self.planned is None else self.planned.requests,
        }


class Builds:
    """The builds of one task. Whoever takes the next plan has carried out the one before, or is in check mode."""

    def __init__(self, jobs: t.Sequence[Job | EEError], engine: Engine, *, check: bool) -> None:
        self._jobs = jobs
        self._engine = engine
        self._check = check
        self._requests = 0
        self._turn: Job | None = None
        self._renewed: set[str] = set()  # names of images that this task builds

    def plans(self) -> t.Iterator[Plan | EEError]:
        names = [name for job in self._jobs if not isinstance(job, EEError) for name in job.planner.names]
        known = self._engine.inspect_all(names)
        for job in self._jobs:
            if isinstance(job, EEError):
                yield job
                continue
            self._turn = job
            job.planner.known = known
            with KeyLock() as lock:
                job.planner.lock = None if self._check else lock
                planned = self._plan(job.planner)
                self._requests += 0 if isinstance(planned, EEError) else planned.result["requests"]
                yield planned
            if not isinstance(planned, EEError) and planned.changed:
                self._renewed.update(job.planner.names)
                known = known if self._check else {}

    def totals(self) -> dict[str, t.Any]:
        """Return what is told of the task as a whole: how many requests planning took."""
        return {"requests": self._requests}

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan whose turn it is. Raises EEError."""
        if self._turn is None or not isinstance(plan, BuildPlan):
            raise AssertionError("there is nothing to carry out")
        return carry_out(self._turn.request, plan, self._turn.tools)

    def _plan(self, planner: Planner) -> BuildPlan | Foretold | EEError:
        foretell = self._check and planner.base_name in self._renewed
        try:
            planned = planner.plan()
        except NotFound as error:
            return Foretold(planner, None) if foretell else error
        except EEError as error:
            return error
        if foretell and (planned.at_hand is None or not planner.keeps_base):
            return Foretold(planner, planned)
        return planned
