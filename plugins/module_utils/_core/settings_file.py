# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change single values of a YAML or JSON file, and leave every other character of it as it is.

The places to write at come from PyYAML's nodes. What the edited text means is read again and compared with what it
should mean, so that an unforeseen way of writing YAML is refused rather than damaged.
"""

from __future__ import annotations

import json
import re
import traceback
import typing as t

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

Value = t.Union[str, bool, None]
Keys = tuple[str, ...]
LARGEST = 1024 * 1024  # characters
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@+-]*")
_ALIAS = re.compile(r"[ \t]*(\*[^\s,\[\]{}]+)")
_UNREADABLE = "Mend the file by hand first."


def read(text: str, where: str) -> dict[str, t.Any]:
    """Return what a settings file means; an empty one is an empty mapping. Raises Invalid."""
    if len(text) > LARGEST:
        raise Invalid(f"{where} has more than {LARGEST} characters.", hint="Is it the right file?")
    try:
        value = json.loads(text) if _is_json(text) else yaml.safe_load(text)  # YAML takes no tabs, and JSON does
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"{where} is no YAML: {_words(error)}.", hint=_UNREADABLE) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{where} holds no mapping.", hint=_UNREADABLE)
    return value


def _words(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f" (line {mark.line + 1})"
    return f"{getattr(error, 'problem', None) or error}{place}"


def get(settings: t.Mapping[str, t.Any], keys: Keys) -> t.Any:
    """Return the value at a path of keys, None if it is not there."""
    value: t.Any = settings
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def edit(text: str, keys: Keys, value: Value, where: str) -> str:
    """Return the text with one value set, or removed (None). Raises Invalid."""
    settings = read(text, where)
    have = get(settings, keys)
    if have == value and isinstance(have, bool) == isinstance(value, bool):
        return text
    expected = _put(settings, keys, value, where)
    edited = _edit_json(text, expected) if _is_json(text) else _edit_yaml(text, keys, value, where)
    if not _means(edited, expected, where):
        raise Invalid(f"`{'.'.join(keys)}` cannot be changed in {where} as it is written.", hint="Change it by hand.")
    return edited


def _means(text: str, expected: t.Mapping[str, t.Any], where: str) -> bool:
    """Whether an edited text means what it should. One that means nothing is our doing, not the user's."""
    try:
        return read(text, where) == expected
    except Invalid:
        return False


def _put(settings: t.Mapping[str, t.Any], keys: Keys, value: Value, where: str) -> dict[str, t.Any]:
    """Return settings with one value set or removed. A mapping that loses its last key stays, empty."""
    head, rest = keys[0], keys[1:]
    changed = dict(settings)
    if not rest:
        changed.pop(head, None)
        return changed if value is None else {**changed, head: value}
    inner = changed.get(head)
    if inner is not None and not isinstance(inner, dict):
        raise Invalid(f"`{head}` in {where} is no mapping.", hint=_UNREADABLE)
    changed[head] = _put(inner or {}, rest, value, where)
    return changed


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _edit_json(text: str, expected: t.Mapping[str, t.Any]) -> str:
    """JSON has no comments to keep: write it anew, indented as it was."""
    found = re.search(r"\n([ \t]+)\"", text)
    indent = found.group(1) if found else " " * 4 if "\n" in text.strip() or not expected else None
    return json.dumps(expected, indent=indent, ensure_ascii=False) + ("\n" if text.endswith("\n") else "")


def _edit_yaml(text: str, keys: Keys, value: Value, where: str) -> str:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Invalid(f"{where} is no YAML: {_words(error)}.", hint=_UNREADABLE) from error
    newline = "\r\n" if "\r\n" in text else "\n"
    if root is None or not isinstance(root, yaml.MappingNode):
        return text if value is None else _append(text, keys, value, newline)
    return _Editor(text, newline).edit(root, keys, value)


def _append(text: str, keys: Keys, value: t.Union[str, bool], newline: str) -> str:
    """Add to a file that has no settings yet; comments and ``---`` stay above."""
    start = text if not text or text.endswith("\n") else text + newline
    return start + _nested(keys, value, 0, newline)


def _nested(keys: Keys, value: t.Union[str, bool], indent: int, newline: str) -> str:
    lines = [f"{' ' * (indent + 2 * depth)}{_key(key)}:" for depth, key in enumerate(keys)]
    return newline.join(lines) + f" {_scalar(value)}{newline}"


def _key(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else json.dumps(key)


def _scalar(value: t.Union[str, bool], style: str | None = None) -> str:
    """Write a value, in the quotes that were there before if there were any."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and _PLAIN.fullmatch(value) and not value.endswith(":") and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


class _Editor:
    """Writes into the text at the places of its nodes."""

    def __init__(self, text: str, newline: str) -> None:
        self._text = text
        self._newline = newline

    def edit(self, mapping: yaml.MappingNode, keys: Keys, value: Value) -> str:
        pair = self._pair(mapping, keys[0])
        if pair is None:
            return self._text if value is None else self._add(mapping, keys, value)
        key, node = pair
        if len(keys) == 1:
            return self._remove(mapping, key, node) if value is None else self._replace(key, node, value)
        if isinstance(node, yaml.MappingNode):
            return self._add_to_empty(key, node, keys, value) if not node.value else self.edit(node, keys[1:], value)
        return self._text if value is None else self._fill(key, node, keys, value)

    @staticmethod
    def _pair(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
        """Return the last pair of a key: with duplicates, that is the one that counts."""
        found = [(name, node) for name, node in mapping.value if name.value == key]
        return found[-1] if found else None

    def _splice(self, start: int, end: int, new: str) -> str:
        return self._text[:start] + new + self._text[end:]

    def _replace(self, key: yaml.Node, node: yaml.Node, value: t.Union[str, bool]) -> str:
        style = node.style if isinstance(node, yaml.ScalarNode) else None
        start, end = node.start_mark.index, node.end_mark.index
        alias = _ALIAS.match(self._text, self._colon(key) + 1)
        if alias:  # the node is that of the anchor, elsewhere in the text
            (start, end), style = alias.span(1), None
        elif style in ("|", ">"):  # the line end behind a block text is not the block's alone
            end, style = start + len(self._text[start:end].rstrip()), None
        new = _scalar(value, style if isinstance(value, str) else None)
        return self._splice(start, end, new if start > self._colon(key) + 1 else f" {new}")

    def _colon(self, key: yaml.Node) -> int:
        return self._text.index(":", key.end_mark.index)

    def _add(self, mapping: yaml.MappingNode, keys: Keys, value: t.Union[str, bool]) -> str:
        if mapping.flow_style:
            place = mapping.start_mark.index + 1
            return self._splice(place, place, self._flow(keys, value) + (", " if mapping.value else ""))
        indent = mapping.value[0][0].start_mark.column
        last = self._behind_deeper_comments(self._line_end(self._leaf_end(mapping)), indent)
        before = "" if self._text[:last].endswith("\n") else self._newline
        return self._splice(last, last, before + _nested(keys, value, indent, self._newline))

    def _behind_deeper_comments(self, place: int, indent: int) -> int:
        """Return the place behind comments that belong to the entry above, as their indentation says."""
        deeper = re.compile(rf"(?:[ \t]*\r?\n)*[ ]{{{indent + 1},}}#[^\n]*(?:\n|$)")
        found = deeper.match(self._text, place)
        while found:
            place = found.end()
            found = deeper.match(self._text, place)
        return place

    def _flow(self, keys: Keys, value: t.Union[str, bool]) -> str:
        inner = _scalar(value) if len(keys) == 1 else "{" + self._flow(keys[1:], value) + "}"
        return f"{_key(keys[0])}: {inner}"

    def _add_to_empty(self, key: yaml.Node, node: yaml.MappingNode, keys: Keys, value: Value) -> str:
        """``key: {}`` becomes a block, as a person would write it, unless a flow mapping is around it."""
        return self._text if value is None else self._fill(key, node, keys, value)

    def _fill(self, key: yaml.Node, node: yaml.Node, keys: Keys, value: t.Union[str, bool]) -> str:
        """Give a key without a value (or with ``null``, ``{}``) its first entry."""
        start, end = node.start_mark.index, node.end_mark.index
        if start <= self._colon(key):
            start = end = self._colon(key) + 1
        line = self._text[self._text.rfind("\n", 0, key.start_mark.index) + 1 : key.start_mark.index]
        if line.strip():  # inside a flow mapping
            return self._splice(start, end, (" " if start == end else "") + "{" + self._flow(keys[1:], value) + "}")
        emptied = self._splice(start, end, "")
        rest = self._line_end(start, emptied)
        head = emptied[:rest]
        if head.endswith(" " + self._newline):
            head = head.rstrip(" \r\n") + self._newline
        before = "" if head.endswith("\n") else self._newline
        nested = _nested(keys[1:], value, key.start_mark.column + 2, self._newline)
        return head + before + nested + emptied[rest:]

    def _remove(self, mapping: yaml.MappingNode, key: yaml.Node, node: yaml.Node) -> str:
        start, end = key.start_mark.index, max(self._node_end(node), self._colon(key) + 1)
        if len(mapping.value) == 1:
            return self._splice(start, end, "" if mapping.flow_style else "{}")
        if mapping.flow_style:
            return self._remove_from_flow(start, end)
        first = self._text.rfind("\n", 0, start) + 1
        return self._splice(first, self._line_end(end), "")

    def _remove_from_flow(self, start: int, end: int) -> str:
        after = re.compile(r"\s*,\s*").match(self._text, end)
        if after:
            return self._splice(start, after.end(), "")
        before = re.search(r"\s*,\s*$", self._text[:start])
        return self._splice(before.start() if before else start, end, "")

    def _leaf_end(self, mapping: yaml.MappingNode) -> int:
        """Return where the last value of a block mapping ends: its own end mark is behind the comments below it."""
        key, node = mapping.value[-1]
        return max(self._node_end(node), self._colon(key) + 1)

    def _node_end(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
            return self._leaf_end(node)
        if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
            return self._node_end(node.value[-1])
        return node.end_mark.index

    def _line_end(self, place: int, text: str | None = None) -> int:
        """Return the start of the next line, or the end of the text."""
        text = self._text if text is None else text
        if place and text[place - 1] == "\n":  # a block text ends behind its line
            return place
        found = text.find("\n", place)
        return len(text) if found < 0 else found + 1
