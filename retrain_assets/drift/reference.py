"""With what a batch is compared: profiles of the champion's training batches, which travel with the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import TableProfile
from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.novelty import Novelty
from retrain_assets.drift.settings import Settings
from retrain_assets.spec import DriftSpec

ReferenceKind = Literal["recent", "training_window", "same_season", "same_weekday"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceProfile:
    """The reference of one model version: profiles by the key of their training batch.

    Args:
        kind: how it was chosen.
        profiles: of the inputs.
        outputs: of what the version made of the reserved rows (see `retrain_assets.drift.outputs`); none for a version
            that was not trained here.
        importance: of the inputs for the version: how much its loss grows without each. Empty where it is not known.
    """

    kind: ReferenceKind
    profiles: Mapping[str, TableProfile]
    outputs: Mapping[str, TableProfile] = field(default_factory=dict[str, TableProfile])
    importance: Mapping[str, float] = field(default_factory=dict[str, float])
    _fitted: dict[tuple[bool, tuple[str, ...], Settings], FittedReference] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    _novelty: dict[tuple[str, ...] | None, Novelty] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fitted(self, batch: Batch, calendar: Calendar, batches: int, settings: Settings) -> FittedReference | None:
        """The batches of `keys_for`, cut into cells: once, as long as batches are compared with the same profiles."""
        return self._fit(self.profiles, self.keys_for(batch, calendar, batches), settings)

    def fitted_outputs(
        self, batch: Batch, calendar: Calendar, batches: int, settings: Settings
    ) -> FittedReference | None:
        """The same of the outputs; None where nothing is known of them."""
        keys = tuple(key for key in self.keys_for(batch, calendar, batches) if key in self.outputs)
        return self._fit(self.outputs, keys, settings)

    def _fit(
        self, profiles: Mapping[str, TableProfile], keys: tuple[str, ...], settings: Settings
    ) -> FittedReference | None:
        if not keys:
            return None
        wanted = (profiles is self.outputs, keys, settings)
        if wanted not in self._fitted:
            for old in [old for old in self._fitted if old[0] == wanted[0]]:
                del self._fitted[old]
            self._fitted[wanted] = FittedReference([profiles[key] for key in keys], settings)
        return self._fitted[wanted]

    def novelty(self, names: Sequence[str] | None) -> Novelty:
        """Scores rows against all profiles, whatever their batch: so were the reserved rows at training.

        A version that was trained before one of the names was declared does not know it: that column counts nothing.
        """
        key = None if names is None else tuple(names)
        if key not in self._novelty:
            profiles = [self.profiles[name] for name in sorted(self.profiles)]
            known = None if key is None else [name for name in key if any(name in profile for profile in profiles)]
            self._novelty[key] = Novelty.of(profiles, known) if profiles else Novelty(columns=())
        return self._novelty[key]

    def columns(self, names: Sequence[str] | None) -> tuple[ColumnProfile, ...]:
        """The named columns, by default all but times, over all profiles together."""
        return self.novelty(names).columns

    def keys_for(self, batch: Batch, calendar: Calendar, batches: int) -> tuple[str, ...]:
        """The training batches that a batch is compared with, oldest first; none when there is no such batch.

        `recent` and `training_window` are the same for every batch: all of them. `same_season` is the `batches`
        training batches whose starts are nearest to one year before the batch's, no farther than as many batches away;
        `same_weekday` the newest `batches` that begin on its weekday (and at its hour).
        """
        keys = list(self.profiles)
        if self.kind == "same_weekday":
            keys = [key for key in sorted(keys) if _slot(key) == _slot(batch.key)][-batches:]
        if self.kind == "same_season":
            keys = _nearest(keys, year_before(batch.start), calendar, batches)
        return tuple(sorted(keys))

    def to_json(self) -> str:
        """As text, for the model's bundle."""
        record = {
            "kind": self.kind,
            "profiles": {key: profile.to_record() for key, profile in self.profiles.items()},
            "outputs": {key: profile.to_record() for key, profile in self.outputs.items()},
            "importance": dict(self.importance),
        }
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ReferenceProfile:
        """Reads what `to_json` wrote."""
        record = json.loads(text)
        profiles, outputs = (
            {key: TableProfile.from_record(profile) for key, profile in record.get(part, {}).items()}
            for part in ("profiles", "outputs")
        )
        return cls(kind=record["kind"], profiles=profiles, outputs=outputs, importance=record.get("importance", {}))


def reference_batches(spec: DriftSpec, training_batches: Sequence[str]) -> tuple[str, ...]:
    """The training batches whose profiles make the reference, oldest first.

    >>> reference_batches(DriftSpec(reference_batches=2), ["2013-01-15", "2013-01-01", "2013-01-08"])
    ('2013-01-08', '2013-01-15')
    """
    ordered = tuple(sorted(training_batches))
    if spec.reference == "same_weekday":
        by_slot: dict[tuple[int, str], list[str]] = {}
        for key in ordered:
            by_slot.setdefault(_slot(key), []).append(key)
        return tuple(sorted(key for keys in by_slot.values() for key in keys[-spec.reference_batches :]))
    return ordered[-spec.reference_batches :] if spec.reference == "recent" else ordered


def _slot(key: str) -> tuple[int, str]:
    """Weekday of a batch, with its time of day where batches are shorter than a day.

    >>> _slot("2024-01-01"), _slot("2024-01-08T13:00")
    ((0, ''), (0, 'T13:00'))
    """
    return date.fromisoformat(key[:10]).weekday(), key[10:]


def year_before(moment: datetime) -> datetime:
    """The same day and time one year earlier; of a 29 February, the 28th."""
    try:
        return moment.replace(year=moment.year - 1)
    except ValueError:
        return moment.replace(year=moment.year - 1, day=28)


def _nearest(keys: Sequence[str], moment: datetime, calendar: Calendar, batches: int) -> list[str]:
    near = [
        (abs(batch.start - moment), batch.key)
        for batch in (_batch(key, calendar) for key in keys)
        if batch is not None and abs(batch.start - moment) <= batches * (batch.end - batch.start)
    ]
    return sorted(key for _, key in sorted(near)[:batches])


def _batch(key: str, calendar: Calendar) -> Batch | None:
    """A champion may be older than its declaration: batches that were cut otherwise are of no season here."""
    try:
        return calendar.batch(key)
    except ValueError:
        return None
