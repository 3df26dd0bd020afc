"""Dagster's partitions of a model: exactly the batches of its calendar."""

from __future__ import annotations

import dagster as dg

from retrain_assets.data.windows import Calendar


def batch_partitions(calendar: Calendar) -> dg.TimeWindowPartitionsDefinition:
    """One partition for each batch, by the same key; an hour, day, week or month long, as declared.

    >>> from retrain_assets.spec import BatchesSpec
    >>> weeks = Calendar(BatchesSpec(every="week", start="2013-01-01", end="2014-01-01"))
    >>> keys = batch_partitions(weeks).get_partition_keys()
    >>> len(keys), keys[0], keys[-1]
    (52, '2013-01-01', '2013-12-24')
    """
    return dg.TimeWindowPartitionsDefinition(
        start=calendar.spec.start.strftime(calendar.key_format),
        end=None if calendar.spec.end is None else calendar.spec.end.strftime(calendar.key_format),
        cron_schedule=calendar.cron,
        fmt=calendar.key_format,
        timezone="UTC",
    )
