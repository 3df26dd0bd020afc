"""A window of rows or profiles, read once: by column, and with the rows that a joint test looks at once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.drift.frames import Side, batch_of, profiles_of, read_once
from retrain_assets.drift.given import LazyRows, as_given
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import MAX_ROWS, rows_needed
from retrain_assets.drift.truths import batches_of_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is compared with a reference.

    Args:
        side: rows, or profiles, as they were given; of a stream a sample.
        batch: column of the rows that says which came together; None where they have none.
        batches: profiles of these.
        apart: by column why it is left out of them: their kinds do not agree.
        profile: of all rows together.
    """

    side: Side
    batch: str | None
    batches: tuple[TableProfile, ...]
    apart: Mapping[str, str]
    profile: TableProfile


def read_window(given: Side | LazyRows, reference: Side, settings: Settings) -> Window:
    """Reads a window as `compare` does.

    Args:
        given: rows or profiles, as `compare` takes them.
        reference: a prepared one's batch column is no data of the window either.
        settings: which say how many rows of a stream are kept.

    Raises:
        DataError: the batch column has gaps, or column names are not unique.
        TypeError: it is neither rows nor profiles.
    """
    name, side = "the window", as_given(given)
    batch = batch_of(reference, side)
    most = MAX_ROWS if batch is not None else rows_needed(settings.correlation_floor, settings.min_rows)
    side = read_once(side, name=name, batch=batch, most=most)
    batches, apart = batches_of_window(list(profiles_of(side, name=name, batch=batch).values()))
    return Window(side=side, batch=batch, batches=tuple(batches), apart=apart, profile=merge_tables(batches))
