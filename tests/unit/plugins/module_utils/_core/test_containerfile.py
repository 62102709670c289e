# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Containerfile: its order, what each step mounts, and that a change reaches just the steps it should."""

from __future__ import annotations

import re

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import containerfile, context
from ansible_collections.foundry.ee.plugins.module_utils._core import definition as definitions
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    STEP_NAMES,
    BuildFile,
    ContainerInit,
    Definition,
    Exclude,
    Image,
    Options,
    Requirements,
)
from ansible_collections.foundry.ee.tests.unit import goldens
from ansible_collections.foundry.ee.tests.unit.batches import batches, check_each

COLLECTIONS = Requirements(content="collections:\n  - community.dns\n")
MARKED = {name: (f"RUN echo {name} 1", f"RUN echo {name} 2") for name in STEP_NAMES}


def text_of(definition=None, folder=".", changes=None, **options):
    return context.collect(definition or Definition(version=3, **(changes or {})), str(folder), **options).text


def render(**changes):
    return text_of(changes=changes)


def instructions(text):
    """Return the instructions of each stage, continued lines joined."""
    stages: dict[str, list[str]] = {"": []}
    name = ""
    for line in text.replace("\\\n", "").splitlines():
        found = re.match(r"FROM \S+ AS (\S+)", line)
        name = found[1] if found else name
        if line and not line.startswith("#"):
            stages.setdefault(name, []).append(line)
    return stages


def helper(text, stage, command):
    """Return the one step of a stage that runs a command of our helpers."""
    (found,) = (line for line in instructions(text)[stage] if re.search(rf"run --inputs=\S+ {command}\b", line))
    return found


def inputs_of(line):
    return re.findall(r"--inputs=(\S+)", line)


def test_only_the_stages_that_are_needed():
    assert list(instructions(render())) == ["", "base", "final"]
    assert list(instructions(render(python=Requirements(content="six")))) == ["", "base", "final"]
    assert list(instructions(render(system=Requirements(content="git [platform:rpm]")))) == ["", "base", "final"]
    compiles = {"system": Requirements(content="gcc [compile]"), "python": Requirements(content="psutil")}
    assert list(instructions(render(**compiles))) == ["", "base", "builder", "final"]
    assert list(instructions(render(galaxy=COLLECTIONS))) == ["", "base", "galaxy", "builder", "final"]
    assert list(instructions(render(steps={"append_builder": ("RUN true",)}))) == ["", "base", "builder", "final"]
    assert list(instructions(render(steps={"prepend_galaxy": ("RUN true",)}))) == [
        *("", "base", "galaxy", "builder", "final")
    ]


def test_steps_stand_where_ansible_builder_has_them():
    """Those of the user in the documented order, and our work between those around it."""
    text = render(
        galaxy=COLLECTIONS,
        python=Requirements(content="six"),
        system=Requirements(content="git"),
        ansible_core="ansible-core",
        steps=MARKED,
    )
    shown = re.findall(r"echo (\w+) [12]|run --inputs=\S+ (\w+)|^FROM \S+ AS (\w+)", text, re.MULTILINE)
    assert ["".join(found) for found in shown] == [
        *("base", "prepend_base", "prepend_base", "core", "append_base", "append_base"),
        *("galaxy", "prepend_galaxy", "prepend_galaxy", "galaxy", "append_galaxy", "append_galaxy", "inspect"),
        *("builder", "prepend_builder", "prepend_builder", "compile", "wheels", "append_builder", "append_builder"),
        *("final", "prepend_final", "prepend_final", "system", "python", "append_final", "append_final"),
    ]


def test_prepend_builder_is_the_first_thing_its_stage_does():
    lines = instructions(render(steps={"prepend_builder": ("COPY _build/pip.conf /etc/pip.conf",)}))["builder"]
    assert [line.split()[0] for line in lines[:4]] == ["FROM", "WORKDIR", "ARG", "COPY"]
    assert lines[3] == "COPY _build/pip.conf /etc/pip.conf"


def test_the_builder_is_ahead_of_the_final_stage_and_has_a_folder_for_steps():
    compiles = {"system": Requirements(content="gcc [compile]\ngit"), "python": Requirements(content="psutil")}
    stages = instructions(render(**compiles))
    ahead, behind = (
        next(n for n, line in enumerate(stages[stage]) if line.startswith("RUN")) for stage in ("builder", "final")
    )
    assert ahead < behind
    assert "WORKDIR /build" in instructions(render(**compiles, steps={"append_builder": ("RUN true",)}))["builder"]


def test_the_end_of_version_3():
    lines = instructions(render())["final"]
    assert [line for line in lines if not line.startswith(("RUN", "ARG", "FROM"))] == [
        "LABEL ansible-execution-environment=true",
        'ENTRYPOINT ["/opt/builder/bin/entrypoint", "dumb-init"]',
        'CMD ["bash"]',
        "WORKDIR /runner",
        "USER 1000",
    ]
    words = helper(render(), "final", "python")
    assert "python --init=dumb-init==1.2.5 --relax-passwd --workdir=/runner --check" in words


def test_what_the_user_appends_cannot_change_how_the_container_starts():
    lines = instructions(render(steps={"append_final": ("CMD mine", "ENTRYPOINT mine")}))["final"]
    assert lines[-5:] == [
        "ENTRYPOINT mine",
        "LABEL ansible-execution-environment=true",
        'ENTRYPOINT ["/opt/builder/bin/entrypoint", "dumb-init"]',
        'CMD ["bash"]',
        "USER 1000",
    ]


def test_options_left_out():
    init = ContainerInit(package_pip=None, entrypoint=None, cmd=None)
    options = Options(
        container_init=init, relax_passwd_permissions=False, skip_ansible_check=True, workdir=None, user=None,
        skip_pip_install=True,
    )  # fmt: skip
    text = render(options=options, ansible_core="ansible-core")
    assert "core --no-pip -- ansible-core" in text
    assert re.search(r"run --inputs=\w+ python$", text, re.MULTILINE)
    assert not re.search("^(USER (?!root)|WORKDIR|ENTRYPOINT|CMD)", text, re.MULTILINE)


def test_root_again_after_a_user_of_the_steps():
    lines = instructions(render(steps={"append_base": ("USER 1001", "RUN id"), "prepend_final": ("user bob",)}))
    assert lines["base"][-3:] == ["USER 1001", "RUN id", "USER root"]
    assert lines["final"][2:4] == ["user bob", "USER root"]


@pytest.mark.parametrize(
    "steps",
    [
        ("RUN a\nUSER bob\n",),
        ("RUN a && \\", "  b", "USER bob"),
        ("RUN <<EOF\nUSER nobody\nEOF", "\tuser\tbob"),
    ],
)
def test_a_user_is_seen_wherever_it_stands(steps):
    lines = instructions(render(steps={"prepend_final": steps}, options=Options(user=None)))["final"]
    assert "USER root" in lines
    assert lines[-1] == "USER bob"


@pytest.mark.parametrize(
    "steps", [("RUN a && \\", "  USER bob"), ("RUN a \\", "# c", "USER bob"), ("RUN cat <<E", "USER b", "E")]
)
def test_what_is_no_user_is_none(steps):
    text = render(steps={"append_base": steps}, options=Options(user=None))
    assert "USER root" not in instructions(text)["base"][-1]
    assert not instructions(text)["final"][-1].startswith("USER")


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ({"prepend_final": ("USER 1000",)}, "USER 1000"),
        ({"append_base": ("USER 7", "RUN x", "user 1000")}, "USER 1000"),
        ({"append_base": ("USER 7",), "prepend_final": ("USER root",)}, None),
        ({"prepend_final": ("USER 1000",), "append_final": ("USER 5",)}, "USER 5"),
        ({"prepend_final": ("USER 1000",), "append_final": ("RUN x",)}, "USER 1000"),
    ],
)
def test_the_image_keeps_the_user_of_its_steps_where_no_option_names_one(steps, last):
    users = [line for line in instructions(render(steps=steps, options=Options(user=None)))["final"] if "USER" in line]
    assert (users or [None])[-1] == (last or (users or [None])[-1])
    assert last is not None or users in ([], ["USER root", "USER root"])
    assert instructions(render(steps=steps))["final"][-1] == "USER 1000"


def test_arguments_that_ansible_builder_declares_are_there_for_steps_that_name_them():
    step = "LABEL base=$EE_BASE_IMAGE refs=$ANSIBLE_INSTALL_REFS opts=$ANSIBLE_GALAXY_CLI_ROLE_OPTS"
    changes = {
        "ansible_core": "ansible-core>=2",
        "ansible_runner": "ansible-runner",
        "build_args": {"ANSIBLE_GALAXY_CLI_ROLE_OPTS": "-v"},
    }
    lines = instructions(render(steps={"append_final": (step,)}, **changes))
    (declared,) = (line for line in lines["final"] if line.startswith("ARG"))
    assert declared.startswith(
        'ARG EE_BASE_IMAGE ANSIBLE_INSTALL_REFS="ansible-core>=2 ansible-runner" ANSIBLE_GALAXY_CLI_ROLE_OPTS="-v" '
    )
    assert "EE_BASE_IMAGE" not in " ".join(lines["base"][1:])
    definition = Definition(
        version=2, builder_image=Image("b:1"), steps={"append_final": ("LABEL b=$EE_BUILDER_IMAGE",)}
    )
    assert 'ARG EE_BUILDER_IMAGE="b:1" PYCMD' in text_of(definition)


def test_arguments():
    text = render(
        base_image=Image('name:1"$x\\'),
        python_path="/opt/py/bin/python3",
        python_package="python3.12",
        options=Options(package_manager_path="/usr/bin/microdnf"),
        build_args={"ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--pre -v", "PKGMGR_PRESERVE_CACHE": "always"},
        galaxy=COLLECTIONS,
    )
    assert text.splitlines()[1] == r'ARG EE_BASE_IMAGE="name:1\"\$x\\"'
    base = next(line for line in instructions(text)["base"] if line.startswith("ARG"))
    assert base == (
        'ARG PYCMD="/opt/py/bin/python3" PKGMGR="/usr/bin/microdnf" PYPKG="python3.12" PKGMGR_PRESERVE_CACHE="always"'
    )
    galaxy = next(line for line in instructions(text)["galaxy"] if line.startswith("ARG"))
    assert 'ANSIBLE_GALAXY_CLI_COLLECTION_OPTS="--pre -v"' in galaxy


def test_a_package_manager_that_steps_speak_of_has_a_name():
    lines = instructions(render(steps={"append_base": ("RUN $PKGMGR install -y vim",)}))
    assert 'PKGMGR="/usr/bin/dnf"' in " ".join(lines["base"])
    assert "PKGMGR" not in " ".join(lines["final"])
    for step in ("ENV PKGMGR_OPTS=--setopt=x=1", "RUN [ -z $PKGMGR_PRESERVE_CACHE ]"):
        assert "PKGMGR=" not in render(steps={"append_base": (step,)})


def test_several_words_and_shell_characters():
    assert "-- 'ansible-core>=2.15,<2.17' ansible-runner" in render(
        ansible_core="ansible-core>=2.15,<2.17", ansible_runner="ansible-runner"
    )


def test_every_step_of_ours_names_what_it_reads():
    """podman and buildah look at the text of a step, not into what it mounts."""
    first = {"galaxy": COLLECTIONS, "python": Requirements(content="six"), "system": Requirements(content="git")}
    steps = [("galaxy", "galaxy"), ("builder", "wheels"), ("final", "system"), ("final", "python")]

    def digests(**changes):
        text = render(**{**first, **changes})
        return {command: inputs_of(helper(text, stage, command)) for stage, command in steps}

    def differing(**changes):
        before, after = digests(), digests(**changes)
        return {command for command in before if before[command] != after[command]}

    assert differing() == set()
    assert differing(python=Requirements(content="six\nnetaddr")) == {"wheels", "python"}
    assert differing(system=Requirements(content="git\nrsync")) == {"system", "wheels", "python"}
    assert differing(galaxy=Requirements(content="collections: [a.b]")) == {"galaxy"}
    assert differing(exclude=Exclude(python=("x",))) == {"galaxy"}


def test_wheels_depend_on_the_steps_that_made_them():
    one, two = (
        helper(render(steps={"prepend_builder": (f"RUN echo {n}",)}), "final", "python") for n in ("one", "two")
    )
    assert inputs_of(one) != inputs_of(two)


def test_helpers_count():
    line = helper(render(), "final", "python")
    known = {path.removeprefix("_build/") for path in (f.path for f in context.collect(Definition(3), ".").files)}
    digests = {path: "0" for path in known if path.startswith("scripts/foundry_ee/")}
    other = containerfile.render(Definition(version=3), containerfile.Inputs(digests=digests))
    assert inputs_of(line) != inputs_of(helper(other, "final", "python"))


def test_what_the_galaxy_stage_found_is_copied_so_that_engines_compare_it():
    lines = instructions(render(galaxy=COLLECTIONS))["final"]
    shown = [re.sub(r"^RUN .*run --inputs=\w+ (\w+).*", r"our \1", line) for line in lines]
    assert [line for line in shown if line.startswith(("COPY", "our"))] == [
        "COPY --from=galaxy /usr/share/foundry-ee/system.json /usr/share/foundry-ee/",
        "our system",
        "COPY --from=galaxy /usr/share/foundry-ee/python.json /usr/share/foundry-ee/",
        "our python",
        "COPY --from=galaxy /usr/share/ansible /usr/share/ansible",
    ]


def test_galaxy_roles_and_collections(tmp_path):
    both = render(galaxy=Requirements(content="roles: [a.b]\ncollections: [c.d]\n"))
    assert "galaxy --roles --collections" in both
    assert "galaxy --roles &&" in render(galaxy=Requirements(content="- src: geerlingguy.java\n"))
    assert "target=/build/requirements.yml" in both


@pytest.mark.parametrize(
    "entry",
    [
        "{name: files/a-b-1.0.0.tar.gz, type: file}",
        "{name: ./a, type: dir}",
        "./a-b-1.0.0.tar.gz",
        "{name: /build/x, type: subdirs}",
    ],
)
def test_local_content_is_there_and_counts(tmp_path, entry):
    (tmp_path / "f").write_text("one")
    galaxy = Requirements(content=f"collections: [{entry}]\n")
    changes = {"galaxy": galaxy, "build_files": (BuildFile("f", "files"),)}
    before = helper(text_of(folder=tmp_path, changes=changes), "galaxy", "galaxy")
    assert "--mount=type=bind,source=_build,target=/build" in before
    (tmp_path / "f").write_text("two")
    after = helper(text_of(folder=tmp_path, changes=changes), "galaxy", "galaxy")
    assert inputs_of(before) != inputs_of(after)


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ("collections: [{name: files/c.tar.gz}]", {}),
        ("collections: [files/c.tar.gz]", {}),
        ("roles: [{src: files/c.tar.gz, name: r}]", {}),
        ("collections: [{name: a.b, signatures: ['file:///build/files/c.tar.gz']}]", {}),
        ("collections: ['git+file:///build/files']", {}),
        ("collections: [a.b]", {"build_args": {"ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--keyring files/c.tar.gz"}}),
        ("collections: [a.b]", {"build_args": {"ANSIBLE_GALAXY_CLI_ROLE_OPTS": "--keyring=/build/files/c.tar.gz"}}),
        ("collections: [a.b]", {"steps": {"prepend_galaxy": ("ENV ANSIBLE_CONFIG=/build/files/c.tar.gz",)}}),
        ("collections: [a.b]", {"steps": {"append_galaxy": ("RUN ls files",)}}),
        ("collections: [a.b]", {"steps": {"append_base": ("ENV ANSIBLE_CONFIG=/build/files/c.tar.gz",)}}),
    ],
)
def test_galaxy_has_all_files_where_it_may_be_pointed_at_one(tmp_path, content, changes):
    def step():
        return helper(text_of(folder=tmp_path, changes=changes), "galaxy", "galaxy")

    changes = {
        "build_files": (BuildFile("c.tar.gz", "files"),),
        "galaxy": Requirements(content=f"{content}\n"),
        **changes,
    }
    (tmp_path / "c.tar.gz").write_text("one")
    before = step()
    assert "--mount=type=bind,source=_build,target=/build" in before
    (tmp_path / "c.tar.gz").write_text("two")
    assert inputs_of(before) != inputs_of(step())


def test_galaxy_reads_no_more_than_its_own_files_else(tmp_path):
    (tmp_path / "motd").write_text("one")
    changes = {
        "build_files": (BuildFile("motd", "files"),),
        "galaxy": COLLECTIONS,
        "steps": {"append_base": ("RUN x",)},
    }
    before = helper(text_of(folder=tmp_path, changes=changes), "galaxy", "galaxy")
    (tmp_path / "motd").write_text("two")
    assert before == helper(text_of(folder=tmp_path, changes=changes), "galaxy", "galaxy")
    assert "source=_build/requirements.yml,target=/build/requirements.yml" in before
    assert "source=_build,target" not in before
    assert "target=/build " in helper(
        text_of(folder=tmp_path, changes={**changes, "steps": {"prepend_galaxy": ("RUN x",)}}), "galaxy", "galaxy"
    )


def test_steps_behind_galaxy_find_the_context_in_their_folder(tmp_path):
    (tmp_path / "c").write_text("")
    files = {"build_files": (BuildFile("c", "files"),)}

    def copies(step, **changes):
        changes = {"galaxy": COLLECTIONS, "steps": {"append_galaxy": (step,)}, **changes}
        return "COPY _build /build" in instructions(text_of(folder=tmp_path, changes=changes))["galaxy"]

    assert copies("RUN ls files", **files)
    assert copies("RUN ansible-galaxy collection install -r requirements.yml")
    assert copies("RUN ls /build")
    assert not copies("RUN true")


def test_what_steps_behind_galaxy_may_read_does_not_repeat_the_installation():
    changes = {"galaxy": COLLECTIONS, "steps": {"append_galaxy": ("RUN ls /build",)}}
    lines = instructions(text_of(changes=changes))["galaxy"]
    installation = next(line for line in lines if "foundry_ee/run" in line and " galaxy " in line)
    assert lines.index(installation) < lines.index("COPY _build /build") < lines.index("RUN ls /build")


def test_signatures():
    text = text_of(
        changes={"galaxy": COLLECTIONS},
        keyring=b"key",
        required_valid_signature_count="+1",
        ignore_signature_status_codes=["500", "NO_PUBKEY"],
    )
    assert (
        "galaxy --collections --keyring=/opt/builder/keyring.gpg --required-valid-signature-count=+1"
        " --ignore-signature-status-code=500 --ignore-signature-status-code=NO_PUBKEY" in text
    )
    assert "source=_build/foundry_ee/keyring.gpg,target=/opt/builder/keyring.gpg" in text
    assert "signature" not in render(galaxy=COLLECTIONS)


def test_files_of_the_user_have_no_role_that_nobody_gave_them(tmp_path):
    names = ("keyring.gpg", "constraints.txt", "requirements.txt", "bindep.txt", "exclude-bindep.txt")
    for name in names:
        (tmp_path / name).write_text("mine\n")
    definition = Definition(version=3, build_files=tuple(BuildFile(name, ".") for name in names))
    assert list(instructions(text_of(definition, tmp_path))) == ["", "base", "final"]
    text = text_of(definition._replace(galaxy=COLLECTIONS), tmp_path)
    assert not any(name in text for name in names)
    found = context.collect(definition, str(tmp_path), keyring=b"ours", constraints=["six==1"])
    files = {file.path: file.data for file in found.files}
    assert files["_build/keyring.gpg"] == files["_build/constraints.txt"] == b"mine\n"
    assert files["_build/foundry_ee/keyring.gpg"] == b"ours"
    assert files["_build/foundry_ee/constraints.txt"] == b"six==1\n"


def test_a_list_that_is_a_build_file_too_keeps_what_it_includes(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("six\n")
    definition = Definition(
        version=3, python=Requirements(file="requirements.txt"), build_files=(BuildFile("requirements.txt", "."),)
    )
    files = {file.path: file.data for file in context.collect(definition, str(tmp_path)).files}
    assert files["_build/requirements.txt"] == b"six\n"


def test_the_configuration_of_older_versions_is_used(tmp_path):
    (tmp_path / "my.cfg").write_text("[galaxy]\n")
    definition = Definition(version=2, galaxy=COLLECTIONS, ansible_config="my.cfg")
    line = helper(text_of(definition, tmp_path), "galaxy", "galaxy")
    assert "--mount=type=bind,source=_build/ansible.cfg,target=/build/ansible.cfg" in line


def test_secrets_only_where_needed_and_only_if_given():
    assert "type=secret" not in render(galaxy=COLLECTIONS)
    text = text_of(
        changes={"galaxy": COLLECTIONS, "python": Requirements(content="six"), "system": Requirements(content="git")},
        secrets=containerfile.SECRETS,
    )

    def secrets(stage, command):
        return set(re.findall(r"type=secret,id=(\w+),required=false", helper(text, stage, command)))

    assert secrets("galaxy", "galaxy") == set(containerfile.SECRETS)
    assert secrets("base", "core") == secrets("final", "python") == set(containerfile.NETWORK_SECRETS)
    assert secrets("final", "system") == set()


def test_a_builder_image_of_its_own():
    definition = Definition(version=2, galaxy=COLLECTIONS, builder_image=Image("quay.io/org/builder:1"))
    text = text_of(definition)
    assert 'ARG EE_BUILDER_IMAGE="quay.io/org/builder:1"' in text
    assert instructions(text)["builder"][0] == "FROM $EE_BUILDER_IMAGE AS builder"
    assert "--always" in helper(text, "builder", "wheels")


def test_helpers_of_the_user_are_where_ansible_builder_puts_them():
    text = render(steps={"append_galaxy": ("RUN /output/scripts/mine",)})
    assert "COPY _build/scripts/ /output/scripts/" in instructions(text)["base"]
    assert "RUN rm -rf /output" in instructions(text)["final"]
    assert "/output/scripts" not in render()


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("ADD _build/ansible.cfg ~/.ansible.cfg", "ADD _build/ansible.cfg /root/.ansible.cfg"),
        ("copy --chown=1:1 a b ~", "copy --chown=1:1 a b /root"),
        ('COPY ["a", "~/b"]', 'COPY ["a", "/root/b"]'),
        ("COPY a \\\n  ~/b", "COPY a \\\n  /root/b"),
        ("RUN cp a ~/b", "RUN cp a ~/b"),
        ("COPY a/~b c~/d", "COPY a/~b c~/d"),
        ("COPY a b\nRUN ls ~/b", "COPY a b\nRUN ls ~/b"),
    ],
)
def test_home_in_copied_paths(line, becomes):
    assert "\n".join(containerfile.at_home([line])) == becomes


@batches([case for case in goldens.cases_of() if case.accepted], goldens.name)
def test_every_accepted_definition_is_rendered_with_all_its_steps(batch, tmp_path):
    check_each(batch, goldens.name, lambda case: render_with_all_steps(case, tmp_path / case.id))


def render_with_all_steps(case, folder):
    case.write(folder)
    name = case.def_file or next((found for found in case.input if found.endswith((".yml", ".yaml"))), "")
    file = folder / name
    if not file.is_file():
        pytest.fail(f"{case.id} has no definition file")
    parsed = definitions.parse(file.read_bytes(), str(file))
    assert parsed.definition is not None
    # Files that were not recorded with the cases are left out.
    definition = parsed.definition._replace(galaxy=None, python=None, system=None, ansible_config=None, build_files=())
    first, second = text_of(definition, folder), text_of(definition, folder)
    assert first == second
    lines = first.splitlines()
    for step in definition.steps.values():
        wanted = containerfile.at_home(step)
        assert any(lines[at : at + len(wanted)] == wanted for at in range(len(lines)))
