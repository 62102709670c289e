# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Execution environment definitions: read, check, write back.

Versions 1, 2 and 3 of ansible-builder's format. What is accepted was measured against ansible-builder 3.2.0; where
this reader differs on purpose, ``docs/docsite/rst/differs_from_ansible_builder.rst`` says why.
"""

from __future__ import annotations

import functools
import math
import posixpath
import re
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.advice import advise
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    NOTHING,
    STEP_NAMES,
    BuildFile,
    ContainerInit,
    Definition,
    Exclude,
    Finding,
    Image,
    Options,
    Place,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import (
    Node,
    Source,
    from_value,
    plain,
    read,
    respelled,
    write,
)

NEWEST = 3
DEFAULT_NAMES = ("execution-environment.yml", "execution-environment.yaml")
"""What a definition is called in its folder; the first that is there counts."""
DEFAULT_BASE_IMAGE = "quay.io/ansible/ansible-runner:latest"

OLD_OPTIONS = Options(
    container_init=ContainerInit(None, None, None),
    relax_passwd_permissions=False,
    skip_ansible_check=True,
    skip_pip_install=True,
    workdir=None,
    user=None,
)
"""What versions 1 and 2 do to an image, said in version 3's options."""

_GALAXY_ARGS = ("ANSIBLE_GALAXY_CLI_COLLECTION_OPTS", "ANSIBLE_GALAXY_CLI_ROLE_OPTS")
_ARGS = {
    1: ("EE_BASE_IMAGE", "EE_BUILDER_IMAGE", *_GALAXY_ARGS),
    2: _GALAXY_ARGS,
    3: (*_GALAXY_ARGS, "PKGMGR_PRESERVE_CACHE"),
}
_TOP = {
    1: ("version", "ansible_config", "build_arg_defaults", "dependencies", "additional_build_steps"),
    2: ("version", "ansible_config", "build_arg_defaults", "dependencies", "images", "additional_build_steps"),
    3: (
        "version",
        "build_arg_defaults",
        "dependencies",
        "images",
        "additional_build_files",
        "additional_build_steps",
        "options",
    ),
}
_LISTS = ("galaxy", "python", "system")
_DEPENDENCIES = {
    1: _LISTS,
    2: _LISTS,
    3: (*_LISTS, "python_interpreter", "ansible_core", "ansible_runner", "exclude"),
}
_IMAGES = {2: ("base_image", "builder_image"), 3: ("base_image",)}
_STEPS = {1: ("prepend", "append"), 2: ("prepend", "append"), 3: STEP_NAMES}
_OPTIONS = Options._fields
_INIT = ContainerInit._fields

_OLDER = frozenset({"package_name", "relax_password_permissions"})
"""Spellings of older documents: understood, not offered."""

_KNOWN_MISTAKES = {
    (3, "ansible_config"): "List the file in `additional_build_files` and copy it in a `prepend_galaxy` step; "
    "`version: 3` on the module migrates it.",
    (3, "additional_build_steps.prepend"): "Name it `prepend_final`.",
    (3, "additional_build_steps.append"): "Name it `append_final`.",
    (3, "images.builder_image"): "Take it out: version 3 builds on the base image.",
    (3, "build_arg_defaults.EE_BASE_IMAGE"): "Give it as `images.base_image.name`.",
    (2, "build_arg_defaults.EE_BASE_IMAGE"): "Give it as `images.base_image.name`.",
    (3, "build_arg_defaults.EE_BUILDER_IMAGE"): "Take it out: version 3 builds on the base image.",
    (2, "build_arg_defaults.EE_BUILDER_IMAGE"): "Give it as `images.builder_image.name`.",
    (3, "environment"): "Set variables with an `ENV` line in `additional_build_steps`.",
    (3, "labels"): "Set labels with a `LABEL` line in `additional_build_steps.append_final`.",
    (3, "name"): "The image's name is given when it is built; or list it under `options.tags`.",
    (3, "tags"): "Name it `options.tags`.",
    (3, "base_image"): "Give it as `images.base_image.name`.",
    (3, "collections"): "Give them as `dependencies.galaxy.collections`.",
    (3, "options.package_manager_options"): "Give them in an `ENV PKGMGR_OPTS=…` line in a step.",
}


class Parsed(t.NamedTuple):
    """``definition`` is None where there are ``problems``. ``places`` maps a key path to where its value stands.

    ``older`` is the part of the advice that is about older spellings, which a migration writes anew. ``draft`` is what
    could be read in spite of problems: its files can be looked at, so that their problems come in the same report.
    """

    definition: Definition | None
    problems: tuple[Finding, ...] = ()
    advice: tuple[Finding, ...] = ()
    places: t.Mapping[str, Place] = NOTHING
    older: tuple[Finding, ...] = ()
    draft: Definition | None = None


Prepare = t.Callable[[Node], Node]


def parse(text: str | bytes, path: str | None = None, prepare: Prepare | None = None) -> Parsed:
    """Read a definition from its text. Raises nothing for bad input: see ``problems``.

    ``prepare`` is given what was read and returns what is to be checked in its place.
    """
    return _parsed(read(text, path), path, prepare)


def from_mapping(mapping: t.Any, path: str | None = None, prepare: Prepare | None = None) -> Parsed:
    """Read a definition from data that is already loaded: the same checks, without positions."""
    return _parsed(from_value(mapping), path, prepare)


def _parsed(source: Source, path: str | None, prepare: Prepare | None) -> Parsed:
    if source.root is None:
        return Parsed(None, source.problems, source.advice)
    checker = _Checker(path)
    definition = checker.definition(source.root if prepare is None else prepare(source.root))
    problems = _in_order(checker.problems)
    noted = [*source.advice, *checker.advice, *checker.older]
    if problems or definition is None:
        return Parsed(None, problems, _in_order(noted), checker.places, draft=definition)
    advice = _in_order([*noted, *advise(definition, checker.places)])
    return Parsed(definition, (), advice, checker.places, _in_order(checker.older))


def _in_order(findings: t.Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.place.line or 0, finding.place.column or 0)))


class _Checker:
    """Walks the tree once and notes everything that is wrong on the way."""

    def __init__(self, path: str | None) -> None:
        self.problems: list[Finding] = []
        self.advice: list[Finding] = []
        self.older: list[Finding] = []
        self.places: dict[str, Place] = {}
        self._path = path
        self._version = NEWEST

    # What to say

    def _place(self, node: Node, key: str) -> Place:
        return Place(self._path, node.line, node.column, key)

    def _bad(self, node: Node, key: str, message: str, hint: str) -> None:
        self.problems.append(Finding(message, hint, self._place(node, key)))

    def _advise(self, node: Node, key: str, message: str, hint: str) -> None:
        self.advice.append(Finding(message, hint, self._place(node, key)))

    def _wrong_kind(self, node: Node, key: str, wanted: str) -> None:
        shown = ""
        if isinstance(node.value, (str, int, float)) and not isinstance(node.value, bool):
            shown = f" ({_shown(node)})"
        hint = f"Give {wanted}."
        if node.value is None:
            hint = f"Give {wanted}, or take the {'entry' if key.endswith(']') else 'key'} out."
        elif wanted == _TEXT and isinstance(node.value, dict) and key.endswith("]"):
            hint = _quote_hint(node, key)
        elif wanted == _TEXTS and isinstance(node.value, str):
            hint = f"Put it in a list: `[{_shown(node)}]`."
        elif wanted == _TEXT and isinstance(node.value, (bool, int, float)):
            hint = f'Put it in quotes: "{_shown(node)}".'
        elif wanted == _FLAG and isinstance(node.value, (str, int)):
            hint = "Write true or false, without quotes."
        self._bad(node, key, f"`{key}` is {node.kind()}{shown}; expected {wanted}.", hint)

    # Shapes

    def _mapping(self, node: Node, key: str, known: t.Sequence[str], open_ended: bool = False) -> dict[str, Node]:
        """Return the known members. Unknown ones are problems, or advice where ansible-builder lets them pass."""
        if not isinstance(node.value, dict):
            self._wrong_kind(node, key or "The definition", f"a mapping of {_listed(known)}")
            return {}
        members: dict[str, Node] = {}
        for name, value in node.value.items():
            path = f"{key}.{name}" if key else name
            if name in known:
                self.places[path] = self._place(value, path)
                members[name] = value
            elif open_ended:
                self._advise(node.names[name], path, f"`{path}` has no effect.", f"Known here: {_listed(known)}.")
            else:
                self._bad(node.names[name], path, f"`{path}` is not known.", self._nearest(name, path, known))
        return members

    def _nearest(self, name: str, path: str, known: t.Sequence[str]) -> str:
        told = _KNOWN_MISTAKES.get((self._version, path))
        if told is not None:
            return told
        if self._version < NEWEST and (path in _TOP[3] or _known_in_newest(path)):
            return f"It needs `version: 3`; this definition has version {self._version}."
        import difflib  # only a definition that is refused needs it

        near = difflib.get_close_matches(name[:100], [one for one in known if one not in _OLDER], n=1)
        listed = f"Known here: {_listed(known)}."
        return f"Did you mean `{near[0]}`? {listed}" if near else listed

    def _text(self, node: Node | None, key: str) -> str | None:
        if node is None:
            return None
        if isinstance(node.value, str):
            return node.value
        self._wrong_kind(node, key, _TEXT)
        return None

    def _line(self, node: Node | None, key: str) -> str | None:
        """Return a text that becomes one instruction: a line break in it would begin another."""
        text = self._text(node, key)
        if text is None or node is None:
            return None
        text = text.rstrip("\r\n")
        if _BREAK.search(text):
            self._bad(node, key, f"`{key}` has a line break.", "Write it on one line; after `>-`, YAML joins lines.")
        return text

    def _texts(self, node: Node | None, key: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self._wrong_kind(node, key, _TEXTS)
            return ()
        texts = []
        for index, item in enumerate(node.value):
            path = f"{key}[{index}]"
            self.places[path] = self._place(item, path)
            text = self._text(item, path)
            texts.append("" if text is None else text)
        return tuple(texts)

    def _flag(self, node: Node | None, key: str, default: bool) -> bool:
        if node is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        self._wrong_kind(node, key, _FLAG)
        return default

    # The definition

    def definition(self, root: Node) -> Definition | None:
        if not root.value:
            if root.value not in (None, {}):
                message = f"The definition is {root.kind()} without content; it counts as an empty one."
                self._advise(root, "", message, "Write a mapping that begins with `version: 3`.")
            root = Node({}, root.line, root.column)
        if not isinstance(root.value, dict):
            self._wrong_kind(root, "The definition", "a mapping")
            return None
        self._version = version = self._read_version(root.value.get("version"))
        top = self._mapping(root, "", _TOP[version])
        args = self._build_args(top.get("build_arg_defaults"))
        images = self._images(top.get("images"))
        dependencies = self._members(top.get("dependencies"), "dependencies", _DEPENDENCIES[version])
        package, python_path = self._interpreter(dependencies.get("python_interpreter"))
        base = images.get("base_image")
        builder = images.get("builder_image")
        if version == 1:
            base = _image_of(args.pop("EE_BASE_IMAGE", None))
            builder = _image_of(args.pop("EE_BUILDER_IMAGE", None))
        return Definition(
            version=version,
            base_image=base,
            builder_image=builder,
            build_args=args,
            galaxy=self._requirements(dependencies.get("galaxy"), "galaxy"),
            python=self._requirements(dependencies.get("python"), "python"),
            system=self._requirements(dependencies.get("system"), "system"),
            exclude=self._exclude(dependencies.get("exclude")),
            python_package=package,
            python_path=python_path,
            ansible_core=self._pip_package(dependencies.get("ansible_core"), "ansible_core"),
            ansible_runner=self._pip_package(dependencies.get("ansible_runner"), "ansible_runner"),
            ansible_config=self._text(top.get("ansible_config"), "ansible_config") or None,
            build_files=self._build_files(top.get("additional_build_files")),
            steps=self._steps(top.get("additional_build_steps")),
            options=self._options(top.get("options")) if version == NEWEST else OLD_OPTIONS,
        )

    def _members(self, node: Node | None, key: str, known: t.Sequence[str]) -> dict[str, Node]:
        return {} if node is None else self._mapping(node, key, known)

    def _read_version(self, node: Node | None) -> int:
        """Return 1, 2 or 3. A number is cut to a whole one, as ansible-builder does; none is version 1.

        With a version that there is not, the rest is looked at as what we advise to write.
        """
        if node is None:
            return 1
        value = node.value
        if isinstance(value, str) and value.strip() in ("1", "2", "3"):
            number = int(value)
            self._bad(
                node, "version", f"`version` is the text `{value}`; expected a number.", f"Write `version: {number}`."
            )
            return number
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._wrong_kind(node, "version", "a number: 1, 2 or 3")
            return NEWEST
        if not math.isfinite(value) or int(value) not in _TOP:
            self._bad(node, "version", f"`version` is {_shown(node)}; there are 1, 2 and 3.", "Write `version: 3`.")
            return NEWEST
        if value != int(value):
            self._advise(
                node, "version", f"`version: {_shown(node)}` counts as version {int(value)}.", f"Write {int(value)}."
            )
        return int(value)

    def _build_args(self, node: Node | None) -> dict[str, str]:
        args = {}
        for name, value in self._members(node, "build_arg_defaults", _ARGS[self._version]).items():
            key = f"build_arg_defaults.{name}"
            text = self._text(value, key) if name in _GALAXY_ARGS else self._line(value, key)
            if text is not None:
                # Options of a command: lines part them as blanks do.
                args[name] = " ".join(text.splitlines())
        return args

    def _images(self, node: Node | None) -> dict[str, Image]:
        if node is None:
            return {}
        images = {}
        for name, member in self._mapping(node, "images", _IMAGES.get(self._version, ())).items():
            image = self._image(member, f"images.{name}")
            if image is not None:
                images[name] = image
        return images

    def _image(self, node: Node, key: str) -> Image | None:
        members = self._mapping(node, key, ("name", "signature_original_name"), open_ended=True)
        if not node.value or not isinstance(node.value, dict):
            return None
        name = self._line(members.get("name"), f"{key}.name")
        original = self._text(members.get("signature_original_name"), f"{key}.signature_original_name")
        if not name:
            if "name" not in members or name == "":
                self._bad(members.get("name", node), f"{key}.name", f"`{key}` has no name.", f"Give `{key}.name`.")
            return None
        self._check_tagged(members["name"], f"{key}.name", name)
        if original:
            self._check_tagged(members["signature_original_name"], f"{key}.signature_original_name", original)
        return Image(name, original or None)

    def _check_tagged(self, node: Node, key: str, name: str) -> None:
        """Refuse a name without a tag or digest. A port passes for one here, and gets advice, see ``advice``."""
        if has_tag(name):
            return
        hint = "Add a tag, or better a digest: `name:tag`, `name@sha256:…`."
        if "{{" in name:
            hint = "Render the Jinja template before the definition is read, or give the definition inline."
        self._bad(node, key, f"`{key}` is `{_short(name)}`, which has no tag.", hint)

    # Dependencies

    def _requirements(self, node: Node | None, name: str) -> Requirements | None:
        if node is None:
            return None
        key = f"dependencies.{name}"
        if isinstance(node.value, str):
            text = self._galaxy_text(node, key, node.value) if name == "galaxy" else node.value
            return _requirements_of(text)
        if self._version < NEWEST:
            hint = "Lists and mappings need `version: 3`; or give the name of a file."
            if isinstance(node.value, (list, dict)):
                self._bad(node, key, f"`{key}` is {node.kind()}; expected the name of a file.", hint)
            else:
                self._wrong_kind(node, key, "the name of a file")
            return None
        if isinstance(node.value, list):
            return self._listed_requirements(node, name, key)
        if isinstance(node.value, dict) and name == "galaxy":
            content = self._galaxy_content(node, key)
            return Requirements(content=content) if content else None
        wanted = "the name of a file, a text of several lines or a list of texts"
        self._wrong_kind(node, key, f"{wanted}, or a mapping" if name == "galaxy" else wanted)
        return None

    def _listed_requirements(self, node: Node, name: str, key: str) -> Requirements | None:
        content = "\n".join(self._texts(node, key))
        if not content:
            return None
        if name == "galaxy":
            content = self._galaxy_lines(node, key, content)
        return Requirements(content=content)

    def _galaxy_lines(self, node: Node, key: str, content: str) -> str:
        """Return a requirements file: the lines of one, or the collections that are named.

        ansible-builder writes the lines as they are, which ansible-galaxy then cannot read where they are names.
        """
        root = read(content).root
        if root is not None and isinstance(root.value, (dict, list)):
            return content if content.endswith("\n") else f"{content}\n"
        self._advise(
            node,
            key,
            f"`{key}` is a list of texts; they are taken as names of collections.",
            "Write a mapping: `collections:` with the list below it.",
        )
        names = [_named_collection(line.strip()) for line in content.split("\n") if line.strip()]
        return write({"collections": names})

    def _galaxy_text(self, node: Node, key: str, text: str) -> str:
        """Return the text of a requirements file with versions that YAML would take for numbers in quotes."""
        root = read(text).root if "\n" in text else None
        if root is None or not isinstance(root.value, (dict, list)):
            return text
        lost = respelled(root)
        for inner in lost:
            place = None if node.line is None or not node.block else node.line + (inner.line or 0)
            self.advice.append(_lost_spelling(inner, Place(self._path, place or node.line, None, key)))
        return write(plain(root)) if lost else text

    def _galaxy_content(self, node: Node, key: str) -> str:
        return write(plain(node, functools.partial(self._keep_spelling, key))) if node.value else ""

    def _keep_spelling(self, key: str, below: str, node: Node) -> None:
        """Tell of a value that YAML took for a number, a date or truth; it is kept as it was written."""
        key = f"{key}{below}"
        self.places[key] = self._place(node, key)
        if node.source is None:
            message = f"`{key}` is {node.kind()} ({node.value})."
            self._advise(node, key, message, f'Quote it where it is written: "{node.value}".')
        elif str(node.value) != node.source:
            self.advice.append(_lost_spelling(node, self.places[key]))

    def _exclude(self, node: Node | None) -> Exclude:
        key = "dependencies.exclude"
        members = self._members(node, key, Exclude._fields)
        lists = {name: self._texts(member, f"{key}.{name}") for name, member in members.items()}
        for name, entries in lists.items():
            for index, entry in enumerate(entries):
                self._check_pattern(f"{key}.{name}[{index}]", entry)
        return Exclude(**lists)

    def _check_pattern(self, key: str, entry: str) -> None:
        if not entry.startswith("~"):
            return
        try:
            re.compile(entry[1:])
        except (re.error, OverflowError, RecursionError) as error:
            message = f"`{_short(entry)}` is no regular expression: {error}."
            self.problems.append(Finding(message, "After `~` stands a regular expression.", self.places[key]))

    def _interpreter(self, node: Node | None) -> tuple[str | None, str | None]:
        key = "dependencies.python_interpreter"
        if node is None:
            return None, None
        members = self._mapping(node, key, ("package_system", "python_path", "package_name"))
        package = members.get("package_system")
        old = members.get("package_name")
        if old is not None:
            self._older(old, f"{key}.package_name", f"{key}.package_system")
            self._text(old, f"{key}.package_name")
            package = old if package is None else package
        return (
            self._line(package, f"{key}.package_system") or None,
            self._line(members.get("python_path"), f"{key}.python_path") or None,
        )

    def _older(self, node: Node, key: str, now: str) -> None:
        self.older.append(Finding(f"`{key}` is an older spelling.", f"Write `{now}`.", self._place(node, key)))

    def _pip_package(self, node: Node | None, name: str) -> str | None:
        if node is None:
            return None
        key = f"dependencies.{name}"
        if isinstance(node.value, str):
            self._older(node, key, f'{key}: {{package_pip: "{_short(node.value)}"}}')
            return self._line(node, key) or None
        members = self._mapping(node, key, ("package_pip",))
        if isinstance(node.value, dict) and "package_pip" not in members:
            self._bad(node, key, f"`{key}` has no `package_pip`.", f"Give `{key}.package_pip`, or take `{key}` out.")
        return self._line(members.get("package_pip"), f"{key}.package_pip") or None

    # Files and steps

    def _build_files(self, node: Node | None) -> tuple[BuildFile, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self._wrong_kind(node, "additional_build_files", "a list of mappings with `src` and `dest`")
            return ()
        found = [self._build_file(item, f"additional_build_files[{index}]") for index, item in enumerate(node.value)]
        return tuple(file for file in found if file is not None)

    def _build_file(self, node: Node, key: str) -> BuildFile | None:
        self.places[key] = self._place(node, key)
        members = self._mapping(node, key, ("src", "dest"))
        if not isinstance(node.value, dict):
            return None
        for name in ("src", "dest"):
            if name not in members:
                self._bad(node, key, f"`{key}` has no `{name}`.", f"Give `{key}.{name}`.")
        src = self._text(members.get("src"), f"{key}.src")
        dest = self._text(members.get("dest"), f"{key}.dest")
        if src is not None and posixpath.normpath(src or ".") == ".":
            self._bad(
                members["src"],
                f"{key}.src",
                f"`{key}.src` is the definition's own folder.",
                "Name the files or folders in it; `*` takes them all.",
            )
        if dest is not None and (dest.startswith("/") or ".." in dest.split("/")):
            self._bad(
                members["dest"],
                f"{key}.dest",
                f"`{key}.dest` is `{_short(dest)}`, outside of the build context.",
                "Give a relative path without `..`; it is a folder below `_build`.",
            )
        return None if src is None or dest is None else BuildFile(src, dest)

    def _steps(self, node: Node | None) -> dict[str, tuple[str, ...]]:
        steps = {}
        key = "additional_build_steps"
        for name, value in self._members(node, key, _STEPS[self._version]).items():
            lines = self._step_lines(value, f"{key}.{name}")
            if any(line.strip() for line in lines):  # blank ones make no stage
                steps[name if name in STEP_NAMES else f"{name}_final"] = lines
        return {name: steps[name] for name in STEP_NAMES if name in steps}

    def _step_lines(self, node: Node, key: str) -> tuple[str, ...]:
        if isinstance(node.value, list):
            return self._texts(node, key)
        if not isinstance(node.value, str):
            self._wrong_kind(node, key, "a text or a list of texts")
            return ()
        lines = node.value.split("\n")
        first = next((index for index, line in enumerate(lines) if line.strip()), 0)
        texts = tuple(node.value.strip().split("\n")) if node.value.strip() else ()
        for index in range(len(texts)):
            line = None if node.line is None else node.line + (1 + first + index if node.block else 0)
            path = f"{key}[{index}]"
            self.places[path] = Place(self._path, line, None if node.block else node.column, path)
        return texts

    # Options

    def _options(self, node: Node | None) -> Options:
        if node is None:
            return Options()
        default = Options()
        members = self._mapping(node, "options", (*_OPTIONS, "relax_password_permissions"))
        old = members.get("relax_password_permissions")
        if old is not None:
            self._older(old, "options.relax_password_permissions", "options.relax_passwd_permissions")
            self._flag(old, "options.relax_password_permissions", True)
            members.setdefault("relax_passwd_permissions", old)
            self.places.setdefault("options.relax_passwd_permissions", self._place(old, "options"))
        flags = {
            name: self._flag(members.get(name), f"options.{name}", getattr(default, name))
            for name in ("relax_passwd_permissions", "skip_ansible_check", "skip_pip_install")
        }
        workdir = default.workdir
        if "workdir" in members:
            workdir = self._workdir(members["workdir"])
        user = default.user
        if "user" in members:
            user = self._user(members["user"])
        manager = self._line(members.get("package_manager_path"), "options.package_manager_path")
        return Options(
            container_init=self._container_init(members.get("container_init")),
            package_manager_path=manager or None,
            workdir=workdir,
            user=user,
            tags=self._texts(members.get("tags"), "options.tags"),
            **flags,
        )

    def _workdir(self, node: Node) -> str | None:
        if node.value is None:
            return None
        text = self._line(node, "options.workdir")
        return text if text and text.strip() else None

    def _user(self, node: Node) -> str | None:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            self._older(node, "options.user", f'options.user: "{_shown(node)}"')
            return _shown(node)
        return self._line(node, "options.user") or None

    def _container_init(self, node: Node | None) -> ContainerInit:
        """Return each key with its default; an empty mapping, like an empty text, clears.

        ansible-builder drops the default of every key that is absent as soon as one is given.
        """
        if node is None:
            return ContainerInit()
        key = "options.container_init"
        members = self._mapping(node, key, _INIT)
        if not members:
            return ContainerInit(None, None, None)
        given = {name: self._line(member, f"{key}.{name}") or None for name, member in members.items()}
        return ContainerInit(**given)


# A backslash before it keeps the instruction going.
_BREAK = re.compile(r"(?<!\\)[\r\n]")
_TEXT = "a text"
_TEXTS = "a list of texts"
_FLAG = "true or false"


def _known_in_newest(path: str) -> bool:
    section, _dot, name = path.partition(".")
    known = {"dependencies": _DEPENDENCIES[3], "additional_build_steps": _STEPS[3], "build_arg_defaults": _ARGS[3]}
    return name in known.get(section, ())


def _quote_hint(node: Node, key: str) -> str:
    """Return the mend for an entry that YAML took for a mapping: in a step it is the colon in a line's middle."""
    if key.startswith("dependencies.galaxy["):
        return "Write a mapping: `collections:`, with this list below it."
    first = _short(next(iter(node.value), ""))
    return f"Put the entry in quotes: YAML takes `{first}`, as it stands before a colon and a space, for a key."


def _listed(names: t.Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name not in _OLDER)


def _shown(node: Node) -> str:
    """Return a scalar as it was written, else as it is."""
    return _short(node.source if node.source is not None else str(node.value))


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"


def has_tag(name: str) -> bool:
    """Tell whether ansible-builder finds a tag in an image's name: a colon with something behind it."""
    return re.search(r":.", name, re.DOTALL) is not None


def _lost_spelling(node: Node, place: Place) -> Finding:
    message = f"YAML reads the unquoted `{node.source}` as {node.value}; `{node.source}` is kept."
    return Finding(message, f'Put it in quotes: "{node.source}".', place)


def _image_of(name: str | None) -> Image | None:
    return Image(name) if name else None


def _requirements_of(text: str) -> Requirements | None:
    """A text of one line names a file; one with a line break is the content."""
    if not text:
        return None
    return Requirements(content=text) if "\n" in text else Requirements(file=text)


def _named_collection(line: str) -> dict[str, str]:
    """Read ``ns.name`` or ``ns.name:version``, as the command line of ansible-galaxy takes them."""
    name, colon, version = line.partition(":")
    return {"name": name, "version": version} if colon and "/" not in line else {"name": line}


# Writing


def dump(definition: Definition) -> str:
    """Return the text of a definition: YAML that :func:`parse` reads back to an equal one."""
    return f"---\n{write(to_mapping(definition), for_people=True)}"


def to_mapping(definition: Definition) -> dict[str, t.Any]:
    """Return the plain data of a definition in its own version; what equals a default is left out."""
    version = definition.version
    args = dict(definition.build_args)
    images: dict[str, t.Any] = {}
    if version == 1:
        for name, image in (("EE_BASE_IMAGE", definition.base_image), ("EE_BUILDER_IMAGE", definition.builder_image)):
            if image is not None:
                args[name] = image.name
    else:
        images = {
            name: _filled({"name": image.name, "signature_original_name": image.signature_original_name})
            for name, image in (("base_image", definition.base_image), ("builder_image", definition.builder_image))
            if image is not None
        }
    mapping = {
        "ansible_config": definition.ansible_config,
        "images": images,
        "build_arg_defaults": args,
        "dependencies": _dependencies_mapping(definition),
        "additional_build_files": [{"src": file.src, "dest": file.dest} for file in definition.build_files],
        "additional_build_steps": _steps_mapping(definition),
        "options": _options_mapping(definition.options) if version == NEWEST else {},
    }
    return {"version": version, **_filled(mapping)}


def _filled(mapping: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in mapping.items() if value not in (None, {}, [], ())}


def _dependencies_mapping(definition: Definition) -> dict[str, t.Any]:
    exclude = {name: list(getattr(definition.exclude, name)) for name in Exclude._fields}
    return _filled(
        {
            "ansible_core": _filled({"package_pip": definition.ansible_core}),
            "ansible_runner": _filled({"package_pip": definition.ansible_runner}),
            "python_interpreter": _filled(
                {"package_system": definition.python_package, "python_path": definition.python_path}
            ),
            "galaxy": _galaxy_value(definition),
            "python": _requirements_value(definition.version, definition.python),
            "system": _requirements_value(definition.version, definition.system),
            "exclude": _filled(exclude),
        }
    )


def _galaxy_value(definition: Definition) -> t.Any:
    """Return a mapping where it says the same as the text, else the text."""
    requirements = definition.galaxy
    if definition.version == NEWEST and requirements is not None and requirements.content is not None:
        root = read(requirements.content).root
        if root is not None and isinstance(root.value, dict):
            data = plain(root)
            if data and write(data) == requirements.content:
                return data
    return None if requirements is None else requirements.file or requirements.content  # a list is one of collections


def _requirements_value(version: int, requirements: Requirements | None) -> t.Any:
    """Return a file's name, lines as a list, or text as it is: before version 3, or if it ends with a line break."""
    if requirements is None:
        return None
    if requirements.content is None:
        return requirements.file
    if version != NEWEST or requirements.content.endswith("\n"):
        return requirements.content
    return requirements.content.split("\n")


def _steps_mapping(definition: Definition) -> dict[str, list[str] | str]:
    names = {name: name if definition.version == NEWEST else name.partition("_")[0] for name in definition.steps}
    return {names[name]: _steps_value(lines) for name, lines in definition.steps.items()}


def _steps_value(lines: tuple[str, ...]) -> list[str] | str:
    """Return a list of instructions, or a text where lines belong together and a text says the same."""
    text = "\n".join(lines)
    together = any(not line or line.endswith("\\") or line[0] in " \t#" for line in lines)
    return f"{text}\n" if together and tuple(text.strip().split("\n")) == lines else list(lines)


def _options_mapping(options: Options) -> dict[str, t.Any]:
    default = Options()
    changed = {name: getattr(options, name) for name in _OPTIONS if getattr(options, name) != getattr(default, name)}
    if "container_init" in changed:
        changed["container_init"] = _init_mapping(options.container_init)
    if "tags" in changed:
        changed["tags"] = list(options.tags)
    if "user" in changed and options.user is None:
        changed["user"] = ""
    return changed


def _init_mapping(init: ContainerInit) -> dict[str, str]:
    values = {name: getattr(init, name) or "" for name in _INIT}
    return values if any(values.values()) else {}
