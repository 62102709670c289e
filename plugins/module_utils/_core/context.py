# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build contexts: collect one from a definition and its folder, name its content by a key, write it to disk.

Same definition and same files, same bytes: times, owners, the umask and the folder's place do not enter.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import pkgutil
import re
import stat
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.foundry.ee.plugins.module_utils._core import containerfile
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Failed, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import pip_lists, shell
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    NOTHING,
    BuildFile,
    Context,
    ContextFile,
    Definition,
    Finding,
    Place,
    Requirements,
    Stored,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import plain, read

# Raised whenever the same definition is rendered to something else: a part of the build key.
RENDERER = "2"
MANIFEST = ".foundry-ee.json"
LARGEST_HELD = 1024 * 1024  # bytes of a file that are kept in memory; a larger one is read in pieces where it is needed
LARGEST_LIST = 16 * 1024 * 1024  # bytes
LARGEST_FILE = 64 * 1024**3  # bytes; /proc/kcore claims to have more than any disk
_SCRIPTS_PACKAGE = shell.__name__.rpartition(".")[0]
_SCRIPTS = tuple(
    f"{name}.py" for name in ("bindep", "console", "galaxy", "introspect", "packages", "pip", "pip_lists", "steps")
)
_LISTS = (("galaxy", "requirements.yml"), ("python", "requirements.txt"), ("system", "bindep.txt"))


def collect(
    definition: Definition,
    folder: str,
    *,
    places: t.Mapping[str, Place] | None = None,
    engine_file: str = "Containerfile",
    keyring: bytes | None = None,
    required_valid_signature_count: str | None = None,
    ignore_signature_status_codes: t.Sequence[str] = (),
    constraints: t.Sequence[str] = (),
    secrets: t.Collection[str] = (),
) -> Context:
    """Return the build context of a definition whose files lie below ``folder``.

    ``places`` tells where in the user's file a key stands (by key path). ``keyring`` and the two options behind it are
    for the signatures of collections; ``constraints`` are pip constraints for every Python package; ``secrets`` names
    the build secrets that will be given, see ``containerfile.SECRETS``.
    Raises Invalid, with all ``problems`` in its details.
    """
    unknown = sorted(set(secrets) - set(containerfile.SECRETS))
    if unknown:
        raise Invalid(f"There is no build secret `{unknown[0]}`.", hint=f"Known: {', '.join(containerfile.SECRETS)}.")
    collector = _Collector(definition, Path(folder), places or {})
    collector.collect_all(keyring, constraints)
    if required_valid_signature_count is not None:
        collector.check_count(required_valid_signature_count)
    if collector.problems:
        raise _invalid(collector.problems)
    options = _signature_options(required_valid_signature_count, ignore_signature_status_codes)
    inputs = collector.inputs()._replace(signature_options=options, secrets=frozenset(secrets))
    text = containerfile.render(definition, inputs)
    collector.add(ContextFile(engine_file, data=text.encode()))
    return Context(engine_file, tuple(sorted(collector.files.values(), key=lambda file: file.path)))


def problems_of(definition: Definition, folder: str, places: t.Mapping[str, Place]) -> tuple[Finding, ...]:
    """Return what is wrong with the files that a definition names, also for one that is not complete."""
    collector = _Collector(definition, Path(folder), places)
    collector.collect_all(None, ())
    return tuple(collector.problems)


def _invalid(problems: t.Sequence[Finding]) -> Invalid:
    first = problems[0]
    more = f" (and {len(problems) - 1} more, see `problems`)" if len(problems) > 1 else ""
    return Invalid(
        f"{first.message}{more}",
        hint=first.hint,
        details={"problems": [problem.as_result() for problem in problems]},
    )


def _signature_options(count: str | None, codes: t.Sequence[str]) -> tuple[str, ...]:
    options = [] if count is None else [f"--required-valid-signature-count={count}"]
    return (*options, *(f"--ignore-signature-status-code={code}" for code in codes))


class _Collector:
    """Gathers the files of a context; what is wrong is gathered, too."""

    def __init__(self, definition: Definition, folder: Path, places: t.Mapping[str, Place]) -> None:
        self.definition = definition
        self.folder = folder
        self.places = places
        self.files: dict[str, ContextFile] = {}
        self.problems: list[Finding] = []
        self.constraints: list[str] = []
        self.roles = self.collections = self.compiles = False
        self.galaxy_entries: list[t.Any] = []
        self.given: dict[str, Path | None] = {}  # what has a role, and the file that it is from

    def collect_all(self, keyring: bytes | None, constraints: t.Sequence[str]) -> None:
        for name, text in scripts().items():
            executable = name in ("run", "entrypoint")
            self.add(ContextFile(f"{containerfile.SCRIPTS}/{name}", 0o755 if executable else 0o644, text.encode()))
        for key, name in _LISTS:
            self.add_list(key, name)
        exclude = self.definition.exclude
        for entries, name in (
            (exclude.python, "exclude-requirements.txt"),
            (exclude.system, "exclude-bindep.txt"),
            (exclude.all_from_collections, "exclude-collections.txt"),
        ):
            if entries:
                self.add_text(f"_build/{name}", "\n".join(entries))
        if self.definition.ansible_config is not None:
            self.add_file("ansible_config", self.definition.ansible_config, "_build/ansible.cfg")
        if keyring is not None:
            self.add(ContextFile(containerfile.KEYRING, data=keyring))
        if self.constraints or constraints:
            self.add_text(containerfile.CONSTRAINTS, "\n".join([*self.constraints, *constraints]))
        self.given = {path: self.given.get(path) for path in self.files if not _is_helper(path)}
        for index, build_file in enumerate(self.definition.build_files):
            self.add_build_file(f"additional_build_files[{index}]", build_file)
        self.check_folders()

    def check_folders(self) -> None:
        """Note a file that stands where another's folder must be."""
        for path in sorted(self.files):
            above = next((str(folder) for folder in PurePosixPath(path).parents if str(folder) in self.files), None)
            if above is not None:
                message = f"`{_below(above)}` would be a file and the folder of `{_below(path)}` in the build context."
                self.problem("additional_build_files", message, "Give one of the two another `dest`.")

    def check_count(self, count: str) -> None:
        if re.fullmatch(r"\+?([0-9]+|all)", count) is None:
            name = "galaxy_required_valid_signature_count"
            self.problem(name, f"`{name}` is `{_short(count)}`.", "Give a number or `all`, also with a `+` before it.")

    def inputs(self) -> containerfile.Inputs:
        own = [_below(path) for path in self.files if path not in self.given and not _is_helper(path)]
        return containerfile.Inputs(
            digests={_below(path): _digest(file) for path, file in self.files.items()},
            given=frozenset(map(_below, self.given)),
            build_files=bool(own),
            roles=self.roles,
            collections=self.collections,
            local_content=self.names_local_content(own),
            compiles=self.compiles,
        )

    def names_local_content(self, own: t.Sequence[str]) -> bool:
        """Whether ansible-galaxy is pointed at the build context: by a requirement, an option, its configuration."""
        if any(_is_local(entry, own) for entry in self.galaxy_entries):
            return True
        told = [value for name, value in self.definition.build_args.items() if name.startswith("ANSIBLE_GALAXY_")]
        config = self.files.get("_build/ansible.cfg")
        told += [] if config is None or config.data is None else [config.data.decode(errors="replace")]
        words = [word for text in told for word in re.split(r"[\s=,\"']+", text)] if own else []
        return any(word.startswith("/build") or word in own for word in words)

    def add(self, file: ContextFile) -> None:
        self.files[file.path] = file

    def add_text(self, path: str, text: str) -> None:
        self.add(ContextFile(path, data=(text.rstrip("\n") + "\n").encode()))

    def problem(self, key: str, message: str, hint: str) -> None:
        self.problems.append(Finding(message, hint, self.places.get(key, Place(key=key))))

    def add_file(self, key: str, source: str, path: str) -> bytes | None:
        """Add a file that the definition names; return its bytes, or None after noting the problem."""
        found = self.folder / source
        if is_folder(found):
            self.problem(key, f"`{_short(source)}` is a directory.", "Name a file.")
            return None
        try:
            data = read_list(found)
        except FileNotFoundError:
            hint = "Check the path." if PurePosixPath(source).is_absolute() else f"It was looked for in {self.folder}."
            self.problem(key, f"`{_short(source)}` does not exist.", _unfolded(key, source) or hint)
        except (OSError, ValueError) as error:
            hint = _unfolded(key, source) or why_not(error)
            self.problem(key, f"`{_short(source)}` cannot be read: {why(error)}.", hint)
        else:
            self.given[path] = found
            self.add(ContextFile(path, data=data))
            return data
        return None

    def add_list(self, kind: str, name: str) -> None:
        wanted: Requirements | None = getattr(self.definition, kind)
        if wanted is None:
            return
        key, path = f"dependencies.{kind}", f"_build/{name}"
        if wanted.file is not None:
            data = self.add_file(key, wanted.file, path)
        else:
            self.add_text(path, wanted.content or "")
            data = self.files[path].data
        if data is None:
            return
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.problem(key, f"`{wanted.file or name}` is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.")
            return
        if not text.strip():
            del self.files[path]
        elif kind == "python":
            self.add_text(path, "\n".join(self.expanded(key, text, wanted.file or "")))
        elif kind == "galaxy":
            self.look_at_galaxy(key, text)
        elif kind == "system":
            self.compiles = any(map(_may_compile, text.splitlines()))

    def expanded(self, key: str, text: str, file: str, inside: tuple[str, ...] = ()) -> list[str]:
        """Return the lines of a pip list, with the lists it includes put in; its constraints are put aside.

        Only relative paths are followed: an absolute one is a file of the image.
        """
        lines: list[str] = []
        for line in pip_lists.logical_lines(text):
            other, kind = pip_lists.included(line)
            if other is None or PurePosixPath(other).is_absolute() or "://" in other:
                lines.append(line)
                continue
            name = os.path.normpath(PurePosixPath(file).parent / other)
            found = self.included_text(key, name, (*inside, file))
            nested = [] if found is None else self.expanded(key, found, name, (*inside, file))
            (self.constraints if kind == "constraint" else lines).extend(nested)
        return lines

    def included_text(self, key: str, name: str, inside: tuple[str, ...]) -> str | None:
        if name in inside:
            self.problem(key, f"`{name}` includes itself.", "Take the line out.")
            return None
        try:
            return read_list(self.folder / name).decode("utf-8-sig")
        except (OSError, ValueError) as error:
            message = f"`{inside[-1] or 'requirements.txt'}` includes `{_short(name)}`: {why(error)}."
            self.problem(key, message, "Mend the name.")
            return None

    def look_at_galaxy(self, key: str, text: str) -> None:
        """Learn what the Galaxy requirements hold; ansible-galaxy checks them, we only refuse what is no YAML."""
        source = read(text)
        if source.root is None:
            problem = source.problems[0]
            where = "" if problem.place.line is None else f" (its line {problem.place.line})"
            self.problem(key, f"The Galaxy requirements cannot be read{where}: {problem.message}", problem.hint)
            return
        data = plain(source.root)
        if isinstance(data, dict):
            self.roles, self.collections = bool(data.get("roles")), bool(data.get("collections"))
            self.galaxy_entries = [entry for part in ("roles", "collections") for entry in data.get(part) or ()]
        else:
            # A list is the older form, roles only; anything else is left for ansible-galaxy to explain.
            self.roles = data is not None
            self.galaxy_entries = data if isinstance(data, list) else []

    def add_build_file(self, key: str, build_file: BuildFile) -> None:
        dest = PurePosixPath(build_file.dest)
        if dest.is_absolute() or ".." in dest.parts:
            self.problem(
                f"{key}.dest", f"`{build_file.dest}` leaves the build context.", "Give a path below it, without `..`."
            )
            return
        if any("\0" in part or len(part.encode(errors="replace")) > 255 for part in dest.parts):
            message = f"`{_short(build_file.dest)}` is no name that a folder can have."
            self.problem(f"{key}.dest", message, "Names have at most 255 bytes, and no null character.")
            return
        try:
            sources = self.matches(build_file.src)
        except (OSError, ValueError, NotImplementedError) as error:
            hint = "`**` stands alone between two slashes; a name has at most 255 bytes."
            self.problem(f"{key}.src", f"`{_short(build_file.src)}` cannot be looked for: {why(error)}.", hint)
            return
        if not sources:
            hint = f"It was looked for in {self.folder}."
            if PurePosixPath(build_file.src).is_absolute():
                hint = "An absolute path is taken as it stands, `*` and `?` included."
            self.problem(f"{key}.src", f"`{_short(build_file.src)}` matches no file.", hint)
        for source in sources:
            if is_folder(source):
                self.add_tree(key, source, dest)
            else:
                self.add_from(key, source, dest / source.name)

    def matches(self, pattern: str) -> list[Path]:
        """Return what a pattern names, sorted; a link that leads nowhere is nothing. An absolute path is no pattern."""
        path = Path(pattern)
        plain = path.is_absolute() or path == Path()
        found = [self.folder / path] if plain else sorted(self.folder.glob(str(path)))
        return [place for place in found if _is_there(place)]

    def add_tree(self, key: str, folder: Path, dest: PurePosixPath, inside: frozenset[str] = frozenset()) -> None:
        """Add the content of a directory. Links to directories are followed, but never into themselves."""
        real = os.path.realpath(folder)
        if real in inside:
            self.problem(f"{key}.src", f"`{folder}` is a link to a directory that it lies in.", "Take the link out.")
            return
        if real == os.sep:
            self.problem(f"{key}.src", f"`{folder}` is all that this host has.", "Name a part of it.")
            return
        try:
            entries = sorted(folder.iterdir(), key=lambda path: path.name)
        except OSError as error:
            self.problem(f"{key}.src", f"`{folder}` cannot be read: {error.strerror}.", "Check its permissions.")
            return
        for entry in entries:
            if is_folder(entry):
                self.add_tree(key, entry, dest / entry.name, inside | {real})
            else:
                self.add_from(key, entry, dest / entry.name)

    def add_from(self, key: str, source: Path, dest: PurePosixPath) -> None:
        path = str(PurePosixPath("_build") / dest)
        if path in self.given and _same_file(self.given[path], source):
            return  # the list itself once more; ours has what it includes
        if _is_helper(path) or path.startswith(f"{containerfile.OWN}/"):
            self.problem(f"{key}.dest", f"`{dest}` is a place for helpers of the build.", "Choose another `dest`.")
            return
        try:
            status = source.lstat()
            if stat.S_ISLNK(status.st_mode):
                self.add(ContextFile(path, 0o777, link=str(source.readlink())))
            elif stat.S_ISREG(status.st_mode):
                mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
                self.add(_with_content(ContextFile(path, mode), source, status.st_size))
            else:
                self.problem(f"{key}.src", f"`{source}` is neither a file, a directory nor a link.", "Leave it out.")
        except (OSError, ValueError) as error:
            self.problem(f"{key}.src", f"`{source}` cannot be read: {why(error)}.", why_not(error))


def open_file(path: Path) -> t.BinaryIO:
    """Open a file for reading, at once: a pipe without a writer must not hold us up before we see that it is one."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def read_list(path: Path) -> bytes:
    """Return the bytes of a file that is read for what it says. Raises OSError, ValueError."""
    with open_file(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no file")
        _check_size(status.st_size, LARGEST_LIST)
        if status.st_size == 0:
            _check_empty(file)
        return file.read(LARGEST_LIST)


def _check_size(size: int, largest: int) -> None:
    if size > largest:
        raise ValueError(f"it has {size} bytes, more than the {largest} allowed")


def _with_content(file: ContextFile, place: Path, size: int) -> ContextFile:
    """Return a file with what lies at a place; a large one stays there. Raises OSError, ValueError."""
    _check_size(size, LARGEST_FILE)
    if size == 0:
        with open_file(place) as empty:
            _check_empty(empty)
    if size <= LARGEST_HELD:
        return file._replace(data=place.read_bytes())
    return file._replace(stored=Stored(str(place), size, digest_of_file(place, file.mode)))


def _check_empty(file: t.BinaryIO) -> None:
    """Refuse what has no size and yet says something, as files in /proc: it may never end, or wait for ever."""
    if file.read(1) != b"":
        raise ValueError("the kernel makes up what it says; copy that into a file")


def digest_of_file(place: Path, mode: int, copy_to: t.BinaryIO | None = None) -> str:
    """Return the digest that a file of a context has with the content at a place, copying that on the way."""
    found = hashlib.sha256(b"%o data:" % mode)
    with place.open("rb") as file:
        for chunk in iter(functools.partial(file.read, LARGEST_HELD), b""):
            found.update(chunk)
            if copy_to is not None:
                copy_to.write(chunk)
    return found.hexdigest()


def why(error: Exception) -> str:
    """Say why a file cannot be read, or looked for."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text (byte {error.start})"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]


def why_not(error: Exception) -> str:
    return "Check its permissions." if isinstance(error, PermissionError) else "Check the path."


def _unfolded(key: str, source: str) -> str | None:
    """Return the mend for what is no file's name but several requirements, which ``>-`` has put on one line."""
    if key not in ("dependencies.python", "dependencies.system") or len(source.split()) < 3:
        return None
    return "A text of one line names a file: write requirements as a list, or each on its line after `|`."


def _short(text: str) -> str:
    text = text.replace("\0", "\\0")
    return text if len(text) <= 80 else f"{text[:77]}…"


def kind_of(path: Path) -> int:
    """Return the kind of what is there (``stat.S_IFMT``), 0 where there is nothing, or nothing to be seen."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError):  # Path.is_dir and the like raise where a name is too long, or a folder is closed
        return 0


def is_folder(path: Path) -> bool:
    return kind_of(path) == stat.S_IFDIR


def is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def _is_there(path: Path) -> bool:
    """Tell whether something is there, where ``Path.exists`` of some Pythons hides why it cannot know."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise
    return True


def _same_file(one: Path | None, other: Path) -> bool:
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def _below(path: str) -> str:
    return path[len("_build/") :]


def _is_helper(path: str) -> bool:
    return path.startswith(f"{containerfile.SCRIPTS}/")


def _may_compile(line: str) -> bool:
    """Whether a line of the user's OS packages may count for the builder and not for the final image."""
    selectors = re.findall(r"\[([^\]]*)\]", line.partition("#")[0])
    return any(not profile.startswith("platform:") for text in selectors for profile in re.findall(r"[^\s()!]+", text))


def _is_local(entry: object, own: t.Sequence[str]) -> bool:
    """Whether a Galaxy requirement names a file or folder of the build context, where ``own`` are the user's files."""
    if not isinstance(entry, dict):
        return _is_local_name(entry, own)
    if entry.get("type") in ("file", "dir", "subdirs") or "include" in entry:
        return True
    signatures = entry.get("signatures")
    names = [entry.get(key) for key in ("source", "src", "name")]
    names += signatures if isinstance(signatures, list) else [signatures]
    return any(_is_local_name(name, own) for name in names)


def _is_local_name(name: object, own: t.Sequence[str]) -> bool:
    if not isinstance(name, str) or not name:
        return False
    if re.match(r"\.{0,2}/|(?:git\+)?file:", name) is not None:
        return True
    wanted = os.path.normpath(name)
    return any(path == wanted or path.startswith(f"{wanted}/") for path in own)


@functools.cache
def scripts() -> t.Mapping[str, str]:
    """Return the helpers that run inside the image: name → text.

    They are read as data of their package: inside a module's payload they lie in an archive. They are not run here.
    """
    found = {"__init__.py": "", "run": shell.RUN, "entrypoint": shell.ENTRYPOINT}
    found.update({name: _source(name) for name in _SCRIPTS})
    return found


if t.TYPE_CHECKING:
    # Ansible packs what is imported anywhere in a file. Really importing these would cost each task 30 ms.
    from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import (  # noqa: F401
        bindep,
        console,
        galaxy,
        introspect,
        packages,
        pip,
        steps,
    )


def _source(name: str) -> str:
    data = pkgutil.get_data(_SCRIPTS_PACKAGE, name)
    if data is None:
        raise Failed(f"The source of {name} is not at hand.", hint="Install the collection with its Python sources.")
    return data.decode()


def _digest(file: ContextFile) -> str:
    if file.stored is not None:
        return file.stored.digest
    content = b"link:" + os.fsencode(file.link) if file.link is not None else b"data:" + (file.data or b"")
    return hashlib.sha256(b"%o " % file.mode + content).hexdigest()


# A mount that is only there if the secret is given: it makes no other image.
_SECRET_MOUNT = re.compile(
    rf" \\\n    --mount=type=secret,id=({'|'.join(containerfile.SECRETS)}),required=false(?= \\\n)".encode()
)


def _counted(context: Context) -> t.Iterator[ContextFile]:
    """Yield the files as they count for the build key."""
    for file in context.files:
        if file.path == context.containerfile:
            yield file._replace(data=_SECRET_MOUNT.sub(b"", file.data or b""))
        else:
            yield file


def build_key(
    context: Context,
    *,
    build_args: t.Mapping[str, str],
    base_digest: str | None,
    platform: str,
    builder_digest: str | None = None,
    squash: str = "off",
) -> str:
    """Return the build key: 64 hexadecimal digits that are the same wherever the same image would be built.

    ``base_digest`` is the resolved digest of the base image, None where it cannot be known; ``builder_digest`` that of
    the builder image, None where the build has none of its own.
    """
    builder = {} if builder_digest is None else {"builder": builder_digest}
    if squash != "off":
        builder["squash"] = squash
    return _hash(
        {
            **builder,
            "renderer": RENDERER,
            "containerfile": context.containerfile,
            "files": {file.path: _digest(file) for file in _counted(context)},
            "build_args": dict(build_args),
            "base": base_digest,
            "platform": platform,
        }
    )


def _hash(data: t.Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def input_digests(
    context: Context,
    *,
    build_args: t.Mapping[str, str],
    base_digest: str | None,
    platform: str,
    builder_digest: str | None = None,
    squash: str = "off",
) -> dict[str, str]:
    """Return a short digest for each input, by the name that a user knows it by.

    The instruction file is told from the digests of its inputs, so that a changed list is not reported twice.
    """
    found = {"base image": (base_digest or "unknown").rpartition(":")[2][:12], "platform": platform}
    if builder_digest is not None:
        found["builder image"] = builder_digest.rpartition(":")[2][:12]
    if squash != "off":
        found["squash"] = squash
    if build_args:
        found["build arguments"] = _hash(dict(build_args))[:12]
    helpers: dict[str, str] = {}
    for file in _counted(context):
        if file.path == context.containerfile:
            text = re.sub(r"--inputs=[0-9a-f]+", "", (file.data or b"").decode())
            found[context.containerfile] = hashlib.sha256(text.encode()).hexdigest()[:12]
        elif file.path.startswith(f"{containerfile.SCRIPTS}/"):
            helpers[file.path] = _digest(file)
        else:
            found[_below(file.path) if file.path.startswith("_build/") else file.path] = _digest(file)[:12]
    found["build helpers"] = _hash([RENDERER, helpers])[:12]
    return dict(sorted(found.items()))


def changed_inputs(old: t.Mapping[str, str], new: t.Mapping[str, str]) -> list[str]:
    """Return the names of the inputs that came, went or changed, sorted."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


class WritePlan(t.NamedTuple):
    """What writing a context to a folder would do. Paths are relative to the folder, with ``/``.

    ``context`` is None where all that is ours goes; ``engine_file`` is then the instruction file to show.
    """

    folder: Path
    context: Context | None
    write: tuple[ContextFile, ...]
    remove: tuple[str, ...]
    before: t.Mapping[str, str] = NOTHING
    text_before: str = ""
    engine_file: str = "Containerfile"

    @property
    def changed(self) -> bool:
        return bool(self.write or self.remove)

    @property
    def diff(self) -> list[dict[str, str]]:
        """The instruction file, and the list of all files that are ours with mode and digest."""
        name = self.engine_file
        after = {} if self.context is None else {file.path: _line(file) for file in self.context.files}
        return [
            {
                "before_header": f"{self.folder}/{name}",
                "after_header": f"{self.folder}/{name}",
                "before": self.text_before,
                "after": "" if self.context is None else self.context.text,
            },
            {
                "before_header": f"files of {self.folder}",
                "after_header": f"files of {self.folder}",
                "before": "".join(f"{self.before[path]}\n" for path in sorted(self.before)),
                "after": "".join(f"{after[path]}\n" for path in sorted(after)),
            },
        ]


def _line(file: ContextFile) -> str:
    what = f"-> {file.link}" if file.link is not None else _digest(file)[:12]
    return f"{file.path} {file.mode:o} {what}"


def plan_write(context: Context, directory: str) -> WritePlan:
    """Compare a context with what lies in a folder. Raises Invalid if the folder cannot be one.

    Files that an earlier write left there and that are no longer wanted go; files of others stay.
    """
    folder = Path(directory)
    if kind_of(folder) not in (0, stat.S_IFDIR):
        raise Invalid(f"{folder} is not a directory.", hint="Name a directory for the build context.")
    ours = _read_manifest(folder)
    wanted = {file.path: file for file in context.files}
    _check_parents(folder, {*ours, *wanted})
    present = {path: _read_back(folder, path) for path in {*ours, *wanted}}
    before = {path: _line(file) for path, file in present.items() if file is not None}
    remove = sorted(path for path in ours if path not in wanted and present[path] is not None)
    write = [file for path, file in wanted.items() if not _is_same(present[path], file)]
    manifest = _manifest(context)
    if present.get(MANIFEST) is None and not _is_same(_read_back(folder, MANIFEST), manifest):
        write.append(manifest)
    text = present.get(context.containerfile)
    text_before = (text.data or b"").decode(errors="replace") if text is not None else ""
    return WritePlan(folder, context, tuple(write), tuple(remove), before, text_before, context.containerfile)


def _is_same(there: ContextFile | None, wanted: ContextFile) -> bool:
    if there is None or (there.stored is None and wanted.stored is None):
        return there == wanted
    return _digest(there) == _digest(wanted)


def plan_remove(directory: str, engine_file: str = "Containerfile") -> WritePlan:
    """Plan to take away what earlier writes left in a folder; files of others stay, and so does a folder with any."""
    folder = Path(directory)
    ours = _read_manifest(folder)
    _check_parents(folder, ours)
    present = {path: _read_back(folder, path) for path in ours}
    before = {path: _line(file) for path, file in present.items() if file is not None}
    remove = [*sorted(before), *([MANIFEST] if _read_back(folder, MANIFEST) is not None and ours else [])]
    text = present.get(engine_file)
    text_before = (text.data or b"").decode(errors="replace") if text is not None else ""
    return WritePlan(folder, None, (), tuple(remove), before, text_before, engine_file)


def _manifest(context: Context) -> ContextFile:
    text = json.dumps({"files": [file.path for file in context.files]}, indent=1)
    return ContextFile(MANIFEST, data=f"{text}\n".encode())


def _read_manifest(folder: Path) -> list[str]:
    """Return the paths an earlier write left; none, if its list is missing or not ours."""
    try:
        data = json.loads((folder / MANIFEST).read_bytes())
        paths = data["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [path for path in paths if isinstance(path, str) and _stays_inside(path)] if isinstance(paths, list) else []


def _stays_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts


def _check_parents(folder: Path, paths: t.Iterable[str]) -> None:
    """Raise Invalid if a folder on the way to a file is a link: we would write somewhere else."""
    for parent in sorted({parent for path in paths for parent in PurePosixPath(path).parents}):
        if parent.parts and is_link(folder / parent):
            raise Invalid(f"{folder / parent} is a link and leads out of the build context.", hint="Take it away.")


def _read_back(folder: Path, path: str) -> ContextFile | None:
    """Return a file as it lies on disk, None where there is none (or a directory). Raises Invalid."""
    place = folder / path
    try:
        status = place.lstat()
        if stat.S_ISLNK(status.st_mode):
            return ContextFile(path, 0o777, link=str(place.readlink()))
        if not stat.S_ISREG(status.st_mode):
            return None
        return _with_content(ContextFile(path, stat.S_IMODE(status.st_mode)), place, status.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        hint = "Name another folder, or mend its permissions."
        raise Invalid(f"{_short(str(place))} cannot be read: {why(error)}.", hint=hint) from error


def write(plan: WritePlan) -> None:
    """Carry a plan out, all of it or nothing. Raises Failed; the folder is then as it was."""
    if plan.changed:
        # A task with nothing to do need not compile it.
        from ansible_collections.foundry.ee.plugins.module_utils._core.context_writing import carry_out

        carry_out(plan)
