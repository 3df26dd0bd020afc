"""Texts of anybody: half of a surrogate pair, which no encoding has, and what a reader would not see but obey."""

from __future__ import annotations

import re

UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What moves a terminal's cursor, colours it, ends a line or turns the direction of what is written."""
_HALF = re.compile("[\ud800-\udfff]")


def sound(text: str) -> str:
    """The text with a question mark for each half of a pair.

    >>> sound("a" + chr(0xD800))
    'a?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def visible(text: str) -> str:
    r"""The text as a terminal or a page may have it: what would be obeyed, as Python writes it; its lines stay.

    >>> visible("no" + chr(27) + "]0;north" + chr(7) + chr(10) + "b")
    'no\\x1b]0;north\\x07\nb'
    """
    return UNSEEN.sub(lambda each: each[0] if each[0] == "\n" else repr(each[0])[1:-1], text)


def escaped(json_text: str) -> str:
    r"""JSON that UTF-8 can write: half of a pair as an escape, of which a reader makes that half again.

    But of a high half before a low one a reader makes the character whose halves they are.

    >>> escaped('{"' + chr(0xD800) + '": 1}')
    '{"\\ud800": 1}'
    >>> import json
    >>> json.loads(escaped('"' + chr(0xD83D) + chr(0xDE00) + '"')) == chr(0x1F600)
    True
    """
    return json_text if json_text.isascii() else _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", json_text)
