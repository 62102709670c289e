# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build where the engine's store runs full, and print what each build said and what was left.

unshare --mount python full_store.py FOLDER BASE ARGUMENTS: FOLDER becomes a disk that nobody else sees, with a store of
its own that holds the image BASE and has 40 MB left. In ARGUMENTS, the module's as JSON, SIZE stands for the bytes of a
file.

What podman notes of mounts lies beside that disk, as it lies below /run on a real machine. Where that runs full too,
podman 4.3.1 fails to unmount what it then deletes, and in one run of two the files stay. (An additional image store in
place of the copy would do with less. But podman 4.3.1 locks it and its own store in an order that stands still for ever
where others build.)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from running import build, lines

FREE = 40_000_000
STORE = """[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{runroot}"
"""


def remount(folder: Path, size: int, *more: str) -> None:
    options = ",".join([f"size={size}", "mode=700", *more])
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "foundry-ee", str(folder)], check=True)


folder, base, arguments = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
folder.mkdir(exist_ok=True)
remount(folder, 4_000_000_000)
storage, archive = folder / "storage.conf", folder / "base.tar"
storage.write_text(STORE.format(folder=folder, runroot=folder.with_name("run")))
subprocess.run(["podman", "save", "--quiet", "--output", str(archive), base], check=True)
os.environ["CONTAINERS_STORAGE_CONF"] = str(storage)
subprocess.run(["podman", "load", "--quiet", "--input", str(archive)], check=True, stdout=subprocess.DEVNULL)
archive.unlink()
remount(folder, shutil.disk_usage(folder).used + FREE, "remount")

small, large, other = (json.loads(arguments.replace("SIZE", size)) for size in ("1000", "60000000", "2000"))
found = {"first": build(small), "full": build(large)}
found["containers"] = len(lines("podman", "ps", "--all", "--external", "--quiet"))
found["free_mb"] = shutil.disk_usage(folder).free // 1_000_000
found["then"] = build(small)
found["next"] = build(other)
print(json.dumps(found))
