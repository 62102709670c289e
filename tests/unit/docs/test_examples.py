# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What documentation, playbooks and roles show is what modules, roles and the lookup take.

Every task of this collection in them is held against the module's own documentation: names of options, required ones,
and types and choices wherever a value is written out. Values with Jinja are not judged.
"""

from __future__ import annotations

import ast
import pathlib
import re
import textwrap
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
COLLECTION = "foundry.ee."
LOOKUP = "effective_ee"
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "platform"}
BLOCKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
TYPES: dict[str, tuple[type, ...]] = {
    # A number with a point where text is meant is what YAML makes of an unquoted version.
    "str": (str, int),
    "path": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "dict": (dict,),
    "list": (list,),
}

Options = dict[str, t.Any]


def blocks(path: pathlib.Path) -> dict[str, t.Any]:
    """DOCUMENTATION, EXAMPLES and RETURN of a plugin, read without importing it."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            name = t.cast(ast.Name, node.targets[0]).id
            if name in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
                found[name] = node.value.value
    return found


def fragment(name: str) -> dict[str, t.Any]:
    """A documentation fragment by the name that plugins give, such as foundry.ee._attributes.state."""
    file, _dot, variable = name[len(COLLECTION) :].partition(".")
    tree = ast.parse((ROOT / "plugins" / "doc_fragments" / f"{file}.py").read_text())
    wanted = variable.upper() or "DOCUMENTATION"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and t.cast(ast.Name, node.targets[0]).id == wanted:
            return t.cast("dict[str, t.Any]", yaml.safe_load(ast.literal_eval(node.value)))
    raise LookupError(f"There is no fragment {name}")


def documentation(path: pathlib.Path) -> tuple[Options, dict[str, dict[str, t.Any]]]:
    """Options and attributes of a plugin, with those of its fragments."""
    own = yaml.safe_load(blocks(path)["DOCUMENTATION"])
    options: Options = {}
    attributes: dict[str, dict[str, t.Any]] = {}
    fragments = own.get("extends_documentation_fragment", [])
    for part in (*map(fragment, reversed(fragments)), own):  # the first fragment that has an option wins
        options.update(part.get("options", {}))
        for name, value in part.get("attributes", {}).items():
            attributes.setdefault(name, {}).update(value)
    return options, attributes


MODULE_FILES = {path.stem: path for path in sorted((ROOT / "plugins" / "modules").glob("ee_*.py"))}
MODULES = {name: documentation(path)[0] for name, path in MODULE_FILES.items()}
LOOKUP_OPTIONS = documentation(ROOT / "plugins" / "lookup" / f"{LOOKUP}.py")[0]
ROLES: dict[str, Options] = {
    path.parent.parent.name: yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"]
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
}
RUNTIME = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
GROUPS: dict[str, list[str]] = RUNTIME["action_groups"]


# --- values ----------------------------------------------------------------------------------------------------
def is_template(value: t.Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def wrong_value(option: Options, value: t.Any, where: str) -> t.Iterator[str]:
    """What is wrong with a value that stands written out."""
    if is_template(value) or value is None:
        return
    kind = option.get("type", "str")
    if kind in TYPES and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and bool not in TYPES[kind])):
        yield f"{where}: {value!r} is not of type {kind}"
        return
    if "choices" in option and value not in option["choices"]:
        yield f"{where}: {value!r} is none of {option['choices']}"
    inner = option.get("suboptions") or (option.get("options") if kind in ("list", "dict") else None)
    if kind == "list":
        element = {"type": option.get("elements", "raw"), "suboptions": inner}
        if inner is None and "choices" in option:
            element["choices"] = option["choices"]
        for number, item in enumerate(value):
            yield from wrong_value(element, item, f"{where}[{number}]")
    elif inner:
        yield from wrong_arguments(inner, value, where)


def wrong_arguments(
    options: Options, given: dict[str, t.Any], where: str, also: t.Container[str] = ()
) -> t.Iterator[str]:
    """What is wrong with a mapping of options; ALSO are names that are given elsewhere."""
    for name, value in given.items():
        if name in options:
            yield from wrong_value(options[name], value, f"{where}.{name}")
        else:
            yield f"{where}: there is no {name}"
    for name, option in options.items():
        if option.get("required") and name not in given and name not in also:
            yield f"{where}: {name} is missing"


# --- tasks, plays and variables --------------------------------------------------------------------------------
def wrong_defaults(defaults: dict[str, t.Any], module: str) -> tuple[dict[str, t.Any], list[str]]:
    """The module_defaults that hold for a module, and what is wrong with module_defaults as such."""
    merged: dict[str, t.Any] = {}
    wrong = []
    for key, values in defaults.items():
        group = key[len("group/" + COLLECTION) :] if key.startswith("group/" + COLLECTION) else None
        if group is not None and group not in GROUPS:
            wrong.append(f"module_defaults: there is no group {key}")
        elif is_template(values):
            continue
        elif key == COLLECTION + module or (group is not None and module in GROUPS[group]):
            merged.update(values)
    return merged, wrong


def wrong_role(name: str, variables: dict[str, t.Any], around: t.Container[str]) -> t.Iterator[str]:
    role = name[len(COLLECTION) :]
    if role not in ROLES:
        yield f"there is no role {name}"
        return
    given = {key: value for key, value in variables.items() if key.startswith(f"{role}_")}
    yield from wrong_arguments(ROLES[role], given, name, around)


def wrong_variables(variables: dict[str, t.Any], where: str) -> t.Iterator[str]:
    """Variables that are for a role by their prefix."""
    for key, value in variables.items():
        role = next((name for name in ROLES if key.startswith(f"{name}_")), None)
        if role and key in ROLES[role]:
            yield from wrong_value(ROLES[role][key], value, f"{where}: {key}")


def wrong_task(task: dict[str, t.Any], defaults: dict[str, t.Any], around: set[str]) -> t.Iterator[str]:
    """What is wrong with a task, a block or a play, and in it."""
    defaults = {**defaults, **(task.get("module_defaults") or {})}
    variables = task.get("vars") or {}
    around = around | set(variables)
    label = task.get("name", "a task")
    yield from wrong_variables(variables, label)
    for key in BLOCKS:
        for inner in task.get(key) or ():
            yield from wrong_task(inner, defaults, around)
    for entry in task.get("roles") or () if "hosts" in task else ():
        entry = {"role": entry} if isinstance(entry, str) else entry
        if entry["role"].startswith(COLLECTION):
            yield from wrong_role(entry["role"], {**entry, **(entry.get("vars") or {})}, around)
    for key, value in task.items():
        if key in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
            if value["name"].startswith(COLLECTION):
                yield from wrong_role(value["name"], variables, around)
        elif key.startswith(COLLECTION):
            module = key[len(COLLECTION) :]
            if module not in MODULES:
                yield f"{label}: there is no module {key}"
                continue
            general, wrong = wrong_defaults(defaults, module)
            yield from wrong
            yield from (
                f"{label}: {key} has no {name} of module_defaults" for name in general if name not in MODULES[module]
            )
            yield from wrong_arguments(MODULES[module], value or {}, f"{label}: {key}", general)


def wrong_text(text: str) -> t.Iterator[str]:
    """What is wrong in a text of YAML: a list of tasks or plays, or variables."""
    for document in yaml.safe_load_all(text):
        if isinstance(document, dict):
            yield from wrong_variables(document, "variables")
        for task in document if isinstance(document, list) else ():
            if isinstance(task, dict):
                yield from wrong_task(task, {}, set())
    for call in re.findall(
        r"(?:lookup|query)\(\s*'foundry\.ee\.effective_ee'(.*?)\)\s*(?:\}\}|\||\.|\))", text, re.DOTALL
    ):
        for name in re.findall(r"(\w+)\s*=(?!=)", re.sub(r"'[^']*'", "''", call)):
            if name not in LOOKUP_OPTIONS:
                yield f"the lookup has no {name}"


# --- where the texts are ---------------------------------------------------------------------------------------
def rst_blocks(text: str) -> t.Iterator[str]:
    """The YAML in code blocks of a page, without the options of the directive."""
    pattern = r"^( *)\.\. code-block:: (?:yaml\+jinja|yaml|YAML\+Jinja)\n((?:\1 +\S.*\n|\s*\n)+)"
    for match in re.finditer(pattern, text, re.MULTILINE):
        body = re.sub(r"\A(?: +:\w+:.*\n)+", "", match.group(2))
        yield textwrap.dedent(body)


def texts() -> t.Iterator[tuple[str, str]]:
    """Name and text of everything with YAML that users read or run."""
    for path in (*MODULE_FILES.values(), ROOT / "plugins" / "lookup" / f"{LOOKUP}.py"):
        yield f"{path.stem} EXAMPLES", blocks(path)["EXAMPLES"]
    for path in sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst")):
        for number, text in enumerate(rst_blocks(path.read_text() + "\n"), 1):
            yield f"{path.name} {number}", text
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "roles").glob("*/README.md"))):
        for number, text in enumerate(
            re.findall(r"^```ya?ml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL), 1
        ):
            yield f"{path.relative_to(ROOT)} {number}", text
    for folder in ("playbooks", "examples", "roles"):
        for path in sorted((ROOT / folder).rglob("*.yml")):
            if "meta" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


TEXTS = dict(texts())


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_shown_is_what_is_taken(name):
    assert list(wrong_text(TEXTS[name])) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_examples(module):
    assert f"{COLLECTION}{module}:" in TEXTS[f"{module} EXAMPLES"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- foundry.ee.ee_nothing: {}", "there is no module"),
        ("- foundry.ee.ee_build: {sorce: x}", "there is no sorce"),
        ("- foundry.ee.ee_hub_namespace: {force: true}", "name is missing"),
        ("- foundry.ee.ee_build: {rebuild: sometimes}", "is none of"),
        ("- foundry.ee.ee_build: {tags: x}", "is not of type list"),
        ("- foundry.ee.ee_build: {tags: [1.10]}", "is not of type str"),
        ("- foundry.ee.ee_build: {push: 1}", "is not of type bool"),
        ("- foundry.ee.ee_build: {secrets: [{src: x}]}", "id is missing"),
        ("- block: [{rescue: [{foundry.ee.ee_build: {sorce: x}}]}]", "there is no sorce"),
        ("- hosts: all\n  tasks: [{foundry.ee.ee_build: {sorce: x}}]", "there is no sorce"),
        ("- module_defaults: {group/foundry.ee.nothing: {a: 1}}\n  foundry.ee.ee_build: {}", "there is no group"),
        (
            "- module_defaults: {group/foundry.ee.all: {hub_host: x}}\n  foundry.ee.ee_build: {}",
            "no hub_host of module_def",
        ),
        ("- hosts: all\n  roles: [{role: foundry.ee.hub, hub_hots: x}]", "there is no hub_hots"),
        ("- hosts: all\n  roles: [foundry.ee.report]", "report_dest is missing"),
        ("hub_syncs: x", "is not of type list"),
        ("""- debug: {msg: "{{ lookup('foundry.ee.effective_ee', 'a', explan=true) }}"}""", "the lookup has no explan"),
    ],
)
def test_mistakes_are_found(text, problem):
    """Otherwise the tests above could not fail."""
    assert problem in "\n".join(wrong_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "- module_defaults: {group/foundry.ee.controller: {timeout: 9}}\n  foundry.ee.ee_environment: {name: x}",
        "- module_defaults: {foundry.ee.ee_environment: {name: x}}\n  foundry.ee.ee_environment:",
        "- hosts: all\n  vars: {report_dest: /srv}\n  roles: [foundry.ee.report]",
        """- foundry.ee.ee_build: {push: "{{ wanted }}", tags: "{{ tags }}"}""",
        """- debug: {msg: "{{ lookup('foundry.ee.effective_ee', 'a', explain=true).name == 'b' }}"}""",
    ],
)
def test_what_is_right_passes(text):
    assert list(wrong_text(text)) == []


# --- documentation as such -------------------------------------------------------------------------------------
def undocumented(values: dict[str, t.Any], where: str) -> t.Iterator[str]:
    for name, value in values.items():
        missing = {"description", "type"} - set(value)
        if missing:
            yield f"{where}{name}: no {', '.join(sorted(missing))}"
        if value.get("type") == "list" and "elements" not in value:
            yield f"{where}{name}: no elements"
        yield from undocumented(value.get("contains", {}), f"{where}{name}.")


@pytest.mark.parametrize("module", MODULES)
def test_every_returned_value_is_described(module):
    assert list(undocumented(yaml.safe_load(blocks(MODULE_FILES[module])["RETURN"]), "")) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_declares_how_it_behaves(module):
    attributes = documentation(MODULE_FILES[module])[1]
    assert set(attributes) >= ATTRIBUTES
    assert all(attributes[name].get("support") for name in ATTRIBUTES)


def test_every_module_is_in_the_group_of_all():
    assert set(GROUPS["all"]) == set(MODULES)
    assert set().union(*GROUPS.values()) == set(MODULES)


@pytest.mark.parametrize("group", ["registry", "hub", "controller"])
def test_modules_of_a_group_take_what_is_set_for_it(group):
    """A default that one of them does not have ends that one's task."""
    shared = set(fragment(f"{COLLECTION}_{group}")["options"]) | set(fragment(f"{COLLECTION}_connection")["options"])
    assert {module: missing for module in GROUPS[group] if (missing := shared - set(MODULES[module]))} == {}


def test_no_defaults_are_recommended_for_a_group_that_shares_none():
    assert set.intersection(*(set(MODULES[module]) for module in GROUPS["all"])) == set()
    recommended = "group/foundry.ee." + "all"
    written = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "docs").rglob("*.rst"), ROOT / "README.md"]
    assert [path for path in written if recommended in path.read_text()] == []


def test_every_guide_is_listed():
    pages = {path.stem for path in (ROOT / "docs" / "docsite" / "rst").glob("*.rst")}
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text())["sections"]
    assert {page for section in sections for page in section["toctree"]} == pages


# --- pages that quote the code ---------------------------------------------------------------------------------
def spoken() -> set[str]:
    """Every text in the plugins, those between the braces of f-strings included."""
    nodes = (node for path in (ROOT / "plugins").rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def page(name: str) -> str:
    return (ROOT / "docs" / "docsite" / "rst" / f"{name}.rst").read_text()


def test_troubleshooting_quotes_messages_that_there_are():
    said = spoken()
    phrases = re.findall(r"^``(.+)``$", page("troubleshooting"), re.MULTILINE)
    assert phrases
    assert [phrase for phrase in phrases if not any(phrase in text for text in said)] == []


def test_the_security_page_names_tests_that_there_are():
    tests = {path.name for path in (ROOT / "tests" / "unit").rglob("test_*.py")}
    targets = ROOT / "tests" / "integration" / "targets"
    named = set(re.findall(r"``(test_\w+\.py)``", page("security")))
    assert named
    assert named <= tests
    for target, files in re.findall(r"target ``(\w+)``(?:\s+\(((?:``\w+\.yml``(?:, )?)+)\))?", page("security")):
        assert (targets / target).is_dir()
        for file in re.findall(r"\w+\.yml", files):
            assert (targets / target / "tasks" / file).exists(), f"{target}: {file}"
