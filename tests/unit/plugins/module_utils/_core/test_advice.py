# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import advice, definition

SECRET = "s3cr3t-v4lue-0001"


def advised(text: str) -> list[tuple[int | None, str]]:
    parsed = definition.parse(text, "ee.yml")
    assert parsed.problems == ()
    return [(finding.place.line, finding.message) for finding in parsed.advice]


def about_step(line: str) -> str:
    text = f"version: 3\nimages: {{base_image: {{name: 'a/b@sha256:{'0' * 64}'}}}}\n"
    found = advised(f"{text}additional_build_steps:\n  append_final:\n  - |-\n    {line}\n")
    assert all(place == 5 for place, _message in found)
    return " ".join(message for _place, message in found)


@pytest.mark.parametrize(
    "line",
    [
        f"ENV API_TOKEN={SECRET}",
        f"ENV DB_PASSWORD {SECRET}",
        f"RUN curl -H 'token: {SECRET}' https://x.example.com",
        f"RUN ansible-galaxy collection install a.b --token {SECRET}",
        f"RUN pip install --index-url https://me:{SECRET}@x.example.com/simple a",
        f"ARG AH_TOKEN={SECRET}",
        f"RUN echo ghp_{'a1B2' * 9}",
        "RUN echo '-----BEGIN RSA PRIVATE KEY-----'",
        f"RUN curl -u admin:{SECRET} https://x.example.com",
        f"RUN curl --user 'admin:{SECRET}' https://x.example.com",
        f'RUN curl -H "Authorization: Bearer {SECRET}" https://x.example.com',
        f"RUN echo machine x login y password {SECRET} > /root/.netrc",
        f"RUN subscription-manager register --org 1 --activationkey {SECRET}",
    ],
)
def test_literal_secrets_in_steps_are_told_without_being_repeated(line):
    words = about_step(line)
    assert "clear text" in words
    assert SECRET not in words


@pytest.mark.parametrize(
    "line",
    [
        "ENV API_TOKEN=$TOKEN",
        "ENV API_TOKEN=${TOKEN}",
        "RUN --mount=type=secret,id=token cat /run/secrets/token",
        "RUN export TOKEN=$(cat /run/secrets/token)",
        "RUN echo password=",
        "RUN dnf install -y python3-secretstorage tokenizer",
        "RUN curl https://x.example.com/a@b",
        "# ENV TOKEN=commented-out",
        "RUN curl -fsSL https://x.example.com",
        "COPY _build/a /etc/~x",
        "RUN dnf install -y shadow-utils passwd which",
        "RUN dnf -y install passwd cracklib",
        "RUN curl -u admin:$PASS https://x.example.com",
        'RUN curl -H "Authorization: Bearer $TOKEN" https://x.example.com',
        "RUN podman run -u 1000:1000 x",
        "RUN curl -o k.tgz https://x.example.com/k && tar -xk",
    ],
)
def test_ordinary_steps_get_no_advice(line):
    assert about_step(line) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ARG AH_TOKEN", "passed by ARG"),
        ("USER root", "`USER` in a step"),
        ("user 1000", "`USER` in a step"),
        ("ADD _build/ansible.cfg ~/.ansible.cfg", "do not expand `~`"),
        ("COPY _build/ansible.cfg ~", "do not expand `~`"),
        ("RUN curl -k https://x.example.com", "Certificates are not checked"),
        ("RUN curl -sSkL https://x.example.com", "Certificates are not checked"),
        ("RUN pip install --trusted-host x a", "Certificates are not checked"),
        ("RUN git config --global http.sslVerify false", "Certificates are not checked"),
        ("ENV GIT_SSL_NO_VERIFY=1", "Certificates are not checked"),
        ("RUN npm config set strict-ssl false", "Certificates are not checked"),
        ("RUN wget --no-check-certificate https://x.example.com", "Certificates are not checked"),
    ],
)
def test_steps_that_cost_a_build(line, words):
    assert words in about_step(line)


def of_steps(steps: str) -> list[tuple[int | None, str]]:
    base = f"images: {{base_image: {{name: 'a/b@sha256:{'0' * 64}'}}}}"
    return advised(f"version: 3\n{base}\nadditional_build_steps:\n  append_final:\n{steps}")


def test_each_line_of_a_step_is_looked_at():
    ((line, message),) = of_steps("  - |\n    RUN a\n    USER bob\n")
    assert (line, "`USER`" in message) == (5, True)
    assert [
        line for line, _message in of_steps(f"  - RUN a\n  - |\n    # ENV TOKEN={SECRET}\n    ENV TOKEN={SECRET}\n")
    ] == [6]
    assert of_steps("  - |\n    RUN a \\\n      USER bob\n") == []


def test_a_command_over_several_lines_is_one_command():
    text = "  - RUN true\n  - |\n    RUN curl \\\n      -k https://x.example.com\n"
    assert of_steps(text) == [(6, "Certificates are not checked here.")]
    (told,) = of_steps(f"  - |\n    RUN curl https://x.example.com \\\n      # why\n      --user a:{SECRET}\n")
    assert "A password" in told[1]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("a.example.com/b:latest", "moves"),
        ("localhost:5000/a/b", "has no tag"),
        ("a.example.com/b:1.2", "names a tag"),
        ("a b:c", "will not take this name"),
        ("a/b@sha256:0123", "will not take this name"),
        (f"a.example.com/b@sha256:{'0' * 64}", None),
    ],
)
def test_base_images_that_move_or_cannot_be(image, words):
    found = advised(f"version: 3\nimages:\n  base_image:\n    name: '{image}'\n")
    assert [line for line, _message in found] == ([] if words is None else [4])
    assert all(words in message for _line, message in found)


def test_a_definition_without_base_and_one_of_an_old_version():
    assert "No base image" in advised("version: 3\n")[0][1]
    assert "deprecated" in advised("version: 1\n")[0][1]
    assert "deprecated" in advised("{}")[0][1]


def test_build_arguments():
    found = advised(
        f"version: 3\nbuild_arg_defaults:\n  ANSIBLE_GALAXY_CLI_COLLECTION_OPTS: --ignore-certs --token {SECRET}\n"
    )
    words = " ".join(message for line, message in found if line == 3)
    assert "switches certificate checks off" in words
    assert "holds a secret" in words
    assert SECRET not in words


def test_files_that_are_copied():
    text = f"[galaxy]\nserver_list = hub\n[galaxy_server.hub]\ntoken = {SECRET}\nignore_certs = yes\n# token = gone\n"
    found = advice.on_file("ansible.cfg", text)
    assert [(finding.place.line, finding.place.path) for finding in found] == [(4, "ansible.cfg"), (5, "ansible.cfg")]
    assert SECRET not in str(found)


@pytest.mark.parametrize("text", ["curl " * 200_000, "token_" * 160_000, "curl \n" * 20_000, "a key " * 160_000])
def test_files_take_no_time(text):
    started = time.process_time()
    assert advice.on_file("a", text) == []
    assert time.process_time() - started < 2


def test_secrets_in_lines_too_long_to_be_looked_at_are_not_shown_either():
    assert SECRET not in advice.hidden(f"{'x ' * 5000}password={SECRET}\n")


def test_versions_in_a_requirements_file():
    (finding,) = advice.on_galaxy("requirements.yml", "collections:\n- name: a.b\n  version: 1.10\n")
    assert "`1.10` as 1.1" in finding.message
    assert (finding.place.line, finding.place.column) == (3, 12)


def test_keys_given_twice_in_galaxy_files_are_pointed_at():
    (finding,) = advice.on_galaxy("requirements.yml", "collections:\n- name: a.b\n  version: '1'\n  version: '2'\n")
    assert (finding.place.line, finding.place.key) == (4, "collections[0].version")


def test_local_collections_that_are_not_in_the_context_are_told():
    text = """\
collections:
- {name: there/one, type: dir}
- {name: ./there, type: subdirs}
- {source: one.tar.gz, name: a.b, type: file}
- {name: gone/two, type: dir}
- {name: two.tar.gz, type: file}
- {name: /in/the/image, type: dir}
- {name: https://x.example.com/y.git, type: git}
- {type: dir}
- {name: [], type: dir}
- a.b
"""
    found = advice.on_galaxy("requirements.yml", text, ["there/one/galaxy.yml", "one.tar.gz", "gone/twofold"])
    assert [(finding.place.line, finding.message.split("`")[1]) for finding in found] == [
        (5, "gone/two"),
        (6, "two.tar.gz"),
    ]
    assert [advice.on_galaxy("x", text) for text in ("", "- a", "collections:", "collections: {a: b}")] == [[]] * 4


def test_lines_with_secrets_are_not_shown_in_diffs():
    shown = advice.hidden(f"a\ntoken = {SECRET}\nb\n")
    assert SECRET not in shown
    assert shown.splitlines()[::2] == ["a", "b"]
