"""The ways in which a policy is called, and the one name for each."""

from __future__ import annotations

import re

ORACLE = "oracle"
"""No policy: what stands at the end of every replay."""
TUNED = "tuned_calendar"
"""No policy either: the best calendar in hindsight stands there at each cost."""
MIXTURE = "+mixture"

_PLAIN = re.compile(r"[\w\-. ]+(?:[:=@][\w.]+)?(?:\s*\+\s*mixture)?", re.IGNORECASE)
_MIXED = re.compile(r"\s*\+\s*mixture$", re.IGNORECASE)
_STEP = re.compile(r"(?:every|calendar|periodic|each)[_:=@]*(\d+)(?:_?(?:batch|batche|week|day)s?)?")
_ALIASES = {
    "always": "every", "every_batch": "every", "each_batch": "every", "every_time": "every", "every:1": "every",
    "none": "never", "no_retrain": "never", "no_retraining": "never", "static": "never",
    "hindsight": ORACLE, "oracle_in_hindsight": ORACLE,
    "tuned": TUNED, "calendar_in_hindsight": TUNED, "best_calendar": TUNED,
    "mixture": f"default{MIXTURE}", "default_mixture": f"default{MIXTURE}",
    "pagehinkley": "page_hinkley", "ph": "page_hinkley", "page_hinkley_test": "page_hinkley",
    "age": "model_age", "decay": "performance_decay",
}  # fmt: skip


def canonical(name: str) -> str:
    """The one name of a policy, however it was written; an expression of triggers stays, a mixture of it too.

    >>> [canonical(name) for name in ("Every-4", "every 4 batches", "calendar:4", "ALWAYS", "Page-Hinkley")]
    ['every:4', 'every:4', 'every:4', 'every', 'page_hinkley']
    >>> canonical("default + mixture"), canonical("performance_decay | drift")
    ('default+mixture', 'performance_decay | drift')
    >>> canonical("performance_decay | drift + mixture")
    'performance_decay | drift+mixture'
    """
    stripped = name.strip()
    if not _PLAIN.fullmatch(stripped):
        return _MIXED.sub(MIXTURE, stripped)
    plain, _, mixed = re.sub(r"\s*\+\s*", "+", stripped.lower()).partition("+")
    plain = re.sub(r"[\s\-]+", "_", plain.strip())
    step = _STEP.fullmatch(plain)
    if step is not None:
        plain = f"every:{int(step[1])}"
    elif ":" in plain or "=" in plain or "@" in plain:
        kind, _, number = re.sub(r"[=@]", ":", plain, count=1).partition(":")
        plain = f"{_ALIASES.get(kind, kind)}:{number}"
    plain = _ALIASES.get(plain, plain)
    return f"{plain}{MIXTURE}" if mixed and not plain.endswith(MIXTURE) else plain


def listed(text: str) -> list[str]:
    """The names between commas; one within parentheses belongs to a name.

    >>> listed("default, 2 of (drift, (event | person)) ,never,")
    ['default', '2 of (drift, (event | person))', 'never']
    """
    names, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            names.append("")
        else:
            names[-1] += letter
    return [name.strip() for name in names if name.strip()]
