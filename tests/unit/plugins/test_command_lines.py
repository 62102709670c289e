# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is put on a command line: everybody on a host can read those.

Read from the source. A command is a list or tuple with an option (a text that begins with a dash) in it, or a text with
an option, put together. In neither may a value stand whose name is that of a secret.
"""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"
FILES = sorted(PLUGINS.rglob("*.py"))
SECRET = re.compile(r"passw|passphrase|token|credentials|ssh_key|client_key_content|secret_?content", re.IGNORECASE)
# Options of podman, docker, buildah, skopeo and curl that take a secret itself.
CARRIERS = {
    "--creds",
    "--src-creds",
    "--dest-creds",
    "--password",
    "--registry-token",
    "--user-password",
    "--oauth2-bearer",
}
OPTION = re.compile(r"--?[a-z]")


def names(node: ast.AST) -> t.Iterator[str]:
    """What values are called: variables, attributes, and keys of mappings."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
            yield str(part.slice.value)


def begins_with_option(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(OPTION.match(node.value))


def suspicious(source: str) -> t.Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.partition("=")[0] in CARRIERS:
            yield f"line {node.lineno}: {node.value}"
        parts: list[ast.expr] = []
        if isinstance(node, (ast.List, ast.Tuple)) and any(map(begins_with_option, node.elts)):
            parts = node.elts
        elif isinstance(node, ast.JoinedStr) and begins_with_option(node):
            parts = node.values
        for part in parts:
            yield from (f"line {part.lineno}: {name}" for name in names(part) if SECRET.search(name))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_no_secret_is_an_argument(path):
    assert list(suspicious(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "run(['podman', 'login', '--username', user, '-p', password])",
        "run(['podman', 'pull', f'--creds={user}:{word}'])",
        "words += ['--creds', word]",
        "words.append(f'--token={params[\"token\"]}')",
        "run(['curl', '--header', 'Authorization: ' + self.token])",
        "words = ('-e', options['registry_password'])",
    ],
)
def test_secrets_on_command_lines_are_found(source):
    assert list(suspicious(source))


@pytest.mark.parametrize(
    "source",
    [
        "run(['podman', 'pull', '--authfile', path])",
        "run(['podman', 'build', f'--secret=id={secret.id},src={secret.path}'])",
        "login = (user, password)",
    ],
)
def test_files_are_fine(source):
    assert list(suspicious(source)) == []
