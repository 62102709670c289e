# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML with positions, and with bounds.

The usual loaders forget where a value stood and how it was written (``1.10`` becomes 1.1), recurse without end and
expand aliases without end. This one builds its tree from parser events, with a stack of its own, so that no input can
exhaust memory or the interpreter's stack, and every node knows its line, column and spelling.
"""

from __future__ import annotations

import functools
import traceback
import typing as t

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

from ansible_collections.foundry.ee.plugins.module_utils._core.model import NOTHING, Finding, Place

LARGEST_BYTES = 1024 * 1024
"""A definition is a page of text; the largest of the public ones among the goldens has 12 KiB."""
DEEPEST = 40
MOST_NODES = 50_000
LONGEST_NUMBER = 400
"""Characters. Longer ones make ``int()`` slow, and are no versions."""

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_SCALARS = frozenset({"null", "bool", "int", "float", "binary", "timestamp"})
_WORDS = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    bytes: "binary data",
    type(None): "nothing (null)",
}


class Node(t.NamedTuple):
    """A value and where it stands. ``value`` is a dict or a list of nodes, or what YAML makes of a scalar.

    ``source`` is a scalar as written where it was not quoted, ``size`` the number of nodes with aliases followed.
    ``block`` marks ``|`` texts, whose lines can be counted. Lines and columns count from 1.
    """

    value: t.Any
    line: int | None = None
    column: int | None = None
    source: str | None = None
    block: bool = False
    size: int = 1
    names: t.Mapping[str, Node] = NOTHING
    """The nodes of a mapping's keys, to point at a key rather than at its value."""

    def kind(self) -> str:
        """Say in words what the value is."""
        return _WORDS.get(type(self.value), f"a {type(self.value).__name__}")


class Source(t.NamedTuple):
    """What was read: ``root`` is None where the text is not usable; then ``problems`` says why."""

    root: Node | None
    problems: tuple[Finding, ...] = ()
    advice: tuple[Finding, ...] = ()


class _Refused(Exception):
    """Ends the reading; carries what to say."""

    def __init__(self, message: str, hint: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.line = line
        self.column = column


def read(text: str | bytes, path: str | None = None) -> Source:
    """Read one YAML document. Nothing is raised for bad input; an empty document is an empty mapping."""
    advice: list[Finding] = []
    try:
        root = _Composer(_decode(text), path, advice).document()
    except _Refused as refused:
        place = Place(path, refused.line, refused.column)
        return Source(None, (Finding(str(refused), refused.hint, place),), tuple(advice))
    return Source(root, (), tuple(advice))


def size_words(size: int, largest: int = LARGEST_BYTES) -> tuple[str, str]:
    """Say that so many bytes are too many, and the mend: also for a file that is refused before it is read."""
    hint = "Is this the right file?"
    if largest == LARGEST_BYTES:
        hint += " Keep long lists in files that the definition names."
    return f"It has {size} bytes; at most {largest} are read.", hint


def _decode(text: str | bytes) -> str:
    if len(text) > LARGEST_BYTES:
        raise _Refused(*size_words(len(text)))
    text = text if isinstance(text, str) else _decode_bytes(text)
    text = text[1:] if text.startswith("\ufeff") else text
    for position, character in enumerate(text if not text.isascii() else ""):
        if "\ud800" <= character <= "\udfff":
            line = text.count("\n", 0, position) + 1
            raise _Refused("The text holds half a character (a surrogate).", "Save the file as UTF-8.", line)
    return text


def from_value(value: t.Any) -> Source:
    """Give data that is already loaded the shape of :func:`read`'s tree, without positions, within the same bounds."""
    try:
        return Source(_from_value(value, DEEPEST, [MOST_NODES]))
    except _Refused as refused:
        return Source(None, (Finding(str(refused), refused.hint),))


def _from_value(value: t.Any, depth: int, left: list[int]) -> Node:
    left[0] -= 1
    if left[0] < 0:
        raise _Refused(f"The definition has more than {MOST_NODES} values.", "Keep long lists in files.")
    if depth < 0:
        raise _Refused(f"The definition is nested more than {DEEPEST} deep.", "It needs no more than six levels.")
    if isinstance(value, t.Mapping):
        members = {str(key): _from_value(item, depth - 1, left) for key, item in value.items()}
        return Node(members, names={name: Node(name) for name in members})
    if isinstance(value, (list, tuple)):
        return Node([_from_value(item, depth - 1, left) for item in value])
    return Node(str(value) if isinstance(value, str) else value)


def _decode_bytes(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        raise _Refused(
            f"Byte {data[error.start]:#04x} is not UTF-8 text.",
            "Save the file as UTF-8; an image, an archive or a compiled file is no definition.",
            before.count(b"\n") + 1,
            len(before) - before.rfind(b"\n"),
        ) from error


def _loader_for(text: str) -> t.Any:
    """Return libyaml's loader, but Python's where libyaml lets pass what other readers of the file would refuse."""
    return yaml.SafeLoader if "\t" in text or "\ufeff" in text else getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Composer:
    """Builds nodes from events. One use only."""

    def __init__(self, text: str, path: str | None, advice: list[Finding]) -> None:
        self._path = path
        self._advice = advice
        self._anchors: dict[str, Node | None] = {}  # None: still being built
        self._count = 0
        try:
            self._loader = _loader_for(text)(text)
        except yaml.YAMLError as error:
            raise _syntax(error, text) from error
        self._text = text

    def document(self) -> Node:
        try:
            return self._document()
        except yaml.YAMLError as error:
            raise _syntax(error, self._text) from error
        finally:
            self._loader.dispose()

    def _document(self) -> Node:
        next_event = self._loader.get_event
        next_event()  # the stream's start
        if isinstance(next_event(), yaml.StreamEndEvent):
            return Node({}, 1, 1)
        root = self._tree()
        next_event()  # the document's end
        after = next_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Refused(
                "A second YAML document begins here.",
                "A definition is one document: take out the line `---`, or keep the other in a file of its own.",
                *_at(after.start_mark),
            )
        return root

    def _tree(self) -> Node:
        """Read one node with everything in it, without recursion."""
        open_nodes: list[_Open] = []
        while True:
            event = self._loader.get_event()
            node: Node | None
            self._check_anchor(event)
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if len(open_nodes) >= DEEPEST:
                    raise _Refused(
                        f"Mappings and lists are nested more than {DEEPEST} deep here.",
                        "A definition needs no more than six levels.",
                        *_at(event.start_mark),
                    )
                open_nodes.append(self._open(event))
                continue
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = node
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event)
            else:
                closing = open_nodes.pop()
                node = self._close(closing, open_nodes)
                if closing.anchor is not None:
                    self._anchors[closing.anchor] = node
            if not open_nodes:
                return node
            self._count_in(node, event)
            open_nodes[-1].items.append(node)

    def _check_anchor(self, event: t.Any) -> None:
        """Refuse an anchor that is there already, as all that reads YAML for Ansible does."""
        name = None if isinstance(event, yaml.AliasEvent) else getattr(event, "anchor", None)
        if name is not None and name in self._anchors:
            message = f"The anchor `&{name}` is given a second time."
            raise _Refused(message, "Give each anchor a name of its own.", *_at(event.start_mark))

    def _count_in(self, node: Node, event: t.Any) -> None:
        self._count += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self._count > MOST_NODES:
            raise _Refused(
                f"The document has more than {MOST_NODES} values, aliases followed.",
                "Write out what is meant; aliases of aliases grow without end.",
                *_at(event.start_mark),
            )

    def _open(self, event: t.Any) -> _Open:
        mapping = isinstance(event, yaml.MappingStartEvent)
        wanted = "tag:yaml.org,2002:map" if mapping else "tag:yaml.org,2002:seq"
        if event.tag not in (None, "!", wanted):
            raise _unknown_tag(event.tag, event.start_mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        return _Open(mapping, event.anchor, *_at(event.start_mark), [])

    def _close(self, opened: _Open, above: t.Sequence[_Open]) -> Node:
        size = 1 + sum(item.size for item in opened.items)
        if not opened.mapping:
            return Node(opened.items, opened.line, opened.column, size=size)
        value: dict[str, Node] = {}
        names: dict[str, Node] = {}
        merged: list[Node] = []
        for key, item in zip(opened.items[::2], opened.items[1::2]):
            if key.source == "<<":
                merged.extend(self._merged(item))
                continue
            name = key.value
            if isinstance(name, (dict, list)):
                raise _Refused(
                    f"A key cannot be {key.kind()}.",
                    "Write a plain word before the colon; put a Jinja expression in quotes, or render it first.",
                    key.line,
                    key.column,
                )
            if not isinstance(name, str):
                name = str(name) if key.source is None else key.source
            if name in value:
                self._advise_duplicate(_key_path([*above, opened._replace(items=[key])]), names[name], key)
            value[name] = item
            names[name] = key
        for mapping in merged:
            for name, node in mapping.names.items():
                value.setdefault(name, mapping.value[name])
                names.setdefault(name, node)
        return Node(value, opened.line, opened.column, size=size, names=names)

    def _merged(self, item: Node) -> list[Node]:
        """Return what ``<<`` brings in, first wins."""
        mappings = item.value if isinstance(item.value, list) else [item]
        if all(isinstance(mapping.value, dict) for mapping in mappings):
            return list(mappings)
        raise _Refused(
            f"`<<` can only bring in a mapping, or a list of mappings, not {item.kind()}.",
            "Give it an alias of a mapping: `<<: *name`.",
            item.line,
            item.column,
        )

    def _advise_duplicate(self, path: str, first: Node, second: Node) -> None:
        self._advice.append(
            Finding(
                f"`{path}` is given twice, first in line {first.line}; the last one counts.",
                "Take one of the two out, or join them.",
                Place(self._path, second.line, second.column, path),
            )
        )

    def _scalar(self, event: t.Any) -> Node:
        line, column = _at(event.start_mark)
        plain = event.style in (None, "")
        tag = event.tag
        if tag in (None, "!"):
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit) if tag is None else _TEXT
        source = event.value if plain else None
        if tag == _TEXT or (tag == _MERGE and plain):
            return Node(event.value, line, column, source, event.style == "|")
        return Node(self._converted(tag, event), line, column, source)

    def _converted(self, tag: str, event: t.Any) -> t.Any:
        prefix, _colon, kind = tag.rpartition(":")
        if prefix != "tag:yaml.org,2002" or kind not in _SCALARS:
            raise _unknown_tag(tag, event.start_mark)
        constructor = self._loader.yaml_constructors[tag]
        try:
            if kind in ("int", "float") and len(event.value) > LONGEST_NUMBER:
                raise ValueError("it is too long")
            return constructor(self._loader, yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
        except (ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
            raise _Refused(
                f"`{event.value[:60]}` is no {kind}.",
                "Put the value in quotes if it is meant as text.",
                *_at(event.start_mark),
            ) from error

    def _alias(self, event: t.Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is not None:
            return node
        if event.anchor in self._anchors:
            raise _Refused(
                f"`*{event.anchor}` stands inside what it refers to.",
                "Refer to something that is complete before this line.",
                *_at(event.start_mark),
            )
        raise _Refused(
            f"`*{event.anchor}` refers to an anchor that is not there.",
            f"Mark the value with `&{event.anchor}` above this line, or quote the text if no alias is meant.",
            *_at(event.start_mark),
        )


class _Open(t.NamedTuple):
    """A mapping or list whose end has not been read yet; a mapping's items are keys and values in turn."""

    mapping: bool
    anchor: str | None
    line: int | None
    column: int | None
    items: list[Node]


def _key_path(open_nodes: t.Iterable[_Open]) -> str:
    """Return the key path of the value that is read next, or now, in the innermost of the open nodes."""
    path = ""
    for opened in open_nodes:
        if opened.mapping:
            # With an even number it is a key that is read: a mapping or list as a key, which is refused in the end.
            key = opened.items[-1].value if len(opened.items) % 2 else None
            path += f"{'.' if path else ''}{'?' if key is None or isinstance(key, (dict, list)) else key}"
        else:
            path += f"[{len(opened.items)}]"
    return path


def _at(mark: t.Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _unknown_tag(tag: str, mark: t.Any) -> _Refused:
    short = tag.replace("tag:yaml.org,2002:", "!!")
    hint = "Write the value without a tag; a definition is plain data."
    return _Refused(f"The tag `{short}` is not understood.", hint, *_at(mark))


def _syntax(error: yaml.YAMLError, text: str) -> _Refused:
    """Put the YAML parser's complaint in one line."""
    if isinstance(error, yaml.reader.ReaderError):
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        return _Refused(
            "The text holds a control character, which YAML does not allow.",
            "Is this a text file? Take the character out, or write it as an escape in double quotes.",
            line,
        )
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error) or "it cannot be read"
    context = getattr(error, "context", None)
    where = f" ({context})" if context else ""
    place = _at(mark) if mark else ()
    return _Refused(f"This is not YAML: {problem}{where}.", _syntax_hint(problem, mark, text), *place)


def _syntax_hint(problem: str, mark: t.Any, text: str) -> str:
    lines = text.split("\n")
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "tab" in problem or "'\\t'" in problem:
        return "Indent with spaces; YAML does not allow tabs there."
    if "mapping values are not allowed" in problem:
        return "Put a value that holds `: ` in quotes, and check the indentation of this line and the one before."
    if "{{" in line or "{%" in line:
        return "Render the Jinja template first, or put the expression in quotes."
    return "Check indentation, quotes and brackets here and in the line before."


def plain(node: Node, tell: t.Callable[[str, Node], None] | None = None, key: str = "") -> t.Any:
    """Return plain data of texts, mappings and lists: what YAML takes for numbers, dates or truth as it was written.

    ``tell`` gets the key path and the node of each such value. Null stays null.
    """
    if isinstance(node.value, dict):
        return {name: plain(item, tell, f"{key}.{name}") for name, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item, tell, f"{key}[{index}]") for index, item in enumerate(node.value)]
    if isinstance(node.value, str) or node.value is None:
        return node.value
    if tell is not None:
        tell(key, node)
    return str(node.value) if node.source is None else node.source


def respelled(node: Node) -> list[Node]:
    """Return the values whose spelling YAML loses, such as ``1.10``, which it reads as 1.1."""
    found: list[Node] = []
    plain(node, lambda _key, inner: found.append(inner))
    return [inner for inner in found if inner.source is not None and str(inner.value) != inner.source]


def spans(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where scalars begin and end as (line, column), from 1: a ``#`` or a blank line inside is theirs."""
    found = []
    for event in yaml.parse(text, Loader=_loader_for(text)):
        if isinstance(event, yaml.ScalarEvent):
            found.append((_at(event.start_mark), _at(event.end_mark)))
    return found


def write(data: t.Any, *, for_people: bool = False) -> str:
    """Return data as YAML: keys in their order, texts of several lines as blocks, nothing folded.

    ``for_people`` indents lists below their key, as linters want it; libyaml, which is faster, cannot.
    """
    text: str = yaml.dump(
        data,
        Dumper=_indenting_dumper() if for_people else _fast_dumper(),
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=10_000,
        indent=2,
    )
    return text


@functools.cache
def _fast_dumper() -> t.Any:
    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Writes everything out in full."""

        def ignore_aliases(self, _data: t.Any) -> bool:
            return True

    Dumper.add_representer(str, _represent_text)
    return Dumper


@functools.cache
def _indenting_dumper() -> t.Any:
    class Dumper(yaml.SafeDumper):
        """Writes everything out in full, lists indented."""

        def ignore_aliases(self, _data: t.Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    Dumper.add_representer(str, _represent_text)
    return Dumper


_ODD_BREAKS = frozenset("\r\x85\u2028\u2029")
"""Other line breaks than ours: only as an escape do they come through every reader and writer unchanged."""


def _represent_text(dumper: t.Any, text: str) -> t.Any:
    style = "|" if "\n" in text else None
    if not _ODD_BREAKS.isdisjoint(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
