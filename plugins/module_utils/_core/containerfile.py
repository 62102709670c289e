# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the Containerfile of a definition.

Stages: ``base`` (Python, pip, ansible-core, ansible-runner), ``galaxy`` (roles and collections, and the lists of what
they ask for), ``builder`` (Python packages that must be compiled), ``final``. Rules that the text follows:

- Nothing is copied into the final image that does not belong there: helpers, lists and built wheels are mounted, and
  downloads stay in one cache mount, whose parts carry the distribution's name.
- What the galaxy stage found is handed on by ``COPY``, as two small files, since engines compare the content of what is
  copied: the OS packages are installed again only when the list of OS packages is another one.
- podman and buildah do not look into mounts when they search their layer cache. So each step names the digest of the
  files it reads in its own text (``--inputs``).

Build secrets. A step mounts a secret only if ``Inputs.secrets`` names it; each is optional for the engine.

===================== ============ ======================================================================
secret id             stages       what its file holds
===================== ============ ======================================================================
foundry_ansible_cfg   galaxy       an ``ansible.cfg`` with the Galaxy servers and their tokens
foundry_galaxy_token  galaxy       a Galaxy token file (``token: …``), for ``ANSIBLE_GALAXY_TOKEN_PATH``
foundry_galaxy_env    galaxy       ``NAME=value`` lines: ``ANSIBLE_GALAXY_SERVER_<ID>_TOKEN`` and the like
foundry_pip_conf      all          a ``pip.conf``: private indexes with their credentials
foundry_netrc         all          a ``.netrc`` for pip and ansible-galaxy
foundry_ca_bundle     all          certificate authorities (PEM) to be trusted during the build
===================== ============ ======================================================================
"""

from __future__ import annotations

import hashlib
import re
import shlex
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.model import NOTHING, Definition, user_of

DEFAULT_BASE = "quay.io/ansible/ansible-runner:latest"
BUILDER_ARGUMENT = "EE_BUILDER_IMAGE"
DEFAULT_PYTHON = "/usr/bin/python3"
_DEFAULT_MANAGER = "/usr/bin/dnf"

GALAXY_SECRETS = ("foundry_ansible_cfg", "foundry_galaxy_token", "foundry_galaxy_env")
NETWORK_SECRETS = ("foundry_pip_conf", "foundry_netrc", "foundry_ca_bundle")
SECRETS = (*GALAXY_SECRETS, *NETWORK_SECRETS)

SCRIPTS = "_build/scripts/foundry_ee"
OWN = "_build/foundry_ee"
"""Files of ours that ansible-builder has none of, so that the user's may have any other name."""
CONSTRAINTS = f"{OWN}/constraints.txt"
KEYRING = f"{OWN}/keyring.gpg"
_HELPERS = "/opt/builder/foundry_ee"
_CACHE = "--mount=type=cache,id=foundry-ee,target=/var/cache/foundry-ee"
_LISTS = "/usr/share/foundry-ee"
_WHEELS = "--mount=type=bind,from=builder,source=/output/wheels,target=/opt/builder/wheels"
_CONSTRAINTS, _KEYRING = (path[len("_build/") :] for path in (CONSTRAINTS, KEYRING))
_PIP_AND_OS_LISTS = ("requirements.txt", "bindep.txt", _CONSTRAINTS)
_GALAXY_OPTIONS = ("ANSIBLE_GALAXY_CLI_COLLECTION_OPTS", "ANSIBLE_GALAXY_CLI_ROLE_OPTS")
_EXCLUDES = ("exclude-requirements.txt", "exclude-bindep.txt", "exclude-collections.txt")


class Inputs(t.NamedTuple):
    """What else the text depends on: the files of the context, by path below ``_build`` and with their digests.

    ``given`` are the paths of those that the definition gave a role: a build file of such a name has none.
    ``build_files``: there are files of the user's own. ``roles``, ``collections``: whether the Galaxy requirements name
    any. ``local_content``: they name files of the context. ``compiles``: the definition's own list of OS packages knows
    some that are needed only for building. ``signature_options`` are words for ansible-galaxy and count only with a
    keyring.
    """

    digests: t.Mapping[str, str] = NOTHING
    given: frozenset[str] = frozenset()
    build_files: bool = False
    roles: bool = False
    collections: bool = False
    local_content: bool = False
    compiles: bool = False
    signature_options: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        return path in self.given


def render(definition: Definition, inputs: Inputs) -> str:
    """Return the Containerfile's text. The same arguments give the same text everywhere."""
    return _Writer(definition, inputs).text()


def builder_of(definition: Definition, text: str) -> str | None:
    """Return the name of the builder image that a rendered text begins a stage with, None where there is none."""
    image = definition.builder_image
    return image.name if image is not None and f"\nFROM ${BUILDER_ARGUMENT} " in text else None


def references_of(definition: Definition) -> list[str]:
    """Return the pip requirements for ansible-core and ansible-runner that a definition names."""
    return [ref for ref in (definition.ansible_core, definition.ansible_runner) if ref is not None]


class _Writer:
    def __init__(self, definition: Definition, inputs: Inputs) -> None:
        self.definition = definition
        self.inputs = inputs
        self.lines: list[str] = []
        self.has_galaxy = inputs.roles or inputs.collections or self.has_steps("galaxy")
        asks = self.has_galaxy or inputs.has("requirements.txt")
        self.has_builder = self.has_steps("builder") or (asks and (self.has_galaxy or inputs.compiles))
        # Some copy their own helpers into the scripts' folder, and call them where ansible-builder puts that.
        self.offers_output = any("/output" in line for step in definition.steps.values() for line in step)

    def text(self) -> str:
        base = self.definition.base_image
        self.lines.append("# Rendered by foundry.ee from an execution environment definition: change that one instead.")
        self.arguments({"EE_BASE_IMAGE": DEFAULT_BASE if base is None else base.name})
        if self.definition.builder_image is not None and self.has_builder:
            self.arguments({BUILDER_ARGUMENT: self.definition.builder_image.name})
        self.base()
        if self.has_galaxy:
            self.galaxy()
        if self.has_builder:
            self.builder()
        self.final()
        return "\n".join(self.lines) + "\n"

    def base(self) -> None:
        self.begin("base", "$EE_BASE_IMAGE", "USER root", "ENV PIP_BREAK_SYSTEM_PACKAGES=1")
        if self.offers_output:
            self.lines.append("COPY _build/scripts/ /output/scripts/")
        self.steps("prepend_base")
        references = references_of(self.definition)
        options = self.definition.options
        words = ["core", *(["--no-pip"] if options.skip_pip_install else [])]
        words += ["--check"] if references and not options.skip_ansible_check else []
        mounts = [*self.lists(_CONSTRAINTS), *self.secrets(NETWORK_SECRETS)]
        self.run([*words, *(["--", *references] if references else [])], mounts, [_CONSTRAINTS])
        self.steps("append_base")

    def galaxy(self) -> None:
        given = self.definition.build_args
        options = {name: given.get(name, "") for name in (*_GALAXY_OPTIONS, "EE_STRICT")}
        self.begin("galaxy", "base", "WORKDIR /build", **options)
        self.steps("prepend_galaxy")
        installs = self.inputs.roles or self.inputs.collections
        then_inspect = installs and not self.definition.steps.get("append_galaxy")
        excludes = self.lists(*_EXCLUDES)
        if installs:
            self.run(
                self.galaxy_words(),
                [
                    *self.galaxy_mounts(),
                    *(excludes if then_inspect else ()),
                    *self.secrets((*GALAXY_SECRETS, *NETWORK_SECRETS)),
                ],
                [*self.galaxy_files(), *(_EXCLUDES if then_inspect else ())],
                then="inspect" if then_inspect else None,
            )
        if self.brings_all():
            # Behind the installation, which reads by its own mounts: a change of another file does not repeat it.
            self.lines.append("COPY _build /build")
        self.steps("append_galaxy")
        if not then_inspect:
            self.run(["inspect"], excludes, _EXCLUDES, cached=False)

    def galaxy_words(self) -> list[str]:
        inputs = self.inputs
        words = ["galaxy", *(["--roles"] if inputs.roles else []), *(["--collections"] if inputs.collections else [])]
        return words + (
            ["--keyring=/opt/builder/keyring.gpg", *inputs.signature_options] if inputs.has(_KEYRING) else []
        )

    def brings_all(self) -> bool:
        """Whether the steps behind ours may read files in ``/build``, where ansible-builder has the whole context."""
        lines = self.definition.steps.get("append_galaxy", ())
        names = ("/build", *(path.partition("/")[0] for path in self.inputs.given))
        return bool(lines) and (self.inputs.build_files or any(name in line for name in names for line in lines))

    def reads_all(self) -> bool:
        """Whether ansible-galaxy may read any file of the context: steps can point it at one in so many ways."""
        steps = self.definition.steps
        configured = self.has_steps("galaxy") or any(
            "/build" in line for name in ("prepend_base", "append_base") for line in steps.get(name, ())
        )
        return self.inputs.local_content or (self.inputs.build_files and configured)

    def galaxy_mounts(self) -> list[str]:
        keyring = self.lists(_KEYRING)
        if self.reads_all():
            return ["--mount=type=bind,source=_build,target=/build", *keyring]
        # Of the user's own files, ansible-galaxy finds the configuration by itself: it runs in this folder.
        present = [name for name in ("requirements.yml", "ansible.cfg") if name in self.inputs.digests]
        return [*(self.mount(name, "/build") for name in present), *keyring]

    def galaxy_files(self) -> list[str]:
        if self.reads_all():
            return [path for path in self.inputs.digests if path not in _PIP_AND_OS_LISTS]
        return ["requirements.yml", "ansible.cfg", _KEYRING]

    def builder(self) -> None:
        image = self.definition.builder_image
        # For the user's steps alone. Without it this stage, which the final one waits for, is a step ahead of that one
        # where both install OS packages: one does so at a time.
        own = ["WORKDIR /build"] if self.has_steps("builder") else []
        own += [] if image is None else ["USER root"]
        self.begin("builder", "base" if image is None else f"${BUILDER_ARGUMENT}", *own)
        self.steps("prepend_builder")
        init = self.definition.options.container_init.package_pip
        words = ["wheels", *([f"--init={init}"] if init else [])]
        words += ["--always"] if self.has_steps("builder") or image is not None else []
        reads = ("bindep.txt", "requirements.txt", _CONSTRAINTS)
        if self.inputs.compiles or self.has_steps("builder"):
            # A compiler is fetched anew only when the list of OS packages is another one.
            self.copy_lists("system")
            self.run(["compile"], self.lists("bindep.txt"), ["bindep.txt"])
            self.copy_lists("python")
        else:
            self.copy_lists("system", "python")
            words.append("--compile")
        self.run(words, [*self.lists(*reads), *self.secrets(NETWORK_SECRETS)], reads)
        self.steps("append_builder")

    def final(self) -> None:
        options = self.definition.options
        self.begin("final", "base")
        self.steps("prepend_final")
        # Where no step of the user's can count on the order, what no package changes comes first: it stays cached.
        early = not self.definition.steps.get("append_final")
        if early:
            self.metadata()
        if self.has_galaxy or self.inputs.has("bindep.txt"):
            self.copy_lists("system")
            self.run(["system"], self.lists("bindep.txt"), ["bindep.txt"])
        self.copy_lists("python")
        if self.has_builder and self.definition.builder_image is not None:
            # The wheels below are mounted, which is not looked into: they are others when this image is another one.
            self.lines.append(f"ARG {BUILDER_ARGUMENT}")
        reads = ("requirements.txt", "bindep.txt", _CONSTRAINTS)
        mounts = [*self.lists(*reads), *([_WHEELS] if self.has_builder else [])]
        self.run(self.python_words(), [*mounts, *self.secrets(NETWORK_SECRETS)], reads, also=self.builder_identity())
        if self.has_galaxy:
            self.lines.append("COPY --from=galaxy /usr/share/ansible /usr/share/ansible")
        if options.workdir and not early:
            self.lines.append(f"WORKDIR {options.workdir}")
        self.steps("append_final")
        if self.offers_output:
            self.lines.append("RUN rm -rf /output")
        if not early:
            self.metadata()
        user = options.user or self.user_of_steps()
        if user:
            self.lines.append(f"USER {user}")

    def user_of_steps(self) -> str | None:
        """Return the user that the image had if we had not gone back to root for our own work; None if it has it."""
        steps = self.definition.steps
        if user_of(steps.get("append_final", ())) is not None:
            return None
        above = ("prepend_base", "append_base", "prepend_final")
        user = user_of(line for name in above for line in steps.get(name, ()))
        return None if user in ("root", "0") else user

    def metadata(self) -> None:
        options = self.definition.options
        self.lines.append("LABEL ansible-execution-environment=true")
        if options.container_init.entrypoint:
            self.lines.append(f"ENTRYPOINT {options.container_init.entrypoint}")
        if options.container_init.cmd:
            self.lines.append(f"CMD {options.container_init.cmd}")
        if options.workdir and not self.definition.steps.get("append_final"):
            self.lines.append(f"WORKDIR {options.workdir}")

    def python_words(self) -> list[str]:
        options = self.definition.options
        words = ["python"]
        if options.container_init.package_pip:
            words.append(f"--init={options.container_init.package_pip}")
        if options.relax_passwd_permissions:
            words.append("--relax-passwd")
        if options.workdir:
            words.append(f"--workdir={options.workdir}")
        return words if options.skip_ansible_check else [*words, "--check"]

    def builder_identity(self) -> tuple[str, ...]:
        """What the wheels depend on beside the lists: the final stage mounts them, and a mount is not looked into."""
        if not self.has_builder:
            return ()
        steps = [*self.definition.steps.get("prepend_builder", ()), *self.definition.steps.get("append_builder", ())]
        return tuple(steps)

    def begin(self, stage: str, source: str, *instructions: str, **arguments: str) -> None:
        """Begin a stage, with the build arguments that its steps read: all in one line, for each line is a step."""
        definition = self.definition
        text = "\n".join(line for at in ("prepend", "append") for line in definition.steps.get(f"{at}_{stage}", ()))
        values = {"PYCMD": definition.python_path or DEFAULT_PYTHON}
        if definition.options.package_manager_path is not None or re.search(r"PKGMGR(?!\w)", text):
            values["PKGMGR"] = definition.options.package_manager_path or _DEFAULT_MANAGER
        if definition.python_package is not None and (stage == "base" or "PYPKG" in text):
            values["PYPKG"] = definition.python_package
        if "PKGMGR_PRESERVE_CACHE" in definition.build_args or "PKGMGR_PRESERVE_CACHE" in text:
            values["PKGMGR_PRESERVE_CACHE"] = definition.build_args.get("PKGMGR_PRESERVE_CACHE", "")
        named = {name: value for name, value in self.known_arguments().items() if name in text}
        self.lines += ["", f"FROM {source} AS {stage}", *instructions]
        self.arguments({**named, **values, **arguments})

    def known_arguments(self) -> dict[str, str | None]:
        """Return further arguments that ansible-builder declares in each stage; None: its value stands at the top."""
        definition = self.definition
        found: dict[str, str | None] = {"EE_BASE_IMAGE": None}
        if definition.builder_image is not None:
            found[BUILDER_ARGUMENT] = None if self.has_builder else definition.builder_image.name
        if references_of(definition):
            found["ANSIBLE_INSTALL_REFS"] = " ".join(references_of(definition))
        return {**found, **{name: definition.build_args.get(name, "") for name in _GALAXY_OPTIONS}}

    def arguments(self, values: t.Mapping[str, str | None]) -> None:
        """Append one line; without a value, an argument has the one that it has at the top of the text."""
        self.lines.append("ARG " + " ".join(_assigned(name, value) for name, value in values.items()))

    def has_steps(self, stage: str) -> bool:
        return any(self.definition.steps.get(f"{position}_{stage}") for position in ("prepend", "append"))

    def steps(self, name: str) -> None:
        """Append the user's steps; what follows runs as root, whatever user they ended with."""
        lines = self.definition.steps.get(name, ())
        self.lines += at_home(lines)
        if name != "append_final" and user_of(lines) is not None:
            self.lines.append("USER root")

    def copy_lists(self, *names: str) -> None:
        if self.has_galaxy:
            self.lines.append(f"COPY --from=galaxy {' '.join(f'{_LISTS}/{name}.json' for name in names)} {_LISTS}/")

    def lists(self, *names: str) -> list[str]:
        return [self.mount(name, "/opt/builder") for name in names if self.inputs.has(name)]

    def mount(self, name: str, folder: str) -> str:
        return f"--mount=type=bind,source=_build/{name},target={folder}/{name.rpartition('/')[2]}"

    def secrets(self, names: t.Sequence[str]) -> list[str]:
        return [f"--mount=type=secret,id={name},required=false" for name in names if name in self.inputs.secrets]

    def run(
        self,
        words: t.Sequence[str],
        mounts: t.Sequence[str] = (),
        reads: t.Iterable[str] = (),
        *,
        also: t.Sequence[str] = (),
        then: str | None = None,
        cached: bool = True,
    ) -> None:
        """Append a step of ours: a helper's command, the mounts it needs, the digest of what it reads."""
        every = [f"--mount=type=bind,source={SCRIPTS},target={_HELPERS}", *([_CACHE] if cached else []), *mounts]
        digest = self.digest(reads, also)
        command = f"{_HELPERS}/run --inputs={digest} {shlex.join(words)}"
        if then is not None:
            command += f" && {_HELPERS}/run --inputs={digest} {then}"
        self.lines.append(" \\\n    ".join(["RUN " + every[0], *every[1:], command]))

    def digest(self, reads: t.Iterable[str], also: t.Sequence[str]) -> str:
        wanted = set(reads)
        lines = [
            f"{path} {digest}"
            for path, digest in sorted(self.inputs.digests.items())
            if path in wanted or path.startswith("scripts/foundry_ee/")
        ]
        return hashlib.sha256("\n".join([*lines, *also]).encode()).hexdigest()[:12]


def _assigned(name: str, value: str | None) -> str:
    if value is None:
        return name
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'{name}="{escaped}"'


def at_home(lines: t.Sequence[str], home: str = "/root") -> list[str]:
    """Return steps with ``~`` in the paths of ``COPY`` and ``ADD`` replaced: engines take it for a folder's name.

    The helper stages and the steps of the final one run as root.
    """
    changed = []
    copying = False
    for line in lines:
        for part in line.split("\n"):
            copying = copying or re.match(r"\s*(?:COPY|ADD)\s", part, re.IGNORECASE) is not None
            changed.append(re.sub(r"(?<=[\s\"])~(?=/|\s|\"|$)", home, part) if copying else part)
            copying = copying and part.rstrip().endswith("\\")
    return changed
