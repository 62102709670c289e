# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the report as a person does: read_page.py PAGE FACTS PORT [FOLDER]

PAGE is the HTML file, FACTS the JSON file beside it, PORT a free one for the driver; screenshots go to FOLDER.
Prints what was measured, as JSON; ends with a traceback where the page does not do what it should.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "services"))

from browser import Browser, browser

NAMES = "return [...document.querySelectorAll('#body tr.line .name button')].map(one => one.textContent)"
COUNT = "return document.getElementById('count').textContent"
CELLS = """
const column = arguments[0];
return [...document.querySelectorAll('#body tr.line')].map(one => one.children[column].textContent)
"""


class Reader:
    """The page, and the facts that it should show."""

    def __init__(self, page: Browser, facts: dict, folder: pathlib.Path | None) -> None:
        self.page = page
        self.facts = facts
        self.folder = folder
        self.usage = facts["usage"]

    def shot(self, name: str) -> None:
        if self.folder is not None:
            self.page.screenshot(str(self.folder / f"{name}.png"))

    def shown(self) -> int:
        """Return the number of lines that fit the search, as the page says it."""
        return int(self.page.run(COUNT).split()[0].replace(",", ""))

    def search(self, words: str) -> int:
        self.page.type("#query", words)
        self.page.wait(
            "return (new URLSearchParams(location.hash.slice(1)).get('query') ?? '') === arguments[0]", words
        )
        return self.shown()

    def everything_is_there(self) -> None:
        assert self.shown() == len(self.usage), (self.shown(), len(self.usage))
        tiles = self.page.run("return [...document.querySelectorAll('#tiles b')].map(one => one.textContent)")
        summary = self.facts["summary"]
        keys = ("job_template", "inventory_source", "environments", "orphans", "dangling", "unused")
        assert tiles == [f"{summary[key]:,}" for key in keys], tiles

    def names_stay_text(self) -> None:
        """Hostile names are shown as they are; none of them ran or became an element."""
        assert self.page.run("return [typeof window.pwned, document.title]") == ["undefined", self.facts["title"]]
        assert (
            self.page.run("return document.querySelectorAll('main img, main b[onmouseover], main script').length") == 0
        )
        for name in self.facts["hostile"]:
            found = self.search(f'name:"{name}"' if '"' not in name else name.split('"')[0])
            assert found == 1, (name, found)
            assert self.page.run(NAMES) == [name], self.page.run(NAMES)
        self.search("")

    def the_policy_holds(self) -> None:
        """Markup that got in all the same would not run, and nothing can be loaded."""
        self.page.run("""
            const inline = document.createElement('script');
            inline.textContent = 'window.pwned = 1';
            document.body.append(inline);
            const image = document.createElement('img');
            image.src = 'http://127.0.0.1:9/x.png';
            document.body.append(image);
        """)
        assert self.page.run("return typeof window.pwned") == "undefined"
        refused = [entry["message"] for entry in self.page.log() if "Content Security Policy" in entry["message"]]
        assert len(refused) == 2, refused
        self.page.run("document.body.lastChild.remove(); document.body.lastChild.remove()")

    def lines_follow_while_scrolling(self) -> None:
        before = len(self.page.run(NAMES))
        assert before < len(self.usage)
        self.page.run("scrollTo(0, document.body.scrollHeight)")
        self.page.wait("return document.querySelectorAll('#body tr.line').length > arguments[0]", before)
        self.page.wait("return !document.getElementById('top').hidden")
        self.page.click("#top")
        self.page.wait("return scrollY === 0")

    def sorting(self) -> None:
        for column, direction in ((0, "ascending"), (0, "descending"), (1, "ascending")):
            self.page.click(f"#head th:nth-child({column + 1}) button")
            assert self.page.run("return document.querySelector('th[aria-sort]').ariaSort") == direction
            cells = self.page.run(NAMES) if column == 0 else self.page.run(CELLS, column)
            order = """
                const order = new Intl.Collator(undefined, {numeric: true, sensitivity: 'base'});
                return [...arguments[0]].sort((a, b) => arguments[1] * order.compare(a, b))
            """
            assert cells == self.page.run(order, cells, -1 if direction == "descending" else 1)
            assert len(set(cells)) > 1 or column
        self.page.click("#head th:nth-child(2) button")
        self.page.click("#head th:nth-child(2) button")
        assert self.page.run("return document.querySelector('th[aria-sort]')") is None

    def searching(self) -> None:
        organization = self.facts["search"]
        expected = [one for one in self.usage if one["organization"] == organization]
        assert self.search(f'org:"{organization}"') == len(expected)
        assert set(self.page.run(CELLS, 1)) <= {organization + (one["inventory"] or "") for one in expected}
        templates = [one for one in expected if one["kind"] == "job_template"]
        assert self.search(f'org:"{organization}" kind:template') == len(templates)
        assert self.search("nothing has such a name") == 0
        assert self.page.run("return document.getElementById('empty').hidden") is False
        address = self.page.run("return location.href")
        self.page.run("""
            const typed = new KeyboardEvent('keydown', {key: 'Escape', bubbles: true});
            document.getElementById('query').dispatchEvent(typed);
        """)
        assert self.shown() == len(self.usage)
        self.page.run("location.href = arguments[0]", address)
        self.page.wait("return document.getElementById('count').textContent.startsWith('0 of')")
        self.search("")

    def filtering(self) -> None:
        level = self.page.run("return document.querySelector('#legend .chip').textContent.replace(/[0-9,]+$/, '')")
        self.page.click("#legend .chip")
        assert set(self.page.run(CELLS, 3)) == {level}
        assert self.shown() < len(self.usage)
        self.page.click("#legend .chip[aria-pressed=true]")
        assert self.shown() == len(self.usage)

    def reasons(self) -> None:
        line = next(one for one in self.usage if one["kind"] == "job_template" and one["level"] == "organization")
        assert self.search(f'name:"{line["name"]}"') >= 1
        self.page.click("#body tr.line .name button")
        steps = self.page.run(
            "return [...document.querySelectorAll('.ladder li')].map(one => one.lastChild.textContent)"
        )
        assert steps == [
            words.replace("`", "") for words in [*(one["why"] for one in line["skipped"]), line["because"]]
        ]
        self.shot("reasons")
        self.page.click("#body tr.line .name button")
        assert self.page.run("return document.querySelectorAll('.detail').length") == 0
        self.search("")

    def other_views(self) -> None:
        self.page.click("[data-tab=environments]")
        assert self.shown() == len(self.facts["environments"])
        self.page.click("#body tr.line .name button")
        self.page.wait("return document.querySelector('.facts')")
        self.shot("environments")
        self.page.click("[data-tab=attention]")
        headings = self.page.run("return [...document.querySelectorAll('#attention h2')].map(one => one.textContent)")
        for key, words in (("orphans", "Nowhere"), ("dangling", "Defaults"), ("unused", "nobody")):
            count = len(self.facts[key])
            assert any(words in one and f"({count:,})" in one for one in headings) or not count, (key, headings)
        self.shot("attention")
        self.page.click("[data-tab=affected]")
        assert self.shown() == len(self.facts["affected"])
        self.shot("what-if")
        self.page.click("[data-tab=usage]")

    def light_and_dark(self) -> None:
        """The system's preference, until the button says otherwise; words stay readable in both."""
        contrast = """
            const rgb = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
            const light = (color) => rgb(color).map((part) => part / 255)
              .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
              .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
            const page = getComputedStyle(document.body).backgroundColor;
            return ['body', '.count', '.sub', '.small'].map((selector) => {
              const [low, high] = [page, getComputedStyle(document.querySelector(selector)).color].map(light).sort();
              return (high + 0.05) / (low + 0.05);
            });
        """
        colors = set()
        for scheme in ("light", "dark"):
            self.page.prefer(scheme)
            self.page.wait("return document.documentElement.dataset.theme === arguments[0]", scheme)
            colors.add(self.page.run("return getComputedStyle(document.body).backgroundColor"))
            assert min(self.page.run(contrast)) >= 4.5, (scheme, self.page.run(contrast))
            self.shot(f"desktop-{scheme}")
        assert len(colors) == 2
        self.page.click("#theme")
        assert self.page.run("return document.documentElement.dataset.theme") == "light"
        self.page.click("#theme")

    def phone(self) -> None:
        self.page.resize(390, 844)
        for tab in ("usage", "environments", "attention", "affected"):
            self.page.run("location.hash = `tab=${arguments[0]}`", tab)
            self.page.wait("return document.querySelector('[aria-selected=true]').dataset.tab === arguments[0]", tab)
            width = self.page.run("return document.documentElement.scrollWidth")
            assert width <= 390, f"{tab}: {width} pixels wide on a phone"
            self.shot(f"phone-{tab}")
        small = self.page.run("""
            return [...document.querySelectorAll('button')].filter((one) => one.offsetParent && !one.closest('.name'))
              .map((one) => one.getBoundingClientRect()).filter((box) => box.height < 32).length
        """)
        assert small == 0, f"{small} buttons are too small for a thumb"


def read(page: pathlib.Path, facts: dict, port: int, folder: pathlib.Path | None) -> dict[str, float]:
    with browser(port) as tab:
        tab.prefer("light")
        tab.resize(1280, 900)
        start = time.monotonic()
        tab.open(page.as_uri())
        tab.wait("return document.querySelectorAll('#body tr.line').length > 0")
        opened = time.monotonic() - start
        reader = Reader(tab, facts, folder)
        reader.everything_is_there()
        search = tab.run("""
            const start = performance.now();
            location.hash = 'query=switch';
            dispatchEvent(new HashChangeEvent('hashchange'));
            return performance.now() - start;
        """)
        reader.search("")
        assert tab.log() == [], "the page complains"
        reader.names_stay_text()
        reader.lines_follow_while_scrolling()
        reader.sorting()
        reader.searching()
        reader.filtering()
        reader.reasons()
        reader.other_views()
        reader.light_and_dark()
        reader.phone()
        reader.the_policy_holds()
    return {"lines": len(facts["usage"]), "opened_s": round(opened, 2), "searched_ms": round(search, 1)}


def main(page: str, facts: str, port: str, extra: str, folder: str | None = None) -> None:
    content = {**json.loads(pathlib.Path(facts).read_text()), **json.loads(extra)}
    measured = read(pathlib.Path(page).resolve(), content, int(port), pathlib.Path(folder) if folder else None)
    assert measured["opened_s"] < 10, measured
    assert measured["searched_ms"] < 2000, measured
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
