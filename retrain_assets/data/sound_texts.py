"""Texts that hold half of a surrogate pair, which no encoding has: file names may, and so may what is made of them."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def sound(text: str) -> str:
    """The text with a question mark for each half of a pair.

    >>> sound("a" + chr(0xD800))
    'a?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


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
