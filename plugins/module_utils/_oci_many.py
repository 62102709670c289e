# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ee_registry_image`` does for several images (``images``): each planned and brought in order by itself."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._arguments import each_of
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._oci import in_parallel
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import (
    Item,
    ItemPlan,
    Options,
    Registries,
    plan_item,
)

WORKERS = 4  # images at the same time


class Fault(t.NamedTuple):
    """An image that could not be planned, or not be brought in order."""

    image: str
    error: EEError
    requests: int

    def result(self) -> dict[str, t.Any]:
        """Return the result of this image. What it has now is not known."""
        known = {"image": self.image, "changed": False, "digest": None, "tags": {}, "bytes_copied": 0}
        return {**known, "requests": self.requests, "msg": str(self.error), "error": self.error.as_result()}


Planned = t.Union[ItemPlan, Fault]
Settled = tuple[Planned, dict[str, t.Any]]


class Brought(t.NamedTuple):
    """What became of ``images``, or is to become of them in check mode: each with its result."""

    settled: tuple[Settled, ...]
    warnings: tuple[str, ...] = ()  # said before anything was done

    @property
    def changed(self) -> bool:
        return any(result["changed"] for _item, result in self.settled)

    @property
    def diff(self) -> list[dict[str, t.Any]]:
        return [item.diff for item, _result in self.settled if isinstance(item, ItemPlan)]

    @property
    def result(self) -> dict[str, t.Any]:
        results = [result for _item, result in self.settled]
        sums = {key: sum(result[key] for result in results) for key in ("requests", "bytes_copied")}
        return {"images": results, **sums}

    @property
    def faults(self) -> list[Fault]:
        return [item for item, _result in self.settled if isinstance(item, Fault)]


def bring(
    params: t.Mapping[str, t.Any],
    registries: Registries,
    settle: t.Callable[[t.Sequence[Planned]], list[Settled]],
    warn: t.Callable[[str], object],
) -> Brought:
    """Plan every image before any is touched, and settle them all. Raises EEError, as the first, where some failed."""
    items = plan_many(each_of(params, "images"), registries, WORKERS)
    for warning in (warning for item in items if isinstance(item, ItemPlan) for warning in item.warnings):
        warn(warning)
    brought = Brought(tuple(settle(items)))
    faults = brought.faults
    if faults:
        first = faults[0].error
        words = "; ".join(f"{fault.image}: {fault.error}" for fault in faults)
        raise type(first)(
            f"{len(faults)} of {len(items)} images failed: {words}",
            status=first.status,
            method=first.method,
            url=first.url,
            details={"changed": brought.changed, **brought.result},
        )
    return brought


def foretell(items: t.Sequence[Planned]) -> list[Settled]:
    """Return the results that carrying out the plans would have, as far as they are known."""
    return [(item, item.result()) for item in items]


def apply_many(items: t.Sequence[Planned]) -> list[Settled]:
    """Carry the plans out, those for one repository one after the other: Galaxy NG fails otherwise."""
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        groups.setdefault(item.header if isinstance(item, ItemPlan) else "", []).append(number)
    done = in_parallel(
        lambda group: [(number, apply_one(items[number])) for number in group], [*groups.values()], WORKERS
    )
    return [
        settled for _number, settled in sorted((each for group in done for each in group), key=lambda each: each[0])
    ]


def apply_one(item: Planned) -> Settled:
    """Carry one plan out; a failure is told in its result, so that the others can go on."""
    if isinstance(item, Fault) or not item.changed:
        return item, item.result()
    try:
        return item, item.result(item.apply())
    except EEError as error:
        fault = Fault(str(item.item.image), error, item.requests)
        return fault, fault.result()


def plan_many(given: t.Sequence[Options], registries: Registries, workers: int) -> list[ItemPlan | Fault]:
    """Plan several images. One that cannot be planned is no obstacle to the others.

    Raises Invalid where what two of them want cannot be had together, or where credentials would go to two hosts.
    """
    items = [_read_item(params) for params in given]
    wanted = [item for item in items if isinstance(item, Item)]
    for host, main in (each for item in wanted for each in item.hosts()):
        registries.claim(host, main)  # here, because the one to be refused would be another one each time
    _check_archives(wanted)

    def plan(item: Item | Fault) -> ItemPlan | Fault:
        if isinstance(item, Fault):
            return item
        apart = registries.apart()
        try:
            return plan_item(item, apart)
        except EEError as error:
            return Fault(str(item.image), error, apart.requests)

    planned = in_parallel(plan, items, workers)
    _check_together([plan for plan in planned if isinstance(plan, ItemPlan)])
    return planned


def _read_item(params: Options) -> Item | Fault:
    try:
        return Item.from_params(params)
    except EEError as error:
        return Fault(params["image"], error, 0)


def _check_archives(items: t.Sequence[Item]) -> None:
    paths = [os.path.realpath(t.cast(str, item.image.path)) for item in items if item.image.kind == "archive"]
    for path in paths:
        if paths.count(path) > 1:
            raise Invalid(
                f"`images` has the archive {path} twice, and an archive holds one image.",
                hint="Give each a file of its own, or use a layout (`oci:`).",
            )


def _check_together(plans: t.Sequence[ItemPlan]) -> None:
    """Refuse what one image would undo of another. Raises Invalid."""
    wanted: dict[tuple[str, str], tuple[str | None, ItemPlan]] = {}
    gone = {(plan.header, plan.tags.image): plan for plan in plans if plan.tags.image is not None}
    for plan in plans:
        for tag, digest in plan.tags.after.items():
            found, first = wanted.setdefault((plan.header, tag), (digest, plan))
            if found != digest:
                raise _contradiction(first, plan, f"what the tag {tag} of {plan.header} is to be")
        deletes = None if plan.digest is None else gone.get((plan.header, plan.digest))
        if deletes is not None and plan.item.present:
            raise _contradiction(deletes, plan, f"whether {plan.header}@{plan.digest} is to be there")


def _contradiction(one: ItemPlan, two: ItemPlan, what: str) -> Invalid:
    return Invalid(
        f"`{one.item.image}` and `{two.item.image}` in `images` say differently {what}.",
        hint="Leave one of them out, or write a task for each.",
    )
