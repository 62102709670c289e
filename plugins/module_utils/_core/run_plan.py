# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-runner is told: the folder it reads, the mounts, the options for the engine."""

from __future__ import annotations

import posixpath
import re
import shlex
import typing as t
from dataclasses import dataclass, field

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

WHOLE = "/runner"
PROJECT = "/runner/project"
# A play that we wrote ourselves lies here: the project may be somebody's working copy, where nothing is to appear.
PLAY = "/runner/play/.ee_run.json"

# Nobody means these; ansible-runner refuses the first three too.
NEVER_MOUNTED = frozenset(
    {"/", "/home", "/usr", "/etc", "/bin", "/lib", "/lib64", "/sbin", "/var", "/proc", "/sys", "/dev"}
)
LONGEST_IDENT = 200  # characters; with what is put before it, it is the name of a directory


@dataclass(frozen=True)
class Mount:
    """A directory or file of the host (``src``) at the absolute path ``dest`` of the container."""

    src: str
    dest: str
    read_only: bool = True

    def __str__(self) -> str:
        return f"{self.src}:{self.dest}:{'ro' if self.read_only else 'rw'}"

    def as_result(self) -> dict[str, t.Any]:
        return {"src": self.src, "dest": self.dest, "mode": "ro" if self.read_only else "rw"}


def check_mount(src: str, dest: str | None, read_only: bool, option: str) -> Mount:
    """Return the mount of ``src`` at ``dest`` (by default the same path). Raises Invalid; ``option`` is named in it."""
    dest = dest or src
    check_path(src, f"{option}.src")
    check_path(dest, f"{option}.dest")
    if posixpath.normpath(dest) == WHOLE:
        raise Invalid(f"`{option}.dest` is `{dest}`, where the folder of the run is.", hint="Choose a path below it.")
    return Mount(posixpath.normpath(src), posixpath.normpath(dest), read_only)


def check_path(path: str, option: str) -> None:
    """Raise Invalid for a path that cannot be one side of a mount; ``option`` is where it comes from."""
    where = f"`{option}` is `{path}`"
    if not path.startswith("/"):
        raise Invalid(f"{where}: expected an absolute path.")
    if ":" in path:
        raise Invalid(
            f"{where}: engines read a colon as the end of the path.",
            hint="Name the directory above it, or give it a name without one.",
        )
    if posixpath.normpath(path) in NEVER_MOUNTED:
        raise Invalid(f"{where}: a directory of the whole system is not mounted.", hint="Name the directory needed.")


def join_mounts(ours: t.Iterable[Mount], users: t.Sequence[Mount]) -> tuple[tuple[Mount, ...], tuple[str, ...]]:
    """Return all mounts, and a warning for each of ours in whose place the user's is. Raises Invalid.

    An engine refuses two mounts at one place.
    """
    places: dict[str, Mount] = {}
    for number, mount in enumerate(users):
        if mount.dest in places:
            other = places[mount.dest].src
            raise Invalid(f"`mounts[{number}].dest` is `{mount.dest}`, where {other} is mounted already.")
        places[mount.dest] = mount
    kept = [mount for mount in ours if mount.dest not in places]
    warnings = tuple(
        f"`mounts` has {places[mount.dest].src} at {mount.dest}, in place of {mount.src}."
        for mount in ours
        if mount.dest in places
    )
    return (*kept, *users), warnings


@dataclass(frozen=True)
class Limits:
    """What the container may use: ``memory`` as engines write it (``512m``), ``cpus`` in cores, ``pids`` a number."""

    memory: str | None = None
    cpus: float | None = None
    pids: int | None = None

    def options(self) -> list[str]:
        given = (("--memory", self.memory), ("--cpus", self.cpus), ("--pids-limit", self.pids))
        return [f"{name}={value}" for name, value in given if value is not None]


@dataclass(frozen=True)
class Container:
    """How the engine starts the container."""

    engine: str
    name: str
    mounts: tuple[Mount, ...] = ()
    network: str | None = None
    limits: Limits = field(default_factory=Limits)
    environment: t.Mapping[str, str] = field(default_factory=dict)
    selinux: bool = False
    extra: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return the options between ``run`` and the image; what the user gave comes last, and so wins."""
        # As the controller and ansible-navigator do: root inside is the user outside, who owns the folder of the run.
        options = ["--user=root"] if self.engine == "podman" else []
        if self.selinux:
            # The alternative is to relabel the user's own directories.
            options.append("--security-opt=label=disable")
        if self.network is not None:
            options.append(f"--network={self.network}")
        options += self.limits.options()
        options += [f"--env={name}={value}" for name, value in sorted(self.environment.items())]
        return [*options, *self.extra]


def check_ident(ident: str) -> str:
    """Return a user's name for a run, as :func:`container_ident` makes it. Raises Invalid."""
    if not ident.strip():
        raise Invalid("`ident` is empty.", hint="Leave it out for a random one.")
    if len(ident) > LONGEST_IDENT:
        raise Invalid(f"`ident` has {len(ident)} characters: expected {LONGEST_IDENT} at most.")
    return container_ident(ident)


def container_ident(ident: str) -> str:
    """Return ``ident`` with everything replaced that the name of a container or of a directory may not hold."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", ident)


def container_name(ident: str) -> str:
    """Return the name under which the run's container is found: ansible-runner gives it, ``podman stop`` takes it."""
    return f"ansible_runner_{container_ident(ident)}"


def decide_pull(policy: str, known: t.Collection[str | None] | None, newest: str | None = None) -> tuple[bool, str]:
    """Return whether the image is pulled, and why.

    ``known`` are the digests of the engine's image, None if there is no such image; ``newest`` is the registry's
    digest, which only the policy ``newest`` asks for.
    """
    if policy == "always":
        return True, "`pull: always`"
    if known is None:
        return policy != "never", "the engine does not have it"
    if policy != "newest":
        return False, "the engine has it"
    if newest in known:
        return False, "the engine has what the registry has"
    return True, f"the registry has another one, {newest}"


def settings() -> dict[str, t.Any]:
    """Return ``env/settings``: quiet, because the output is told by events, and looking up once a second."""
    return {"suppress_ansible_output": True, "suppress_output_file": True, "pexpect_timeout": 1}


def env_file(variables: t.Mapping[str, t.Any]) -> str:
    """Return the text of an engine's ``--env-file``. Raises Invalid for what such a file cannot hold."""
    lines = []
    for name, value in variables.items():
        if not re.fullmatch(r"[^\s=#][^\s=]*", name):
            raise Invalid(f"`envvars`: `{name}` is no name of an environment variable.")
        if "\n" in str(value):
            raise Invalid(
                f"`envvars.{name}` has several lines, which container engines cannot read from a file.",
                hint="Put it into a file and mount that, or pass it in `extravars`.",
            )
        lines.append(f"{name}={value}\n")
    return "".join(lines)


def private_key(text: str) -> str:
    """Return a private key as ssh-add reads it: lines end as on Unix, the last one too, which lookups take away."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else f"{lines}\n"


def split_environment(variables: t.Mapping[str, t.Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what ansible-runner is to know, and what only the inside of the container is to see.

    ansible-runner adds to some of ansible's own settings, so it must have them. But it also starts the engine in the
    environment that it is given: a ``PATH`` or ``HOME`` meant for the inside would mislead podman outside.
    """
    text = {name: str(value) for name, value in variables.items()}
    return (
        {name: value for name, value in text.items() if name.startswith("ANSIBLE_")},
        {name: value for name, value in text.items() if not name.startswith("ANSIBLE_")},
    )


# What is run


def role_play(role: str, variables: t.Mapping[str, t.Any], hosts: str, gather_facts: bool) -> list[dict[str, t.Any]]:
    """Return a playbook that applies one role."""
    applied = {"role": role, "vars": dict(variables)} if variables else {"role": role}
    return [{"name": f"Role {role}", "hosts": hosts, "gather_facts": gather_facts, "roles": [applied]}]


def module_play(module: str, arguments: t.Mapping[str, t.Any] | str | None, hosts: str) -> list[dict[str, t.Any]]:
    """Return a playbook that runs one module, as the ``ansible`` command would."""
    return [{"name": f"Module {module}", "hosts": hosts, "gather_facts": False, "tasks": [{module: arguments}]}]


def is_collection_playbook(playbook: str) -> bool:
    """Whether ``playbook`` is the name of one in a collection, such as ``foundry.ee.lifecycle``."""
    return re.fullmatch(r"[a-z_]\w*\.[a-z_]\w*\.\w[\w.]*", playbook) is not None and not playbook.endswith(
        (".yml", ".yaml", ".json")
    )


def command_line(
    cmdline: t.Sequence[str],
    *,
    check: bool = False,
    diff: bool = False,
    limit: str | None = None,
    tags: t.Sequence[str] = (),
    skip: t.Sequence[str] = (),
) -> str:
    """Return the content of ``env/cmdline``, which ansible-runner splits as a shell would."""
    words = list(cmdline)
    words += ["--check"] if check else []
    words += ["--diff"] if diff else []
    words += ["--limit", limit] if limit is not None else []
    words += ["--tags", ",".join(tags)] if tags else []
    words += ["--skip-tags", ",".join(skip)] if skip else []
    return " ".join(shlex.quote(word) for word in words)


# Inventory

# What ansible itself takes for "here", made explicit: ansible-runner always names an inventory.
IMPLICIT_LOCALHOST: dict[str, t.Any] = {
    "all": {
        "hosts": {
            "localhost": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            }
        }
    }
}


def is_host_list(source: str) -> bool:
    """Whether an inventory source is ``host,`` or ``host1,host2``, not a path."""
    return "," in source and "\n" not in source


def host_list(source: str) -> dict[str, t.Any]:
    """Return a host list as a YAML inventory."""
    return {"all": {"hosts": {name.strip(): {} for name in source.split(",") if name.strip()}}}
