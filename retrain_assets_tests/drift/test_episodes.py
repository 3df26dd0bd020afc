"""One cause alarms once: the life of an episode, alone and in random histories."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.drift.episodes import Episode, advance, superseded
from retrain_assets.drift.report import DriftReport, TableVerdict

GROWTH = 1.5


def report(batch: int, verdict: TableVerdict, score: float = 0.2, version: int | None = 1) -> DriftReport:
    return DriftReport(
        model="m",
        batch=f"2013-01-{batch:02}",
        champion_version=version,
        verdict=verdict,
        reason="",
        score=score,
        columns=(),
    )


def keep(episodes: list[Episode], episode: Episode | None) -> list[Episode]:
    """As the state store does: by (model, id), in order of opening."""
    if episode is None:
        return episodes
    kept = {each.id: each for each in episodes}
    kept[episode.id] = episode
    return list(kept.values())


def watch(episodes: list[Episode], seen: DriftReport) -> list[Episode]:
    for ended in superseded(episodes, seen):
        episodes = keep(episodes, ended)
    return keep(episodes, advance(episodes, seen))


def history(*reports: DriftReport) -> list[Episode]:
    episodes: list[Episode] = []
    for each in reports:
        episodes = watch(episodes, each)
    return episodes


def test_drift_opens_an_episode_carries_it_on_and_green_closes_it() -> None:
    (episode,) = history(report(1, "stable"), report(2, "drift", 0.2), report(3, "drift", 0.3), report(4, "stable"))
    assert episode == Episode(
        model="m", id="2013-01-02@v1", champion_version=1, opened_batch="2013-01-02", last_batch="2013-01-03",
        score=0.3, closed_batch="2013-01-04",
    )  # fmt: skip
    assert not episode.alarming(GROWTH)


def test_an_unknown_neither_opens_nor_closes() -> None:
    assert history(report(1, "unknown")) == []
    (episode,) = history(report(1, "drift"), report(2, "unknown"))
    assert (episode.closed_batch, episode.last_batch) == (None, "2013-01-01")
    assert episode.alarming(GROWTH)


def test_without_a_champion_there_is_no_episode() -> None:
    assert advance([], report(1, "not_applicable", version=None)) is None


def test_a_decision_acknowledges_and_growth_alarms_again() -> None:
    (episode,) = history(report(1, "drift", 0.2))
    assert episode.alarming(GROWTH)
    acknowledged = episode.acknowledged("2013-01-01")
    assert not acknowledged.alarming(GROWTH)
    (same,) = watch([acknowledged], report(2, "drift", 0.29))
    assert not same.alarming(GROWTH)
    (grown,) = watch([same], report(3, "drift", 0.31))
    assert grown.alarming(GROWTH)
    assert not grown.acknowledged("2013-01-03").alarming(GROWTH)


def test_after_green_the_next_drift_is_a_new_episode() -> None:
    first, second = history(report(1, "drift"), report(2, "stable"), report(3, "drift"))
    assert (first.closed_batch, second.closed_batch) == ("2013-01-02", None)
    assert second.id == "2013-01-03@v1"
    assert second.alarming(GROWTH)


def test_a_new_champion_ends_the_episode_of_the_old_one() -> None:
    old, new = history(report(1, "drift"), report(2, "drift", version=2))
    assert (old.champion_version, old.closed_batch) == (1, "2013-01-02")
    assert (new.champion_version, new.closed_batch) == (2, None)
    (ended,) = history(report(1, "drift"), report(2, "stable", version=2))
    assert ended.closed_batch == "2013-01-02"


def test_after_a_rollback_the_old_champion_starts_a_new_episode() -> None:
    episodes = history(report(1, "drift"), report(2, "drift", version=2), report(3, "drift", version=1))
    assert [(e.id, e.closed_batch is None) for e in episodes] == [
        ("2013-01-01@v1", False),
        ("2013-01-02@v2", False),
        ("2013-01-03@v1", True),
    ]


def test_a_corrected_batch_counts_as_its_newer_report() -> None:
    (closed,) = history(report(1, "drift"), report(1, "stable"))
    assert closed.closed_batch == "2013-01-01"
    (reopened,) = watch([closed.acknowledged("2013-01-01")], report(1, "drift"))
    assert reopened.closed_batch is None
    assert not reopened.alarming(GROWTH)


def test_a_rerun_of_an_old_batch_changes_nothing() -> None:
    episodes = history(report(1, "drift"), report(2, "stable"), report(3, "drift"), report(5, "drift"))
    verdicts: tuple[TableVerdict, ...] = ("drift", "stable", "unknown")
    for verdict in verdicts:
        for batch in (1, 3, 4):
            assert watch(episodes, report(batch, verdict)) == episodes
    assert advance(episodes, report(1, "drift")) == episodes[0]
    assert advance(episodes, report(4, "stable")) == episodes[1]


def test_episodes_of_other_models_are_left_alone() -> None:
    (other,) = history(report(1, "drift"))
    other = replace(other, model="another")
    assert superseded([other], report(2, "stable", version=2)) == ()
    opened = advance([other], report(2, "drift"))
    assert opened is not None
    assert opened.opened_batch == "2013-01-02"


Step = tuple[TableVerdict, float, bool]
VERDICTS: st.SearchStrategy[TableVerdict] = st.sampled_from(["drift", "stable", "unknown"])
STEPS = st.lists(st.tuples(VERDICTS, st.floats(0.1, 1.0), st.booleans()), max_size=20)


def run(steps: list[Step], *, repeats: int = 1) -> tuple[list[Episode], int]:
    """Watches the steps in order; where the flag is set the champion changes. Returns the episodes."""
    episodes: list[Episode] = []
    version = 1
    for batch, (verdict, score, promoted) in enumerate(steps, start=1):
        version += promoted
        for _ in range(repeats):
            episodes = watch(episodes, report(batch, verdict, score, version))
    return episodes, version


@given(STEPS)
def test_repeating_each_batch_changes_nothing(steps: list[Step]) -> None:
    assert run(steps) == run(steps, repeats=3)


@given(STEPS)
def test_at_most_one_episode_is_open_and_it_is_the_champions(steps: list[Step]) -> None:
    episodes, version = run(steps)
    still = [episode for episode in episodes if episode.closed_batch is None]
    assert len(still) <= 1
    # An unknown first batch of a new champion leaves nothing open either.
    assert all(episode.champion_version == version for episode in still)
    for before, after in pairwise(episodes):
        assert before.closed_batch is not None
        assert before.last_batch < after.opened_batch


@given(STEPS)
def test_unknown_batches_might_as_well_not_have_come(steps: list[Step]) -> None:
    def known(only: bool) -> list[Episode]:
        return history(
            *(
                report(batch, verdict, score)
                for batch, (verdict, score, _) in enumerate(steps, start=1)
                if not only or verdict != "unknown"
            )
        )

    assert known(only=True) == known(only=False)


@given(STEPS)
def test_one_cause_alarms_once(steps: list[Step]) -> None:
    """Every alarm is decided at once; between two lies a green batch, another champion, or the declared growth."""
    episodes: list[Episode] = []
    version = 1
    alarms: list[Episode] = []
    for batch, (verdict, score, promoted) in enumerate(steps, start=1):
        version += promoted
        seen = report(batch, verdict, score, version)
        episodes = watch(episodes, seen)
        for episode in episodes:
            if episode.alarming(GROWTH):
                alarms.append(episode)
                episodes = keep(episodes, episode.acknowledged(seen.batch))
    for first, second in pairwise(alarms):
        assert second.id != first.id or second.score >= GROWTH * first.score


@given(st.floats(0.05, 1), st.integers(2, 15))
def test_a_steady_drift_alarms_exactly_once(score: float, batches: int) -> None:
    episodes: list[Episode] = []
    alarms = 0
    for batch in range(1, batches):
        (episode,) = episodes = watch(episodes, report(batch, "drift", score))
        if episode.alarming(GROWTH):
            alarms += 1
            episodes = [episode.acknowledged(f"2013-01-{batch:02}")]
    assert alarms == 1


@pytest.mark.parametrize("verdict", ["drift", "stable", "unknown"])
def test_a_decision_between_two_runs_of_a_batch_is_kept(verdict: TableVerdict) -> None:
    (episode,) = history(report(1, "drift"))
    (again,) = watch([episode.acknowledged("2013-01-01")], report(1, verdict))
    assert again.acknowledged_score == episode.score


def test_a_new_champion_that_learned_nothing_of_the_drift_inherits_the_acknowledgement() -> None:
    episodes = history(report(1, "stable"), report(2, "drift", 0.2))
    episodes = keep(episodes, episodes[0].acknowledged("2013-01-02", labelled_until="2013-01-01"))
    seen = report(3, "drift", 0.25, version=2)
    unaware = advance(episodes, seen, trained_until="2013-01-01")
    aware = advance(episodes, seen, trained_until="2013-01-02")
    assert unaware is not None
    assert aware is not None
    assert (unaware.opened_batch, unaware.alarming(GROWTH, "2013-01-01")) == ("2013-01-02", False)
    assert (aware.opened_batch, aware.alarming(GROWTH, "2013-01-01")) == ("2013-01-03", True)


def test_an_episode_that_was_acknowledged_before_it_had_labels_alarms_once_more_when_it_has() -> None:
    (episode,) = history(report(2, "drift"))
    early = episode.acknowledged("2013-01-02", labelled_until="2013-01-01")
    assert not early.alarming(GROWTH, "2013-01-01")
    assert early.alarming(GROWTH, "2013-01-02")
    assert not early.acknowledged("2013-01-03", labelled_until="2013-01-02").alarming(GROWTH, "2013-01-03")
