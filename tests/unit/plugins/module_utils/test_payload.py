# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is imported from Ansible's payload, a zip archive, costs its compilation once and not twice."""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zipimport
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import payload

COUNTING = """
import sys, zipimport
compiled = []
real = zipimport._compile_source
zipimport._compile_source = lambda path, source: compiled.append(path[len(sys.argv[1]) + 1:]) or real(path, source)
sys.path.insert(0, sys.argv[1])
import first, used
print(used.ANSWER, used.__file__ == sys.argv[1] + "/used.py", *sorted(compiled))
"""


def imported_from(archive: Path, first: str) -> list[str]:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("payload.py", Path(str(payload.__file__)).read_text(encoding="utf-8"))
        file.writestr("first.py", first)
        file.writestr("used.py", "ANSWER = 42\n")
    command = [sys.executable, "-c", COUNTING, str(archive)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_modules_of_the_payload_are_compiled_once(tmp_path: Path) -> None:
    twice, ours = ["first.py"] * 2, "import payload; payload.compile_once()"
    assert imported_from(tmp_path / "plain.zip", "") == ["42", "True", *twice, "used.py", "used.py"]
    assert imported_from(tmp_path / "ours.zip", ours) == ["42", "True", *twice, "payload.py", "payload.py", "used.py"]


def test_elsewhere_nothing_is_touched() -> None:
    before = vars(zipimport).get("_get_module_code")
    payload.compile_once()
    assert vars(zipimport).get("_get_module_code") is before
