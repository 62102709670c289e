# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the events of ansible-runner say about a run, and what an engine's refusal means."""

from __future__ import annotations

import re
import typing as t
from collections import deque
from dataclasses import dataclass, field

Event = t.Mapping[str, t.Any]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# ansible-runner's name of a figure, and ours.
_FIGURES = {
    "ok": "ok",
    "changed": "changed",
    "failures": "failed",
    "dark": "unreachable",
    "skipped": "skipped",
    "rescued": "rescued",
    "ignored": "ignored",
}
OUTPUT_LIMIT = 128 * 1024
_DIFF_LIMIT = 500
_KILLED = 128 + 9


def plain(text: str) -> str:
    """Return terminal output without colours and carriage returns."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


@dataclass
class Account:
    """Listens to the events of one run and keeps what is told about it."""

    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    results: dict[str, t.Any] = field(default_factory=dict)
    diffs: list[dict[str, t.Any]] = field(default_factory=list)
    started: bool = False
    _failures: list[dict[str, t.Any]] = field(default_factory=list)
    _output: deque[str] = field(default_factory=deque)
    _size: int = 0

    def hear(self, event: Event) -> None:
        """Take in one event."""
        self._keep(str(event.get("stdout") or ""))
        kind = event.get("event")
        data = event.get("event_data") or {}
        if kind == "playbook_on_start":
            self.started = True
        elif kind == "playbook_on_stats":
            self.stats = stats_by_host(data)
        elif kind in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
            self._failures.append(failure(data, unreachable=kind == "runner_on_unreachable"))
        if kind in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            self.results[str(data.get("host"))] = data.get("res")
        if kind in ("runner_on_ok", "runner_item_on_ok", "runner_on_failed"):
            self._keep_diff(data)

    @property
    def failures(self) -> list[dict[str, t.Any]]:
        """The failed tasks that were neither ignored nor rescued.

        The recap says how many of a host's failures were not rescued. Those are its last ones: a failure that is not
        rescued ends the host's play.
        """
        if not self.stats:
            return list(self._failures)
        left = {host: figures["failed"] + figures["unreachable"] for host, figures in self.stats.items()}
        found: list[dict[str, t.Any]] = []
        for one in reversed(self._failures):
            if left.get(one["host"], 1) > 0:
                left[one["host"]] = left.get(one["host"], 1) - 1
                found.append(one)
        return found[::-1]

    @property
    def changed(self) -> bool:
        return any(figures["changed"] for figures in self.stats.values())

    def result(self, *, with_results: bool) -> dict[str, t.Any]:
        """Return what a task tells of the run; ``with_results`` the modules' own results too, for an ad hoc run."""
        told: dict[str, t.Any] = {
            "changed": self.changed,
            "diff": self.diffs,
            "stats": self.stats,
            "failures": self.failures,
            "stdout": self.output,
        }
        return {**told, "module_results": self.results} if with_results else told

    def explain(self, rc: int, scene: Scene) -> tuple[str, str | None]:
        """Return the words for a failed run, and how to mend it."""
        failures = self.failures
        if failures:
            first = failures[0]
            more = f" ({len(failures) - 1} more in `failures`)" if len(failures) > 1 else ""
            return f"Failed in {scene.image}: {first['host']}, task `{first['task']}`: {first['msg']}{more}.", None
        if rc == _KILLED:
            return (
                f"The run in {scene.image} was killed: {self._last_words()}",
                "Was there too little memory (`limits.memory`, or of the host), or was the container stopped?",
            )
        if self.started:
            return f"The playbook ended with exit code {rc} in {scene.image}: {self._last_words()}", None
        return diagnose(rc, self.output, scene)

    def _last_words(self) -> str:
        return last_words(self.output)

    @property
    def output(self) -> str:
        """The end of what the run printed, up to 128 KiB."""
        return "\n".join(self._output)

    def _keep(self, text: str) -> None:
        text = plain(text)
        if not text:
            return
        self._output.append(text)
        self._size += len(text)
        while self._size > OUTPUT_LIMIT and len(self._output) > 1:
            self._size -= len(self._output.popleft())

    def _keep_diff(self, data: t.Mapping[str, t.Any]) -> None:
        result = data.get("res") or {}
        # Some modules report a difference between equal things.
        found = result.get("diff") if result.get("changed") else None
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict) and len(self.diffs) < _DIFF_LIMIT:
                where = f"{data.get('host')}: {data.get('task')}"
                self.diffs.append(
                    {**one, **{f"{side}_header": _header(where, one, side) for side in ("before", "after")}}
                )


def _header(where: str, diff: t.Mapping[str, t.Any], side: str) -> str:
    path = diff.get(f"{side}_header")
    return f"{where}: {path}" if path else where


def stats_by_host(data: t.Mapping[str, t.Any]) -> dict[str, dict[str, int]]:
    """Return the play recap as host → figure → number, every figure present."""
    return {
        host: {ours: int((data.get(theirs) or {}).get(host, 0)) for theirs, ours in _FIGURES.items()}
        for host in sorted(data.get("processed") or {})
    }


def failure(data: t.Mapping[str, t.Any], *, unreachable: bool) -> dict[str, t.Any]:
    """Return what is told about one failed task."""
    result = data.get("res") or {}
    return {
        "host": str(data.get("host")),
        "play": data.get("play"),
        "task": data.get("task"),
        "role": data.get("role"),
        "action": data.get("resolved_action") or data.get("task_action"),
        "path": data.get("task_path"),
        "unreachable": unreachable,
        "msg": _message(result),
    }


def _message(result: t.Mapping[str, t.Any]) -> str:
    """The task's own words; for a loop, those of the items that failed."""
    items = [one for one in result.get("results") or [] if isinstance(one, dict) and one.get("failed")]
    if items:
        return "; ".join(f"{_label(one)}: {one.get('msg')}" for one in items[:5])
    words = str(result.get("msg", result.get("censored", "no message")))
    error = str(result.get("stderr") or result.get("module_stderr") or "").strip()
    return f"{words}: {error.splitlines()[-1]}" if error else words


def _label(item: t.Mapping[str, t.Any]) -> str:
    return f"item {item.get('_ansible_item_label', item.get('item'))}"


@dataclass(frozen=True)
class Scene:
    """Where a container did not start: platforms as ``os/architecture``, None where that is not known."""

    engine: str
    image: str
    image_platform: str | None
    host_platform: str | None
    has_mqueue: bool


def last_words(text: str, lines: int = 3) -> str:
    """Return the end of an output on one line."""
    found = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(found[-lines:])[:1000].rstrip(".") + "." if found else "it printed nothing."


def diagnose(rc: int, output: str, scene: Scene) -> tuple[str, str | None]:
    """Return what it means that ``ansible-playbook`` did not start, and how to mend it.

    Engines have three exit codes of their own (podman-run(1), "Exit Status") and tell the rest in words.
    """
    words = output.lower()
    said = last_words(output)
    if "exec format error" in words or "exec user process caused" in words:
        return (
            f"The image {scene.image} is made for {scene.image_platform}, this host is {scene.host_platform}: {said}",
            "Use an image for this architecture, or install emulation (qemu-user-static).",
        )
    if "mqueue" in words and not scene.has_mqueue:
        return (
            f"{scene.engine} could not start the container: this host has no /dev/mqueue, which `--ipc=host` needs.",
            "Leave that option out, or mount it: `mount -t mqueue mqueue /dev/mqueue`.",
        )
    if "cgroup" in words:
        return (
            f"{scene.engine} could not start the container, because of this host's control groups: {said}",
            "Leave `limits` out, or set `cgroup_manager` or another `runtime` in containers.conf.",
        )
    if "rlimit" in words:
        return (
            f"{scene.engine} may not set the container's limits: {said}",
            "Lower `default_ulimits` in containers.conf.",
        )
    if "unknown flag" in words or "unknown shorthand" in words:
        return (
            f"{scene.engine} does not know an option: {said}",
            "Is it misspelt in `engine_options`, or is this engine too old? podman 3.1 and later know all others.",
        )
    if "is already in use" in words:
        return f"The container's name is taken: {said}", "Leave `ident` out, or choose another."
    missing = _missing_program(words)
    if missing == "ssh-agent":
        return f"The image {scene.image} has no ssh-agent, which `ssh_key` needs.", "Add openssh-clients to it."
    if missing is not None or rc == 127:
        return (
            f"The image {scene.image} is no execution environment: it has no {missing or 'ansible-playbook'}: {said}",
            "Build one from it with ee_build.",
        )
    if rc in (125, 126):
        return f"{scene.engine} could not start the container: {said}", None
    return f"ansible-playbook ended with exit code {rc} before the first play: {said}", None


def _missing_program(words: str) -> str | None:
    found = re.search(r"(ssh-agent|ansible-playbook)\W{1,4}.{0,40}(?:not found|no such file)", words)
    found = found or re.search(r"(?:not found|no such file).{0,60}(ssh-agent|ansible-playbook)", words)
    return found.group(1) if found else None
