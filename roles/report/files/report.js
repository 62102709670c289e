// Copyright (c) 2026 Foundry maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Names are whatever somebody typed into a controller: they reach the page as text nodes only, never as markup.
(() => {
  "use strict";

  const CHUNK = 120; // lines drawn at a time; more follow while scrolling
  const LEVELS = ["launch", "template", "project", "organization", "inventory_organization", "default", "global_job_images",
    "newest_global", "control_plane", "none"];
  const LEVEL_WORDS = {
    launch: "Given at launch", template: "Template", project: "Project", organization: "Organization",
    inventory_organization: "Inventory's organization", default: "Global default", global_job_images: "Global job images",
    newest_global: "Newest global", control_plane: "Control plane", none: "None",
  };
  const KIND_WORDS = {
    job_template: ["Template", "Templates"], inventory_source: ["Source", "Sources"], project: ["Project", "Projects"],
    organization: ["Organization", "Organizations"], system_job_template: ["System job", "System jobs"],
    job: ["Template", "Templates"], inventory_update: ["Source", "Sources"], project_update: ["Project", "Projects"],
    system_job: ["System job", "System jobs"],
  };

  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const state = { tab: "usage", query: "", kind: "", level: "", sort: {}, open: new Set() };
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  /** Make an element. A string child becomes a text node; null children are left out. */
  function el(tag, properties, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "color") node.style.setProperty("--c", `var(--l-${value})`);
      else node.setAttribute(key, value);
    }
    for (const child of children.flat(Infinity)) if (child != null) node.append(child);
    return node;
  }

  /** Words in which names stand between backquotes: those are set apart. */
  function prose(text) {
    return text.split(/`([^`]*)`/).map((part, index) => index % 2 ? el("code", {}, part) : part);
  }

  const number = (value) => value.toLocaleString("en");
  const levelOf = (line) => line.level || "none";
  const kindWord = (kind, count) => (KIND_WORDS[kind] || [kind, kind])[count === 1 ? 0 : 1];

  function level(name) {
    return el("span", { class: "level" }, el("span", { class: "dot", color: name }), LEVEL_WORDS[name]);
  }

  function days(environment) {
    if (!environment.image_created) return null;
    return Math.max(0, Math.floor((Date.now() - Date.parse(environment.image_created)) / 86400000));
  }

  function age(count) {
    if (count === null) return "";
    if (count === 0) return "today";
    if (count < 60) return `${count} day${count === 1 ? "" : "s"}`;
    return count < 730 ? `${Math.floor(count / 30.4)} months` : `${Math.floor(count / 365.25)} years`;
  }

  const total = (environment) => Object.values(environment.used_by).reduce((sum, count) => sum + count, 0);
  const mostUsed = Math.max(1, ...data.environments.map(total));
  const problems = data.environments.filter((one) => one.image_problem);
  const attention = data.orphans.length + data.dangling.length + data.unused.length + problems.length;

  // --- what each tab shows ---------------------------------------------------------------------------------------
  function tagged(name, ...tags) {
    return el("div", { class: "name" }, el("button", { type: "button" }, name), tags.map((tag) => tag && [" ", tag]));
  }

  const tabs = {
    usage: {
      words: "Who gets what", lines: data.usage, filters: true,
      hint: "Search: a name, an image, or org:network level:default kind:project",
      text: (one) => [one.name, one.organization, one.inventory, one.environment, one.image, LEVEL_WORDS[levelOf(one)]],
      keys: {
        org: (one) => one.organization, env: (one) => one.environment, image: (one) => one.image, name: (one) => one.name,
        level: (one) => `${levelOf(one)} ${LEVEL_WORDS[levelOf(one)]}`, kind: (one) => kindWord(one.kind, 1),
      },
      columns: [
        { words: "Name", width: "30%", value: (one) => one.name, cell: (one) => tagged(one.name,
          el("span", { class: "tag" }, kindWord(one.kind, 1)),
          one.warnings.length ? el("span", { class: "tag warn", title: one.warnings.join("\n") }, "note") : null) },
        { words: "Organization", width: "17%", value: (one) => one.organization,
          cell: (one) => [one.organization || el("span", { class: "small" }, "–"),
            one.inventory ? el("div", { class: "small" }, one.inventory) : null] },
        { words: "Environment", width: "34%", value: (one) => one.environment,
          cell: (one) => one.environment
            ? [el("div", {}, one.environment), el("div", { class: "small mono" }, one.image || "no image")]
            : el("span", { class: "none" }, "gets none") },
        { words: "Decided by", width: "19%", value: (one) => LEVELS.indexOf(levelOf(one)), cell: (one) => level(levelOf(one)) },
      ],
      detail: usageDetail,
    },
    environments: {
      words: "Environments", lines: data.environments,
      hint: "Search: a name, an image, a digest, an organization",
      text: (one) => [one.name, one.image, one.digest, one.organization || "global", one.description, one.image_problem,
        one.unused ? "unused" : "", one.managed ? "managed" : ""],
      keys: { org: (one) => one.organization || "global", env: (one) => one.name, image: (one) => one.image, name: (one) => one.name },
      columns: [
        { words: "Name", width: "27%", value: (one) => one.name, cell: (one) => tagged(one.name,
          one.managed ? el("span", { class: "tag" }, "managed") : null,
          one.unused ? el("span", { class: "tag warn" }, "unused") : null) },
        { words: "Image", width: "34%", value: (one) => one.image, cell: (one) => [
          el("div", { class: "mono" }, one.image || "–"),
          one.image_problem ? el("span", { class: "tag bad" }, "not found or not told") : null] },
        { words: "Scope", width: "14%", value: (one) => one.organization || "", cell: (one) => one.organization || "global" },
        { words: "Age", width: "10%", value: (one) => days(one) ?? Infinity, cell: (one) => age(days(one)) || "–" },
        { words: "Used by", width: "15%", value: total, cell: (one) => [
          el("span", {}, total(one) ? number(total(one)) : "nobody"), meter(total(one) / mostUsed)] },
      ],
      detail: environmentDetail,
    },
    attention: { words: "Needs attention", count: attention, draw: drawAttention },
  };
  if (data.affected) {
    tabs.affected = {
      words: "What if", lines: data.affected, count: data.affected.length,
      hint: "Search: a name or an environment",
      text: (one) => [one.name, one.before && one.before.name, one.after && one.after.name],
      keys: { kind: (one) => kindWord(one.kind, 1), name: (one) => one.name },
      columns: [
        { words: "Name", width: "34%", value: (one) => one.name,
          cell: (one) => tagged(one.name, el("span", { class: "tag" }, kindWord(one.kind, 1))) },
        { words: "Now", width: "33%", value: (one) => one.before && one.before.name, cell: (one) => side(one.before) },
        { words: "Then", width: "33%", value: (one) => one.after && one.after.name, cell: (one) => side(one.after) },
      ],
    };
  }

  function supposed(change) {
    const name = change.name || "";
    if (change.scope === "global_job_images") return `the global job images are ${(change.images || []).join(", ") || "none"}`;
    if (change.scope === "execution_environment") {
      return change.state === "absent" ? `environment \`${name}\` is deleted` : `environment \`${name}\` has image \`${change.image}\``;
    }
    const where = change.scope === "global" ? "the global default" : `${change.scope.replaceAll("_", " ")} \`${name}\``;
    return change.environment ? `${where} is set to \`${change.environment}\`` : `${where} is cleared`;
  }

  function side(one) {
    if (!one) return el("span", { class: "none" }, "none");
    return [el("div", {}, one.name), el("div", { class: "small mono" }, one.image || ""), level(one.level)];
  }

  function meter(share) {
    const fill = el("i");
    fill.style.width = `${(share * 100).toFixed(1)}%`;
    return el("div", { class: "meter", "aria-hidden": "true" }, fill);
  }

  function usageDetail(one) {
    const decided = levelOf(one);
    const steps = (one.skipped || []).map((step) => ladder(step.level, step.why, "·", ""));
    steps.push(ladder(decided, one.because, one.environment ? "✓" : "✗", "won"));
    return [el("ol", { class: "ladder" }, steps), ...one.warnings.map((words) => el("p", { class: "warning" }, prose(words)))];
  }

  function ladder(name, words, mark, kind) {
    return el("li", { class: kind }, el("span", { class: "mark", "aria-hidden": "true" }, mark),
      el("span", {}, LEVEL_WORDS[name]), el("span", {}, prose(words || "")));
  }

  /** A default matters more than a template: those come first, and of many only some are named. */
  function places(set) {
    const scopes = new Map();
    for (const place of set) scopes.set(place.scope, [...(scopes.get(place.scope) || []), place]);
    return ["global", "organization", "project", "inventory_source", "job_template", "workflow_job_template", "system_job_template"]
      .filter((scope) => scopes.has(scope)).map((scope) => {
        const names = scopes.get(scope).map((place) => place.name);
        const some = names.slice(0, 6).join(", ") + (names.length > 6 ? ", …" : "");
        const what = `${scope.replaceAll("_", " ")}${names.length === 1 ? "" : "s"}`;
        return el("div", {}, scope === "global" ? "the global default" : `${number(names.length)} ${what}: ${some}`);
      });
  }

  function environmentDetail(one) {
    const facts = [
      ["Description", one.description], ["Digest", one.digest && el("code", {}, one.digest)], ["Image made", one.image_created],
      ["Pull", one.pull], ["Credential", one.credential], ["Registry says", one.image_problem && prose(one.image_problem)],
      ["Set on", one.set_on.length ? places(one.set_on) : null],
      ["Used by", Object.entries(one.used_by).map(([kind, count]) => `${number(count)} ${kindWord(kind, count).toLowerCase()}`)
        .join(", ")],
    ].filter(([, value]) => value);
    const list = el("dl", { class: "facts" }, facts.map(([words, value]) => [el("dt", {}, words), el("dd", {}, value)]));
    const show = el("button", { type: "button", class: "tool", onclick: () => go("usage", { query: `env:"${one.name}"` }) },
      "Show who gets it");
    return [list, total(one) ? show : null];
  }

  // --- search and sort ------------------------------------------------------------------------------------------
  function words(query) {
    const found = [];
    for (const match of query.matchAll(/(?:(\w+):)?(?:"([^"]*)"?|(\S+))/g)) {
      found.push({ key: match[1], exact: match[2] !== undefined, text: (match[2] ?? match[3]).toLowerCase(), raw: match[0].toLowerCase() });
    }
    return found;
  }

  function matcher(tab, query) {
    const asked = words(query);
    return (one) => asked.every((word) => {
      const key = word.key && tab.keys[word.key.toLowerCase()];
      if (key) {
        const value = String(key(one) ?? "").toLowerCase();
        return word.exact ? value === word.text : value.includes(word.text);
      }
      return tab.haystack(one).includes(word.key ? word.raw : word.text);
    });
  }

  function prepare(tab) {
    const texts = new Map();
    tab.haystack = (one) => {
      if (!texts.has(one)) texts.set(one, tab.text(one).filter(Boolean).join("\n").toLowerCase());
      return texts.get(one);
    };
  }

  function compare(column, down) {
    const sign = down ? -1 : 1;
    return (left, right) => {
      const a = column.value(left), b = column.value(right);
      if (a == null || b == null) return (a == null) - (b == null);
      return sign * (typeof a === "number" ? (a > b) - (a < b) : collator.compare(a, b));
    };
  }

  function chosen(tab) {
    const fits = matcher(tab, state.query);
    const filters = tab.filters;
    const found = tab.lines.filter((one) => fits(one) && !(filters && state.kind && one.kind !== state.kind)
      && !(filters && state.level && levelOf(one) !== state.level));
    const sort = state.sort[state.tab];
    return sort ? found.sort(compare(tab.columns[sort.column], sort.down)) : found;
  }

  // --- drawing --------------------------------------------------------------------------------------------------
  let shown = [], drawn = 0;
  const more = new IntersectionObserver((entries) => { if (entries.some((one) => one.isIntersecting)) drawMore(); },
    { rootMargin: "800px" });

  function drawTable(tab) {
    shown = chosen(tab);
    drawn = 0;
    const sort = state.sort[state.tab];
    $("head").replaceChildren(...tab.columns.map((column, index) => {
      const cell = el("th", { scope: "col" }, el("button", { type: "button", onclick: () => sortBy(index) }, column.words));
      cell.style.width = column.width;
      if (sort && sort.column === index) cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      return cell;
    }));
    $("body").replaceChildren();
    drawMore();
    const all = tab.lines.length;
    $("count").textContent = shown.length === all ? `${number(all)} in all` : `${number(shown.length)} of ${number(all)}`;
    $("table").hidden = !shown.length;
    $("empty").hidden = !!shown.length;
    $("empty-why").textContent = all ? "Nothing matches this search." : "There is nothing of this kind.";
  }

  function drawMore(limit = CHUNK) {
    const tab = tabs[state.tab];
    if (!tab.columns || drawn >= shown.length) return;
    const rows = document.createDocumentFragment();
    for (const one of shown.slice(drawn, drawn + limit)) rows.append(row(tab, one));
    drawn += limit;
    $("body").append(rows);
    more.disconnect();
    if (drawn < shown.length) more.observe($("end"));
  }

  function row(tab, one) {
    const line = el("tr", { class: tab.detail ? "line" : "line still" }, tab.columns.map((column, index) =>
      el("td", { "data-label": column.words, class: index ? "" : "first" }, el("div", {}, column.cell(one)))));
    if (tab.detail) {
      line.querySelector("button").setAttribute("aria-expanded", "false");
      line.addEventListener("click", () => { if (!String(getSelection())) unfold(tab, line, one); });
    }
    return line;
  }

  function unfold(tab, line, one) {
    const open = line.classList.toggle("open");
    line.querySelector("button").setAttribute("aria-expanded", String(open));
    if (open) line.after(el("tr", { class: "detail" }, el("td", { colspan: tab.columns.length }, tab.detail(one))));
    else line.nextSibling.remove();
  }

  function drawAttention() {
    const sections = [
      ["Nowhere to run", "These get no environment, or one whose image is not there.", data.orphans,
        (one) => [one.name, kindWord(one.kind, 1), one.why]],
      ["Defaults that dangle", "They name something that those they are for can hardly use.", data.dangling,
        (one) => [one.name, one.environment, one.why]],
      ["Images that the registry did not tell about", "The image is not there, or may not be seen with these credentials.",
        problems, (one) => [one.name, one.image, one.image_problem]],
      ["Environments that nobody uses", "Nothing gets them, and they are set nowhere.",
        data.environments.filter((one) => one.unused), (one) => [one.name, one.image, one.organization || "global"]],
    ];
    $("attention").replaceChildren(...sections.filter(([, , lines]) => lines.length).map(section));
    $("empty").hidden = attention > 0;
    $("empty-why").textContent = "Nothing needs attention.";
  }

  function section([words, why, lines, cells]) {
    const body = el("tbody", {}, lines.slice(0, CHUNK).map((one) => line(cells(one))));
    const rest = lines.length - CHUNK;
    const button = el("button", { type: "button", class: "tool", onclick: () => {
      body.append(...lines.slice(CHUNK).map((one) => line(cells(one))));
      button.remove();
    } }, `Show ${number(rest)} more`);
    return el("section", { class: "section" }, el("h2", {}, `${words} (${number(lines.length)})`), el("p", {}, why),
      el("div", { class: "card tablecard" }, el("table", {}, body)), rest > 0 ? button : null);
  }

  function line([name, what, why]) {
    return el("tr", { class: "line still" }, el("td", { class: "first" }, el("b", {}, name)), el("td", {}, what || ""),
      el("td", { class: "small" }, prose(why || "")));
  }

  function drawTiles() {
    const summary = data.summary;
    const tiles = [
      [summary.job_template, "templates", "", () => go("usage", { kind: "job_template" })],
      [summary.inventory_source, "inventory sources", "", () => go("usage", { kind: "inventory_source" })],
      [summary.environments, "environments", "", () => go("environments")],
      [summary.orphans, "with nowhere to run", summary.orphans ? "bad" : "good", () => go("attention")],
      [summary.dangling, "defaults that dangle", summary.dangling ? "bad" : "good", () => go("attention")],
      [summary.unused, "unused environments", summary.unused ? "warn" : "good", () => go("attention")],
    ];
    $("tiles").replaceChildren(...tiles.map(([count, what, kind, act]) =>
      el("button", { type: "button", class: `tile ${kind}`, onclick: act }, el("b", {}, number(count)), el("span", {}, what))));
  }

  function drawLevels() {
    const kinds = new Map(), levels = new Map();
    for (const one of data.usage) {
      kinds.set(one.kind, (kinds.get(one.kind) || 0) + 1);
      if (!state.kind || one.kind === state.kind) levels.set(levelOf(one), (levels.get(levelOf(one)) || 0) + 1);
    }
    const present = LEVELS.filter((name) => levels.has(name));
    $("bar").replaceChildren(...present.map((name) => {
      const part = el("i", { color: name, title: `${LEVEL_WORDS[name]}: ${number(levels.get(name))}` });
      part.style.flexGrow = levels.get(name);
      return part;
    }));
    $("legend").replaceChildren(...present.map((name) => chip("level", name, LEVEL_WORDS[name], levels.get(name), true)));
    $("kinds").replaceChildren(...[...kinds].map(([kind, count]) => chip("kind", kind, kindWord(kind, 2), count)));
  }

  function chip(field, value, label, count, dot) {
    return el("button", {
      type: "button", class: "chip", "aria-pressed": String(state[field] === value),
      onclick: () => { go("usage", { [field]: state[field] === value ? "" : value }, true); },
    }, dot ? el("span", { class: "dot", color: value }) : null, label, el("span", { class: "n" }, number(count)));
  }

  function draw() {
    const tab = tabs[state.tab];
    for (const button of $("tabs").children) button.setAttribute("aria-selected", String(button.dataset.tab === state.tab));
    const chosenTab = $("tabs").querySelector("[aria-selected=true]");
    $("tabs").scrollLeft = chosenTab.offsetLeft - $("tabs").offsetLeft - 40;
    drawLevels();
    $("levels").hidden = $("kinds").hidden = !tab.filters;
    $("table-part").hidden = !tab.columns;
    $("supposed").hidden = state.tab !== "affected";
    $("search").hidden = $("count").hidden = $("csv").hidden = !tab.columns;
    $("attention").hidden = !tab.draw;
    $("empty").hidden = true;
    more.disconnect();
    if (tab.draw) tab.draw();
    else {
      $("query").placeholder = tab.hint;
      drawTable(tab);
    }
    remember();
  }

  function sortBy(column) {
    const now = state.sort[state.tab];
    if (!now || now.column !== column) state.sort[state.tab] = { column, down: false };
    else if (!now.down) now.down = true;
    else delete state.sort[state.tab];
    draw();
  }

  function go(tab, changes = {}, keep = false) {
    Object.assign(state, keep ? {} : { query: "", kind: "", level: "" }, { tab }, changes);
    $("query").value = state.query;
    draw();
    if (!keep) scrollTo({ top: 0 });
  }

  // --- the address keeps what is looked at, so that it can be sent to a colleague -------------------------------------
  function remember() {
    const parts = new URLSearchParams();
    for (const key of ["tab", "query", "kind", "level"]) if (state[key] && state[key] !== "usage") parts.set(key, state[key]);
    const hash = parts.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function recall() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const wanted = { tab: "usage", query: "", kind: "", level: "" };
    for (const key of Object.keys(wanted)) wanted[key] = parts.get(key) || wanted[key];
    if (!Object.hasOwn(tabs, wanted.tab)) wanted.tab = "usage";
    Object.assign(state, wanted);
    $("query").value = state.query;
    draw();
  }

  // --- light and dark: as the system has it, until somebody chooses ---------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let theme = null;
  try { theme = localStorage.getItem("foundry-ee-theme"); } catch { /* a page from a file may have no storage */ }

  function paint() {
    const now = theme || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = now;
    document.documentElement.style.colorScheme = now;
    $("theme").textContent = now === "dark" ? "Light" : "Dark";
  }

  $("theme").addEventListener("click", () => {
    theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("foundry-ee-theme", theme); } catch { /* see above */ }
    paint();
  });
  dark.addEventListener("change", paint);

  // --- a file for the spreadsheet -------------------------------------------------------------------------------------
  /** A cell that begins like a formula is kept from being one. */
  function cell(value) {
    const text = String(value ?? "");
    return `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
  }

  $("csv").addEventListener("click", () => {
    const fields = { usage: ["kind", "name", "organization", "inventory", "environment", "image", "level", "because"],
      environments: ["name", "image", "organization", "digest", "image_created", "unused"] }[state.tab];
    const records = state.tab === "affected"
      ? [["kind", "name", "before", "after"], ...shown.map((one) => [one.kind, one.name, one.before && one.before.name,
        one.after && one.after.name])]
      : [fields, ...shown.map((one) => fields.map((field) => one[field]))];
    const text = records.map((record) => record.map(cell).join(",")).join("\r\n");
    const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: `${state.tab}.csv` });
    link.click();
    URL.revokeObjectURL(link.href);
  });

  // --- start ----------------------------------------------------------------------------------------------------------
  for (const [name, tab] of Object.entries(tabs)) {
    if (tab.columns) prepare(tab);
    const count = tab.count === undefined ? "" : ` (${number(tab.count)})`;
    $("tabs").append(el("button", { type: "button", role: "tab", "data-tab": name, onclick: () => go(name) }, tab.words + count));
  }
  const asked = (data.what_if || []).map((change, index) => [index ? ", and " : "", prose(supposed(change))]);
  $("supposed").append(...["If ", asked, ":"].flat(Infinity));
  let pause = 0;
  $("query").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => { state.query = $("query").value.trim(); draw(); }, 80);
  });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !$("search").hidden) {
      event.preventDefault();
      $("query").focus();
    } else if (event.key === "Escape" && event.target === $("query")) {
      $("query").value = state.query = "";
      draw();
    }
  });
  addEventListener("hashchange", recall);
  addEventListener("beforeprint", () => drawMore(Infinity));
  addEventListener("scroll", () => { $("top").hidden = scrollY < 900; }, { passive: true });
  $("top").addEventListener("click", () => scrollTo({ top: 0, behavior: "smooth" }));
  $("changed").textContent = document.lastModified;
  paint();
  drawTiles();
  recall();
})();
