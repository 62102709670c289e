# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters, order and pages of listings."""

from __future__ import annotations

import typing as t
from urllib.parse import urlencode

from .kinds import KINDS, Record, Refused

if t.TYPE_CHECKING:
    from .world import World

RESERVED = ("page", "page_size", "order_by", "search", "format")
PAGE_SIZE = 25
LARGEST_PAGE = 200
Pairs = t.Sequence[tuple[str, str]]
_LOOKUPS: dict[str, t.Callable[[t.Any, t.Any], bool]] = {
    "exact": lambda have, want: bool(have == want),
    "iexact": lambda have, want: str(have).lower() == str(want).lower(),
    "contains": lambda have, want: str(want) in str(have),
    "icontains": lambda have, want: str(want).lower() in str(have).lower(),
    "startswith": lambda have, want: str(have).startswith(str(want)),
    "in": lambda have, want: have in want,
    "gt": lambda have, want: have is not None and have > want,
    "lt": lambda have, want: have is not None and have < want,
    "isnull": lambda have, want: (have is None) == want,
}


def select(world: World, kind: str, records: t.Iterable[Record], pairs: Pairs) -> list[Record]:
    """Return the records that a query asks for, in its order. Raises Refused."""
    kept = list(records)
    either: list[t.Callable[[Record], bool]] = []
    for key, value in pairs:
        if key in RESERVED:
            continue
        test = _test(world, kind, key, value)
        if key.startswith("or__"):
            either.append(test)
        else:
            kept = [record for record in kept if test(record)]
    if either:
        kept = [record for record in kept if any(test(record) for test in either)]
    given = dict(pairs)
    if given.get("search"):
        kept = [record for record in kept if given["search"].lower() in str(record.get("name", "")).lower()]
    return _ordered(world, kind, kept, given.get("order_by") or KINDS[kind].order)


def _test(world: World, kind: str, key: str, value: str) -> t.Callable[[Record], bool]:
    parts = key.split("__")
    if parts[0] == "or":
        parts = parts[1:]
    negated = parts[0] == "not"
    if negated:
        parts = parts[1:]
    lookup = parts.pop() if len(parts) > 1 and parts[-1] in _LOOKUPS else "exact"
    final, sample = _follow_fields(world, kind, parts)
    want = _convert(lookup, sample, value)
    if want is None and lookup == "exact":
        lookup, want = "isnull", True

    def test(record: Record) -> bool:
        have = _follow(world, kind, record, parts)
        return _LOOKUPS[lookup](have, want) != negated

    return test if final else (lambda record: False)


def _follow_fields(world: World, kind: str, parts: list[str]) -> tuple[str, t.Any]:
    """Return the last field of a path and a value of its type. Raises Refused for a field that is not there."""
    for index, name in enumerate(parts):
        rules = KINDS.get(kind) or KINDS["job_templates"]
        shape = world.shapes["kinds"].get(kind, world.shapes["kinds"]["job_templates"])["fields"]
        if name in rules.refs:
            if index == len(parts) - 1:
                return name, 0
            kind = rules.refs[name]
        elif name in ("id", "name", "created", "modified") or name in shape:
            return name, 0 if name == "id" else shape.get(name, "")
        else:
            raise Refused(400, {"detail": f"{rules.model} has no field named '{name}'"})
    raise Refused(400, {"detail": "Nothing to filter by"})


def _follow(world: World, kind: str, record: Record | None, parts: list[str]) -> t.Any:
    for index, name in enumerate(parts):
        if record is None:
            return None
        value = record.get(name)
        if index == len(parts) - 1:
            return value
        kind = (KINDS.get(kind) or KINDS["job_templates"]).refs[name]
        record = world.find(kind, value)
    return None


def _convert(lookup: str, sample: t.Any, value: str) -> t.Any:
    if lookup == "isnull" or isinstance(sample, bool):
        if value.lower() not in ("true", "false", "1", "0"):
            raise Refused(400, {"detail": f'Unable to convert "{value}" to boolean'})
        return value.lower() in ("true", "1")
    if lookup == "in":
        return [_convert("exact", sample, item) for item in value.split(",")]
    if isinstance(sample, int):
        if value.lower() in ("null", "none"):
            return None
        if not value.lstrip("-").isdigit():
            raise Refused(400, {"detail": f'["\u201c{value}\u201d value must be an integer."]'})
        return int(value)
    return value


def _ordered(world: World, kind: str, records: list[Record], order: str) -> list[Record]:
    for field in reversed(order.split(",")):
        name = field.lstrip("-")
        parts = name.split("__")
        _follow_fields(world, kind, parts)

        def key(record: Record, parts: list[str] = parts) -> tuple[bool, t.Any]:
            value = _follow(world, kind, record, parts)
            return value is not None, value if isinstance(value, (int, float)) else str(value)

        records = sorted(records, key=key, reverse=field.startswith("-"))
    return records


def page(path: str, pairs: Pairs, records: list[Record], largest: int = LARGEST_PAGE) -> tuple[Record, list[Record]]:
    """Return the frame of a page and the records in it. Raises Refused past the end."""
    given = dict(pairs)
    asked = given.get("page_size", "")
    size = min(int(asked), largest) if asked.isdigit() and int(asked) > 0 else PAGE_SIZE
    number = given.get("page", "1")
    last = max(1, -(-len(records) // size))
    if not number.isdigit() or not 1 <= int(number) <= last:
        raise Refused(404, {"detail": "Invalid page."})
    current = int(number)

    def address(other: int) -> str | None:
        if not 1 <= other <= last:
            return None
        query = sorted([*((key, value) for key, value in pairs if key != "page"), ("page", str(other))])
        return f"{path}?{urlencode(query)}"

    frame = {"count": len(records), "next": address(current + 1), "previous": address(current - 1)}
    return frame, records[(current - 1) * size : current * size]
