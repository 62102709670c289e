# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill a registry in the middle of a push, start it again, push again; print what each run said.

lost_registry.py SCRIPT ARGUMENTS: SCRIPT is tests/services/registry, for which REGISTRY_HOME and REGISTRY_PORT are set;
ARGUMENTS are the module's, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from running import build, ended, start

PATIENCE_S = 300.0
script, arguments = sys.argv[1], json.loads(sys.argv[2])
home = Path(os.environ["REGISTRY_HOME"])


def uploading() -> bool:
    """Whether the registry has taken in a part of a layer."""
    return any(path.stat().st_size > 0 for path in home.glob("storage/**/_uploads/*/data"))


def manifests() -> int:
    return len(list(home.glob("storage/**/_manifests/revisions/sha256/*")))


subprocess.run([script, "start"], check=True, stdout=subprocess.DEVNULL)
try:
    push = start(arguments)
    end = time.monotonic() + PATIENCE_S
    while not uploading():
        if push.poll() is not None or time.monotonic() > end:
            raise SystemExit("nothing was uploaded")
        time.sleep(0.02)
    os.kill(int((home / "pid").read_text()), signal.SIGKILL)
    found = {"lost": ended(push), "manifests": manifests()}
    subprocess.run([script, "start"], check=True, stdout=subprocess.DEVNULL)
    found["again"] = build(arguments)
    found["repeated"] = build(arguments)
    found["manifests_after"] = manifests()
finally:
    subprocess.run([script, "stop"], check=True, stdout=subprocess.DEVNULL)
print(json.dumps(found))
