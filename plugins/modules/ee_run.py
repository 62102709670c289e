#!/usr/bin/python
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ee_run
short_description: Run a playbook, a role or a module inside an execution environment
version_added: 0.1.0
author: Foundry maintainers (@foundry)
description:
  - Runs Ansible inside a container of an execution environment by C(ansible-runner), as an automation controller does.
  - The run happens on the host that the task is for; that is where playbook, inventory and container engine must be.
  - Whatever the run needs is put into a directory that only this user can read, and that is gone afterwards, however
    the run ends. What a killed task left is cleared away by the next one.
  - The container is called C(ansible_runner_) and O(ident). It is stopped when O(timeout) is over, and when the task
    is interrupted.
extends_documentation_fragment:
  - foundry.ee._attributes
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is run, and the task counts as skipped, because what a playbook would change is not known before.
      - With O(inner_check=true) the playbook is run in check mode itself, if the image is there already.
  diff_mode:
    support: full
    details:
      - The differences that the tasks inside report.
  idempotent:
    support: partial
    details:
      - The task is changed when a task inside is, so it is idempotent if the playbook is.
  platform:
    support: full
options:
  playbook:
    description:
      - Path of a playbook, below O(project) if it is relative and O(project) is given.
      - Or the name of a playbook in a collection that the image holds, such as V(foundry.ee.lifecycle).
    type: str
  role:
    description: Role to apply to O(hosts), by its name in O(project) or in a collection.
    type: str
  role_vars:
    description: Variables of O(role).
    type: dict
    default: {}
  module:
    description: Module to run once on O(hosts).
    type: str
  module_args:
    description: Arguments of O(module), as a mapping, or as a string where the module takes one.
    type: raw
  hosts:
    description: Pattern of hosts for O(role) and O(module).
    type: str
    default: all
  gather_facts:
    description: Whether facts are gathered before O(role).
    type: bool
    default: true
  project:
    description:
      - Directory with what the run needs. It is C(/runner/project) inside, and may be written to.
      - For O(role) and O(module) everything in it is beside the play as well.
      - Default is the directory of O(playbook).
    type: path
  inventory:
    description:
      - Paths of inventory files or directories; hosts with a comma, such as V(web1,web2) or V(localhost,); the text of
        an inventory; or mappings as in a YAML inventory. Later ones win.
      - A file brings the C(group_vars) and C(host_vars) beside it.
      - Default is V(localhost), which is the container.
    type: list
    elements: raw
    default: []
  extravars:
    description: Extra variables. They are handed over in a private file, not on a command line.
    type: dict
    default: {}
  envvars:
    description:
      - Environment variables of the run. They do not change how the container engine itself works.
      - No place for secrets, as engines keep a container's environment in their database. Use O(extravars).
    type: dict
    default: {}
  cmdline:
    description: More arguments for C(ansible-playbook), one word each.
    type: list
    elements: str
    default: []
  limit:
    description: Pattern to limit the hosts to.
    type: str
  tags:
    description: Run only what has one of these tags.
    type: list
    elements: str
    default: []
  skip_tags:
    description: Leave out what has one of these tags.
    type: list
    elements: str
    default: []
  passwords:
    description: Answers to questions that C(ansible-playbook) asks, by a regular expression for the question.
    type: dict
  ssh_key:
    description:
      - A private key for the run. It is handed to an agent inside the container and is never in a file. That a lookup
        took its last line end away does no harm.
      - The image needs C(ssh-agent).
    type: str
  ssh_agent:
    description: Whether the container may use the agent that E(SSH_AUTH_SOCK) names, if there is one.
    type: bool
    default: true
  ssh_directory:
    description:
      - Directory with the settings of ssh, mounted read-only where ssh looks for it inside, if it is there.
      - What symbolic links in it point at is mounted too, see RV(ssh). An empty string mounts nothing.
    type: path
    default: ~/.ssh
  image:
    description: Reference of the execution environment's image, by tag or digest.
    type: str
  effective:
    description:
      - The record that P(foundry.ee.effective_ee#lookup) returns with C(explain), in place of O(image).
      - It is returned as RV(effective), so that the reason stays with the run.
    type: dict
  pull:
    description:
      - When the image is pulled.
      - V(missing) means if the engine does not have it, V(always) means before every run, V(never) that it must be
        there.
      - V(newest) means if the registry has another one under this name. The registry is asked for that by one request.
    type: str
    choices: [always, missing, never, newest]
    default: missing
  engine:
    description: The container engine. V(auto) takes podman if it is installed, else docker.
    type: str
    choices: [auto, podman, docker]
    default: auto
  mounts:
    description:
      - Directories and files of the host for the container.
      - One at a place where something else would be mounted, such as O(ssh_directory) at C(/root/.ssh), is there in its
        stead; a warning says so.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: Path on the host.
        type: path
        required: true
      dest:
        description: Path in the container. Default is the same as on the host.
        type: str
      mode:
        description: Whether the container may write there.
        type: str
        choices: [ro, rw]
        default: ro
  network:
    description: Network of the container, as the engine names it, such as V(host) or V(none).
    type: str
  limits:
    description: What the container may use.
    type: dict
    suboptions:
      memory:
        description: Memory, such as V(512m).
        type: str
      cpus:
        description: Processor cores.
        type: float
      pids:
        description: Number of processes.
        type: int
  engine_options:
    description: More options for the engine's C(run) command, one word each. They win over those that the module gives.
    type: list
    elements: str
    default: []
  username:
    description: User at the image's registry.
    type: str
  password:
    description: Password of O(username). It is written to a private file for the time of the task.
    type: str
  authfile:
    description: File with credentials as C(podman login) or C(docker login) writes it. Default is the engine's own.
    type: path
  validate_certs:
    description: Whether the registry's certificate is checked. V(false) also allows plain HTTP.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust at the registry.
    type: path
  client_cert:
    description: Client certificate for the registry, with its key unless O(client_key) holds it.
    type: path
  client_key:
    description: Key of O(client_cert).
    type: path
  timeout:
    description: Seconds after which the run is stopped. Default is no limit.
    type: int
  ident:
    description:
      - Name of the run, part of the names of the container and of the artifacts directory, up to 200 characters.
      - Default is random.
    type: str
  artifacts:
    description:
      - Directory to keep the account of the run in (events, status), in a directory named by O(ident). It is made
        before the run if need be.
      - Without it nothing is kept.
    type: path
  inner_check:
    description: Whether in check mode the playbook is run with C(--check) inside the container.
    type: bool
    default: false
  progress:
    description:
      - Whether to show what the play inside prints while it runs.
      - V(auto) shows it if C(ansible-playbook) writes for people on a terminal. On a controller, in a pipe and with
        callbacks for programs it shows nothing.
      - V(plain) prints it without colours, on whatever standard output is.
      - With C(async), C(no_log) and in check mode nothing is shown.
    type: str
    choices: [auto, plain, none]
    default: auto
  progress_file:
    description:
      - A file to which the module adds what the play inside prints, until it ends. It must not be there yet.
      - Set by O(progress); of use by itself to who watches a run in another way.
    type: path
requirements:
  - ansible-runner >= 2.4
  - requests >= 2.31
  - podman or docker
notes:
  - Root inside the container is the user outside, as with an automation controller and ansible-navigator.
  - Use C(no_log) on the task where O(extravars) hold secrets.
seealso:
  - plugin: foundry.ee.effective_ee
    plugin_type: lookup
  - module: foundry.ee.ee_build
"""

EXAMPLES = r"""
- name: Run a playbook as the controller would
  foundry.ee.ee_run:
    playbook: /srv/site/deploy.yml
    inventory: [/srv/site/inventory]
    image: hub.example.com/network/ee:1.4
    extravars:
      release: "2026.11"

- name: Run it in the execution environment that the controller gives to a job template, and keep the account
  foundry.ee.ee_run:
    playbook: deploy.yml
    project: /srv/site
    inventory: [/srv/site/inventory]
    effective: "{{ lookup('foundry.ee.effective_ee', 'Deploy network', explain=true) }}"
    pull: newest
    username: reader
    password: "{{ registry_password }}"
    artifacts: /var/log/site
    timeout: 1800

- name: See in check mode what the playbook would change
  foundry.ee.ee_run:
    playbook: /srv/site/deploy.yml
    inventory: [/srv/site/inventory]
    image: hub.example.com/network/ee:1.4
    inner_check: true
  check_mode: true
  diff: true

- name: Ask every host for its kernel, from inside the execution environment
  foundry.ee.ee_run:
    module: ansible.builtin.command
    module_args:
      cmd: uname -r
    inventory: [/srv/site/inventory]
    image: hub.example.com/network/ee@sha256:3b1f0d4c5e6a79880a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef
    timeout: 120
"""

RETURN = r"""
rc:
  description: Exit code of C(ansible-playbook), or of the engine where that did not start.
  returned: when something was run
  type: int
  sample: 0
status:
  description: V(successful), V(failed), V(timeout) or V(canceled).
  returned: when something was run
  type: str
  sample: successful
stats:
  description: The recap, per host.
  returned: when something was run
  type: dict
  sample: {web1: {ok: 4, changed: 1, failed: 0, unreachable: 0, skipped: 0, rescued: 0, ignored: 0}}
failures:
  description: The failed tasks that were neither ignored nor rescued.
  returned: when something was run
  type: list
  elements: dict
  sample:
    - host: web1
      play: Deploy
      task: Restart the service
      role: web
      action: ansible.builtin.service
      path: /runner/project/roles/web/tasks/main.yml:12
      unreachable: false
      msg: Unable to restart service web
module_results:
  description: What O(module) returned, per host.
  returned: with O(module)
  type: dict
  sample: {web1: {ping: pong, changed: false}}
stdout:
  description: The end of what the run printed, up to 128 KiB, without colours.
  returned: when something was run
  type: str
image:
  description: The image as it was asked for.
  returned: always
  type: str
image_id:
  description: Id of the image in the engine.
  returned: when the engine has the image
  type: str
image_digest:
  description:
    - Digest of the execution environment that ran.
    - It is the registry's if that has this very image and can be asked, see RV(digest_from).
  returned: when the engine has the image
  type: str
digest_from:
  description: V(registry), or V(engine) where RV(image_digest) is known only there (after a build without a push).
  returned: when the engine has the image
  type: str
  sample: registry
pulled:
  description: Whether the image was pulled, or would be.
  returned: always
  type: bool
because:
  description: Why it was pulled or not.
  returned: always
  type: str
  sample: the engine has it
effective:
  description: The record given in O(effective).
  returned: with O(effective)
  type: dict
container:
  description: How the container is started.
  returned: always
  type: dict
  sample:
    engine: podman
    name: ansible_runner_deploy
    playbook: deploy.yml
    arguments: ""
    mounts: [{src: /srv/site, dest: /runner/project, mode: rw}]
    options: [--user=root]
ssh:
  description: What of the user's ssh the container sees.
  returned: always
  type: dict
  contains:
    agent:
      description: Socket of the agent that is mounted, or null.
      type: str
    directory:
      description: The ssh directory that is mounted, or null.
      type: str
    links:
      description: Symbolic links in it that leave it, with the reason in C(problem) where a target is not mounted.
      type: list
      elements: dict
  sample:
    agent: /run/user/1000/keyring/ssh
    directory: /home/me/.ssh
    links:
      - path: /home/me/.ssh/config
        target: /home/me/dotfiles/ssh_config
        mounted_at: [/home/me/dotfiles/ssh_config]
        problem:
artifacts:
  description: Directory with the account of the run, or null.
  returned: when something was run
  type: str
elapsed:
  description: Seconds that the run took, without pulling.
  returned: when something was run
  type: float
swept:
  description: Names of killed runs whose remains were cleared away.
  returned: when something was run
  type: list
  elements: str
"""

import contextlib
import os
import posixpath
import stat
import time
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.foundry.ee.plugins.module_utils import _runner
from ansible_collections.foundry.ee.plugins.module_utils._core import image_ref, run_plan, run_result, ssh_links
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._engine import LOCAL, Engine, LocalImage, open_engine
from ansible_collections.foundry.ee.plugins.module_utils._engine_access import Reach
from ansible_collections.foundry.ee.plugins.module_utils._http import REQUESTS_IMPORT_ERROR
from ansible_collections.foundry.ee.plugins.module_utils._oci import open_registry
from ansible_collections.foundry.ee.plugins.module_utils._run import fail

_MOUNT = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "str"},
    "mode": {"type": "str", "choices": ["ro", "rw"], "default": "ro"},
}
_LIMITS = {"memory": {"type": "str"}, "cpus": {"type": "float"}, "pids": {"type": "int"}}
ARGUMENTS: dict[str, t.Any] = {
    "playbook": {"type": "str"},
    "role": {"type": "str"},
    "role_vars": {"type": "dict", "default": {}},
    "module": {"type": "str"},
    "module_args": {"type": "raw"},
    "hosts": {"type": "str", "default": "all"},
    "gather_facts": {"type": "bool", "default": True},
    "project": {"type": "path"},
    "inventory": {"type": "list", "elements": "raw", "default": []},
    "extravars": {"type": "dict", "default": {}},
    "envvars": {"type": "dict", "default": {}},
    "cmdline": {"type": "list", "elements": "str", "default": []},
    "limit": {"type": "str"},
    "tags": {"type": "list", "elements": "str", "default": []},
    "skip_tags": {"type": "list", "elements": "str", "default": []},
    "passwords": {"type": "dict", "no_log": True},
    "ssh_key": {"type": "str", "no_log": True},
    "ssh_agent": {"type": "bool", "default": True},
    "ssh_directory": {"type": "path", "default": "~/.ssh"},
    "image": {"type": "str"},
    "effective": {"type": "dict"},
    "pull": {"type": "str", "choices": ["always", "missing", "never", "newest"], "default": "missing"},
    "engine": {"type": "str", "choices": ["auto", "podman", "docker"], "default": "auto"},
    "mounts": {"type": "list", "elements": "dict", "options": _MOUNT, "default": []},
    "network": {"type": "str"},
    "limits": {"type": "dict", "options": _LIMITS},
    "engine_options": {"type": "list", "elements": "str", "default": []},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "authfile": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "timeout": {"type": "int"},
    "ident": {"type": "str"},
    "artifacts": {"type": "path"},
    "inner_check": {"type": "bool", "default": False},
    "progress": {"type": "str", "choices": ["auto", "plain", "none"], "default": "auto"},
    "progress_file": {"type": "path"},
}
_SOON_S = 3.0  # seconds that a registry has to tell a digest which is only to be shown
_AGENT_INSIDE = "/run/ssh-agent.sock"


@dataclass(frozen=True)
class Plan:
    """What is to be run, in which image, and how. ``play`` is set where the playbook is written by us."""

    image: image_ref.ImageRef
    local: LocalImage | None
    published: str | None
    pull: bool
    because: str
    playbook: str
    project: str | None
    play: list[dict[str, t.Any]] | None
    arguments: str
    container: run_plan.Container
    ssh: dict[str, t.Any]
    warnings: tuple[str, ...]

    def result(self) -> dict[str, t.Any]:
        told = {
            "image": str(self.image),
            "pulled": self.pull,
            "because": self.because,
            "container": {
                "engine": self.container.engine,
                "name": self.container.name,
                "playbook": self.playbook,
                "arguments": self.arguments,
                "mounts": [mount.as_result() for mount in self.container.mounts],
                "options": self.container.options(),
            },
            "ssh": self.ssh,
        }
        return {**told, **_told_of(self.image, self.local, self.published)}


def _told_of(image: image_ref.ImageRef, local: LocalImage | None, published: str | None = None) -> dict[str, t.Any]:
    if local is None:
        return {}
    return {
        "image_id": local.id,
        "image_digest": published or local.digest_of(image.name),
        "digest_from": "engine" if published is None else "registry",
    }


def plan(p: t.Mapping[str, t.Any], engine: Engine, *, ident: str, check: bool, diff: bool) -> Plan:
    image = image_ref.parse(_wanted_image(p))
    local = engine.inspect(str(image))
    known = {*local.digests_of(image.name), local.digest} if local is not None else None
    newest = _newest(p, image) if p["pull"] == "newest" else None
    pull, because = run_plan.decide_pull(p["pull"], known, newest)
    if not pull and local is None:
        raise NotFound(
            f"{engine.name} does not have the image {image}, and `pull: never` forbids to fetch it.",
            hint="Build it, or use `pull: missing`.",
        )
    if p["artifacts"] is not None:
        _runner.check_free(Path(p["artifacts"]) / ident)
    playbook, project, play = _what_runs(p)
    if project:
        run_plan.check_path(project, "project")
    ours = [run_plan.Mount(project, run_plan.PROJECT, read_only=False)] if project else []
    ssh_mounts, environment, ssh = _ssh(p)
    mounts, warnings = run_plan.join_mounts([*ours, *ssh_mounts], _user_mounts(p["mounts"]))
    container = run_plan.Container(
        engine=engine.name,
        name=run_plan.container_name(ident),
        mounts=mounts,
        network=p["network"],
        limits=run_plan.Limits(**(p["limits"] or {})),
        environment=environment,
        selinux=_selinux_enforced(),
        extra=tuple(p["engine_options"]),
    )
    arguments = run_plan.command_line(
        p["cmdline"], check=check, diff=diff, limit=p["limit"], tags=p["tags"], skip=p["skip_tags"]
    )
    published = newest if pull or local is None else _published(p, image, local)
    return Plan(image, local, published, pull, because, playbook, project, play, arguments, container, ssh, warnings)


def _newest(p: t.Mapping[str, t.Any], image: image_ref.ImageRef) -> str:
    """Return the digest that the registry has for the image now."""
    digest = open_registry(image, _registry_options(p), read_only=True).digest(image)
    if digest is None:
        raise NotFound(f"The registry {image.registry} has no image {image}.", hint="Is it published under this tag?")
    return digest


def _published(p: t.Mapping[str, t.Any], image: image_ref.ImageRef, local: LocalImage) -> str | None:
    """Return the digest by which the registry has this very image, None if it has not or does not say so soon.

    An image that was built here has a digest of the engine's making, until it is pulled: layers are compressed only
    when they are pushed. That it is the same image shows in its configuration, whose digest is the image's id.
    """
    if image.registry in (None, LOCAL) or p["pull"] == "never":
        return None
    try:
        registry = open_registry(image, {**_registry_options(p), "timeout": _SOON_S}, read_only=True)
        digest = registry.digest(image)
        if digest is None or digest in (local.digest, *local.digests_of(image.name)):
            return digest
        config = registry.manifest(image).config
    except EEError:
        return None
    return digest if config is not None and config.digest == local.id else None


def _wanted_image(p: t.Mapping[str, t.Any]) -> str:
    if p["effective"] is None:
        return str(p["image"])
    image = p["effective"].get("image")
    if not image:
        raise Invalid(
            "`effective` has no `image`: no execution environment was found for this.",
            hint="See its `skipped` for the reasons, or set a default on one of the levels.",
        )
    return str(image)


def _what_runs(p: t.Mapping[str, t.Any]) -> tuple[str, str | None, list[dict[str, t.Any]] | None]:
    """Return the playbook as the container sees it, the project's path here, and the play if we write it."""
    project = None if p["project"] is None else Path(os.path.normpath(Path(p["project"]).absolute()))
    if project is not None and not project.is_dir():
        raise NotFound(f"The project directory {project} is not there.")
    mounted = None if project is None else str(project)
    if p["role"] is not None:
        play = run_plan.role_play(p["role"], p["role_vars"], p["hosts"], p["gather_facts"])
        return run_plan.PLAY, mounted, play
    if p["module"] is not None:
        return run_plan.PLAY, mounted, run_plan.module_play(p["module"], p["module_args"], p["hosts"])
    path = _runner.playbook_path(p["playbook"], project)
    if path.is_file():
        return (*_within(path, project or path.parent), None)
    if run_plan.is_collection_playbook(p["playbook"]):
        return p["playbook"], mounted, None
    raise NotFound(f"The playbook {path} is not there.", hint="It must be on the host that this task runs on.")


def _within(playbook: Path, project: Path) -> tuple[str, str]:
    """Return the playbook's path in the project, and the project's."""
    try:
        return playbook.relative_to(project).as_posix(), str(project)
    except ValueError as error:
        raise Invalid(f"The playbook {playbook} is not below `project`, {project}.") from error


def _user_mounts(wanted: t.Sequence[t.Mapping[str, t.Any]]) -> list[run_plan.Mount]:
    mounts = []
    for number, one in enumerate(wanted):
        src = str(Path(one["src"]).absolute())
        mounts.append(run_plan.check_mount(src, one["dest"], one["mode"] == "ro", f"mounts[{number}]"))
        if not Path(src).exists():
            raise NotFound(f"`mounts[{number}].src`: {src} is not there.")
    return mounts


def _ssh(p: t.Mapping[str, t.Any]) -> tuple[list[run_plan.Mount], dict[str, str], dict[str, t.Any]]:
    """Return the mounts, the variables and the account of the user's ssh."""
    mounts: list[run_plan.Mount] = []
    environment: dict[str, str] = {}
    told: dict[str, t.Any] = {"agent": None, "directory": None, "links": []}
    agent = os.environ.get("SSH_AUTH_SOCK")
    if p["ssh_agent"] and agent and _is_socket(agent):
        run_plan.check_path(agent, "SSH_AUTH_SOCK")
        mounts.append(run_plan.Mount(agent, _AGENT_INSIDE, read_only=False))
        environment["SSH_AUTH_SOCK"] = _AGENT_INSIDE
        told["agent"] = agent
    directory = Path(p["ssh_directory"]) if p["ssh_directory"] else None
    if directory is not None and directory.is_dir():
        found = ssh_links.plan(directory.absolute())
        run_plan.check_path(found.mounts[0].src, "ssh_directory")
        mounts += found.mounts
        told.update(directory=found.path, links=[link.as_result() for link in found.links])
    return mounts, environment, told


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def _selinux_enforced() -> bool:
    try:
        return Path("/sys/fs/selinux/enforce").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def apply(p: t.Mapping[str, t.Any], engine: Engine, planned: Plan, ident: str) -> dict[str, t.Any]:
    """Pull, run, and tell. Raises EEError with everything known in its details."""
    if p["artifacts"] is not None:
        _runner.make_artifacts(Path(p["artifacts"]))
    account = run_result.Account()
    try:
        return _run(p, engine, planned, ident, account)
    except OSError as error:
        raise Failed(
            f"The run in {planned.image} could not be prepared or followed: {error}.",
            hint="Is there space left, and may this user write?",
            details={**planned.result(), **account.result(with_results=p["module"] is not None)},
        ) from error


def _run(
    p: t.Mapping[str, t.Any], engine: Engine, planned: Plan, ident: str, account: run_result.Account
) -> dict[str, t.Any]:
    with contextlib.ExitStack() as stack:
        cancel = stack.enter_context(_runner.Cancel())
        folder = stack.enter_context(_runner.RunFolder(ident))
        output = stack.enter_context(_runner.OutputFile(p["progress_file"]))
        local, published = planned.local, planned.published
        reach = Reach(_registry_options(p), planned.image, None, folder.workspace, engine.name)
        if planned.pull or local is None:
            local = engine.pull(str(planned.image), reach.engine_access(planned.image))
            # The engine may know the same image by digests of other registries, too.
            published = _published(p, planned.image, local) or local.digest_of(planned.image.name)
        _fill(folder, p, planned)
        started = time.monotonic()
        order = _order(p, planned, local, folder)
        outcome = _runner.run(folder, order, account, cancel, output.tell)
        elapsed = round(time.monotonic() - started, 3)
        kept, lost = _keep(p, folder)
    result = {
        **planned.result(),
        **_told_of(planned.image, local, published),
        **account.result(with_results=p["module"] is not None),
        "rc": outcome.rc,
        "status": outcome.status,
        "artifacts": kept,
        "elapsed": elapsed,
        "swept": folder.swept,
    }
    if outcome.status != "successful":
        raise _failure(p, engine, planned, local, account, outcome, cancel, result, lost)
    if lost is not None:
        raise Failed(f"The run was successful, but its account is lost. {lost}", details=result)
    return result


def _keep(p: t.Mapping[str, t.Any], folder: _runner.RunFolder) -> tuple[str | None, EEError | None]:
    """Return where the artifacts are kept, and why they are not although they should be."""
    if p["artifacts"] is None:
        return None, None
    try:
        return _runner.keep_artifacts(folder.artifacts, Path(p["artifacts"])), None
    except EEError as error:
        return None, error


def _registry_options(p: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options for the registry; ``timeout`` is something else here."""
    names = ("username", "password", "authfile", "validate_certs", "ca_path", "client_cert", "client_key")
    return {"token": None, "timeout": None, **{name: p[name] for name in names}}


def _fill(folder: _runner.RunFolder, p: t.Mapping[str, t.Any], planned: Plan) -> None:
    """Write what ansible-runner and ansible read."""
    (folder.data / "project").mkdir(mode=0o700)
    sources = _runner.write_inventory(folder, p["inventory"])
    inside = run_plan.split_environment(p["envvars"])[1]
    folder.write_json("env/settings", run_plan.settings())
    folder.write("env/cmdline", " ".join([*sources, planned.arguments]))
    folder.workspace.write("engine.env", run_plan.env_file(inside))
    if p["extravars"]:
        folder.write_json("env/extravars", p["extravars"])
    if planned.play is not None:
        folder.write_json(posixpath.relpath(run_plan.PLAY, "/runner"), planned.play)
        # What is beside a playbook belongs to it: roles, variables, plugins, files.
        for entry in Path(planned.project).iterdir() if planned.project else []:
            (folder.data / "play" / entry.name).symlink_to(f"{run_plan.PROJECT}/{entry.name}")


def _order(p: t.Mapping[str, t.Any], planned: Plan, local: LocalImage, folder: _runner.RunFolder) -> _runner.Order:
    return _runner.Order(
        # By its id, so that what ran is what is told, even if somebody moves the tag meanwhile.
        image=local.id,
        playbook=planned.playbook,
        container=planned.container,
        env_file=str(folder.workspace.path / "engine.env"),
        envvars=run_plan.split_environment(p["envvars"])[0],
        passwords=p["passwords"] or {},
        ssh_key=run_plan.private_key(p["ssh_key"]) if p["ssh_key"] else None,
        timeout=p["timeout"],
        keep_artifacts=p["artifacts"] is not None,
    )


def _failure(
    p: t.Mapping[str, t.Any],
    engine: Engine,
    planned: Plan,
    local: LocalImage,
    account: run_result.Account,
    outcome: _runner.Outcome,
    cancel: _runner.Cancel,
    result: dict[str, t.Any],
    lost: EEError | None,
) -> EEError:
    if outcome.status == "timeout":
        words, hint = f"The run took longer than {p['timeout']} seconds and was stopped.", "Raise `timeout`."
    elif outcome.status == "canceled":
        words, hint = f"The run was stopped: {cancel.why}.", None
    else:
        scene = run_result.Scene(
            engine=engine.name,
            image=str(planned.image),
            image_platform=local.platform,
            host_platform=engine.platform(),
            has_mqueue=Path("/dev/mqueue").exists(),
        )
        words, hint = account.explain(outcome.rc, scene)
    told = [words, hint, None if lost is None else str(lost)]
    return Failed(" ".join(one for one in told if one is not None), details=result)


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        mutually_exclusive=[("playbook", "role", "module"), ("image", "effective")],
        required_one_of=[("playbook", "role", "module"), ("image", "effective")],
        required_together=[("username", "password")],
        supports_check_mode=True,
    )
    for library, missing in (("ansible-runner", _runner.RUNNER_IMPORT_ERROR), ("requests", REQUESTS_IMPORT_ERROR)):
        if missing is not None:
            module.fail_json(msg=missing_required_lib(library), exception=missing)
    p = module.params
    told = {} if p["effective"] is None else {"effective": p["effective"]}
    try:
        ident = f"ee-{uuid.uuid4().hex[:12]}" if p["ident"] is None else run_plan.check_ident(p["ident"])
        engine = open_engine(p["engine"])
        planned = plan(p, engine, ident=ident, check=module.check_mode, diff=module._diff)
        for warning in planned.warnings:
            module.warn(warning)
        if module.check_mode and (planned.pull or not p["inner_check"]):
            module.exit_json(changed=False, skipped=True, msg=_not_run(planned, p), **told, **planned.result())
        result = apply(p, engine, planned, ident)
    except EEError as error:
        fail(module, error)
    module.exit_json(**told, **result)


def _not_run(planned: Plan, p: t.Mapping[str, t.Any]) -> str:
    words = f"Would run {planned.playbook} in {planned.image}"
    if planned.pull and p["inner_check"]:
        return f"{words}. Check mode does not pull the image ({planned.because}), so the playbook could not be tried."
    return f"{words}. `inner_check: true` tries it in check mode."


if __name__ == "__main__":
    main()
