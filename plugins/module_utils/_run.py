# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bridge between plans and AnsibleModule."""

from __future__ import annotations

import gc
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError


class Plan(t.Protocol):
    """What a module found, and what it would do about it."""

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""

    @property
    def diff(self) -> t.Any:
        """``{"before": ..., "after": ...}``, or a list of such mappings with headers."""

    @property
    def result(self) -> dict[str, t.Any]:
        """Return values known before anything is applied."""

    @property
    def warnings(self) -> t.Sequence[str]:
        """What the user should know, in check mode too."""


P = t.TypeVar("P", bound=Plan)


def converge(
    module: AnsibleModule,
    plan: t.Callable[[], P],
    apply: t.Callable[[P], t.Mapping[str, t.Any] | None],
) -> t.NoReturn:
    """Plan, apply outside check mode, and end the module. No other code calls ``exit_json`` after the plan.

    ``apply`` returns what only the real run can know (an image id, say); it is laid over the plan's ``result``.
    """
    try:
        planned = plan()
        for warning in planned.warnings:
            module.warn(warning)
        result = dict(planned.result)
        if planned.changed and not module.check_mode:
            result.update(apply(planned) or {})
    except EEError as error:
        fail(module, error)
    leave(module, changed=planned.changed, diff=planned.diff, **result)


def attempt(plan: t.Callable[[], P]) -> P | EEError:
    """Return a plan, or why there is none."""
    try:
        return plan()
    except EEError as error:
        return error


def converge_each(
    module: AnsibleModule,
    option: str,
    labels: t.Sequence[str],
    plan: t.Callable[[], t.Iterable[P | EEError]],
    apply: t.Callable[[P], t.Mapping[str, t.Any] | None],
    totals: t.Callable[[], dict[str, t.Any]] = dict,
) -> t.NoReturn:
    """Plan many things, apply them in their order outside check mode, and end the module.

    Each has its own result in the list ``option``: what ``converge`` would return, or ``msg`` and ``error``. One that
    cannot be planned or applied is no obstacle to the others; the task fails when all have had their turn. ``labels``
    name them in messages. ``totals`` are what is told of the task as a whole, and no more of each.

    The next plan is taken when the one before is applied: a generator may plan with regard to that.
    """
    planned: list[P | EEError] = []
    results: list[dict[str, t.Any]] = []
    try:
        for label, one in zip(labels, plan()):
            planned.append(one)
            results.append(_outcome(module, label, one, apply))
    except EEError as error:
        fail(module, error)
    summary = totals()
    for result in results:
        for name in summary:
            result.pop(name, None)
    whole = {option: results, **summary}
    failed = [(label, result) for label, result in zip(labels, results) if "msg" in result]
    if failed:
        words = " ".join(f"{label}: {result['msg']}" for label, result in failed)
        msg = f"{len(failed)} of {len(results)} failed. {words}"
        module.fail_json(msg=msg, error=failed[0][1]["error"], **whole)
    plans = [one for one in planned if not isinstance(one, EEError)]
    leave(module, changed=any(one.changed for one in plans), diff=[one.diff for one in plans], **whole)


def _outcome(
    module: AnsibleModule, label: str, planned: P | EEError, apply: t.Callable[[P], t.Mapping[str, t.Any] | None]
) -> dict[str, t.Any]:
    """Apply one plan of many; return its result."""
    if isinstance(planned, EEError):
        return _fault(planned)
    for warning in planned.warnings:
        module.warn(f"{label}: {warning}")
    result = {"changed": planned.changed, **planned.result}
    if planned.changed and not module.check_mode:
        try:
            result.update(apply(planned) or {})
        except EEError as error:
            return _fault(error)
    return result


def _fault(error: EEError) -> dict[str, t.Any]:
    return {"changed": False, "msg": str(error), "error": error.as_result(), **error.details}


def conclude(module: AnsibleModule, outcome: t.Callable[[], Plan]) -> t.NoReturn:
    """End a module whose change is known only when it is done. ``outcome`` does it, or foretells it in check mode."""
    try:
        known = outcome()
    except EEError as error:
        fail(module, error)
    for warning in known.warnings:
        module.warn(warning)
    leave(module, changed=known.changed, diff=known.diff, **known.result)


def report(module: AnsibleModule, look: t.Callable[[], t.Mapping[str, t.Any]]) -> t.NoReturn:
    """End a module that only reads."""
    try:
        result = look()
    except EEError as error:
        fail(module, error)
    leave(module, changed=False, **result)


def leave(module: AnsibleModule, **result: t.Any) -> t.NoReturn:
    """End the module, done."""
    # On its way out Python looks for garbage among all that was imported: 25 ms where requests is part of it.
    gc.freeze()
    module.exit_json(**result)


def fail(module: AnsibleModule, error: EEError) -> t.NoReturn:
    """End the module with the error's words and what a ``rescue`` can decide on."""
    module.fail_json(msg=str(error), error=error.as_result(), **error.details)
