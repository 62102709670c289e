# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is imported from Ansible's payload, a zip archive, costs its compilation once and not twice."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils import _core

COUNTING = """
import sys, zipimport
compiled = []
real = zipimport._compile_source
zipimport._compile_source = lambda path, source: compiled.append(path[len(sys.argv[1]) + 1:]) or real(path, source)
sys.path.insert(0, sys.argv[1])
import package.used
print(package.used.ANSWER, package.used.__file__ == sys.argv[1] + "/package/used.py", *sorted(compiled))
"""


def imported_from(archive: Path, package: str) -> list[str]:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("package/__init__.py", package)
        file.writestr("package/used.py", "ANSWER = 42\n")
    command = [sys.executable, "-c", COUNTING, str(archive)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_modules_of_the_payload_are_compiled_once(tmp_path: Path) -> None:
    ours = Path(str(_core.__file__)).read_text(encoding="utf-8")
    right, twice = ["42", "True"], ["package/__init__.py"] * 2
    assert imported_from(tmp_path / "plain.zip", "") == [*right, *twice, *["package/used.py"] * 2]
    assert imported_from(tmp_path / "ours.zip", ours) == [*right, *twice, "package/used.py"]
