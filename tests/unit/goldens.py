# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-builder did with many definitions, and how often we agree.

The cases come from ``tests/fixtures/builder_goldens/cases.jsonl``, or from the file of the same form that the
environment variable ``FOUNDRY_EE_GOLDENS`` names. A test gives each verdict of ours to :func:`settle`;
``conftest.py`` prints the summary at the end of the run.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

FIXTURE = Path(__file__).parents[1] / "fixtures" / "builder_goldens" / "cases.jsonl"
VARIABLE = "FOUNDRY_EE_GOLDENS"


@dataclass(frozen=True)
class Case:
    """One recorded run. ``raw`` is the whole line, for what only one group of cases has."""

    id: str
    group: str
    argv: tuple[str, ...]
    accepted: bool
    error: str
    warnings: tuple[str, ...]
    def_file: str | None
    input: t.Mapping[str, t.Mapping[str, str]] = field(repr=False)
    raw: t.Mapping[str, t.Any] = field(repr=False)

    def write(self, folder: Path) -> None:
        """Lay out the input files below a folder."""
        folder.mkdir(exist_ok=True)
        for name, content in self.input.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if "symlink" in content:
                path.symlink_to(content["symlink"])
            elif "base64" in content:
                path.write_bytes(base64.b64decode(content["base64"]))
            else:
                path.write_bytes(content["text"].encode("utf-8", "surrogateescape"))


@functools.cache
def cases() -> tuple[Case, ...]:
    """Return all cases, in the file's order."""
    path = Path(os.environ.get(VARIABLE) or FIXTURE)
    with path.open(encoding="utf-8") as lines:
        return tuple(_case(json.loads(line)) for line in lines if line.strip())


def cases_of(*groups: str) -> list[Case]:
    """Return the cases of some groups; all definitions (not ``intro``) where none is named."""
    return [case for case in cases() if (case.group in groups if groups else case.group != "intro")]


def _case(raw: dict[str, t.Any]) -> Case:
    return Case(
        id=raw["id"],
        group=raw["group"],
        argv=tuple(raw["argv"]),
        accepted=raw["accepted"],
        error=raw.get("error") or "",
        warnings=tuple(raw.get("warnings") or ()),
        def_file=raw.get("def_file"),
        input=raw["input"],
        raw=raw,
    )


def name(case: Case) -> str:
    return case.id


@dataclass(frozen=True)
class Verdict:
    """Ours beside the recorded one. ``rule`` names the documented difference that explains a disagreement."""

    case: Case
    accepted: bool
    words: str
    rule: str | None

    @property
    def agrees(self) -> bool:
        return self.accepted == self.case.accepted


_VERDICTS: dict[str, Verdict] = {}
_LEFT_OUT: dict[str, str] = {}


def settle(case: Case, accepted: bool, words: str = "", rule: str | None = None) -> None:
    """Note our verdict and fail the test where it differs and no rule says why.

    ``words`` are our reasons. ``rule`` is found by a function of the input, never by the case's name, since other
    cases than these are compared too.
    """
    verdict = _VERDICTS[case.id] = Verdict(case, accepted, words, rule)
    assert verdict.agrees or rule is not None, _line(verdict)


def leave_out(case: Case, why: str) -> None:
    """Note that a case has no counterpart here: an option of the command line alone, or an engine that must run."""
    _LEFT_OUT[case.id] = why


def _line(verdict: Verdict) -> str:
    case = verdict.case
    theirs = "accepts" if case.accepted else f"rejects ({_first_line(case.error)})"
    ours = "we accept" if verdict.accepted else f"we reject ({verdict.words})"
    why = "NO RULE EXPLAINS THIS" if verdict.rule is None else verdict.rule
    return f"{case.id}: ansible-builder {theirs}, {ours}: {why}"


def _first_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[0][:160] if lines else "without words"


def summary() -> list[str]:
    """Return what the run has shown, for people."""
    if not _VERDICTS:
        return []
    verdicts = list(_VERDICTS.values())
    agreed = sum(verdict.agrees for verdict in verdicts)
    source = os.environ.get(VARIABLE) or FIXTURE.name
    lines = [f"ansible-builder goldens: {agreed} of {len(verdicts)} agree ({source})"]
    for why in sorted(set(_LEFT_OUT.values())):
        names = [name for name, reason in _LEFT_OUT.items() if reason == why]
        lines.append(f"{len(names)} without a counterpart here, {why}: {', '.join(names)}")
    left = len(cases()) - len(verdicts) - len(_LEFT_OUT)
    if left:
        lines.append(f"{left} further cases were not looked at in this run")
    return lines + [_line(verdict) for verdict in verdicts if not verdict.agrees]
