# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds, beside ansible-builder and beside a hand-written Containerfile with everything in one RUN.

The same definitions, on the same base image, by the same engine; runs alternate. Ours is the module ee_build as Ansible
starts it on the host that builds (a new process: reading, planning, building, the check of the result, the labels).
What the control node adds is shown in a row of its own. ansible-builder is its command.

The base is prepared so that ansible-builder can work on Debian: an interpreter in a virtual environment, which allows
``ensurepip``, and with ``wheel``, without which pip keeps nothing of what it compiled for ansible-builder's last stage.
Both builds use it. ansible-builder's copy of a definition has one step more, ``apt-get update`` in
``prepend_base``, without which it installs nothing from Debian's archive; ours fetches the lists itself.

Beside wall time stands the processor time of both, for it says more on a machine that is busy. It counts the engine and
the steps of a build, not the container in which ee_build tries the result.

The images lie in a store that is made for the run, for engines search all they have for layers that fit: what else this
machine has built would be measured. ``XDG_STATE_HOME`` is of the run as well.

Cold is with ``--no-cache`` for both. Rows say what our cache mounts held; ansible-builder has none.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
STATE = pathlib.Path(os.environ.get("FOUNDRY_EE_STATE", pathlib.Path.home() / ".cache" / "foundry-ee"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
ONLY = os.environ.get("BENCH_ONLY", "minimal collections compiled").split()
BASE = "localhost/foundry-ee/bench-base:3"
PEER = "ansible-builder 3.2.0"
PYTHON = "/opt/venv/bin/python3"
Row = dict[str, t.Any]

MINIMAL = f"""\
version: 3
images:
  base_image:
    name: {BASE}
dependencies:
  python_interpreter:
    python_path: {PYTHON}
  ansible_core:
    package_pip: ansible-core
  ansible_runner:
    package_pip: ansible-runner
  python:
    - six
    - psutil
  system:
    - git [platform:dpkg]
options:
  package_manager_path: /usr/bin/apt-get
"""
# What a user adds, a new thing in each run so that no layer cache has it.
ADDED_PYTHON = ("jmespath", "xmltodict", "toml", "tabulate", "colorama")
# Collections in the middle of the road: a module or two, some Python requirements, some OS packages.
COLLECTIONS: dict[str, tuple[str, str]] = {
    "net.routers": ("netaddr>=0.10\nncclient\n", "openssh-client [platform:dpkg]\nopenssh-clients [platform:rpm]\n"),
    "cloud.store": ("requests>=2.28\npython-dateutil\n", "rsync\n"),
    "web.dns": ("dnspython\nrequests\n", "bind9-dnsutils [platform:dpkg]\n"),
    "data.tables": ("jmespath>=1\nxmltodict\n", "unzip\n"),
    "ops.tools": ("tabulate\npython-dateutil>=2.8\n", "git [platform:dpkg]\nrsync\n"),
}


@dataclass
class Case:
    """A definition in a folder of its own, and how to change it."""

    name: str
    folder: pathlib.Path
    text: str
    collections: tuple[str, ...] = ()

    @property
    def definition(self) -> pathlib.Path:
        return self.folder / "execution-environment.yml"

    @property
    def their_definition(self) -> pathlib.Path:
        return self.folder / "for-ansible-builder.yml"

    def write(self, python: t.Sequence[str] = (), collections: t.Sequence[str] = ()) -> None:
        text = self.text.replace("    - psutil\n", "    - psutil\n" + "".join(f"    - {name}\n" for name in python))
        self.definition.write_text(text)
        self.their_definition.write_text(text + "additional_build_steps:\n  prepend_base:\n    - RUN apt-get update\n")
        if self.collections:
            names = [*self.collections, *collections]
            lines = "".join(f"  - name: collections/{name}.tar.gz\n    type: file\n" for name in names)
            (self.folder / "requirements.yml").write_text("collections:\n" + lines)
            wanted = self.folder / "collections"
            shutil.rmtree(wanted, ignore_errors=True)
            wanted.mkdir()
            for name in names:
                shutil.copy(self.folder / "all" / f"{name}.tar.gz", wanted)


def run(command: t.Sequence[str], env: t.Mapping[str, str] | None = None, cwd: pathlib.Path | None = None) -> str:
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout[-4000:], done.stderr[-4000:], file=sys.stderr)
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def prepare(work: pathlib.Path) -> None:
    """Set up the engine, with a store that holds nothing yet, and the base image."""
    storage = work / "storage.conf"
    storage.write_text(
        f"""[storage]
driver = "overlay"
graphroot = "{work}/store"
runroot = "{work}/run"
[storage.options.overlay]
skip_mount_home = "true"
"""
    )
    os.environ |= {"CONTAINERS_STORAGE_CONF": str(storage), "XDG_STATE_HOME": str(work / "state")}
    services = ROOT / "tests" / "services"
    for line in run([str(services / "engine"), str(STATE)]).splitlines():
        name, _equals, value = line.partition("=")
        os.environ.setdefault(name, value)
    base = run([str(services / "base-image"), str(STATE)]).strip()
    folder = work / "base"
    folder.mkdir()
    (folder / "Containerfile").write_text(
        f"FROM {base}\nRUN python3 -m venv /opt/venv && /opt/venv/bin/pip install wheel\n"
        "ENV PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    )
    run(["podman", "build", "--tag", BASE, str(folder)])


def collection_archive(folder: pathlib.Path, name: str, python: str, system: str) -> None:
    """Make a collection's archive by ansible-galaxy: a role of some files, a module, its requirements."""
    namespace, _dot, short = name.partition(".")
    source = folder / "source" / namespace / short
    files = {
        "galaxy.yml": json.dumps(
            {"namespace": namespace, "name": short, "version": "1.0.0", "readme": "README.md", "authors": ["bench"]}
        ),
        "README.md": f"# {name}\n",
        "meta/runtime.yml": "requires_ansible: '>=2.15.0'\n",
        "requirements.txt": python,
        "bindep.txt": system,
        "plugins/modules/thing.py": "#!/usr/bin/python\n" + "# a line of a module\n" * 400,
        **{f"roles/role{number}/tasks/main.yml": "- name: Wait\n  ansible.builtin.pause:\n" for number in range(20)},
    }
    for path, text in files.items():
        place = source / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "all").mkdir(exist_ok=True)
    run(["ansible-galaxy", "collection", "build", "--force", "--output-path", str(folder / "built"), str(source)])
    shutil.move(folder / "built" / f"{namespace}-{short}-1.0.0.tar.gz", folder / "all" / f"{name}.tar.gz")


def cases(work: pathlib.Path) -> list[Case]:
    found = [
        Case("minimal", work / "minimal", MINIMAL),
        Case(
            "collections",
            work / "collections",
            MINIMAL.replace("  python:\n", "  galaxy: requirements.yml\n  python:\n").replace(
                "options:\n", "additional_build_files:\n  - src: collections\n    dest: collections\noptions:\n"
            ),
            tuple(COLLECTIONS),
        ),
        Case(
            "compiled",
            work / "compiled",
            # For this interpreter the index has it as source only.
            MINIMAL.replace("    - psutil\n", "    - netifaces\n    - psutil\n").replace(
                "  system:\n",
                "  system:\n    - gcc [compile platform:dpkg]\n    - libc6-dev [compile platform:dpkg]\n"
                "    - python3-dev [compile platform:dpkg]\n",
            ),
        ),
    ]
    for case in found:
        case.folder.mkdir()
        if case.collections:
            for name, (python, system) in COLLECTIONS.items():
                collection_archive(case.folder, name, python, system)
            for number in range(len(ADDED_PYTHON)):
                collection_archive(case.folder, f"added.one{number}", "six\n", "git [platform:dpkg]\n")
    return [case for case in found if case.name in ONLY]


@dataclass(frozen=True)
class Took:
    """Seconds: on the clock, and of processors."""

    wall: float
    cpu: float


def seconds(action: t.Callable[[], object]) -> Took:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    action()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(measured: t.Iterable[Took]) -> Took:
    found = list(measured)
    return Took(statistics.median(took.wall for took in found), statistics.median(took.cpu for took in found))


def ours(case: Case, *, cold: bool = False, again: bool = False, mounts: pathlib.Path | None = None) -> Took:
    """Run the module in a new process. ``again`` builds though nothing changed.

    ``mounts`` is a folder for the cache mounts in place of the engine's own.
    """
    arguments: dict[str, t.Any] = {"src": str(case.definition), "image": image("ours", case), "engine": "podman"}
    arguments |= {"rebuild": "always", "no_cache": cold} if cold or again else {}
    file = case.folder / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    module = "ansible_collections.foundry.ee.plugins.modules.ee_build"
    command = [sys.executable, "-m", module, str(file)]
    # As in a payload, where nothing that Python compiles of it can be kept.
    env = {"PYTHONPATH": str(ROOT.parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {} if mounts is None else {"TMPDIR": str(mounts)}
    return seconds(lambda: run(command, env))


def ours_by_ansible(case: Case) -> Took:
    arguments = json.dumps({"src": str(case.definition), "image": image("ours", case), "engine": "podman"})
    command = ["ansible", "localhost", "-m", "foundry.ee.ee_build", "-a", arguments]
    return seconds(lambda: run(command, {"ANSIBLE_COLLECTIONS_PATH": str(ROOT.parents[2])}))


def theirs(case: Case, *, cold: bool = False) -> Took:
    command = ["ansible-builder", "build", "-v", "0", "-c", str(case.folder / "theirs"), "-t", image("theirs", case)]
    command += ["-f", str(case.their_definition), *(["--no-cache"] if cold else [])]
    return seconds(lambda: run(command, {"NO_COLOR": "1"}))


def image(whose: str, case: Case) -> str:
    return f"localhost/foundry-ee/bench-{whose}:{case.name}"


def size_mb(name: str) -> float:
    return int(run(["podman", "image", "inspect", "--format", "{{.Size}}", name])) / 1e6


def alternating(first: t.Callable[[int], Took], second: t.Callable[[int], Took]) -> tuple[Took, Took]:
    """Return the medians of two measurements that take turns."""
    pairs = [(first(number), second(number)) for number in range(RUNS)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def row(name: str, ours_s: float, peer_s: float, goal: str | None, peer: str = PEER) -> Row:
    found = {"name": name, "ours_s": ours_s, "peer": peer, "peer_s": peer_s, "ratio": ours_s / peer_s, "goal": goal}
    print(f"  {name}: {ours_s:.2f} / {peer_s:.2f} = {ours_s / peer_s:.2f} ({goal})", file=sys.stderr, flush=True)
    return {**found, "runs": RUNS}


def both(name: str, ours_took: Took, peer_took: Took, goal: str | None, peer: str = PEER) -> list[Row]:
    """Return the row of wall time, which has the goal, and that of processor time."""
    return [
        row(name, ours_took.wall, peer_took.wall, goal, peer),
        row(f"{name} (processor time)", ours_took.cpu, peer_took.cpu, None, peer),
    ]


def floor(case: Case, work: pathlib.Path) -> Took:
    """The hand-written Containerfile: everything in one RUN, with cache mounts."""
    folder = work / "floor"
    folder.mkdir(exist_ok=True)
    (folder / "Containerfile").write_text(
        f"""FROM {BASE}
RUN --mount=type=cache,id=floor-pip,target=/root/.cache/pip --mount=type=cache,id=floor-apt,target=/var/cache/apt \\
    --mount=type=cache,id=floor-lists,target=/var/lib/apt/lists \\
    apt-get update && apt-get install -y --no-install-recommends git \\
    && pip install ansible-core ansible-runner six psutil dumb-init==1.2.5 \\
    && chmod g+w /etc/passwd && mkdir -p /runner && chmod -R g+rwx /runner
WORKDIR /runner
LABEL ansible-execution-environment=true
USER 1000
ENTRYPOINT ["dumb-init"]
CMD ["bash"]
"""
    )
    return seconds(lambda: run(["podman", "build", "--no-cache", "--tag", image("floor", case), str(folder)]))


def empty_mounts(case: Case) -> Took:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        return ours(case, cold=True, mounts=pathlib.Path(folder))


def rows_of(case: Case, work: pathlib.Path) -> list[Row]:
    found = []
    case.write()
    ours(case, cold=True)  # fills the cache mounts
    cold, their_cold = alternating(lambda number: ours(case, cold=True), lambda number: theirs(case, cold=True))
    found += both(f"build {case.name}: cold, cache mounts warm", cold, their_cold, "<= 0.45")
    if case.name == "minimal":
        found += both("build minimal: cold, cache mounts empty", empty_mounts(case), their_cold, None)
        by_hand = median(floor(case, work) for _run in range(RUNS))
        found += both("build minimal: cold, beside the floor", cold, by_hand, None, "hand-written, one RUN")
    # Layers of a build without cache are not always found by the next one: both get one with it.
    ours(case, again=True)
    theirs(case)
    same, their_same = alternating(lambda number: ours(case), lambda number: theirs(case))
    found += both(f"build {case.name}: nothing changed", same, their_same, "<= 0.15")
    if case.name == "minimal":
        whole = median(ours_by_ansible(case) for _run in range(RUNS))
        found.append(row("build minimal: nothing changed, whole ansible command", whole.wall, their_same.wall, None))

    def with_python(number: int) -> None:
        case.write(python=[ADDED_PYTHON[number % len(ADDED_PYTHON)]])

    found += changed(f"build {case.name}: one Python requirement added", case, with_python)
    if case.collections:

        def with_collection(number: int) -> None:
            case.write(collections=[f"added.one{number % len(ADDED_PYTHON)}"])

        found += changed(f"build {case.name}: one collection added", case, with_collection)
    sizes = size_mb(image("ours", case)), size_mb(image("theirs", case))
    return [*found, {**row(f"build {case.name}: image size, MB", *sizes, "<= 0.7"), "runs": 1}]


def changed(name: str, case: Case, change: t.Callable[[int], None]) -> list[Row]:
    """Measure builds after a change, each from the state that the unchanged definition left."""

    def measured(number: int, build: t.Callable[[Case], Took]) -> Took:
        change(number)
        return build(case)

    times = alternating(lambda number: measured(number, ours), lambda number: measured(number, theirs))
    case.write()
    return both(name, *times, "<= 0.3")


def rows() -> list[Row]:
    (STATE / "bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=STATE / "bench") as folder:
        work = pathlib.Path(folder)
        prepare(work)
        try:
            return [found for case in cases(work) for found in rows_of(case, work)]
        finally:
            if os.getuid() != 0:  # what is in the store belongs to other users then
                run(["podman", "unshare", "rm", "-rf", str(work / "store")])
