# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.foundry.ee.plugins.module_utils._core import definition
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    STEP_NAMES,
    BuildFile,
    ContainerInit,
    Definition,
    Exclude,
    Image,
    Options,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import write

EVERYTHING = textwrap.dedent(
    """\
    ---
    version: 3
    build_arg_defaults:
      ANSIBLE_GALAXY_CLI_COLLECTION_OPTS: --pre
      PKGMGR_PRESERVE_CACHE: always
    images:
      base_image:
        name: registry.example.com/ee-minimal:1.2
        signature_original_name: upstream.example.com/ee-minimal:1.2
    dependencies:
      python_interpreter: {package_system: python3.12, python_path: /usr/bin/python3.12}
      ansible_core: {package_pip: ansible-core~=2.16.0}
      ansible_runner: {package_pip: ansible-runner}
      galaxy:
        collections:
          - name: community.general
            version: 1.10
      python: [six, "psutil>=5"]
      system: bindep.txt
      exclude:
        python: [docker]
        system: [~gcc.*]
        all_from_collections: [ns.name]
    additional_build_files:
      - src: files/*.cfg
        dest: configs
    additional_build_steps:
      prepend_base:
        - RUN whoami
      append_final: |
        RUN one

        RUN two
    options:
      container_init: {cmd: '["sh"]'}
      package_manager_path: /usr/bin/microdnf
      relax_passwd_permissions: false
      skip_ansible_check: true
      skip_pip_install: true
      workdir: null
      user: root
      tags: [ee:1]
    """
)


def problems(text: str) -> list[tuple[str, int | None, int | None]]:
    return [
        (finding.place.key, finding.place.line, finding.place.column) for finding in definition.parse(text).problems
    ]


def test_every_key_of_version_3():
    parsed = definition.parse(EVERYTHING, "ee.yml")
    assert parsed.problems == ()
    assert parsed.definition == Definition(
        version=3,
        base_image=Image("registry.example.com/ee-minimal:1.2", "upstream.example.com/ee-minimal:1.2"),
        build_args={"ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--pre", "PKGMGR_PRESERVE_CACHE": "always"},
        galaxy=Requirements(content="collections:\n- name: community.general\n  version: '1.10'\n"),
        python=Requirements(content="six\npsutil>=5"),
        system=Requirements(file="bindep.txt"),
        exclude=Exclude(("docker",), ("~gcc.*",), ("ns.name",)),
        python_package="python3.12",
        python_path="/usr/bin/python3.12",
        ansible_core="ansible-core~=2.16.0",
        ansible_runner="ansible-runner",
        build_files=(BuildFile("files/*.cfg", "configs"),),
        steps={"prepend_base": ("RUN whoami",), "append_final": ("RUN one", "", "RUN two")},
        options=Options(
            container_init=ContainerInit(cmd='["sh"]'),
            package_manager_path="/usr/bin/microdnf",
            relax_passwd_permissions=False,
            skip_ansible_check=True,
            skip_pip_install=True,
            workdir=None,
            user="root",
            tags=("ee:1",),
        ),
    )
    assert parsed.places["dependencies.galaxy.collections[0].version"].line == 17
    assert parsed.places["dependencies.system"].line == 19
    assert parsed.places["additional_build_steps.append_final[2]"].line == 33


def test_blank_steps_are_none():
    for steps in ("['']", "[' ', '']", "''"):
        parsed = definition.parse(
            f"version: 3\nadditional_build_steps: {{append_builder: {steps}, append_final: RUN a}}"
        )
        assert parsed.definition is not None
        assert parsed.definition.steps == {"append_final": ("RUN a",)}


def test_what_is_written_is_read_back():
    for text in (
        EVERYTHING,
        "version: 1\nbuild_arg_defaults: {EE_BASE_IMAGE: a}\nadditional_build_steps: {prepend: RUN a}",
        'version: 1\ndependencies: {system: "git\\nrsync"}',
        'version: 3\ndependencies: {system: "git\\nrsync", galaxy: "a\\nb"}',
    ):
        parsed = definition.parse(text).definition
        assert parsed is not None
        assert definition.parse(definition.dump(parsed)).definition == parsed
        assert definition.from_mapping(definition.to_mapping(parsed)).definition == parsed


def test_all_problems_come_at_once_with_their_places():
    text = textwrap.dedent(
        """\
        version: 3
        images:
          base_image: {name: quay.io/a/b}
        dependencies:
          pyton: requirements.txt
        additional_build_steps:
          prepend: RUN whoami
        options:
          workdir: 3
        """
    )
    assert problems(text) == [
        ("images.base_image.name", 3, 22),
        ("dependencies.pyton", 5, 3),
        ("additional_build_steps.prepend", 7, 3),
        ("options.workdir", 9, 12),
    ]
    hints = [finding.hint for finding in definition.parse(text).problems]
    assert "Did you mean `python`?" in hints[1]
    assert hints[2] == "Name it `prepend_final`."
    assert hints[3] == 'Put it in quotes: "3".'


@pytest.mark.parametrize(
    ("text", "key", "line", "message", "hint"),
    [
        ('version: "3"', "version", 1, "is the text `3`", "Write `version: 3`."),
        ("version: 4", "version", 1, "there are 1, 2 and 3", "Write `version: 3`."),
        ("version: true", "version", 1, "true or false; expected a number", "1, 2 or 3"),
        ("version: .inf", "version", 1, "there are 1, 2 and 3", "3"),
        ("version: [3]", "version", 1, "is a list", "number"),
        ("- version: 3", "", 1, "The definition` is a list", "mapping"),
        ("version: 3\nansible_config: a", "ansible_config", 2, "not known", "additional_build_files"),
        ("version: 3\nnaem: a", "naem", 2, "not known", "Known here"),
        ("version: 1\noptions: {}", "options", 2, "not known", "needs `version: 3`; this definition has version 1"),
        ("dependencies: {exclude: {}}", "dependencies.exclude", 1, "not known", "needs `version: 3`"),
        ("version: 2\nbuild_arg_defaults: {EE_BASE_IMAGE: a}", "build_arg_defaults.EE_BASE_IMAGE", 2, "", "base_image"),
        ("version: 3\nimages: {base_image: {}, builder_image: {}}", "images.builder_image", 2, "", "Take it out"),
        ("version: 3\nimages: {base_image: {name: ''}}", "images.base_image.name", 2, "has no name", "Give"),
        ("version: 3\nimages: {base_image: {pull: true}}", "images.base_image.name", 2, "has no name", "Give"),
        ("version: 3\nimages: {base_image: {name: 'a:'}}", "images.base_image.name", 2, "no tag", "digest"),
        ("version: 3\nimages: {base_image: {name: '{{ a }}'}}", "images.base_image.name", 2, "no tag", "Jinja"),
        ("version: 3\nimages: null", "images", 2, "nothing (null)", "or take the key out"),
        ("version: 3\ndependencies: {python: 1.10}", "dependencies.python", 2, "a number (1.10)", "list of texts"),
        ("version: 3\ndependencies: {python: [a, 1.10]}", "dependencies.python[1]", 2, "(1.10)", '"1.10"'),
        ("version: 1\ndependencies: {python: [a]}", "dependencies.python", 2, "is a list", "need `version: 3`"),
        ("version: 3\ndependencies: {ansible_core: {}}", "dependencies.ansible_core", 2, "no `package_pip`", "Give"),
        (
            "version: 3\ndependencies: {exclude: {python: ['~[']}}",
            "dependencies.exclude.python[0]",
            2,
            "no regular",
            "~",
        ),
        ("version: 3\nadditional_build_files: [{src: a}]", "additional_build_files[0]", 2, "no `dest`", "dest"),
        (
            "version: 3\nadditional_build_files: [{src: a, dest: /b}]",
            "additional_build_files[0].dest",
            2,
            "outside",
            "_",
        ),
        (
            "version: 3\nadditional_build_files: [{src: ., dest: b}]",
            "additional_build_files[0].src",
            2,
            "own folder",
            "*",
        ),
        ("version: 3\noptions: {skip_pip_install: 'true'}", "options.skip_pip_install", 2, "a text (true)", "without"),
        ("version: 3\noptions: {user: true}", "options.user", 2, "true or false", '"true"'),
        ("version: 3\noptions: {tags: a}", "options.tags", 2, "is a text", "list"),
        ("version: 3\nadditional_build_steps: {append: a}", "additional_build_steps.append", 2, "", "`append_final`"),
        (
            'version: 3\noptions: {workdir: "/w\\nUSER root"}',
            "options.workdir",
            2,
            "`options.workdir` has a line break",
            "Write it on one line",
        ),
        (
            'version: 3\ndependencies: {ansible_core: "ansible-core\\nUSER root"}',
            "dependencies.ansible_core",
            2,
            "`dependencies.ansible_core` has a line break",
            "Write it on one line",
        ),
        (
            "version: 3\noptions:\n  container_init:\n    cmd: |\n      a\n      b\n",
            "options.container_init.cmd",
            4,
            "has a line break",
            "YAML joins lines",
        ),
    ],
)
def test_every_problem_has_place_reason_and_mend(text, key, line, message, hint):
    parsed = definition.parse(text, "ee.yml")
    assert parsed.definition is None
    finding = next(finding for finding in parsed.problems if key in (finding.place.key, ""))
    assert finding.place.line == line
    assert finding.place.path == "ee.yml"
    assert message in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("text", "name", "expected", "now"),
    [
        ("options: {relax_password_permissions: false}", "options.relax_passwd_permissions", False, "relax_passwd_"),
        ("options: {user: 1001}", "options.user", "1001", '"1001"'),
        ("dependencies: {ansible_core: ansible-core==2.14}", "ansible_core", "ansible-core==2.14", "package_pip"),
        ("dependencies: {ansible_runner: ansible-runner}", "ansible_runner", "ansible-runner", "package_pip"),
        ("dependencies: {python_interpreter: {package_name: p}}", "python_package", "p", "package_system"),
    ],
)
def test_older_spellings_are_understood_and_the_present_form_is_named(text, name, expected, now):
    parsed = definition.parse(f"version: 3\n{text}\n")
    value: t.Any = parsed.definition
    for step in name.split("."):
        value = getattr(value, step)
    assert value == expected
    (finding,) = parsed.older
    assert finding in parsed.advice
    assert finding.place.line == 2
    assert now in finding.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ContainerInit()),
        ("container_init: {}", ContainerInit(None, None, None)),
        ("container_init: {cmd: x}", ContainerInit(cmd="x")),
        ("container_init: {cmd: x, entrypoint: ''}", ContainerInit(entrypoint=None, cmd="x")),
    ],
)
def test_each_key_of_container_init_has_its_default_and_empty_clears(text, expected):
    parsed = definition.parse(f"version: 3\noptions:\n  workdir: /w\n  {text}\n").definition
    assert parsed is not None
    assert parsed.options.container_init == expected


@pytest.mark.parametrize(("written", "kept"), [('"bash\\n"', "bash"), ('"[\\\\\\n\\"a\\"]"', '[\\\n"a"]')])
def test_a_line_may_end_and_go_on_after_a_backslash(written, kept):
    parsed = definition.parse(f"version: 3\noptions: {{container_init: {{cmd: {written}}}}}\n")
    assert parsed.definition is not None
    assert parsed.definition.options.container_init.cmd == kept
    assert parsed.problems == ()


def test_options_of_galaxy_may_be_on_several_lines():
    arg = "ANSIBLE_GALAXY_CLI_COLLECTION_OPTS"
    parsed = definition.parse(f"version: 3\nbuild_arg_defaults:\n  {arg}: |\n    --pre\n    --force\n")
    assert parsed.definition is not None
    assert parsed.definition.build_args == {arg: "--pre --force"}


@pytest.mark.parametrize("version", [1, 2])
def test_older_versions_keep_their_images(version):
    parsed = definition.parse(
        f"version: {version}\nadditional_build_steps: {{prepend: RUN a, append: [RUN b]}}"
    ).definition
    assert parsed is not None
    assert parsed.options == definition.OLD_OPTIONS
    assert parsed.steps == {"prepend_final": ("RUN a",), "append_final": ("RUN b",)}


@pytest.mark.parametrize(
    ("galaxy", "content"),
    [
        ("[a.b, 'c.d:1.2']", "collections:\n- name: a.b\n- name: c.d\n  version: '1.2'\n"),
        ("['collections:', '  - a.b']", "collections:\n  - a.b\n"),
        ("{collections: [{name: a.b, version: 010}]}", "collections:\n- name: a.b\n  version: '010'\n"),
        (
            "|\n    collections:\n    - name: a.b\n      version: 2.10\n",
            "collections:\n- name: a.b\n  version: '2.10'\n",
        ),
        ("|\n    # kept as it is\n    collections: [a.b]\n", "# kept as it is\ncollections: [a.b]\n"),
    ],
)
def test_galaxy_requirements_in_every_form(galaxy, content):
    parsed = definition.parse(f"version: 3\ndependencies:\n  galaxy: {galaxy}\n")
    assert parsed.definition is not None
    assert parsed.definition.galaxy == Requirements(content=content)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("additional_build_steps: {append_final: [RUN echo a: b]}", "Put the entry in quotes: YAML takes `RUN echo a`"),
        ("additional_build_steps: {append_final: [~]}", "Give a text, or take the entry out."),
        ("dependencies: {galaxy: [{name: a.b}]}", "Write a mapping: `collections:`"),
        ("dependencies: {python_interpreter: /usr/bin/python3}", "Give a mapping of `package_system`, `python_path`."),
        ("dependencies: {exclude: {python: docker}}", "Put it in a list: `[docker]`."),
        ("options: {tags: a}", "Put it in a list: `[a]`."),
        ("options: {relax_password_permission: true}", "Did you mean `relax_passwd_permissions`?"),
        ("options: {user: !!binary aGVsbG8=}", "Give a text."),
        ("on: push", "Known here: `version`,"),
    ],
)
def test_the_mend_fits_the_mistake(text, hint):
    (problem,) = definition.parse(f"version: 3\n{text}\n").problems
    assert problem.hint.startswith(hint)
    assert "relax_password" not in problem.hint
    assert "`True`" not in problem.message


@pytest.mark.parametrize("version", ["4", "-1", ".inf", "[3]", "{}", "~", "true", '"x"'])
def test_a_wrong_version_does_not_hide_other_problems(version):
    parsed = definition.parse(f"version: {version}\nimages: []\nadditional_build_steps: {{append: RUN x}}\n")
    assert [problem.place.key for problem in parsed.problems] == ["version", "images", "additional_build_steps.append"]
    assert parsed.problems[2].hint == "Name it `append_final`."


def test_a_version_that_yaml_made_a_number_is_told_and_kept():
    parsed = definition.parse("version: 3\ndependencies:\n  galaxy:\n    collections: [{name: a.b, version: 1.10}]\n")
    (finding,) = [finding for finding in parsed.advice if "unquoted" in finding.message]
    assert finding.message == "YAML reads the unquoted `1.10` as 1.1; `1.10` is kept."
    assert (finding.place.line, finding.place.column) == (4, 40)


def test_a_number_in_loaded_data_cannot_be_kept_and_is_told():
    parsed = definition.from_mapping({"version": 3, "dependencies": {"galaxy": {"collections": [{"version": 1.1}]}}})
    assert any("is a number (1.1)" in finding.message for finding in parsed.advice)


def test_the_last_of_two_keys_counts_as_in_ansible_builder():
    parsed = definition.parse("version: 1\nversion: 3\n")
    assert parsed.definition is not None
    assert parsed.definition.version == 3
    assert "given twice" in parsed.advice[0].message + parsed.advice[1].message


def test_what_could_be_read_in_spite_of_problems_is_there_for_its_files():
    parsed = definition.parse("version: 3\nfoo: 1\ndependencies: {python: nope.txt}\n")
    assert parsed.definition is None
    assert parsed.draft is not None
    assert parsed.draft.python == Requirements(file="nope.txt")


SCALARS: t.Any = st.sampled_from(
    [None, True, False, 0, 1, 3, 1.5, "", "x", "a:b", "a\nb\n", "~[", "/x", "..", "$X:1", " "]
)
VALUES: t.Any = st.recursive(
    SCALARS | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "src", "dest", "x"]), inner),
    max_leaves=6,
)


def mapping_of(keys: t.Iterable[str], values: t.Any = VALUES) -> t.Any:
    return st.dictionaries(st.sampled_from(sorted(keys)), values, max_size=4)


DEFINITIONS = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 2, 3, 3, 3])},
    optional={
        "ansible_config": VALUES,
        "build_arg_defaults": mapping_of(["EE_BASE_IMAGE", "ANSIBLE_GALAXY_CLI_ROLE_OPTS", "PKGMGR_PRESERVE_CACHE"]),
        "images": mapping_of(["base_image", "builder_image"], mapping_of(["name", "signature_original_name"]) | VALUES),
        "dependencies": mapping_of(
            ["galaxy", "python", "system", "exclude", "ansible_core", "python_interpreter"],
            mapping_of(["package_pip", "package_system", "python_path", "python", "system", "collections"]) | VALUES,
        ),
        "additional_build_files": st.lists(mapping_of(["src", "dest"]) | VALUES, max_size=2),
        "additional_build_steps": mapping_of([*STEP_NAMES, "prepend", "append"]),
        "options": mapping_of(Options._fields, mapping_of(ContainerInit._fields) | VALUES),
    },
)


@given(DEFINITIONS)
def test_any_data_gives_a_definition_that_is_read_back_or_problems(data):
    parsed = definition.from_mapping(data)
    assert (parsed.definition is None) == bool(parsed.problems)
    if parsed.definition is not None:
        assert definition.parse(definition.dump(parsed.definition)).definition == parsed.definition
        assert definition.from_mapping(definition.to_mapping(parsed.definition)).definition == parsed.definition
    assert (definition.parse(write(data)).definition is None) == (parsed.definition is None)


@given(st.text() | st.binary())
def test_any_text_gives_a_definition_or_problems(text):
    parsed = definition.parse(text)
    assert (parsed.definition is None) == bool(parsed.problems)
