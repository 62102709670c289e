# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read an engine's output as it comes: which step of how many runs, and what it says."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import asdict, dataclass

# podman and buildah: "[2/4] STEP 3/7: RUN …", or "STEP 3/7: RUN …" where there is one stage.
_STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/(\d+): (.*)")
# docker with buildx: "#12 [builder 3/7] RUN …"; "[3/7]" where there is one stage, "[internal]" is its own work.
_BUILDX = re.compile(r"#\d+ \[(?:([\w.-]+) +)?(\d+)/(\d+)\] (.*)")
_BUILDX_PREFIX = re.compile(r"#\d+ (?:[\d.]+ )?")
_NOISE = re.compile(
    r"\[Warning\] one or more build args|-->|COMMIT|\[\d+/\d+\] COMMIT|[0-9a-f]{64}$"
    r"|#\d+ (?:DONE|CACHED|sha256:|extracting|exporting)"
)
_HELPER = re.compile(r"/opt/builder/(foundry_ee)/run(?: --inputs=\S+)?")  # see containerfile
_END = re.compile(r'(?:Error|ERROR): (?:error )?(?:building at STEP "|failed to solve: process ")')
_OPTIONS = re.compile(r"(?<=RUN )(?:--[a-z]+=\S+\s+)+")  # mounts and the like, which say nothing to who waits
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s")
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")


@dataclass(frozen=True)
class Progress:
    """``step`` of ``steps`` runs; ``instruction`` is its text, ``line`` the last it printed.

    ``steps`` is 0 for what is no step of a build, such as a push.
    """

    step: int
    steps: int
    instruction: str = ""
    line: str = ""


class Follower:
    """Follows one build. Engines count per stage, and some run stages side by side: steps are counted over all."""

    def __init__(self, containerfile: str) -> None:
        self._expected = sum(count_instructions(containerfile))
        self._seen: set[tuple[str, int]] = set()
        self._instruction = ""
        self._line = ""

    def feed(self, line: str) -> bool:
        """Take in one line of output; return whether a new step has begun."""
        text = _ANSI.sub("", line).strip()
        step = _begin(text)
        if step is not None:
            stage, number, _of, instruction = step.groups()
            mark = (stage or "", int(number))
            if mark in self._seen:
                return False
            self._seen.add(mark)
            self._instruction, self._line = plain(instruction), ""
            return True
        if text and not _NOISE.match(text):
            self._line = _BUILDX_PREFIX.sub("", text)
        return False

    def end(self, what: str) -> Progress:
        """Return the progress of what comes after the last step."""
        self._instruction, self._line = what, ""
        return self.progress

    @property
    def progress(self) -> Progress:
        seen = len(self._seen)
        return Progress(seen, max(seen, self._expected), self._instruction, self._line)


def count_instructions(containerfile: str) -> list[int]:
    """Return how many steps each stage of an instruction file has; arguments before the first FROM are none."""
    stages: list[int] = []
    for instruction in _instructions(containerfile):
        if instruction == "FROM":
            stages.append(1)
        elif stages:
            stages[-1] += 1
    return stages


def _instructions(containerfile: str) -> t.Iterator[str]:
    """Yield the name of each instruction; continued lines and here-documents belong to the one before."""
    continued = False
    ends: list[str] = []
    for line in containerfile.splitlines():
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            continue
        if line.lstrip().startswith("#"):
            continue
        found = None if continued else _INSTRUCTION.match(line + " ")
        if found is not None:
            yield found.group(1).upper()
        ends = [match.group(2) for match in _HEREDOC.finditer(line)]
        continued = line.rstrip().endswith("\\") or (continued and not line.strip())


def plain(instruction: str) -> str:
    """Return an instruction without what says nothing to a reader: mounts, and how our helpers are called."""
    return _HELPER.sub(r"\1", _OPTIONS.sub("", instruction))


def telling(lines: t.Sequence[str]) -> list[str]:
    """Return what the failed step printed, without what the engine says about layers, steps and its own end.

    It is the step that the engine names when it gives up, else the last one. Where stages run side by side, lines of
    another stage's steps may be among them.
    """
    texts = [_ANSI.sub("", line).strip() for line in lines]
    begun = {number: found.groups()[-1] for number, text in enumerate(texts) if (found := _begin(text)) is not None}
    failed = failed_step(texts)
    starts = [number for number, instruction in begun.items() if plain(instruction) == failed] or [*begun] or [0]
    return _told(texts[starts[-1] :]) or _told(texts)


def _begin(text: str) -> re.Match[str] | None:
    return _STEP.match(text) or _BUILDX.match(text)


def _told(texts: t.Sequence[str]) -> list[str]:
    return [text for text in texts if text and not any(kind.match(text) for kind in (_NOISE, _STEP, _BUILDX, _END))]


def failed_step(lines: t.Sequence[str]) -> str | None:
    """Return the instruction that an engine names when it gives up, None where it names none."""
    for line in reversed(lines):
        found = re.search(r'building at STEP "(.*?)": ', line) or re.search(r'process "(.*)" did not complete', line)
        if found is not None:
            return plain(found.group(1))
    return None


def to_json(progress: Progress) -> str:
    return json.dumps(asdict(progress))


def from_json(text: str) -> Progress | None:
    """Read what ``to_json`` wrote, None where it is not complete."""
    try:
        content = json.loads(text)
        return Progress(int(content["step"]), int(content["steps"]), str(content["instruction"]), str(content["line"]))
    except (ValueError, KeyError, TypeError):
        return None


def status_line(progress: Progress, host: str, seconds: float, width: int) -> str:
    """Return one line of at most ``width`` characters for a terminal."""
    minutes, rest = divmod(int(seconds), 60)
    counted = f"step {progress.step} of {progress.steps}" if progress.steps else "working"
    parts = [f"{host}: {counted}", f"{minutes:02}:{rest:02}"]
    parts += [" ".join(text.split()) for text in (progress.instruction, progress.line)]
    # The instruction gets at most half of what is left, so that there is room for what it says.
    room = width - len(" | ".join(parts[:2])) - 3
    if parts[3] and len(parts[2]) > room // 2:
        parts[2] = parts[2][: max(room // 2 - 1, 0)] + "…"
    line = " | ".join(part for part in parts if part)
    return line if len(line) <= width else line[: width - 1] + "…"


def step_line(progress: Progress, host: str, seconds: float) -> str:
    """Return the line that a log gets for a new step."""
    instruction = " ".join(progress.instruction.split())
    if not progress.steps:
        return f"{host}: after {seconds:.0f} s: {instruction}"
    return f"{host}: step {progress.step} of {progress.steps} after {seconds:.0f} s: {instruction}"
