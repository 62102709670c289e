# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install a package by each package manager that is named, with and without a cache, by the helpers.

Run as root in a throw-away container, with the helpers of a build context in ``/opt/helpers``.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, "/opt/helpers")
from foundry_ee import packages

NAME = "said-by-rpm"

for path in sys.argv[1:]:
    for cache in (None, Path("/var/cache/foundry-ee")):
        manager = packages.find(path, cache)
        packages.install(manager, [NAME])
        said = subprocess.run([NAME], capture_output=True, text=True, check=True).stdout.strip()
        kept = manager.cache is not None and any("solv" in place.name for place in manager.cache.rglob("*"))
        words = [
            said,
            "cached" if kept else "uncached",
            *(["epel"] if packages.known_repository(manager, "epel") else []),
        ]
        sys.stdout.write(f"by {manager.kind}: {' '.join(words)}\n")
        sys.stdout.flush()
        subprocess.run(["rpm", "--erase", NAME], check=True)
