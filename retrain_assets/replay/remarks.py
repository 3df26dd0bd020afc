"""What a person should know of a file before its replay: words behind a semicolon, or none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.drift.wording import plural
from retrain_assets.replay.bare_file import FileSettings, in_batches
from retrain_assets.replay.stream import Stream


def another_order(frame: pd.DataFrame, settings: FileSettings) -> str:
    """Said where batches of text lie one behind the other in the file, and not in the order that text has."""
    codes, found = pd.factorize(frame.loc[frame[settings.target].notna(), settings.batch])
    keys = in_batches(frame, settings.target, settings.batch)[1]
    if not isinstance(keys[0], str) or (np.diff(codes) < 0).any() or keys == tuple(found):
        return ""
    return (
        f"; batches are taken in the order of their names, {keys[0]}, {keys[1]}, ..., and the file begins with "
        f"{found[0]}, {found[1]}: use dates or numbers where that is the order of time"
    )


def too_few_to_judge(stream: Stream) -> str:
    """Said where no candidate can ever pass its gate, so that no policy differs from `never`; else nothing."""
    count, least = stream.spec.window.holdout_batches, stream.spec.promote.min_rows
    before = np.concatenate([[0], np.cumsum(stream.reserved)])[stream.starts]
    most = int((before[count:] - before[:-count]).max())
    if most >= least:
        return ""
    return (
        f"; no model can be promoted: {count} batches hold {most} reserved rows at most, and the gate asks for "
        f"{least} (use a longer --window, or larger batches)"
    )


def without_labels(frame: pd.DataFrame, settings: FileSettings) -> str:
    """Said where rows have no target, which are left out: a replay does not know of time that passed without labels."""
    missing = frame[settings.target].isna()
    if not missing.any():
        return ""
    batches = frame[settings.batch]
    whole = batches.nunique() - batches[~missing].nunique()
    return f"; left out: {int(missing.sum()):,} rows without a target" + (
        f", all rows of {plural(whole, 'batch', 'batches')} among them, as if there had been no such time"
        if whole
        else ""
    )


def too_few_to_compare(stream: Stream) -> str:
    """Said where drift cannot be known, so that a trigger of it does not fire; else nothing."""
    least = stream.spec.drift.min_rows
    small = int((stream.rows < least).sum())
    if not small:
        return ""
    return f"; drift is unknown of {small} of {len(stream)} batches: it takes {least} rows, and they hold fewer"
