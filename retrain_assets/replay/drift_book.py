"""Drift reports of a history, as its lifecycle would have made them."""

from __future__ import annotations

import pandas as pd

from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.data.windows import Calendar
from retrain_assets.drift.carrying import carried
from retrain_assets.drift.detect import detect_drift
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.levels import joint_settings_of, settings_of
from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.drift.report import DriftReport
from retrain_assets.drift.together import judge_together
from retrain_assets.drift.watched import watched_columns
from retrain_assets.lifecycle.outputs import spread
from retrain_assets.lifecycle.unprofiled import unprofiled_columns
from retrain_assets.replay.output_book import OutputBook
from retrain_assets.replay.scorebook import Scorebook
from retrain_assets.replay.stream import Stream


class DriftBook:
    """Of one history: each batch is profiled once, and compared once with each champion."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._profiles: dict[int, TableProfile] = {}
        self._references: dict[int, ReferenceProfile] = {}
        self._calendar = Calendar(stream.spec.batches)
        self._outputs = OutputBook(stream)
        self._reports: dict[tuple[int, int, int], DriftReport] = {}

    def report(self, batch: int, champion: int, book: Scorebook, *, since: int) -> DriftReport:
        """The batch against the reference of a champion, with the evidence of the batches that it served before.

        Args:
            batch: its place in the history.
            champion: the newest training batch of the model.
            book: scores of the history's models, for what they say of the batches.
            since: the first batch that the champion served.
        """
        first = min(since, batch)
        for served in range(first, batch + 1):
            known = (served, champion, since)
            if known not in self._reports:
                earlier = [self._reports[place, champion, since] for place in range(first, served)]
                self._reports[known] = self._detect(served, champion, carried(reversed(earlier)), book)
        return self._reports[batch, champion, since]

    def _detect(self, batch: int, champion: int, previous: DriftReport | None, book: Scorebook) -> DriftReport:
        spec, window = self._stream.spec, self._stream.batches[batch]
        per_year, batches = self._calendar.per_year, spec.drift.reference_batches
        reference = self._reference(champion, book)
        fitted = reference.fitted(window, self._calendar, batches, settings_of(spec.drift, per_year))
        return detect_drift(
            model=spec.name,
            batch=window.key,
            champion_version=champion + 1,
            current=self._profile(batch),
            reference=fitted,
            spec=spec.drift,
            checks_per_year=per_year,
            previous=previous,
            outputs=self._outputs.of(batch, champion, reference, book) if spec.drift.outputs else None,
            joint=self._joint(batch, champion, reference, fitted),
        )

    def _joint(
        self, batch: int, champion: int, reference: ReferenceProfile, fitted: FittedReference | None
    ) -> JointDrift | None:
        stream, spec = self._stream, self._stream.spec
        if spec.drift.joint == "none" or fitted is None:
            return None
        keys = reference.keys_for(stream.batches[batch], self._calendar, spec.drift.reference_batches)
        places = stream.reference_of(champion)
        current = self._profile(batch)
        return judge_together(
            spec.drift.joint,
            watched_columns(current, fitted.batches, spec.drift.columns),
            (pd.concat([self._dated(places[key]) for key in keys], ignore_index=True), self._dated(batch)),
            (fitted.batches, current),
            batch="ra_batch",
            settings=joint_settings_of(spec.drift, self._calendar.per_year),
            basis=fitted.basis,
            seed=spec.estimator.seed,
        )

    def _dated(self, batch: int) -> pd.DataFrame:
        return spread(self._stream.rows_of(batch)).assign(ra_batch=self._stream.batches[batch].key)

    def _profile(self, batch: int) -> TableProfile:
        if batch not in self._profiles:
            rows = self._stream.rows_of(batch)
            left_out = unprofiled_columns(self._stream.spec)
            self._profiles[batch] = profile_table(rows.drop(columns=left_out, errors="ignore"))
        return self._profiles[batch]

    def _reference(self, champion: int, book: Scorebook) -> ReferenceProfile:
        if champion not in self._references:
            places = self._stream.reference_of(champion)
            inputs = ReferenceProfile(
                kind=self._stream.spec.drift.reference,
                profiles={key: self._profile(place) for key, place in places.items()},
            )
            self._references[champion] = self._outputs.with_outputs(inputs, champion, book)
        return self._references[champion]
