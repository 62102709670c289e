# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events as ansible-runner 2.4.3 with ansible-core 2.19 gave them, cut down to what is read."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import run_result

START = {"event": "playbook_on_start", "stdout": "", "event_data": {"playbook": "a.yml"}}
CHANGED = {
    "event": "runner_on_ok",
    "stdout": "\x1b[0;33mchanged: [localhost]\x1b[0m",
    "event_data": {"host": "localhost", "task": "copy", "res": {"changed": True}},
}
DIFF = {
    "event": "runner_on_ok",
    "stdout": "",
    "event_data": {
        "host": "localhost",
        "task": "copy",
        "res": {"changed": True, "diff": [{"before": "", "after_header": "/tmp/xx", "after": "x"}]},
    },
}
SAME = {
    "event": "runner_on_ok",
    "event_data": {"host": "localhost", "task": "file", "res": {"changed": False, "diff": {"before": {}, "after": {}}}},
}
IGNORED = {
    "event": "runner_on_failed",
    "stdout": "",
    "event_data": {"host": "localhost", "task": "false", "ignore_errors": True, "res": {"msg": "non-zero return code"}},
}
FAILED: dict[str, t.Any] = {
    "event": "runner_on_failed",
    "stdout": "",
    "event_data": {
        "host": "localhost",
        "play": "all",
        "task": "restart",
        "resolved_action": "ansible.builtin.command",
        "task_action": "command",
        "task_path": "/runner/project/a.yml:8",
        "ignore_errors": None,
        "res": {"msg": "non-zero return code", "stderr": "first\nno such service\n", "rc": 1},
    },
}
LOOP = {
    "event": "runner_on_failed",
    "stdout": "",
    "event_data": {
        "host": "web1",
        "task": "loop",
        "res": {
            "msg": "One or more items failed",
            "results": [
                {"failed": True, "msg": "boo", "item": 1, "_ansible_item_label": 1},
                {"failed": False, "msg": "fine", "item": 2},
                {"failed": True, "msg": "bah", "item": 3},
            ],
        },
    },
}


def stats(**figures):
    processed = {host: 1 for hosts in figures.values() for host in hosts}
    return {"event": "playbook_on_stats", "stdout": "", "event_data": {**figures, "processed": processed}}


def heard(*events):
    account = run_result.Account()
    for event in events:
        account.hear(event)
    return account


def test_changed_comes_from_the_recap():
    assert heard(START, CHANGED, stats(ok={"localhost": 1}, changed={"localhost": 1})).changed
    assert not heard(START, stats(ok={"localhost": 1})).changed


def test_the_recap_is_per_host_and_complete():
    account = heard(stats(ok={"a": 2}, failures={"b": 1}, dark={"c": 1}))
    assert sorted(account.stats["a"]) == ["changed", "failed", "ignored", "ok", "rescued", "skipped", "unreachable"]
    assert account.stats["a"]["ok"] == 2
    assert account.stats["a"]["failed"] == 0
    assert account.stats["b"]["failed"] == 1
    assert account.stats["c"]["unreachable"] == 1


def test_a_failure_is_told_with_its_own_words():
    (found,) = heard(START, FAILED, stats(failures={"localhost": 1})).failures
    assert found == {
        "host": "localhost",
        "play": "all",
        "task": "restart",
        "role": None,
        "action": "ansible.builtin.command",
        "path": "/runner/project/a.yml:8",
        "unreachable": False,
        "msg": "non-zero return code: no such service",
    }


def test_ignored_and_rescued_failures_are_none():
    assert heard(START, IGNORED, stats(ok={"localhost": 1}, ignored={"localhost": 1})).failures == []
    assert heard(START, FAILED, stats(ok={"localhost": 1}, rescued={"localhost": 1})).failures == []


def test_a_rescued_failure_does_not_hide_the_next():
    later = {**FAILED, "event_data": {**FAILED["event_data"], "task": "later"}}
    recap = stats(ok={"localhost": 1}, rescued={"localhost": 1}, failures={"localhost": 1})
    assert [one["task"] for one in heard(START, FAILED, later, recap).failures] == ["later"]


def test_a_failure_before_the_recap_counts():
    assert len(heard(START, FAILED).failures) == 1


def test_a_loop_names_the_items_that_failed():
    (found,) = heard(LOOP, stats(failures={"web1": 1})).failures
    assert found["msg"] == "item 1: boo; item 3: bah"


def test_what_no_log_hides_stays_hidden():
    event = {"event": "runner_on_failed", "event_data": {"host": "a", "res": {"censored": "hidden", "failed": True}}}
    assert heard(event).failures[0]["msg"] == "hidden"


def test_diffs_say_where_they_are_from():
    (diff,) = heard(DIFF, SAME).diffs
    assert diff["after_header"] == "localhost: copy: /tmp/xx"
    assert diff["before_header"] == "localhost: copy"


def test_output_is_plain_and_bounded():
    account = heard(CHANGED)
    assert account.output == "changed: [localhost]"
    for _line in range(300):
        account.hear({"event": "verbose", "stdout": "x" * 1024})
    assert len(account.output) <= 129 * 1024


SCENE = run_result.Scene("podman", "hub/ee:1", "linux/arm64", "linux/amd64", has_mqueue=False)

# rc and output of podman 4.3.1 on Debian 12, with runc 1.1.5; the two lines with crun's name are from Debian's crun.
ENDS = [
    (1, "exec /usr/local/bin/ansible-playbook: exec format error", "linux/arm64"),
    (125, "Error: statfs /dev/mqueue: no such file or directory", "/dev/mqueue"),
    (
        126,
        "Error: OCI runtime error: crun: cgroups in hybrid mode not supported, drop all controllers",
        "control groups",
    ),
    (126, "Error: OCI runtime error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted", "limits"),
    (125, "Error: unknown flag: --frobnicate\nSee 'podman run --help'", "--frobnicate"),
    (
        127,
        "Error: runc: runc create failed: unable to start container process: exec: "
        '"ansible-playbook": executable file not found in $PATH: unknown',
        "no ansible-playbook",
    ),
    (2, "[dumb-init] ansible-playbook: No such file or directory", "no ansible-playbook"),
    (
        127,
        'Error: runc: runc create failed: exec: "ssh-agent": executable file not found in $PATH',
        "no ssh-agent",
    ),
    (
        125,
        'Error: creating container storage: the container name "ansible_runner_x" is already in use by 3f. You have to '
        "remove that container to be able to reuse that name",
        "taken",
    ),
    (125, "Error: something else", "something else"),
    (4, "ERROR! Syntax Error while loading YAML.", "before the first play"),
]


@pytest.mark.parametrize(("rc", "output", "told"), ENDS)
def test_a_container_that_does_not_start_is_explained(rc, output, told):
    words, _hint = run_result.diagnose(rc, output, SCENE)
    assert told in words


def test_a_failed_task_is_what_the_error_says():
    words, _rest = heard(START, FAILED, stats(failures={"localhost": 1})).explain(2, SCENE)
    assert words == "Failed in hub/ee:1: localhost, task `restart`: non-zero return code: no such service."
