# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in controller behind real HTTP, for tests of what talks to a controller."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t

from ansible_collections.foundry.ee.tests.services.controller_stand_in.seed import DEMO, build
from ansible_collections.foundry.ee.tests.services.controller_stand_in.server import Site, serve

SEED: dict[str, t.Any] = json.loads(DEMO.read_text(encoding="utf-8"))


@contextlib.contextmanager
def controller(**seed: t.Any) -> t.Iterator[tuple[str, Site]]:
    """Run a stand-in that holds ``SEED``, or other parts in its place. Yield its address and what is behind it."""
    site = build({**SEED, **seed})
    server = serve(site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", site
    finally:
        server.shutdown()
        server.server_close()


def options(host: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a task's options for this controller."""
    return {"controller_host": host, "controller_username": "admin", "controller_password": "password", **more}
