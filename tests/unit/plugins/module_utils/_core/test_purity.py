# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core decides and does not act: what it may import is listed here."""

from __future__ import annotations

import ast
import pathlib
import sys

import pytest

CORE = pathlib.Path(__file__).parents[5] / "plugins" / "module_utils" / "_core"
FORBIDDEN = {"ansible", "http", "requests", "socket", "ssl", "subprocess", "urllib3"}
ALLOWED_BEYOND_STDLIB = {"yaml"}
OWN = "ansible_collections.foundry.ee.plugins.module_utils._core"


def imported(path: pathlib.Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # In the image the scripts are a package of another name, so they import one another relatively.
            own_package = "image_scripts" in path.parts and node.level == 1
            assert node.level == 0 or own_package, f"{path}: relative import"
            if not own_package:
                names.add(node.module or "")
    return names


def test_there_is_a_core():
    assert (CORE / "errors.py").exists()


@pytest.mark.parametrize(
    "path", sorted(p for p in CORE.rglob("*.py") if "image_scripts" not in p.parts), ids=lambda p: p.name
)
def test_core_imports_neither_ansible_nor_network(path):
    for name in imported(path):
        top = name.partition(".")[0]
        assert top not in FORBIDDEN, f"{path.name} imports {name}"
        assert name.startswith(OWN) or top in sys.stdlib_module_names or top in ALLOWED_BEYOND_STDLIB, (
            f"{path.name} imports {name}"
        )


@pytest.mark.parametrize("path", sorted((CORE / "image_scripts").rglob("*.py")), ids=lambda p: p.name)
def test_image_scripts_need_the_standard_library_only(path):
    for name in imported(path):
        assert name.partition(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"
