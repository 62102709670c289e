# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long ``foundry.ee.lifecycle --check --diff`` takes for an estate of 50 execution environments that is in order.

Fifty images of five definitions in podman and in a real registry, fifty repositories on a real Galaxy NG (left out
where that cannot run), and fifty records, each the default of an organization, on the stand-in for a controller. The
peer is what other collections have, a task in a loop for each thing; it is measured with our own modules, so that what
is compared is the loop alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import requests

EES = 50
DEFINITIONS = 5
RUNS = 3
GOAL_S = 60.0
ROOT = Path(__file__).resolve().parents[1]
SERVICES = ROOT / "tests" / "services"
PLAYBOOK = "foundry.ee.lifecycle"
DEFINITION: dict[str, t.Any] = {
    "version": 3,
    "options": {
        "skip_ansible_check": True,
        "skip_pip_install": True,
        "relax_passwd_permissions": False,
        "container_init": {"entrypoint": '["/bin/sh"]'},
    },
}
CONTROLLER = {"controller_username": "admin", "controller_password": "password"}
LOOPS: list[dict[str, t.Any]] = [
    {
        "foundry.ee.ee_definition": {"src": "{{ item.src }}", "context": "{{ ee_contexts }}/{{ item.name }}"},
        "loop": "{{ ee_environments }}",
    },
    {
        "foundry.ee.ee_hub_repository": {
            "name": "{{ item.name }}",
            "hub_host": "{{ hub_host }}",
            "hub_token": "{{ hub_token }}",
        },
        "loop": "{{ hub_repositories | default([]) }}",
    },
    {
        "foundry.ee.ee_build": {"src": "{{ item.src }}", "image": "{{ item.image }}", "push": True},
        "loop": "{{ ee_environments }}",
    },
    {
        "foundry.ee.ee_environment": {
            "name": "{{ item.name }}",
            "image": "{{ item.image }}",
            "controller_host": "{{ controller_host }}",
            **CONTROLLER,
        },
        "loop": "{{ controller_execution_environments }}",
    },
    {
        "foundry.ee.ee_default": {
            "scope": "organization",
            "name": "{{ item.name }}",
            "environment": "{{ item.default_environment }}",
            "controller_host": "{{ controller_host }}",
            **CONTROLLER,
        },
        "loop": "{{ controller_organizations }}",
    },
]


def service(name: str, verb: str, **environment: str) -> str:
    python = [sys.executable] if name == "controller" else []  # the others are programs by themselves
    done = subprocess.run(
        [*python, str(SERVICES / name), verb],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3, 4):  # 3: not up, 4: cannot be had here
        raise RuntimeError(f"{name} {verb}: {done.stderr}")
    return done.stdout.strip() if done.returncode == 0 else ""


@contextlib.contextmanager
def hub() -> t.Iterator[dict[str, str]]:
    """Yield the variables that name a hub, none where it cannot be had. One that is up is left alone."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    environment = {"GALAXY_NG_HOME": f"{cache}/foundry-ee/galaxy-ng"}
    was_up = bool(service("galaxy-ng", "status", **environment))
    told = dict(re.findall(r"^(GALAXY_NG_\w+)='?(.*?)'?$", service("galaxy-ng", "start", **environment), re.MULTILINE))
    try:
        yield {"hub_host": told["GALAXY_NG_URL"], "hub_token": token_of(told)} if told else {}
    finally:
        if told and not was_up:
            service("galaxy-ng", "stop", **environment)


def token_of(told: dict[str, str]) -> str:
    user = (told["GALAXY_NG_USER"], told["GALAXY_NG_PASSWORD"])
    answer = requests.post(f"{told['GALAXY_NG_API']}v3/auth/token/", auth=user, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["token"])


def estate(home: Path, registry: str) -> dict[str, t.Any]:
    """Write the definitions; return the variables of the estate."""
    base = {"base_image": {"name": os.environ["BENCH_BASE_IMAGE"]}}
    for number in range(DEFINITIONS):
        options = {**DEFINITION["options"], "workdir": f"/bench/{number}"}
        (home / f"{number}.yml").write_text(json.dumps({**DEFINITION, "images": base, "options": options}))
    names = [f"bench-{number}" for number in range(EES)]
    images = {name: f"{registry}/bench/{name}:1" for name in names}
    return {
        "ee_folder": str(home),
        "ee_contexts": str(home / "contexts"),
        "ee_environments": [
            {"name": name, "src": str(home / f"{number % DEFINITIONS}.yml"), "image": images[name]}
            for number, name in enumerate(names)
        ],
        "controller_execution_environments": [{"name": name, "image": images[name]} for name in names],
        "controller_organizations": [{"name": f"Org {name}", "default_environment": name} for name in names],
    }


def play(book: str, home: Path, *options: str) -> tuple[float, str]:
    """Run a playbook; return how long it took, and its last line (changed=… and so on)."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), book, "-i", "localhost,", "-c", "local"]
    command += ["-e", f"@{home}/estate.json", "-e", f"ansible_python_interpreter={sys.executable}", *options]
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_NOCOLOR": "1"}
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, check=False)
    spent = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])
    return spent, done.stdout.strip().splitlines()[-1]


def in_order(book: str, home: Path) -> float:
    spent, recap = play(book, home, "--check", "--diff")
    if "changed=0 " not in recap:
        raise RuntimeError(f"The estate is not in order: {recap}")
    return spent


def multiply(home: Path, images: list[str]) -> None:
    """Give the first images the names of the others, in podman and in the registry."""
    tasks = []
    for number, first in enumerate(images[:DEFINITIONS]):
        others = images[number + DEFINITIONS :: DEFINITIONS]
        subprocess.run(["podman", "tag", first, *others], check=True)
        registry, _slash, name = first.rpartition(":")[0].partition("/")
        tags = requests.get(f"http://{registry}/v2/{name}/tags/list", timeout=60).json()["tags"]
        wanted = [{"image": other, "source": first, "tags": tags} for other in others]
        tasks.append({"foundry.ee.ee_registry_image": {"images": wanted}})
    (home / "multiply.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    play(str(home / "multiply.json"), home)


def measured(home: Path, registry: str, there: dict[str, str]) -> list[dict[str, t.Any]]:
    variables = {**estate(home, registry), **there}
    organizations = [{"name": one["name"]} for one in variables["controller_organizations"]]
    (home / "seed.json").write_text(json.dumps({"records": {"organizations": organizations}}))
    (home / "loops.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": LOOPS}]))
    repositories = [{"name": one["name"]} for one in variables["ee_environments"]] if there else []
    controller = {"CONTROLLER_HOME": str(home / "controller"), "CONTROLLER_SEED": str(home / "seed.json")}
    variables.update(
        hub_repositories=repositories, controller_host=service("controller", "start", **controller), **CONTROLLER
    )
    try:
        (home / "estate.json").write_text(json.dumps(variables))
        images = [one["image"] for one in variables["ee_environments"]]
        (home / "first.json").write_text(json.dumps({"ee_environments": variables["ee_environments"][:DEFINITIONS]}))
        play(PLAYBOOK, home, "--tags", "build", "-e", f"@{home}/first.json")
        multiply(home, images)
        play(PLAYBOOK, home)
        ours = [in_order(PLAYBOOK, home) for _run in range(RUNS)]
        loops = in_order(str(home / "loops.json"), home)
    finally:
        service("controller", "stop", **controller)
        names = [one["image"] for one in variables["ee_environments"]]
        subprocess.run(["podman", "rmi", "--force", "--ignore", *names], capture_output=True, check=False)
        absent = [{**one, "state": "absent"} for one in repositories]
        gone = [{"name": one["name"], "state": "absent"} for one in repositories]
        (home / "estate.json").write_text(json.dumps({**there, "hub_repositories": absent, "hub_namespaces": gone}))
        play(PLAYBOOK, home, "--tags", "hub")
    name = f"{EES} EEs in order, {'with' if there else 'without'} a hub: {PLAYBOOK} --check --diff"
    median = statistics.median(ours)
    beside = f"{name}, beside a loop for each kind"
    return [row(name, median, "the goal", GOAL_S, "<= 1"), row(beside, median, "the loops", loops, "<= 0.5")]


def row(name: str, ours: float, peer: str, peer_s: float, goal: str) -> dict[str, t.Any]:
    ratio = ours / peer_s
    return {"name": name, "ours_s": ours, "peer": peer, "peer_s": peer_s, "ratio": ratio, "goal": goal, "runs": RUNS}


def rows() -> list[dict[str, t.Any]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = {"REGISTRY_HOME": str(home / "registry"), "REGISTRY_PORT": os.environ.get("BENCH_PORT", "18290")}
        registry = service("registry", "start", **settings)
        try:
            with hub() as there:
                return measured(home, registry, there)
        finally:
            service("registry", "stop", **settings)
