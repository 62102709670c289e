# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is allowed in a definition and yet likely to cost a build, a day or a password.

No message repeats a value that looks secret.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    Definition,
    Finding,
    Image,
    Place,
    instructions,
    user_of,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node, read, respelled

Places = t.Mapping[str, Place]

_SENSITIVE = r"[A-Za-z0-9_.-]*(?:token|passw(?:or)?d|secret|api[_-]?key|access[_-]?key)"
# A value that is not a reference ($X, {{ x }}, <x>, a path to a secret mount) and not a mere mark of a gap.
_LITERAL = r"(?![$<{%*/\"'\s]|xxx|none\b|null\b|true\b|false\b)[^\s\"'#;&|]{4,}"
# Left to be compiled by `re` where a line holds one of the words: most definitions have none, and each task compiles
# anew what it uses.
_SECRET_WORDS = ("token", "passw", "secret", "key")
# With a blank between name and value it is a setting of its own, as in `ENV` or a .netrc: elsewhere, words in a row.
_ASSIGNED_SECRET = (
    rf"(?i)(?:^|[\s,;\"'(\[{{-])({_SENSITIVE})[\"']?\s*[=:]\s*[\"']?{_LITERAL}"
    rf"|^\s*(?:ENV\s+)?({_SENSITIVE})\s+(?=[^=:\s]+\s*$)[\"']?{_LITERAL}"
)
_SECRET_OPTION = rf"(?i)--(?:token|password|api-?key|activation-?key)[ =][\"']?{_LITERAL}"
_LOGIN = rf"(?i)\blogin\s+\S+\s+password\s+{_LITERAL}"
_AUTHORIZATION = r"(?i)\bauthorization:\s*(?:bearer|basic|token)\s+[a-z0-9._~+/=-]{8}"
_CURL_USER = r"\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$<{]+:(?![$<{])[^\s\"'$]{3}"
_URL_PASSWORD = re.compile(r"://[^/\s:@$]+:(?![$<{])[^/\s@]+@")
_KNOWN_TOKEN = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_SECRET_ARG = rf"(?i)^\s*ARG\s+({_SENSITIVE})(?:\s*$|=)"
_CERTIFICATE_WORDS = ("cert", "trusted-host", "insecure", "ssl", "verify", "tls", "galaxy_ignore")
_NO_CERTIFICATES = (
    r"(?i)--ignore-certs\b|--trusted-host\b|--insecure\b|--no-check-certificate\b|strict-ssl[= ]\s*false\b"
    r"|sslverify\s*[=: ]\s*(?:0|false|no|off)\b|GIT_SSL_NO_VERIFY[= ]\s*[\"']?(?:1|true)"
    r"|PYTHONHTTPSVERIFY[= ]\s*[\"']?0|NODE_TLS_REJECT_UNAUTHORIZED[= ]\s*[\"']?0"
    r"|GALAXY_IGNORE(?:_CERTS)?[= ]\s*[\"']?(?:1|true|yes|on)\b"
    r"|(?:validate_certs|verify_ssl)\s*[=:]\s*(?:false|no|off|0)\b|ignore_certs\s*[=:]\s*(?:true|yes|on|1)\b"
)
_TOKEN_STARTS = ("gh", "glpat", "akia", "xox", "eyj", "-----")
_MARKS = (*_SECRET_WORDS, *_CERTIFICATE_WORDS, *_TOKEN_STARTS, "curl", "authorization", "://")
"""Of all that is looked for in a file, each has one of these."""
_HOME = re.compile(r"^\s*(?:ADD|COPY)\s.*\s[\"']?~(?:/|[\"']?\s*$)", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*[#;]")

_MOUNT_HINT = "Give it when building, as a secret (`secrets` of ee_build, `--mount=type=secret` in the step)."
_CERTIFICATE_HINT = "Bring your CA into the image and leave the checks on."


LONGEST = 4096
"""Characters of a line that are looked at: expressions over more would take seconds, and people write no such lines."""
BASE_KEYS = ("images.base_image.name", "build_arg_defaults.EE_BASE_IMAGE")
"""The key path of the base image's name, and that of version 1."""


def advise(definition: Definition, places: Places) -> list[Finding]:
    """Return advice on a definition that has no problems."""
    advice = [*_on_version(definition, places), *_on_images(definition, places), *_on_args(definition, places)]
    for name, lines in definition.steps.items():
        written = name if definition.version >= 3 else name.partition("_")[0]
        for index, message, hint in _on_steps(lines):
            key = f"additional_build_steps.{written}[{index}]"
            advice.append(Finding(message, hint, places.get(key) or Place(key=key)))
    return advice


def on_file(path: str, text: str) -> list[Finding]:
    """Return advice on a file that the build context takes in: secrets and switched-off checks, by line."""
    advice = []
    lowered = text.lower()
    marks = [mark for mark in _MARKS if mark in lowered]
    for number, line in enumerate(text.splitlines() if marks else (), 1):
        if not _holds(line, marks) or _COMMENT.match(line):
            continue
        place = Place(path, number, 1)
        secret = _secret(line)
        if secret is not None:
            message = f"{secret} stands here in clear text and would be part of the build context."
            advice.append(Finding(message, _MOUNT_HINT, place))
        if _checks_no_certificates(line):
            advice.append(Finding("Certificates are not checked.", _CERTIFICATE_HINT, place))
    return advice


def on_galaxy(path: str, text: str, files: t.Collection[str] = ()) -> list[Finding]:
    """Return advice on galaxy requirements: versions that ansible-galaxy will not read as they stand, missing files.

    ``files`` are the paths of the build context below ``_build``, where ansible-galaxy looks for local content.
    """
    source = read(text, path)
    lost = [
        Finding(
            f"YAML reads the unquoted `{node.source}` as {node.value}, and so does ansible-galaxy.",
            f'Put it in quotes: "{node.source}".',
            Place(path, node.line, node.column),
        )
        for node in ([] if source.root is None else respelled(source.root))
    ]
    return [*source.advice, *lost, *_on_local_content(path, source.root, files)]


def _on_local_content(path: str, root: Node | None, files: t.Collection[str]) -> t.Iterator[Finding]:
    members = root.value if root is not None and isinstance(root.value, dict) else {}
    entries = members["collections"].value if "collections" in members else None
    for entry in entries if isinstance(entries, list) else ():
        said = entry.value if isinstance(entry.value, dict) else {}
        kind, place = said.get("type"), said.get("source", said.get("name"))
        if kind is None or kind.value not in ("file", "dir", "subdirs"):
            continue
        if place is None or not isinstance(place.value, str):
            continue
        wanted = posixpath.normpath(place.value)
        if posixpath.isabs(wanted) or any(file == wanted or file.startswith(f"{wanted}/") for file in files):
            continue
        yield Finding(
            f"Nothing lies at `{place.value}` in the build context, where ansible-galaxy looks for this collection.",
            "Bring it there with `additional_build_files`, unless a step does.",
            Place(path, place.line, place.column),
        )


def hidden(text: str) -> str:
    """Return a text for a diff: lines that hold a secret say only that they do."""
    lines = text.splitlines(keepends=True)
    return "".join("(a line with a secret is not shown)\n" if _holds_secret(line) else line for line in lines)


def _holds_secret(line: str) -> bool:
    """Tell whether there is a secret anywhere in a line, however long; what is cut in two is whole in the next part."""
    return any(_secret(line[at : at + LONGEST]) is not None for at in range(0, len(line), LONGEST - 256))


def _on_version(definition: Definition, places: Places) -> t.Iterator[Finding]:
    if definition.version < 3:
        place = places.get("version") or Place(_file_of(places), key="version")
        yield Finding(
            f"Version {definition.version} of the format is deprecated; ansible-builder is to drop it.",
            "Migrate it: `version: 3` on the module.",
            place,
        )


def _file_of(places: Places) -> str | None:
    return next((place.path for place in places.values()), None)


def _on_images(definition: Definition, places: Places) -> t.Iterator[Finding]:
    key = BASE_KEYS[definition.version == 1]
    if definition.base_image is None:
        if definition.version == 3:
            yield Finding(
                "No base image is named; the default, ansible-runner:latest, is outdated and builds may fail on it.",
                "Give `images.base_image.name`.",
                Place(_file_of(places), key=key),
            )
        return
    yield from _on_image(definition.base_image, places.get(key) or Place(key=key))


def _on_image(image: Image, place: Place) -> t.Iterator[Finding]:
    try:
        reference = image_ref.parse(image.name)
    except Invalid as error:
        yield Finding(f"The engine will not take this name: {error}", "Write it out in full.", place)
        return
    pin = "Pin it: `name@sha256:…`, or use a lock."
    if reference.pinned:
        return
    if reference.tag is None:
        yield Finding(f"`{image.name}` has no tag, so it means `latest`: what is built changes with it.", pin, place)
    elif reference.tag == "latest":
        yield Finding(f"`{image.name}` moves: what is built changes with it.", pin, place)
    else:
        yield Finding(f"`{image.name}` names a tag, which can be moved to another image.", pin, place)


def _on_args(definition: Definition, places: Places) -> t.Iterator[Finding]:
    for name, value in definition.build_args.items():
        key = f"build_arg_defaults.{name}"
        place = places.get(key) or Place(key=key)
        if re.search(r"--ignore-certs\b|(?:^|\s)-c(?:\s|$)", value):
            yield Finding(f"`{name}` switches certificate checks off.", _CERTIFICATE_HINT, place)
        if _secret(value) is not None:
            yield Finding(f"`{name}` holds a secret, which the image's history shows to everyone.", _MOUNT_HINT, place)


def _on_steps(lines: t.Sequence[str]) -> t.Iterator[tuple[int, str, str]]:
    """Yield the index of the entry that advice is about, the message, the hint.

    Each line is looked at by itself, so that the place is exact, then each instruction as a whole.
    """
    told: set[tuple[int, str]] = set()
    for index, entry in enumerate(lines):
        for line in entry.split("\n"):
            for message, hint in [] if _COMMENT.match(line) else _on_line(line):
                if (index, message) not in told:
                    told.add((index, message))
                    yield index, message, hint
    found = list(instructions(lines))
    for (start, text), end in zip(found, [*(at for at, _text in found[1:]), len(lines)]):
        for message, hint in (*_on_instruction(text), *_on_line(text)):
            if not any((index, message) in told for index in range(start, max(start + 1, end))):
                told.add((start, message))
                yield start, message, hint


def _on_instruction(line: str) -> t.Iterator[tuple[str, str]]:
    if user_of([line]) is not None:
        yield (
            "`USER` in a step changes who runs all that follows, and builds fail for lack of rights.",
            "Set the user of the image with `options.user`; go back to `USER root` at the end of the same steps.",
        )
    if _HOME.match(line):
        yield (
            "COPY and ADD do not expand `~`: with ansible-builder the file lands in a folder of that name.",
            "Write the path out, such as /etc/ansible/ansible.cfg or /root/.ansible.cfg.",
        )
    passed = re.match(_SECRET_ARG, line) if _holds(line, _SECRET_WORDS) else None
    if passed is not None and _secret(line) is None:
        yield (f"`{passed[1]}` is passed by ARG: the image's history shows its value to everyone.", _MOUNT_HINT)


def _on_line(line: str) -> t.Iterator[tuple[str, str]]:
    secret = _secret(line)
    if secret is not None:
        yield (f"{secret} stands here in clear text, and in the image's history.", _MOUNT_HINT)
    if _checks_no_certificates(line):
        yield ("Certificates are not checked here.", _CERTIFICATE_HINT)


def _secret(line: str) -> str | None:
    """Say what kind of secret a line holds, never the secret."""
    line = line[:LONGEST]
    named = _holds(line, _SECRET_WORDS)
    assigned = re.search(_ASSIGNED_SECRET, line) if named else None
    if assigned is not None:
        return f"A value for `{assigned[1] or assigned[2]}`"
    if _KNOWN_TOKEN.search(line):
        return "A token or private key"
    if _URL_PASSWORD.search(line):
        return "A password in a URL"
    if named and (re.search(_SECRET_OPTION, line) or re.search(_LOGIN, line)):
        return "A token or password"
    if _holds(line, ("authorization",)) and re.search(_AUTHORIZATION, line):
        return "A token or password"
    _before, curl, words = line.partition("curl")
    return "A password" if curl and "-" in words and re.search(_CURL_USER, words) else None


def _checks_no_certificates(line: str) -> bool:
    line = line[:LONGEST]
    if _holds(line, _CERTIFICATE_WORDS) and re.search(_NO_CERTIFICATES, line) is not None:
        return True
    return "curl" in line and "-" in line and any(_trusts_all(command) for command in re.split("[|;&]", line))


def _trusts_all(command: str) -> bool:
    """Tell whether there is a ``curl`` in a command, and an option ``-k`` behind it, perhaps among other letters."""
    words = command.split()
    at = next((index for index, word in enumerate(words) if re.fullmatch(r"\W*(?:\S*/)?curl", word)), len(words))
    return any(re.fullmatch("-[a-zA-Z]+", word) and "k" in word for word in words[at:])


def _holds(line: str, words: t.Iterable[str]) -> bool:
    line = line.lower()
    return any(word in line for word in words)
