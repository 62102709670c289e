# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at every page of the documentation site in a browser: read_site.py SITE PORT [FOLDER]

SITE is the folder with index.html, PORT a free one for the driver; screenshots go to FOLDER. On a desk and on a phone
no page may be wider than the screen, log an error, miss a picture, or link to what is not there. Prints each problem
and ends with 1.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import pathlib
import sys
import threading
import typing as t
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import Browser, browser

WIDTHS = {"desk": 1280, "phone": 390}
HEIGHT = 844
SEEN = """
const width = arguments[0];
const scrolls = one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX);
const held = one => one !== document.body && (scrolls(one) || held(one.parentElement));
const outside = one => one.checkVisibility() && one.getBoundingClientRect().right > width + 1 && !held(one);
return {
    outside: [...document.querySelectorAll('body *')].filter(outside).map(one => one.outerHTML.slice(0, 80)),
    ids: [...document.querySelectorAll('[id]')].map(one => one.id),
    links: [...document.links].map(one => one.href),
    broken: [...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.src),
    title: document.title.trim(),
};
"""


class Page(t.NamedTuple):
    """What a page holds. ``links`` are whole addresses."""

    ids: frozenset[str]
    links: tuple[str, ...]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: t.Any) -> None:
        """Say nothing: what is asked for in vain is told as a problem."""


@contextlib.contextmanager
def served(folder: pathlib.Path) -> t.Iterator[str]:
    """Serve a folder on loopback, and yield its address, which ends with a slash."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def look(page: Browser, address: str, shots: pathlib.Path | None) -> tuple[Page, list[str]]:
    """Open a page and look at it on each device; return what it holds, and what is wrong with it."""
    name = urllib.parse.urlsplit(address).path.strip("/")
    page.open(address)
    problems: list[str] = []
    seen: dict[str, t.Any] = {}
    for device, width in WIDTHS.items():
        page.resize(width, HEIGHT)
        seen = page.run(SEEN, width)
        problems += [f"is too narrow on a {device} for {element}" for element in seen["outside"][:3]]
        if shots is not None:
            page.screenshot(str(shots / f"{name.replace('/', '-')}-{device}.png"))
    problems += [f"has no picture {source}" for source in seen["broken"]]
    problems += [] if seen["title"] else ["has no title"]
    problems += [f"logs {entry['message']}" for entry in page.log() if entry["level"] == "SEVERE"]
    return Page(frozenset(seen["ids"]), tuple(seen["links"])), [f"{name} {problem}" for problem in problems]


def dead_links(pages: t.Mapping[str, Page], root: str) -> t.Iterator[str]:
    """Yield what links within the site lead to nothing."""
    for address, page in pages.items():
        for link in sorted(set(page.links)):
            target, _hash, fragment = link.partition("#")
            target = target.partition("?")[0]
            if not target.startswith(root):
                continue
            there = pages.get(target + "index.html" if target.endswith("/") else target)
            if there is None or (fragment and urllib.parse.unquote(fragment) not in there.ids):
                yield f"{address.removeprefix(root)} links to {link.removeprefix(root)}, which is not there"


def main() -> int:
    site, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    shots = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    problems: list[str] = []
    pages: dict[str, Page] = {}
    with served(site) as root, browser(port) as page:
        for file in sorted(site.rglob("*.html")):
            address = root + file.relative_to(site).as_posix()
            pages[address], found = look(page, address, shots)
            problems += found
        problems += dead_links(pages, root)
    print("\n".join(problems) or f"Success: {len(pages)} pages, on a desk and on a phone")
    return 1 if problems or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
