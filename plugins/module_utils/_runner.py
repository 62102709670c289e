# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge to ansible-runner: a private folder for each run, cancelling, and what a killed run left."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
import traceback
import types
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.foundry.ee.plugins.module_utils._core import run_plan
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Failed, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.run_result import Account, Event
from ansible_collections.foundry.ee.plugins.module_utils._engine import run_command
from ansible_collections.foundry.ee.plugins.module_utils._workspace import Workspace

try:
    import ansible_runner
except ImportError:
    RUNNER_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    RUNNER_IMPORT_ERROR = None

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CONTAINER_ENGINES = ("podman", "docker")
# What ansible-runner leaves among the artifacts that is no account of the run: the environment in clear text (twice),
# its own code, a named pipe.
_NOT_KEPT = ("command", "env.list", "callback", "ssh_key_data")


# The folder of a run


class RunFolder:
    """A private folder for the time of one run; use it as a context manager. What killed runs left goes first.

    ``data`` in it is what the container sees as ``/runner``; credentials for the registry lie beside that.
    """

    def __init__(self, ident: str) -> None:
        self.ident = ident
        self.swept: list[str] = []
        self.workspace = Workspace(self._sweep, home="runs", name=ident)

    def __enter__(self) -> RunFolder:
        self.workspace.__enter__()
        self.data = self.workspace.folder("data")
        return self

    def __exit__(self, *why: t.Any) -> None:
        self.workspace.__exit__(*why)

    def _sweep(self, ident: str) -> None:
        """Remove the container of a killed run, which may still be going, whichever engine has it."""
        for engine in CONTAINER_ENGINES:
            remove_container(engine, run_plan.container_name(ident))
        self.swept.append(ident)

    def write(self, name: str, text: str) -> Path:
        """Write a file that only we can read, for the container. Returns its path."""
        return self.workspace.write(f"data/{name}", text)

    def write_json(self, name: str, value: t.Any) -> Path:
        return self.write(name, json.dumps(value))

    @property
    def artifacts(self) -> Path:
        return self.data / "artifacts" / self.ident


def playbook_path(text: str, project: Path | None) -> Path:
    """Return the path that a playbook's name means: below the project if there is one, else below where we are."""
    return Path(os.path.normpath((project or Path.cwd()) / _expanded(text)))


def _expanded(text: str) -> str:
    return os.path.expanduser(text)  # noqa: PTH111 (pathlib's raises where there is no such user)


def remove_container(engine: str, name: str) -> None:
    """Make sure that a container is gone, whatever state it is in; that it was gone already is no error."""
    program = shutil.which(engine)
    if program is not None:
        run_command([program, "rm", "--force", name], {})


# Who wants it to end


class Interrupted(Failed):
    """Somebody wants the task to end."""


class Cancel:
    """Tells when the run is to end: a signal came, or nobody is left who would read the answer.

    The second is how a task notices that ``ansible-playbook`` is gone where no signal reaches it (over ssh without a
    terminal). As a context manager it takes the signals: they raise Interrupted, except within :meth:`held`.
    """

    def __init__(self) -> None:
        self.why: str | None = None
        self._held = False
        self._before: dict[int, t.Any] = {}
        self._poll = select.poll()
        with contextlib.suppress(OSError, ValueError):
            self._poll.register(sys.__stdout__.fileno(), 0) if sys.__stdout__ is not None else None

    def __enter__(self) -> Cancel:
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_why: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> t.Iterator[None]:
        """Within, signals are only noted: something else asks by calling us."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def __call__(self) -> bool:
        if self.why is None and any(
            event & (select.POLLERR | select.POLLHUP) for _descriptor, event in self._poll.poll(0)
        ):
            self.why = "ansible is gone"
        return self.why is not None

    def _on_signal(self, number: int, _frame: types.FrameType | None) -> None:
        self.why = signal.Signals(number).name
        if not self._held:
            raise Interrupted(f"Stopped by {self.why}.")


# The inventory


def write_inventory(folder: RunFolder, sources: t.Sequence[t.Any]) -> list[str]:
    """Put the inventory where ansible-runner expects it; return options for the sources that go before it.

    ansible-runner knows one inventory, the directory ``inventory``. With several sources the last one goes there,
    because what ansible reads last wins; the others are named by ``-i`` before it.
    """
    *before, last = sources or [run_plan.IMPLICIT_LOCALHOST]
    _place_inventory(folder, "inventory", last)
    options = []
    for number, source in enumerate(before):
        name = f"sources/{number}"
        _place_inventory(folder, name, source)
        options += ["-i", f"/runner/{name}"]
    return options


def _place_inventory(folder: RunFolder, name: str, source: t.Any) -> None:
    """Copy or write one source into the directory ``name``, with the variables that lie beside it."""
    if isinstance(source, t.Mapping):
        folder.write(f"{name}/hosts.json", json.dumps(source))
    elif not isinstance(source, str):
        raise Invalid(
            f"`inventory` has {source!r}: expected a path, hosts with a comma, the text of one, or a mapping."
        )
    elif "\n" in source:
        folder.write(f"{name}/hosts", source)
    elif run_plan.is_host_list(source) and not os.path.exists(_expanded(source)):  # noqa: PTH110 (see _copy_inventory)
        folder.write(f"{name}/hosts.json", json.dumps(run_plan.host_list(source)))
    else:
        _copy_inventory(_expanded(source), folder.data / name)


def _copy_inventory(source: str, target: Path) -> None:
    """Copy a file or directory. Links that lead nowhere are left out, as ansible reads nothing from them.

    What a path is, is asked by ``os.path``: pathlib raises for one that is too long, or where one may not look.
    """
    try:
        if os.path.isdir(source):  # noqa: PTH112
            shutil.copytree(source, target, ignore=_dangling)
        elif os.path.isfile(source):  # noqa: PTH113
            target.mkdir(mode=0o700, parents=True)
            shutil.copy2(source, target)
            for beside in ("group_vars", "host_vars"):
                variables = Path(source).parent / beside
                if variables.is_dir():
                    shutil.copytree(variables, target / beside, ignore=_dangling)
        else:
            raise NotFound(f"The inventory {source} is not there.", hint="A list of hosts has a comma: `localhost,`.")
    except OSError as error:
        raise Failed(f"The inventory {source} cannot be copied: {_why(error)}.") from error


def _dangling(folder: str, names: t.Sequence[str]) -> set[str]:
    """Return the links whose targets are not there.

    ``ignore_dangling_symlinks`` looks for the targets of relative links in the working directory instead.
    """
    return {name for name in names if _is_dangling(Path(folder) / name)}


def _is_dangling(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # copying it tells why
    return False


def _why(error: OSError) -> str:
    """Return an error's words with the path, for those of ``copytree`` the first: it tells all at its end."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        source, _target, words = error.args[0][0]
        return str(words) if str(source) in str(words) else f"{source}: {words}"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


# Running


@dataclass(frozen=True)
class Order:
    """One run. ``playbook`` is a path inside the container or a collection playbook's name; ``timeout`` in seconds."""

    image: str
    playbook: str
    container: run_plan.Container
    env_file: str
    envvars: t.Mapping[str, str]
    passwords: t.Mapping[str, str]
    ssh_key: str | None
    timeout: int | None
    keep_artifacts: bool


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``status`` is successful, failed, timeout or canceled."""

    rc: int
    status: str


def run(folder: RunFolder, order: Order, account: Account, cancel: Cancel, tell: t.Callable[[str], None]) -> Outcome:
    """Run what is in the folder; ``account`` hears every event, ``tell`` gets what the run prints as it comes."""

    def hear(event: Event) -> bool:
        account.hear(event)
        if event.get("stdout"):
            tell(str(event["stdout"]))
        return order.keep_artifacts

    status = "unstarted"
    with cancel.held():
        try:
            runner = ansible_runner.run(
                private_data_dir=str(folder.data),
                ident=folder.ident,
                playbook=order.playbook,
                # The files of `env` are ours: what is secret is handed over in memory.
                suppress_env_files=True,
                envvars=dict(order.envvars),
                passwords=dict(order.passwords) or None,
                ssh_key=order.ssh_key,
                process_isolation=True,
                process_isolation_executable=order.container.engine,
                container_image=order.image,
                container_volume_mounts=[str(mount) for mount in order.container.mounts],
                container_options=[f"--env-file={order.env_file}", *order.container.options()],
                event_handler=hear,
                cancel_callback=cancel,
                timeout=order.timeout,
                quiet=True,
            )
            status = runner.status
        except ansible_runner.exceptions.ConfigurationError as error:
            raise Invalid(f"ansible-runner refuses this: {error}") from error
        finally:
            if status != "successful":
                remove_container(order.container.engine, order.container.name)
            _release_key(folder)
    return Outcome(runner.rc, status)


def _release_key(folder: RunFolder) -> None:
    """Let go of the thread that still offers the ssh key where no agent came to read it: it would keep us alive."""
    pipe = folder.artifacts / "ssh_key_data"
    if not pipe.exists():
        return
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(timeout=1)
    os.close(descriptor)


def check_free(kept: Path) -> None:
    """Raise Conflict where the account of another run is kept already."""
    if os.path.exists(kept):  # noqa: PTH110 (pathlib's raises where one may not look)
        raise Conflict(f"The artifacts directory {kept} exists already.", hint="Choose another `ident` or `artifacts`.")


class OutputFile:
    """Adds what a run prints to a file that somebody watches; gone when the task ends. Without a path it is nothing."""

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._file: t.TextIO | None = None

    def __enter__(self) -> OutputFile:
        if self._path is not None:
            # Nobody else may read it, nor have prepared it.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                self._file = os.fdopen(os.open(self._path, flags, 0o600), "w", encoding="utf-8")
            except OSError as error:
                raise Invalid(f"`progress_file`: {self._path} cannot be made: {error.strerror}.") from error
        return self

    def __exit__(self, *_why: object) -> None:
        if self._file is not None and self._path is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def tell(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text.replace("\r\n", "\n").replace("\r", "\n") + "\n")
            self._file.flush()


def make_artifacts(target: Path) -> None:
    """Make sure that there is a directory to keep artifacts in, and that one may write there. Raises Failed."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(prefix=".ee_run-", dir=target)).rmdir()
    except OSError as error:
        raise Failed(
            f"`artifacts`: nothing can be written to {target}: {error.strerror}.",
            hint="Name a directory that this user may write to.",
        ) from error


def keep_artifacts(source: Path, target: Path) -> str:
    """Move the account of a run to a directory of the user's, without what may hold secrets. Returns its path.

    Raises Conflict where there is one of this name, Failed where it cannot be written.
    """
    kept = target / source.name
    check_free(kept)
    try:
        for name in _NOT_KEPT:
            unwanted = source / name
            if unwanted.is_dir():
                shutil.rmtree(unwanted)
            else:
                unwanted.unlink(missing_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        shutil.move(str(source), str(kept))
    except OSError as error:
        raise Failed(f"The artifacts could not be kept in {kept}: {_why(error)}.") from error
    return str(kept)
