# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import definition, migrate
from ansible_collections.foundry.ee.plugins.module_utils._core.model import BuildFile, Image, Options

OLD = textwrap.dedent(
    """\
    ---
    # Our environment
    version: 1  # to be migrated

    build_arg_defaults:
      # where it starts
      EE_BASE_IMAGE: registry.example.com/base  # no tag
      EE_BUILDER_IMAGE: registry.example.com/builder:1

    ansible_config: cfg/ansible.cfg

    dependencies:
      python: requirements.txt
    additional_build_steps:
      # before
      prepend:
        # the first
        - RUN one
        - RUN two
      append: |
        RUN a && \\
          b
        # inside
    # the end
    """
)


def migrated(text: str, *, adopt: bool = False) -> tuple[migrate.Migrated, str]:
    old = definition.parse(text).definition
    assert old is not None
    result = migrate.migrate(old, adopt=adopt)
    return result, migrate.rewrite(text, result.definition)


def test_a_version_1_file_becomes_version_3_with_its_comments():
    _result, text = migrated(OLD)
    assert text == textwrap.dedent(
        """\
        ---
        # Our environment
        version: 3  # to be migrated

        images:
          base_image:
            # where it starts
            name: registry.example.com/base:latest  # no tag

        dependencies:
          python: requirements.txt

        additional_build_files:
          - src: cfg/ansible.cfg
            dest: configs
        additional_build_steps:
          prepend_galaxy:
            - COPY _build/configs/ansible.cfg /etc/ansible/ansible.cfg
          # before
          prepend_final:
            # the first
            - RUN one
            - RUN two
          append_final: |
            RUN a && \\
              b
            # inside
        options:
          container_init: {}
          relax_passwd_permissions: false
          skip_ansible_check: true
          skip_pip_install: true
          workdir: null
          user: ''
        # the end
        """
    )


def test_every_change_is_told():
    result, _text = migrated(OLD)
    assert [change.key for change in result.changes] == [
        "version",
        "build_arg_defaults.EE_BASE_IMAGE",
        "images.base_image.name",
        "images.builder_image",
        "additional_build_steps.prepend",
        "additional_build_steps.append",
        "ansible_config",
        "options",
        "options.package_manager_path",
    ]


def test_adopting_takes_the_defaults_of_version_3():
    result, text = migrated(OLD, adopt=True)
    assert result.definition.options == Options()
    assert "options:" not in text


@pytest.mark.parametrize("version", [1, 2])
def test_a_base_that_was_the_default_is_named(version):
    result, _text = migrated(f"version: {version}\n")
    assert result.definition.base_image == Image(definition.DEFAULT_BASE_IMAGE)


def test_version_2_keeps_its_images_and_uses_its_configuration():
    text = (
        "version: 2\nimages: {base_image: {name: 'a:1', signature_original_name: 'b:1'}}\nansible_config: '[x].cfg'\n"
    )
    result, _text = migrated(text)
    assert result.definition.base_image == Image("a:1", "b:1")
    assert result.definition.build_files == (BuildFile("[[]x].cfg", "configs"),)
    assert result.definition.steps == {"prepend_galaxy": ("COPY _build/configs/[x].cfg /etc/ansible/ansible.cfg",)}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("cfg/my ansible.cfg", 'COPY ["_build/configs/my ansible.cfg", "/etc/ansible/ansible.cfg"]'),
        ("a$b.cfg", "COPY _build/configs/a\\$b.cfg /etc/ansible/ansible.cfg"),
    ],
)
def test_a_configuration_of_any_name_is_copied(name, step):
    result, _text = migrated(f"version: 2\nansible_config: '{name}'\n")
    assert result.definition.steps["prepend_galaxy"] == (step,)


def test_version_3_stays():
    text = "version: 3\n# mine\nimages: {base_image: {name: 'a:1'}}\n"
    parsed = definition.parse(text).definition
    assert parsed is not None
    assert migrate.migrate(parsed, adopt=True) == migrate.Migrated(parsed, ())


@pytest.mark.parametrize(
    "text",
    [
        "version: 1  # a\n",
        "# only\nversion: 1\n#a\n# b\n",
        'version: 1\ndependencies: {python: "a # b\\n# c\\n"}\n',
        "version: 1\nadditional_build_steps:\n  append: >-\n    RUN a\n\n    # no comment\n  # a comment\n",
        "version: 1\r\n# windows\r\ndependencies:\r\n  python: a\r\n",
        "{version: 1, # inline\n dependencies: {python: a}}\n",
    ],
)
def test_comments_never_change_what_is_said(text):
    result, written = migrated(text)
    assert definition.parse(written).definition == result.definition
    assert migrate.rewrite(written, result.definition) == written
