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


def read_side(
    side: Side, name: str, joint: str, batch: str | None, settings: Settings
) -> tuple[Side, dict[str, TableProfile]]:
    """A side with its profiles by batch; of a stream as many rows as the joint test looks at, which is read once.

    Args:
        side: rows or profiles.
        name: of the side, for messages.
        joint: test of several columns that looks at the rows once more, or `none`.
        batch: column that says which rows came together.
        settings: which say how many rows a change of a correlation takes.

    Raises:
        DataError: the batch column is missing or has gaps, or column names are not unique.
        TypeError: it is neither rows nor profiles.
    """
    if joint != "none":
        alike = batch is None and joint == "correlation"
        most = rows_needed(settings.correlation_floor, settings.min_rows) if alike else MAX_ROWS
        side = read_once(side, name=name, batch=batch, most=most)
    return side, profiles_of(side, name=name, batch=batch)


def read_window(given: Side | LazyRows, reference: Side, joint: str, settings: Settings) -> Window:
    """Reads a window as `compare` does.

    Args:
        given: rows or profiles, as `compare` takes them.
        reference: a prepared one's batch column is no data of the window either.
        joint: as of `read_side`.
        settings: as of `read_side`.

    Raises:
        DataError: the batch column has gaps, or column names are not unique.
        TypeError: it is neither rows nor profiles.
    """
    side = as_given(given)
    batch = batch_of(reference, side)
    side, profiles = read_side(side, "the window", joint, batch, settings)
    batches, apart = batches_of_window(list(profiles.values()))
    return Window(side=side, batch=batch, batches=tuple(batches), apart=apart, profile=merge_tables(batches))
