# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task loads before it knows what it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).resolve().parents[7]
LISTED = "import sys; import ansible_collections.foundry.ee.plugins.modules.{} ; print(*sys.modules, sep='\\n')"


@pytest.mark.parametrize("module", ["ee_definition", "ee_build"])
def test_what_few_tasks_need_is_not_loaded_by_all(module):
    """A task compiles each file of ours that it imports: these would add some 15 ms to every one."""
    answer = subprocess.run(
        [sys.executable, "-c", LISTED.format(module)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.rpartition(".")[2] for name in answer.stdout.split() if name.startswith("ansible_collections")}
    assert {"_definition", "context", "containerfile"} <= loaded
    assert not loaded & {"_definition_parts", "fragments", "migrate", "lock", "requirements"}
    assert not loaded & {"introspect", "bindep", "steps", "packages", "pip", "galaxy"}
