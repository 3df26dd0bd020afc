"""Which columns are compared."""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.text_lengths import SUFFIX, is_text


def watched_columns(
    current: TableProfile, reference: Sequence[TableProfile], declared: Sequence[str] | None
) -> tuple[str, ...]:
    """The declared columns, or else all of both sides but times; in the order of the reference.

    Behind what is a text in the reference stand its lengths, as a column of their own.
    """
    if declared is not None:
        names = tuple(declared)
    else:
        sides = (*reference, current)
        every = dict.fromkeys(name for side in sides for name in side.names)
        names = tuple(name for name in every if not _is_time([side[name] for side in sides if name in side]))
    with_lengths = ((name, *_lengths(name, current, reference)) for name in names)
    return tuple(dict.fromkeys(each for group in with_lengths for each in group))


def _is_time(sides: Sequence[ColumnProfile]) -> bool:
    """Whether a column holds times, and nothing else on any side: a time that has become a text is compared."""
    kinds = {side.kind for side in sides if side.present} or {side.kind for side in sides}
    return kinds == {"datetime"}


def _lengths(name: str, current: TableProfile, reference: Sequence[TableProfile]) -> tuple[str, ...]:
    """Where both sides know them: profiles of an earlier version of this package do not."""
    lengths = name + SUFFIX
    if lengths not in current:
        return ()
    batches = [batch for batch in reference if name in batch and batch[name].present]
    if not batches or not is_text([batch[name] for batch in batches]):
        return ()
    return (lengths,) if all(lengths in batch for batch in batches) else ()
