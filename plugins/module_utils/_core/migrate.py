# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From versions 1 and 2 to version 3: what changes, why, and the new text with the old comments."""

from __future__ import annotations

import glob
import json
import posixpath
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    BuildFile,
    Change,
    Definition,
    Image,
    Options,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node, read, spans

CONFIG_FOLDER = "configs"
CONFIG_TARGET = "/etc/ansible/ansible.cfg"
"""Where ansible-galaxy finds it: ``~`` is not expanded by COPY."""

_MOVED = {
    "build_arg_defaults.EE_BASE_IMAGE": "images.base_image.name",
    "build_arg_defaults.EE_BUILDER_IMAGE": "images",
    "images.builder_image": "images",
    "additional_build_steps.prepend": "additional_build_steps.prepend_final",
    "additional_build_steps.append": "additional_build_steps.append_final",
    "ansible_config": "additional_build_files",
    "dependencies.python_interpreter.package_name": "dependencies.python_interpreter.package_system",
    "options.relax_password_permissions": "options.relax_passwd_permissions",
}
_SUCCESSORS = {"build_arg_defaults": "images"}
"""Where the comments of a key go that may be gone with all that was in it."""


@dataclass(frozen=True)
class Migrated:
    definition: Definition
    changes: tuple[Change, ...]


def migrate(definition: Definition, *, adopt: bool) -> Migrated:
    """Return a definition as version 3. With ``adopt`` its image gets what version 3 gives by default.

    Without, the image stays as it was: root, no working directory, entry point or command of its own, no checks. A
    definition that is version 3 stays as it is.
    """
    if definition.version == definitions.NEWEST:
        return Migrated(definition, ())
    changes = [Change("version", f"from {definition.version} to 3")]
    base = _base(definition, changes)
    if definition.builder_image is not None:
        message = f"the builder image {definition.builder_image.name} is gone: version 3 builds on the base image"
        changes.append(Change("images.builder_image", message))
    for name in definition.steps:
        old = name.partition("_")[0]
        changes.append(Change(f"additional_build_steps.{old}", f"is now called {name}"))
    files, steps = _with_config(definition, changes)
    if adopt:
        changes.append(Change("options", _ADOPTED))
    else:
        changes.append(Change("options", _KEPT))
    changes.append(Change("options.package_manager_path", _MANAGER))
    return Migrated(
        definition._replace(
            version=definitions.NEWEST,
            base_image=base,
            builder_image=None,
            ansible_config=None,
            build_files=files,
            steps=steps,
            options=Options() if adopt else definitions.OLD_OPTIONS,
        ),
        tuple(changes),
    )


_ADOPTED = (
    "the image gets version 3's defaults: pip is made available, ansible-core and ansible-runner are checked, the user "
    "is 1000, the working directory /runner, the entry point adds an unknown user to /etc/passwd"
)
_KEPT = (
    "the image stays as it was: root, no working directory, entry point or command of its own, no checks, "
    "/etc/passwd untouched, pip as the base image has it"
)
_MANAGER = (
    "not set: this collection looks for the image's package manager as version 1 and 2 did; ansible-builder would take "
    "/usr/bin/dnf, so name it if that builds the image too and the base is a minimal one"
)


def _base(definition: Definition, changes: list[Change]) -> Image:
    key = "build_arg_defaults.EE_BASE_IMAGE" if definition.version == 1 else "images.base_image"
    image = definition.base_image
    if image is None:
        message = f"named explicitly, as it was the default: {definitions.DEFAULT_BASE_IMAGE}, which is outdated"
        changes.append(Change("images.base_image", message))
        return Image(definitions.DEFAULT_BASE_IMAGE)
    if definition.version == 1:
        changes.append(Change(key, "is now images.base_image.name"))
    if definitions.has_tag(image.name):
        return image
    changes.append(Change("images.base_image.name", f"{image.name} had no tag, which means latest; now it says so"))
    return Image(f"{image.name.rstrip(':')}:latest", image.signature_original_name)


def _with_config(
    definition: Definition, changes: list[Change]
) -> tuple[tuple[BuildFile, ...], t.Mapping[str, tuple[str, ...]]]:
    """Turn ``ansible_config`` into a build file and a step of the galaxy stage, the only one that uses it."""
    config = definition.ansible_config
    if config is None:
        return definition.build_files, definition.steps
    step = _copied(f"_build/{CONFIG_FOLDER}/{posixpath.basename(config)}", CONFIG_TARGET)
    message = f"is now in additional_build_files, and a prepend_galaxy step copies it to {CONFIG_TARGET}"
    if definition.version == 1:
        message += " (ansible-builder copied it to a folder named ~, where nothing looks)"
    else:
        message += " (ansible-builder never used it in version 2)"
    changes.append(Change("ansible_config", message))
    # A relative `src` is a pattern.
    src = config if posixpath.isabs(config) else glob.escape(config)
    return (BuildFile(src, CONFIG_FOLDER),), {"prepend_galaxy": (step,), **definition.steps}


def _copied(source: str, target: str) -> str:
    """Return a step that copies one file: its name has no variables, and may hold blanks."""
    source = source.replace("$", "\\$")
    if re.search(r"[\s\"']", source) is None:
        return f"COPY {source} {target}"
    return f"COPY {json.dumps([source, target], ensure_ascii=False)}"


# The new text


def rewrite(old_text: str, new: Definition) -> str:
    """Return the text of ``new`` with the comments and blank lines of ``old_text`` at the keys they belonged to.

    A comment on a key that is gone goes to the nearest one above it that is still there. If the comments would change
    what the text says, they are left out.
    """
    text = definitions.dump(new)
    old_root, new_root = read(old_text).root, read(text).root
    if old_root is None or new_root is None:
        return text
    commented = _with_comments(text, _key_lines(new_root), _comments(old_text, _key_lines(old_root)))
    return commented if definitions.parse(commented).definition == new else text


@dataclass(frozen=True)
class _Comment:
    """``key`` is the key path that it belongs to, None for the end of the file; ``own_line`` says it stands above."""

    text: str
    key: str | None
    own_line: bool


def _key_lines(root: Node) -> dict[str, int]:
    """Return the line in which each key and list item begins, in the order of the text."""
    lines: dict[str, int] = {}

    def walk(node: Node, path: str) -> None:
        if isinstance(node.value, dict):
            for name, value in node.value.items():
                inner = f"{path}.{name}" if path else name
                lines[inner] = node.names[name].line or 1
                walk(value, inner)
        elif isinstance(node.value, list):
            for index, item in enumerate(node.value):
                lines[f"{path}[{index}]"] = item.line or 1
                walk(item, f"{path}[{index}]")

    walk(root, "")
    return dict(sorted(lines.items(), key=lambda entry: entry[1]))


def _comments(text: str, keys: t.Mapping[str, int]) -> list[_Comment]:
    covered = spans(text)
    found: list[_Comment] = []
    for number, line in enumerate(text.splitlines(), 1):
        start = next((at for at in _comment_starts(line) if not _inside(covered, number, at)), None)
        if start is None and (line.strip() or _inside(covered, number, 0)):
            continue
        own_line = start is None or not line[:start].strip()
        comment = "" if start is None else line[start:].rstrip()
        if own_line:
            key = next((path for path, at in keys.items() if at > number), None)
        else:
            key = next((path for path, at in reversed(list(keys.items())) if at <= number), None)
        found.append(_Comment(comment, key, own_line))
    while found and not found[-1].text and found[-1].key is None:
        found.pop()
    return found


def _comment_starts(line: str) -> t.Iterator[int]:
    for at, character in enumerate(line):
        if character == "#" and (at == 0 or line[at - 1] in " \t"):
            yield at


def _inside(spans: t.Iterable[tuple[tuple[int, int], tuple[int, int]]], line: int, column: int) -> bool:
    return any(start < (line, column + 1) < end for start, end in spans)


def _with_comments(text: str, keys: t.Mapping[str, int], comments: t.Iterable[_Comment]) -> str:
    above: dict[int, list[str]] = {}
    behind: dict[int, list[str]] = {}
    last: list[str] = []
    for comment in comments:
        line = None if comment.key is None else _new_line(comment.key, keys)
        if line is None:
            last.extend([comment.text] if comment.text or comment.key is None else [])
        elif comment.own_line:
            above.setdefault(line, []).append(comment.text)
        else:
            behind.setdefault(line, []).append(comment.text)
    lines: list[str] = []
    for number, written in enumerate(text.splitlines(), 1):
        indent = written[: len(written) - len(written.lstrip(" "))]
        lines.extend(f"{indent}{comment}" if comment else "" for comment in above.get(number, ()))
        lines.append("  ".join([written, *behind.get(number, ())]))
    return "".join(f"{line}\n" for line in [*lines, *last])


def _new_line(key: str, keys: t.Mapping[str, int]) -> int | None:
    for old, new in _MOVED.items():
        if key == old or key.startswith((f"{old}.", f"{old}[")):
            key = new + key[len(old) :]
            break
    while key and key not in keys:
        cut = max(key.rfind("."), key.rfind("["))
        key = key[:cut] if cut > 0 else _SUCCESSORS.get(key, "")
    return keys.get(key)
