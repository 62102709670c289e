# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.progress import (
    Follower,
    Progress,
    count_instructions,
    failed_step,
    from_json,
    status_line,
    step_line,
    telling,
    to_json,
)

CONTAINERFILE = """\
# a comment
ARG EE_BASE_IMAGE=base
FROM $EE_BASE_IMAGE AS base
RUN one \\
    # a comment within
    FROM is no instruction here

ENV A=1
FROM base AS final
RUN <<END
COPY is text here
END
COPY --from=base /a /b
"""

# podman 4.3.1, `podman build --jobs 0`, 2026-11-20: stages side by side, shortened.
PODMAN = """\
[1/3] STEP 1/3: FROM localhost/foundry-ee/base:bookworm AS base
[1/3] STEP 2/3: ARG X=1
--> 16ec734faf1
[1/3] STEP 3/3: RUN echo hi > /hi
--> c6e1b68c57a
[2/3] STEP 1/2: FROM c6e1b68c57a5aa11e20f7db8e101c7b736bc63189666b7ae7c4d19b94330a401 AS galaxy
[3/3] STEP 1/6: FROM c6e1b68c57a5aa11e20f7db8e101c7b736bc63189666b7ae7c4d19b94330a401 AS final
[2/3] STEP 2/2: RUN --mount=type=secret,id=tok cat /run/secrets/tok | wc -c; sleep 1
[3/3] STEP 2/6: COPY --from=galaxy /hi /hi2
7
"""

# docker buildx 0.20 `--progress plain`, from its documentation.
BUILDX = """\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [base 1/2] FROM docker.io/library/debian:bookworm
#5 DONE 0.1s
#6 [base 2/2] RUN apt-get update
#6 0.512 Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]
#7 [final 1/3] COPY --from=base /a /b
#7 CACHED
"""


def followed(text):
    follower = Follower(CONTAINERFILE)
    for line in text.splitlines():
        follower.feed(line)
    return follower.progress


def test_podman():
    assert followed(PODMAN) == Progress(7, 7, "COPY --from=galaxy /hi /hi2", "7")


def test_buildx():
    assert followed(BUILDX) == Progress(3, 6, "COPY --from=base /a /b", "")
    assert followed(BUILDX[: BUILDX.index("#7")]).line.startswith("Get:1 http")


def test_a_single_stage_has_no_number():
    assert followed("STEP 1/3: FROM base\nSTEP 2/3: RUN make") == Progress(2, 6, "RUN make", "")


def test_a_step_is_new_once():
    follower = Follower(CONTAINERFILE)
    assert follower.feed("STEP 1/3: FROM base")
    assert not follower.feed("STEP 1/3: FROM base")
    assert not follower.feed("some output")


def test_control_characters_do_not_reach_the_terminal():
    assert followed("STEP 1/3: RUN x\n\x1b[31mred\x1b[0m\x07").line == "red"


def test_instructions_are_counted_per_stage():
    assert count_instructions(CONTAINERFILE) == [3, 3]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ('Error: building at STEP "RUN false": while running runtime: exit status 1', "RUN false"),
        ('ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully', "/bin/sh -c false"),
        ("Error: no space left on device", None),
    ],
)
def test_failed_steps(line, step):
    assert failed_step(["output", line]) == step


def test_mounts_are_not_shown():
    text = "[1/2] STEP 5/5: RUN --mount=type=bind,source=a     --mount=type=cache,id=c python3 run pip"
    assert followed(text).instruction == "RUN python3 run pip"
    assert followed("STEP 1/3: RUN make --jobs=2").instruction == "RUN make --jobs=2"


def test_the_engines_remark_on_our_argument_is_not_shown():
    assert followed("STEP 1/3: RUN x\nout\n[Warning] one or more build args were not consumed: [A]").line == "out"


def test_what_is_telling():
    lines = [
        "[2/2] STEP 2/8: RUN before",
        "said before",
        "--> Using cache e62e444339aace32ad67cf6c53e29ba0b5e5c9d8b00ba3af172dd5fb48d4b3f6",
        "[2/2] STEP 3/8: RUN x",
        "ERROR: No matching distribution found for nothing",
        "",
        'Error: building at STEP "RUN x": while running runtime: exit status 1',
    ]
    assert telling(lines) == ["ERROR: No matching distribution found for nothing"]
    assert telling(["Error: creating build container: no such image"]) != []


def test_what_is_telling_where_another_stage_begins_a_step_before_the_end():
    lines = [
        "[2/3] STEP 2/2: RUN --mount=type=cache,id=c /opt/builder/foundry_ee/run --inputs=5f3a galaxy",
        "ERROR! Failed to find collection no.such:*",
        "[3/3] STEP 2/6: RUN other",
        "foundry.ee: `ansible-galaxy` ended with 1.",
        'Error: building at STEP "RUN --mount=type=cache,id=c /opt/builder/foundry_ee/run --inputs=5f3a galaxy": '
        "while running runtime: exit status 1",
    ]
    assert telling(lines) == [
        "ERROR! Failed to find collection no.such:*",
        "foundry.ee: `ansible-galaxy` ended with 1.",
    ]


def test_helpers_are_shown_by_their_duty():
    text = "STEP 1/3: RUN --mount=type=cache,id=c     /opt/builder/foundry_ee/run --inputs=5f3a core -- ansible-core"
    assert followed(text).instruction == "RUN foundry_ee core -- ansible-core"


def test_what_comes_after_the_steps():
    follower = Follower(CONTAINERFILE)
    follower.feed("STEP 1/3: FROM base")
    assert follower.end("checking") == Progress(1, 6, "checking", "")


def test_progress_goes_through_a_file():
    progress = Progress(3, 14, "RUN pip install", "Collecting süß")
    assert from_json(to_json(progress)) == progress


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"step": 1}', '{"step": "x", "steps": 1}'])
def test_a_file_that_is_not_complete(text):
    assert from_json(text) is None


@pytest.mark.parametrize(
    ("progress", "width", "line"),
    [
        (
            Progress(3, 14, "RUN pip  install", "Collecting six"),
            80,
            "b: step 3 of 14 | 01:05 | RUN pip install | Collecting six",
        ),
        (Progress(3, 14, "RUN pip", ""), 80, "b: step 3 of 14 | 01:05 | RUN pip"),
        (Progress(0, 0, "pushing q/a:1"), 80, "b: working | 01:05 | pushing q/a:1"),
        (Progress(3, 14, "R" * 80, "L" * 80), 50, "b: step 3 of 14 | 01:05 | RRRRRRRRRRR… | LLLLLLLL…"),
        (Progress(3, 14, "R" * 80, ""), 40, "b: step 3 of 14 | 01:05 | RRRRRRRRRRRRR…"),
    ],
)
def test_lines_for_a_terminal(progress, width, line):
    assert status_line(progress, "b", 65.4, width) == line
    assert len(line) <= width


def test_lines_for_a_log():
    assert step_line(Progress(3, 14, "RUN  pip", "x"), "b", 65.4) == "b: step 3 of 14 after 65 s: RUN pip"
    assert step_line(Progress(0, 0, "pushing q/a:1"), "b", 65.4) == "b: after 65 s: pushing q/a:1"
