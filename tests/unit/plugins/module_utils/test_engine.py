# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of each engine, as recorded arguments, and how its answers are read.

The answers are real ones, shortened: podman 4.3.1 and buildah 1.28.2 on Debian 12, 2026-11-20; docker's from its
documentation.
"""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import content_mark
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Denied,
    Failed,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.image_ref import parse
from ansible_collections.foundry.ee.plugins.module_utils._engine import (
    ENGINE_CLASSES,
    Access,
    BuildOrder,
    Completed,
    Secret,
    open_engine,
    run_command,
)

ID = "df918bf8ac56b180af6adf816d6d54e1e09713f278b2dbdb6ccb4c9c03e3f7fb"
DIGEST = "sha256:27d20217da327185ddd907d2889e0184a649725e1f7586a987722749399a4dac"
INDEX = "sha256:" + "9" * 64
PODMAN_IMAGE: dict[str, t.Any] = {
    "Id": ID,
    "Digest": DIGEST,
    "RepoTags": ["localhost/ee:1"],
    "RepoDigests": [f"localhost/ee@{DIGEST}", f"localhost/ee@{INDEX}"],
    "Created": "1970-01-01T00:00:00Z",
    "Config": {"User": "1000", "Labels": {"a": "b"}},
    "Architecture": "amd64",
    "Os": "linux",
    "Size": 231985482,
    "RootFS": {"Type": "layers", "Layers": [DIGEST]},
}
BUILDAH_IMAGE: dict[str, t.Any] = {
    "FromImageID": ID,
    "FromImageDigest": DIGEST,
    "OCIv1": {
        "created": "1970-01-01T00:00:00Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"a": "b"}, "Entrypoint": ["/opt/builder/bin/entrypoint", "dumb-init"]},
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    },
}


class Recorder:
    """Stands for the process table: notes what would be run, and answers from a table by the words it begins with."""

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.calls = []

    def __call__(self, argv, env, on_line=None, stdin=None):
        self.calls.append((argv[1:], dict(env), stdin))
        for words, answer in self.answers.items():
            if " ".join(argv[1:]).startswith(words):
                if on_line is not None:
                    for line in answer.output.splitlines():
                        on_line(line)
                return answer
        return Completed(0, "")


def made(name, answers=(), connection=None):
    recorder = Recorder(answers)
    engine = ENGINE_CLASSES[name](f"/usr/bin/{name}", recorder, connection)
    engine.task = "task-1"
    return engine, recorder


def order(**changes):
    known = {"context": "/work/context", "containerfile": "/work/context/Containerfile", "iidfile": "/work/iid"}
    return BuildOrder(**{**known, **changes})


FULL = {
    "build_args": {"B": "2", "A": "1"},
    "secrets": (Secret("foundry_netrc", "/work/secrets/0"),),
    "platform": "linux/arm64",
    "no_cache": True,
    "timestamp": 1700000000,
    "access": Access("/work/auth.json", None, tls_verify=False),
    "extra_args": ("--network", "host"),
}
COMMON = [
    "--file",
    "/work/context/Containerfile",
    "--iidfile",
    "/work/iid",
]
TASK = ["--build-arg", "FOUNDRY_EE_TASK=task-1"]
GIVEN = [
    "--build-arg",
    "A=1",
    "--build-arg",
    "B=2",
    "--secret",
    "id=foundry_netrc,src=/work/secrets/0",
    "--platform",
    "linux/arm64",
]
OCI_TAIL = ["--timestamp", "1700000000"]
ACCESS = ["--authfile", "/work/auth.json", "--tls-verify=false"]
END = ["--network", "host", "/work/context"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("podman", ["build", *COMMON, "--no-cache", *TASK, *GIVEN, "--jobs", "0", *OCI_TAIL, *ACCESS, *END]),
        (
            "buildah",
            ["build", *COMMON, "--layers=true", "--no-cache", *TASK, *GIVEN, "--jobs", "0", *OCI_TAIL, *ACCESS, *END],
        ),
        (
            "docker",
            [
                *("buildx", "build", "--progress", "plain", "--load", "--provenance=false"),
                *COMMON,
                "--no-cache",
                *GIVEN,
                *("--build-arg", "SOURCE_DATE_EPOCH=1700000000"),
                *END,
            ],
        ),
    ],
)
def test_build_arguments(name, expected):
    engine, _recorder = made(name)
    assert engine.build_arguments(order(**FULL)) == expected


@pytest.mark.parametrize(
    ("name", "squash", "expected"),
    [
        ("podman", "new", {"--squash"}),
        ("podman", "all", {"--squash-all"}),
        ("podman", "off", set()),
        ("buildah", "new", {"--layers=false"}),
        ("buildah", "all", {"--layers=true", "--squash"}),
        ("buildah", "off", {"--layers=true"}),
    ],
)
def test_squash(name, squash, expected):
    arguments = made(name)[0].build_arguments(order(squash=squash))
    assert {text for text in arguments if text.startswith(("--squash", "--layers"))} == expected


def test_policies_are_handed_over():
    arguments = made("podman")[0].build_arguments(order(policy_file="/work/policy.json", pull_always=True))
    assert arguments[-4:-1] == ["--signature-policy", "/work/policy.json", "--pull-always"]


@pytest.mark.parametrize(
    "changes",
    [
        {"squash": "new"},
        {"squash": "all"},
        {"policy_file": "/p"},
        {"pull_always": True},
        {"access": Access(None, "/c")},
    ],
)
def test_docker_refuses_what_it_cannot_do(changes):
    with pytest.raises(Invalid):
        made("docker")[0].build_arguments(order(**changes))


def test_a_build_returns_the_id_and_hands_lines_on(tmp_path):
    iid = tmp_path / "iid"
    iid.write_text(f"sha256:{ID}\n")
    engine, _recorder = made("podman", {"build": Completed(0, "STEP 1/1: FROM x\nCOMMIT")})
    seen: list[str] = []
    assert engine.build(order(iidfile=str(iid)), seen.append) == f"sha256:{ID}"
    assert seen == ["STEP 1/1: FROM x", "COMMIT"]


def test_a_failed_build_carries_its_last_lines():
    output = "\n".join(str(number) for number in range(200))
    engine, _recorder = made("podman", {"build": Completed(125, output)})
    with pytest.raises(Failed, match="exit code 125") as caught:
        engine.build(order(), lambda line: None)
    assert caught.value.details["tail"] == [str(number) for number in range(100, 200)]


# podman 4.3.1, while another task removed images, 2026-11-20
LOST = "Error: checking if cached image exists from a previous build: getting top layer info: layer not known"


def test_a_build_that_lost_sight_of_an_image_is_begun_once_more(tmp_path):
    iid = tmp_path / "iid"
    iid.write_text(ID)
    engine, recorder = made("podman")
    seen: list[str] = []

    def see(line):
        seen.append(line)
        recorder.answers["build"] = Completed(0, "COMMIT")

    recorder.answers["build"] = Completed(125, LOST)
    assert engine.build(order(iidfile=str(iid)), see) == f"sha256:{ID}"
    assert (seen[0], seen[2]) == (LOST, "COMMIT")
    assert "another task removed an image" in seen[1]
    recorder.answers["build"] = Completed(125, LOST)
    with pytest.raises(Failed, match="exit code 125"):
        engine.build(order(iidfile=str(iid)), seen.append)
    assert len(recorder.calls) == 4


def test_an_engine_that_was_killed_is_told_so():
    engine, _recorder = made("podman", {"build": Completed(-9, "")})
    with pytest.raises(Failed, match="signal 9"):
        engine.build(order(), lambda line: None)


def test_labels_go_on_by_a_build_of_their_own(tmp_path):
    iid = tmp_path / "iid"
    iid.write_text(ID)
    engine, recorder = made("podman")
    engine.label(order(iidfile=str(iid), timestamp=1), f"sha256:{ID}", {"a": "$b"}, tmp_path)
    assert (tmp_path / "Containerfile").read_text() == f'FROM {ID}\nLABEL "a"="\\$b"\n'
    assert recorder.calls[0][0] == [
        *("build", "--file", f"{tmp_path}/Containerfile", "--iidfile", str(iid)),
        "--no-cache",
        *TASK,
        *("--jobs", "0", "--timestamp", "1", str(tmp_path)),
    ]


def test_docker_builds_by_name_on_what_was_made_here():
    engine, _recorder = made("docker", {"image inspect": Completed(0, json.dumps([PODMAN_IMAGE]))})
    ref = parse("localhost/base:1")
    assert engine.to_build_on(ref, f"sha256:{ID}") == ref
    assert str(engine.to_build_on(ref, DIGEST)) == f"localhost/base@{DIGEST}"


def test_docker_builds_again_for_labels(tmp_path):
    iid = tmp_path / "iid"
    iid.write_text(ID)
    engine, recorder = made("docker")
    engine.label(order(iidfile=str(iid), no_cache=True), f"sha256:{ID}", {"a": "$b"}, tmp_path)
    arguments = recorder.calls[0][0]
    assert arguments[-3:] == ["--label", "a=$b", "/work/context"]
    assert "--no-cache" not in arguments


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_inspect(name):
    answer = Completed(0, json.dumps([PODMAN_IMAGE]))
    engine, recorder = made(name, {"image inspect": answer})
    image = engine.inspect("localhost/ee:1")
    assert recorder.calls[0][0] == ["image", "inspect", "localhost/ee:1"]
    assert (image.id, image.names, image.labels) == (f"sha256:{ID}", ("localhost/ee:1",), {"a": "b"})
    assert image.platform == "linux/amd64"


@pytest.mark.parametrize(
    ("name", "errors"),
    [("podman", "Error: inspecting object: gone:1: image not known"), ("docker", "Error: No such image: gone:1")],
)
def test_many_are_looked_at_by_one_command_and_what_is_not_there_is_left_out(name, errors):
    engine, recorder = made(name, {"image inspect": Completed(125, json.dumps([PODMAN_IMAGE]), errors)})
    assert list(engine.inspect_all(["gone:1", "localhost/ee:1"])) == ["localhost/ee:1"]
    assert [call[0] for call in recorder.calls] == [["image", "inspect", "gone:1", "localhost/ee:1"]]


def test_an_engine_that_cannot_look_at_many_says_so():
    engine, _recorder = made("podman", {"image inspect": Completed(125, "", "Error: cannot connect")})
    with pytest.raises(Failed, match="cannot connect"):
        engine.inspect_all(["localhost/ee:1"])


def test_the_digest_of_an_index_goes_before_that_of_its_manifest():
    engine, _recorder = made("podman", {"image inspect": Completed(0, json.dumps([PODMAN_IMAGE]))})
    image = engine.inspect("localhost/ee:1")
    assert image.digest_of("localhost/ee") == INDEX
    assert image.digest_of("localhost/other") == DIGEST


def test_inspect_with_buildah():
    answers = {
        "inspect": Completed(0, json.dumps(BUILDAH_IMAGE)),
        "images": Completed(0, json.dumps([{"id": ID[:12], "names": ["localhost/ee:1"], "digest": DIGEST}])),
    }
    engine, recorder = made("buildah", answers)
    image = engine.inspect("localhost/ee:1")
    assert [call[0] for call in recorder.calls] == [
        ["inspect", "--type", "image", "localhost/ee:1"],
        ["images", "--json", ID],
    ]
    assert (image.id, image.names, image.labels) == (f"sha256:{ID}", ("localhost/ee:1",), {"a": "b"})
    assert image.digest_of("localhost/ee") == DIGEST


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("podman", "Error: inspecting object: localhost/ee:1: image not known"),
        ("docker", "Error response from daemon: No such image: ee:1"),
        ("buildah", "Error: locating image: localhost/ee:1: image not known"),
    ],
)
def test_an_image_that_is_not_there_is_none(name, errors):
    words = "inspect" if name == "buildah" else "image inspect"
    assert made(name, {words: Completed(125, "[]\n", errors)})[0].inspect("localhost/ee:1") is None


def test_an_engine_that_does_not_answer_is_no_missing_image():
    errors = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    engine, _recorder = made("docker", {"image inspect": Completed(1, "", errors)})
    with pytest.raises(Failed, match="Is the docker daemon running"):
        engine.inspect("ee:1")


@pytest.mark.parametrize(
    ("name", "verb"), [("podman", ["image", "ls"]), ("docker", ["image", "ls"]), ("buildah", ["images"])]
)
def test_finding_by_key(name, verb):
    engine, recorder = made(name)
    assert engine.find_key("abc") is None
    label = "label=io.foundry.ee.build-key=abc"
    assert recorder.calls[0][0] == [*verb, "--all", "--quiet", "--no-trunc", "--filter", label]


# What podman 4.3.1 says where another task removes an image while it lists them.
REMOVED_MEANWHILE = (
    f'Error: retrieving label for image "{ID}": you may need to remove the image to resolve the error: fallback error '
    f'checking whether image is a manifest list: reading image "{ID}": locating image with ID "{ID}": image not known'
)


@pytest.mark.parametrize(("failures", "found"), [(2, True), (9, False)])
def test_images_are_listed_again_while_others_remove_some(failures, found):
    engine, recorder = made("podman")
    answers = iter([*[Completed(125, "", REMOVED_MEANWHILE)] * failures, Completed(0, "")])

    def run(argv, env, on_line=None, stdin=None):
        recorder(argv, env)
        return next(answers)

    engine._run = run
    if found:
        assert engine.find_key("abc") is None
    else:
        with pytest.raises(Failed, match=f"A killed engine can leave such an image.*`podman rmi --force {ID}`"):
            engine.find_key("abc")
    assert len(recorder.calls) == min(failures + 1, 5)


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_what_is_built_on_an_image_is_not_found_by_its_key(name):
    config = {"User": "1000"}
    labels = {"io.foundry.ee.build-key": "abc", "io.foundry.ee.content": content_mark([DIGEST], config)}
    own = {**PODMAN_IMAGE, "Config": {**config, "Labels": labels}}
    # Both of these inherit the labels: one has a layer more, and one another user.
    more = {**own, "Id": "1" * 64, "RootFS": {"Layers": [DIGEST, INDEX]}}
    other = {**own, "Id": "2" * 64, "Config": {**own["Config"], "User": "0"}}
    listed, looked = f"sha256:{ID}\nsha256:{'1' * 64}\nsha256:{ID}\n", ["image", "inspect", f"sha256:{ID}"]
    answers = {"image ls": Completed(0, listed), "image inspect": Completed(0, json.dumps([more, other, own]))}
    engine, recorder = made(name, answers)
    assert engine.find_key("abc").id == f"sha256:{ID}"
    assert [call[0] for call in recorder.calls[1:]] == [[*looked, f"sha256:{'1' * 64}"]]
    recorder.answers["image inspect"] = Completed(0, json.dumps([more, other]))
    assert engine.find_key("abc") is None


def test_what_is_built_on_an_image_is_not_found_by_its_key_with_buildah():
    config = BUILDAH_IMAGE["OCIv1"]["config"]
    labels = {"io.foundry.ee.build-key": "abc", "io.foundry.ee.content": content_mark([DIGEST], config)}
    own = {**BUILDAH_IMAGE["OCIv1"], "config": {**config, "Labels": labels}}
    answers = {
        "images --json": Completed(0, "[]"),
        "images": Completed(0, f"{ID}\n"),
        "inspect": Completed(0, json.dumps({**BUILDAH_IMAGE, "OCIv1": own})),
    }
    engine, recorder = made("buildah", answers)
    assert engine.find_key("abc").own_labels == labels
    more = {**own, "rootfs": {"diff_ids": [DIGEST, INDEX]}}
    recorder.answers["inspect"] = Completed(0, json.dumps({**BUILDAH_IMAGE, "OCIv1": more}))
    assert engine.find_key("abc") is None


@pytest.mark.parametrize(
    ("name", "reference", "expected"),
    [
        ("podman", "ee", "localhost/ee:latest"),
        ("podman", "quay.io/a/b:1", "quay.io/a/b:1"),
        ("podman", f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b@{DIGEST}"),
        ("buildah", "ee:1", "localhost/ee:1"),
        ("docker", "ee", "ee:latest"),
        ("docker", "docker.io/library/debian:12", "debian:12"),
        ("docker", "docker.io/team/ee:1", "team/ee:1"),
        ("docker", "quay.io/a/b:1", "quay.io/a/b:1"),
    ],
)
def test_full_names(name, reference, expected):
    assert str(made(name)[0].full_name(parse(reference))) == expected


def test_pushing():
    engine, recorder = made("podman")
    engine.push(f"sha256:{ID}", "quay.io/a/b:1", Access("/a.json", "/certs"))
    assert recorder.calls[0][0] == [
        *("push", "--quiet", "--authfile", "/a.json", "--cert-dir", "/certs", f"sha256:{ID}", "docker://quay.io/a/b:1")
    ]


def test_docker_pushes_a_name_that_goes_again():
    engine, recorder = made("docker", {"push": Completed(1, "", "denied: requested access to the resource is denied")})
    with pytest.raises(Denied):
        engine.push(f"sha256:{ID}", "quay.io/a/b:1", Access("/private/config.json"))
    assert [call[0] for call in recorder.calls] == [
        ["tag", f"sha256:{ID}", "quay.io/a/b:1"],
        ["push", "--quiet", "quay.io/a/b:1"],
        ["rmi", "--no-prune", "quay.io/a/b:1"],
    ]
    assert recorder.calls[1][1] == {"DOCKER_CONFIG": "/private"}


def test_pulling():
    answers = {"image inspect": Completed(0, json.dumps([PODMAN_IMAGE]))}
    engine, recorder = made("podman", answers)
    assert engine.pull("quay.io/a/b:1", Access(), "linux/arm64").id == f"sha256:{ID}"
    assert recorder.calls[0][0] == ["pull", "--quiet", "--platform", "linux/arm64", "quay.io/a/b:1"]


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ("Error: initializing source docker://q/a:1: reading manifest 1 in q/a: manifest unknown", NotFound),
        ("Error: initializing source docker://q/a:1: unauthorized: authentication required", Denied),
        ('Error: Get "https://q/v2/": x509: certificate signed by unknown authority', Unreachable),
        ('Error: Get "http://q/v2/": dial tcp 127.0.0.1:9: connect: connection refused', Unreachable),
        ('Error: Patch "http://q/v2/a/blobs/uploads/1": write tcp: write: broken pipe', Unreachable),
        ('Error: Patch "http://q/v2/a/blobs/uploads/1": EOF', Unreachable),
        (
            # An upload's address is random text, which may well hold 403 or 401.
            'Error: writing blob: Patch "http://q/v2/a/blobs/uploads/4403-1?_state=Ab403xY": '
            "write tcp 127.0.0.1:5->127.0.0.1:6: use of closed network connection",
            Unreachable,
        ),
        ("Error: writing manifest: received unexpected HTTP status: 403 Forbidden", Denied),
        ("Error: writing blob: Put upload: net/http: timeout awaiting response headers", Unreachable),
        ("Error: writing blob: write /var/tmp/x: no space left on device", Failed),
        ("Error: open /var/lib/containers/x: permission denied", Failed),
        ('Error: exec: "docker-credential-pass": executable file not found in $PATH', Failed),
        ("denied: requested access to the resource is denied", Denied),
    ],
)
def test_kinds_of_failure(errors, kind):
    engine, _recorder = made("podman", {"pull": Completed(125, "", errors)})
    with pytest.raises(kind) as caught:
        engine.pull("q/a:1", Access())
    assert caught.value.kind == kind.kind
    assert "podman could not pull q/a:1: " in str(caught.value)


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_starting_a_container(name):
    engine, recorder = made(name)
    engine.start("ee:1", "true", "input")
    engine.start("ee:1", "true", entrypoint=False)
    run = ["run", "--rm", "--interactive", "--name", "foundry-ee-task-1", "--network", "none"]
    assert recorder.calls == [
        ([*run, "ee:1", "sh", "-c", "true"], {}, "input"),
        ([*run, "--entrypoint", "/bin/sh", "ee:1", "-c", "true"], {}, ""),
    ]


def test_starting_a_container_with_buildah():
    answers = {
        "inspect": Completed(0, json.dumps(BUILDAH_IMAGE)),
        "images": Completed(0, "[]"),
        "from": Completed(0, "foundry-ee-task-1\n"),
    }
    engine, recorder = made("buildah", answers)
    engine.start(f"sha256:{ID}", "true", "input")
    assert recorder.calls[2:] == [
        (["from", "--quiet", "--name", "foundry-ee-task-1", ID], {}, None),
        (
            [
                *("run", "--network", "none", "foundry-ee-task-1", "--"),
                *("/opt/builder/bin/entrypoint", "dumb-init", "/bin/sh", "-c", "true"),
            ],
            {},
            "input",
        ),
        (["rm", "foundry-ee-task-1"], {}, None),
    ]


@pytest.mark.parametrize(
    ("name", "connection", "words"),
    [
        ("podman", "build-host", ["--connection", "build-host"]),
        ("podman", "ssh://core@build/run/podman.sock", ["--url", "ssh://core@build/run/podman.sock"]),
        ("docker", "build-host", ["--context", "build-host"]),
        ("docker", "tcp://127.0.0.1:2375", ["--host", "tcp://127.0.0.1:2375"]),
    ],
)
def test_connections(name, connection, words):
    engine, recorder = made(name, connection=connection)
    engine.tag(ID, "ee:1")
    assert recorder.calls[0][0] == [*words, "tag", ID, "ee:1"]


def test_buildah_has_no_connections():
    with pytest.raises(Invalid, match="buildah"):
        made("buildah", connection="build-host")


@pytest.mark.parametrize(
    ("name", "info", "remove"),
    [
        ("podman", "{store} overlay\n", ["rm", "--force"]),
        ("buildah", '{{"store": {{"GraphRoot": "{store}", "GraphDriverName": "overlay"}}}}', ["rm"]),
    ],
)
def test_what_a_killed_build_left_is_removed(tmp_path, name, info, remove):
    for number, task in enumerate(("task-1", "task-2")):
        note = tmp_path / "overlay-containers" / str(number) / "userdata" / "buildah.json"
        note.parent.mkdir(parents=True)
        note.write_text(json.dumps({"container-id": f"id-of-{task}", "Args": {"FOUNDRY_EE_TASK": task}}))
    engine, recorder = made(name, {"info": Completed(0, info.format(store=tmp_path))})
    engine.clear("task-1")
    removed = [call[0] for call in recorder.calls if call[0][0] == "rm"]
    assert removed == [[*remove, "foundry-ee-task-1"], [*remove, "id-of-task-1"]]


def test_of_a_remote_engine_only_the_container_is_removed():
    engine, recorder = made("podman", connection="far")
    engine.clear("task-1")
    assert [call[0] for call in recorder.calls] == [["--connection", "far", "rm", "--force", "foundry-ee-task-1"]]


def test_the_platform_is_asked_for_where_the_engine_is_elsewhere():
    engine, _recorder = made("podman", {"--connection far info": Completed(0, "linux/arm64\n")}, "far")
    assert engine.platform() == "linux/arm64"


def test_an_engine_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="podman or docker or buildah is not installed"):
        open_engine("auto")
    program = tmp_path / "buildah"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert open_engine("auto").name == "buildah"
    with pytest.raises(NotFound, match="engine: buildah"):
        open_engine("podman")


def test_commands_are_run(tmp_path):
    script = "import sys; print(sys.stdin.read()); print('err', file=sys.stderr); sys.exit(3)"
    done = run_command([sys.executable, "-c", script], {}, stdin="in")
    assert done == Completed(3, "in\n", "err\n")
    lines: list[str] = []
    run_command([sys.executable, "-c", "print('a'); print('b')"], {}, lines.append)
    assert lines == ["a", "b"]


def test_a_command_does_not_outlive_a_break(tmp_path):
    pid = tmp_path / "pid"
    script = (
        f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); print('up', flush=True); time.sleep(60)"
    )

    def stop(_line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command([sys.executable, "-c", script], {}, stop)
    assert not Path(f"/proc/{pid.read_text()}").exists()
