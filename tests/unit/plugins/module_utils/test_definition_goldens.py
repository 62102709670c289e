# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our verdict on each recorded definition, beside ansible-builder's.

Where they differ, a rule must explain it. A rule looks at the input, and at what ansible-builder said, so that it
does not cover a second, unwanted difference in the same case.
"""

from __future__ import annotations

import re
import typing as t
from operator import itemgetter
from pathlib import Path

import yaml

from ansible_collections.foundry.ee.plugins.module_utils._arguments import ENGINE_ARGUMENTS
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core import migrate, policy
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._definition import Source, load, read, rendered
from ansible_collections.foundry.ee.tests.unit import goldens
from ansible_collections.foundry.ee.tests.unit.batches import batches, check_each
from ansible_collections.foundry.ee.tests.unit.goldens import Case

# Options of ansible-builder that take a value.
_VALUED = {
    "-f": "file",
    "--file": "file",
    "-c": "context",
    "--context": "context",
    "--output-filename": "output_filename",
    "--galaxy-keyring": "galaxy_keyring",
    "--galaxy-required-valid-signature-count": "count",
    "--galaxy-ignore-signature-status-code": "codes",
    "--galaxy-ignore-signature-status-codes": "codes",
    "--container-runtime": "engine",
    "--container-policy": "policy",
    "--container-keyring": "policy_keyring",
    "--build-arg": "build_args",
    "-t": "tags",
    "--tag": "tags",
    "--squash": "squash",
    "--extra-build-cli-args": "extra_args",
    "-v": "verbosity",
    "--verbosity": "verbosity",
}


def options_of(case: Case) -> dict[str, list[str]]:
    """Return the options of a case's command line by our names; bare ones by their own, without a value."""
    found: dict[str, list[str]] = {}
    current = ""
    for word in case.argv[2:]:
        name, equals, value = word.partition("=")
        bundled = re.fullmatch(r"-v(v+|\d+)", word)
        if bundled is not None or (word.startswith("-") and not re.fullmatch(r"-\d+", word)):
            current = "verbosity" if bundled is not None else _VALUED.get(name, name)
            found.setdefault(current, []).extend([value] if equals else [word] if bundled is not None else [])
        else:
            found[current].append(word)
    return found


def counterpart_lacking(case: Case, options: t.Mapping[str, t.Any]) -> str | None:
    """Say why a case cannot be judged by looking at definition and options, if so."""
    if re.search(r"An error occurred \(rc=|not installed", case.error):
        return "an engine must run or be absent"
    if "verbosity" in options and not case.accepted:
        return "verbosity is Ansible's, not ours"
    if "extra_args" in options and not case.accepted:
        return "arguments are a list, so there is no quoting to get wrong"
    if "squash" in options and not case.accepted:
        return "engines refuse their own options"
    if case.argv[1] == "create" and "build_args" in options:
        return "rendering takes no build arguments, which are ee_build's"
    return None


def judge(case: Case, folder: Path, options: t.Mapping[str, list[str]]) -> None:
    """Accept the case, or raise Invalid: what ee_definition and ee_build do before anything is written."""

    def last(name: str) -> str | None:
        return options[name][-1] if options.get(name) else None

    engine, wanted = last("engine"), last("policy")
    if engine is not None and engine not in ENGINE_ARGUMENTS["engine"]["choices"]:
        raise Invalid(f"there is no engine {engine}")
    if wanted is not None and wanted not in policy.POLICIES:
        raise Invalid(f"there is no policy {wanted}")
    # They were recorded in the definition's own folder, with the default name where no other is given.
    name = case.def_file if case.def_file is not None and case.def_file in case.input else last("file") or "."
    loaded = load(Source(src=str(folder / name)))
    names = [arg.partition("=")[0] for arg in options.get("build_args", ())]
    policy.check(
        wanted,
        last("policy_keyring"),
        definition=loaded.definition,
        engine=engine or "podman",
        build_args=names,
    )
    for name in ("policy_keyring", "galaxy_keyring"):
        keyring = last(name)
        if keyring is not None:
            read(folder / keyring)
    keyring = last("galaxy_keyring")
    rendered(
        loaded,
        case.id,
        keyring=None if keyring is None else read(folder / keyring),
        required_valid_signature_count=last("count"),
        ignore_signature_status_codes=options.get("codes", ()),
    )


# The differences that are meant; docs/docsite/rst/differs_from_ansible_builder.rst tells them to users.


def document_of(folder: Path, name: str) -> dict[str, t.Any]:
    try:
        data = yaml.safe_load((folder / name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return data if isinstance(data, dict) else {}


def section(document: t.Mapping[str, t.Any], *path: str) -> dict[str, t.Any]:
    found: t.Any = document
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def rule_for(case: Case, folder: Path, document: t.Mapping[str, t.Any], words: str) -> str | None:
    """Return the documented difference that explains why we disagree, if there is one."""
    rules = (older_spelling, missing_build_file, bad_pattern, broken_line, unreadable_galaxy, signature_words)
    return next((rule for rule in (each(case, folder, document, words) for each in rules) if rule is not None), None)


Document = t.Mapping[str, t.Any]


def older_spelling(case: Case, _folder: Path, document: Document, _words: str) -> str | None:
    """A spelling of older documents is understood, with advice."""
    dependencies, options = section(document, "dependencies"), section(document, "options")
    old = []
    if "package_name" in section(dependencies, "python_interpreter"):
        old.append("'package_name' was unexpected")
    if "relax_password_permissions" in options:
        old.append("'relax_password_permissions' was unexpected")
    for name in ("ansible_core", "ansible_runner"):
        if isinstance(dependencies.get(name), str):
            old.append(f"{dependencies[name]!r} is not of type 'object'")
    if isinstance(options.get("user"), int) and not isinstance(options["user"], bool):
        old.append(f"{options['user']} is not of type 'string'")
    named = any(text in case.error for text in old)
    return "older spellings are understood, with advice" if not case.accepted and named else None


def missing_build_file(case: Case, _folder: Path, _document: Document, words: str) -> str | None:
    """A build file that is not there ends the build later: here it is a problem."""
    said = any("in additional_build_files." in text or text.startswith("User build file") for text in case.warnings)
    only = all("matches no file" in line for line in words.splitlines() if line.startswith("- "))
    return "a missing build file is refused at once" if case.accepted and said and only else None


def bad_pattern(case: Case, _folder: Path, document: Document, words: str) -> str | None:
    """An exclusion that is no regular expression ends the build later: here it is a problem."""
    only = all("no regular expression" in line for line in words.splitlines() if line.startswith("- "))
    entries = [entry for part in section(document, "dependencies", "exclude").values() for entry in part]
    for entry in entries if case.accepted and only else ():
        try:
            re.compile(entry[1:] if entry.startswith("~") else "")
        except re.error:
            return "an exclusion that is no regular expression is refused at once"
    return None


def broken_line(case: Case, _folder: Path, document: Document, words: str) -> str | None:
    """What ends its instruction in the Containerfile breaks the build later: here it is a problem."""
    only = all("has a line break" in line for line in words.splitlines() if line.startswith("- "))
    options, images = section(document, "options"), section(document, "images")
    lines = [options.get(name) for name in ("workdir", "user", "package_manager_path")]
    lines += section(options, "container_init").values()
    lines += [section(images, name).get("name") for name in images]
    lines += section(document, "dependencies", "python_interpreter").values()
    lines += [section(document, "dependencies", name).get("package_pip") for name in ("ansible_core", "ansible_runner")]
    broken = any(isinstance(text, str) and "\n" in text.rstrip("\r\n") for text in lines)
    return "a line break would end the instruction" if case.accepted and only and broken else None


def unreadable_galaxy(case: Case, folder: Path, document: Document, words: str) -> str | None:
    """Galaxy requirements that are no YAML end the build later: here they are a problem."""
    galaxy = section(document, "dependencies").get("galaxy")
    if not case.accepted or not isinstance(galaxy, str) or "Galaxy requirements cannot be read" not in words:
        return None
    text = galaxy
    if "\n" not in galaxy:
        text = (folder / (case.def_file or "")).parent.joinpath(galaxy).read_text(encoding="utf-8", errors="replace")
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return "galaxy requirements that are no YAML are refused at once"
    return None


def signature_words(case: Case, _folder: Path, _document: Document, _words: str) -> str | None:
    """ansible-galaxy takes more than numbers for the count of signatures, so we do."""
    wrong = "--galaxy-required-valid-signature-count: invalid int value"
    return "the count of signatures may be what ansible-galaxy takes, such as `all`" if wrong in case.error else None


@batches(goldens.cases_of(), goldens.name)
def test_we_agree_with_ansible_builder(batch: list[Case], tmp_path: Path) -> None:
    check_each(batch, goldens.name, lambda case: compare_verdicts(case, tmp_path / case.id))


def compare_verdicts(case: Case, folder: Path) -> None:
    case.write(folder)
    options = options_of(case)
    lacking = counterpart_lacking(case, options)
    if lacking is not None:
        goldens.leave_out(case, lacking)
        return
    words, accepted = "", True
    try:
        judge(case, folder, options)
    except EEError as error:
        accepted, words = False, str(error)
    document = document_of(folder, case.def_file or "")
    rule = None if accepted == case.accepted else rule_for(case, folder, document, words)
    told = words.partition("\n")[2] or words
    goldens.settle(case, accepted, told.replace(str(folder), ".").replace("\n", " "), rule)


def texts() -> t.Iterator[tuple[str, str]]:
    for case in goldens.cases_of():
        text = case.input.get(case.def_file or "", {}).get("text")
        if text is not None:
            yield case.id, text


@batches(list(texts()), itemgetter(0))
def test_what_we_accept_is_written_and_migrated(batch: list[tuple[str, str]]) -> None:
    check_each(batch, itemgetter(0), write_and_migrate)


def write_and_migrate(case: tuple[str, str]) -> None:
    name, text = case
    parsed = definitions.parse(text, name)
    if parsed.definition is None:
        assert parsed.problems
        return
    assert definitions.parse(definitions.dump(parsed.definition)).definition == parsed.definition
    if parsed.definition.version == definitions.NEWEST:
        return
    for adopt in (False, True):
        new = migrate.migrate(parsed.definition, adopt=adopt)
        written = migrate.rewrite(text, new.definition)
        assert definitions.parse(written).definition == new.definition
        assert new.definition.version == definitions.NEWEST
        comments = [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]
        assert [comment for comment in comments if comment not in written] == []
