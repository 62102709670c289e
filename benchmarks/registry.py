# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ee_registry_image against skopeo, between two real registries on loopback, and against the floor of a ping.

Ours is the module as Ansible runs it on the target: a Python process that reads its arguments and prints its result.
The destination is emptied before every first copy.
"""

from __future__ import annotations

import hashlib
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

from ansible_collections.foundry.ee.plugins.module_utils._core.manifest import (
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    digest_of,
    made,
)
from ansible_collections.foundry.ee.plugins.module_utils._oci import open_registry
from ansible_collections.foundry.ee.plugins.module_utils._oci_images import Item, Registries, plan_item

HERE = pathlib.Path(__file__).resolve().parent
SERVICE = HERE.parent / "tests" / "services" / "registry"
PORTS = (5170, 5171)
LAYERS = 12
RUNS = 5
TASKS = 10
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MODULE = "from ansible_collections.foundry.ee.plugins.modules import ee_registry_image as module; module.main()"
GOAL_ABOVE_PING_S = 0.2
GOAL_REQUESTS = 60


class Pair:
    """Two registries below a passing folder: where images come from, and where they go."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.source, self.destination = (f"127.0.0.1:{port}" for port in PORTS)
        self._folder = folder

    def __enter__(self) -> Pair:
        for port in PORTS:
            self._service("start", port)
        return self

    def __exit__(self, *_error: object) -> None:
        for port in PORTS:
            self._service("stop", port)

    def empty(self) -> None:
        shutil.rmtree(self._folder / str(PORTS[1]) / "storage" / "docker", ignore_errors=True)

    def _service(self, verb: str, port: int) -> None:
        env = {**os.environ, "REGISTRY_HOME": str(self._folder / str(port)), "REGISTRY_PORT": str(port)}
        subprocess.run([SERVICE, verb], env=env, check=True, stdout=subprocess.DEVNULL)


def random_layer(size: int) -> t.Iterator[bytes]:
    """Yield a layer that no registry has yet."""
    for _number in range(size // (1024 * 1024)):
        yield os.urandom(1024 * 1024)


def push(host: str, repository: str, megabytes: int) -> None:
    """Put an image of random layers into a registry, as ``repository:1``."""
    registry = open_registry(f"{host}/{repository}", {}, read_only=False)
    layers = []
    for _number in range(LAYERS):
        chunks = list(random_layer(megabytes * 1024 * 1024 // LAYERS))
        hasher = hashlib.sha256(b"".join(chunks))
        blob = Descriptor(LAYER, "sha256:" + hasher.hexdigest(), sum(map(len, chunks)))
        registry.write_blob(repository, blob, lambda chunks=chunks: iter(chunks))  # type: ignore[misc]
        layers.append({"mediaType": LAYER, "digest": blob.digest, "size": blob.size})
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    described = Descriptor(OCI_CONFIG, digest_of(config), len(config))
    registry.write_blob(repository, described, lambda: iter([config]))
    entry = {"mediaType": OCI_CONFIG, "digest": described.digest, "size": described.size}
    content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entry, "layers": layers}
    registry.put_manifest(repository, made(content), "1")


def module(**arguments: t.Any) -> tuple[float, dict[str, t.Any], int]:
    """Run the module. Return seconds, its result and the most memory it had, in bytes."""
    text = json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": False, **arguments}})
    start = time.perf_counter()
    # As in a payload, where nothing that Python compiles of it can be kept.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", MODULE]
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text)
    process.stdin.close()
    output = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    spent = time.perf_counter() - start
    result: dict[str, t.Any] = json.loads(output)
    assert status == 0, output
    return spent, result, usage.ru_maxrss * 1024


def skopeo(source: str, destination: str) -> float:
    start = time.perf_counter()
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    command = ["skopeo", "copy", "--all", *plain, f"docker://{source}", f"docker://{destination}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def copies(registries: Pair) -> list[dict[str, t.Any]]:
    """First and repeated copies, ours and skopeo's alternating."""
    source, destination = f"{registries.source}/bench/large:1", f"{registries.destination}/bench/large:1"
    firsts: dict[str, list[float]] = {"ours": [], "skopeo": []}
    repeats: dict[str, list[float]] = {"ours": [], "skopeo": []}
    memory = 0
    for number in range(RUNS):
        for who in ("ours", "skopeo") if number % 2 else ("skopeo", "ours"):
            registries.empty()
            for times in (firsts, repeats):
                if who == "skopeo":
                    times[who].append(skopeo(source, destination))
                    continue
                spent, result, most = module(image=destination, source=source)
                assert result["changed"] == (times is firsts), result
                memory = max(memory, most)
                times[who].append(spent)
    within = [again(source, destination) for _number in range(RUNS)]
    registries.empty()
    small = module(image=f"{registries.destination}/bench/small:1", source=f"{registries.source}/bench/small:1")[2]
    return [
        row(
            "copy 300 MB in 12 layers, registry to registry", firsts["ours"], "skopeo copy", firsts["skopeo"], "<= 1.0"
        ),
        row(
            "the same again, against the first copy", repeats["ours"], "skopeo copy, first", firsts["skopeo"], "<= 0.1"
        ),
        row("the same again, against the same again", repeats["ours"], "skopeo copy, again", repeats["skopeo"], None),
        row("the same again, without the start of Python", within, "skopeo copy, again", repeats["skopeo"], None),
        row("most memory for 300 MB (bytes)", [float(memory)], "for 12 MB", [float(small)], "<= 1.25"),
    ]


def again(source: str, destination: str) -> float:
    """Look whether a copy is there, in this process."""
    start = time.perf_counter()
    item = Item.from_params({"image": destination, "source": source, "state": "present"})
    planned = plan_item(item, Registries({"timeout": 30.0}, read_only=False))
    assert not planned.changed
    return time.perf_counter() - start


def play(folder: pathlib.Path, name: str, task: dict[str, t.Any]) -> tuple[float, float]:
    """Return the seconds of a play with TASKS times the same task: on the wall, and of the processor."""
    book = folder / f"{name}.json"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task] * TASKS}]))
    local = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(["ansible-playbook", *local, str(book)], check=True, capture_output=True)
    spent, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tags(registries: Pair, folder: pathlib.Path) -> list[dict[str, t.Any]]:
    """What nothing to do costs above a ping, and what fifty tags cost."""
    image = f"{registries.source}/bench/small:1"
    above: list[float] = []
    processor: list[float] = []
    for _number in range(RUNS):
        floor = play(folder, "ping", {"ansible.builtin.ping": {}})
        took = play(folder, "image", {"foundry.ee.ee_registry_image": {"image": image}})
        above.append((took[0] - floor[0]) / TASKS)
        processor.append((took[1] - floor[1]) / TASKS)
    unchanged = module(image=image)[1]
    spent, fifty, _memory = module(image=image, tags=[f"t{number}" for number in range(50)])
    assert fifty["changed"]
    assert not unchanged["changed"]
    return [
        row("a task, present and unchanged: above a ping", above, "the goal", [GOAL_ABOVE_PING_S], "<= 1"),
        row("the same, processor time", processor, "the goal", [GOAL_ABOVE_PING_S], None),
        row("present and unchanged (requests)", [float(unchanged["requests"])], "the goal", [2.0], "<= 1"),
        row("50 tags added (requests)", [float(fifty["requests"])], "the goal", [float(GOAL_REQUESTS)], "<= 1"),
        row("50 tags added", [spent], "no peer was run", [], None),
    ]


def row(name: str, ours: list[float], peer: str, peers: list[float], goal: str | None) -> dict[str, t.Any]:
    mine, theirs = statistics.median(ours), statistics.median(peers) if peers else None
    return {
        "name": name,
        "ours_s": mine,
        "peer": peer,
        "peer_s": theirs,
        "ratio": None if theirs is None else mine / theirs,
        "goal": goal,
        "runs": len(ours),
    }


def rows() -> list[dict[str, t.Any]]:
    with tempfile.TemporaryDirectory(prefix="foundry-ee.") as name, Pair(pathlib.Path(name)) as registries:
        push(registries.source, "bench/large", 300)
        push(registries.source, "bench/small", 12)
        return copies(registries) + tags(registries, pathlib.Path(name))
