# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what Python compiles of Ansible's payloads, for the tests: payload_cache.py

Ansible sends each module as a zip archive of sources, in which Python cannot keep what it compiles. So it compiles some
sixty files of Ansible's own in every task, which is half of a task's processor time. This makes the virtual environment
of the Python that runs it keep them, by their content, in those processes that are a task's. What runs is the same.
"""

from __future__ import annotations

import contextlib
import importlib.util
import marshal
import os
import pathlib
import shutil
import sysconfig
import types
import zipimport

KEPT = pathlib.Path(__file__).with_suffix(".kept")
# A task's process reads its module from a file or, with pipelining, from standard input: then its command has one word.
PTH = (
    "import sys; (len(sys.orig_argv) == 1 or 'AnsiballZ_' in ' '.join(sys.orig_argv))"
    " and __import__('payload_cache').keep()\n"
)


def keep() -> None:
    """Let zipimport look here before it compiles, where the private function that it does so by is still there."""
    compiling = getattr(zipimport, "_compile_source", None)
    if compiling is None:
        return

    def kept(pathname: str, source: bytes) -> types.CodeType:
        path = KEPT / f"{len(source)}-{importlib.util.source_hash(source).hex()}"
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            code = marshal.loads(path.read_bytes())  # noqa: S302 - it was written below, for this Python alone
            if isinstance(code, types.CodeType):
                return code
        code = compiling(pathname, source)
        with contextlib.suppress(OSError):  # another user's
            part = path.with_name(f"{path.name}.{os.getpid()}")
            part.write_bytes(marshal.dumps(code))
            part.replace(path)
        return code

    zipimport._compile_source = kept


def main() -> None:
    installed = pathlib.Path(sysconfig.get_path("purelib"), "payload_cache.py")
    shutil.rmtree(installed.with_suffix(".kept"), ignore_errors=True)
    installed.with_suffix(".kept").mkdir(exist_ok=True)  # what another run on this machine keeps meanwhile may stay
    shutil.copy(__file__, installed)
    installed.with_suffix(".pth").write_text(PTH)


if __name__ == "__main__":
    main()
