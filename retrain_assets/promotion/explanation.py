"""What a model listens to, and whether a candidate listens to something else than the champion did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from retrain_assets.promotion.measures import Measure

MATTERS = 0.05
"""A column matters whose importance is at least this share of the largest one of either model."""


def explanation_measures(candidate: Mapping[str, float], champion: Mapping[str, float] | None) -> Iterator[Measure]:
    """The importance of each column to the candidate, the largest first, and to the champion where there is one.

    `rank_correlation` is Spearman's over the columns that matter to either: 1 for the same order, -1 for the reverse.
    """
    for name in sorted(candidate, key=lambda each: -candidate[each]):
        yield Measure(kind="explanation", name="importance", group=name, value=candidate[name])
    if champion is None:
        return
    for name in sorted(champion, key=lambda each: -champion[each]):
        yield Measure(kind="explanation", name="champion_importance", group=name, value=champion[name])
    value, reason = rank_correlation(candidate, champion)
    yield Measure(kind="explanation", name="rank_correlation", value=value, reason=reason)


def rank_correlation(candidate: Mapping[str, float], champion: Mapping[str, float]) -> tuple[float | None, str]:
    """Spearman's correlation of the importances, and over what; a column that a model does not know has none to it.

    >>> rank_correlation({"x": 0.3, "z": 0.1}, {"x": 0.1, "z": 0.2})[0]
    -1.0

    With one column that matters there is no order: 1 where it is the same one to both.
    """
    columns = sorted({*candidate, *champion})
    tops = {id(each): max(each.values(), default=0.0) for each in (candidate, champion)}
    if min(tops.values()) <= 0:
        return None, "to one of the models no column matters"
    judged = [
        name
        for name in columns
        if any(each.get(name, 0.0) >= MATTERS * tops[id(each)] for each in (candidate, champion))
    ]
    said = f"over {', '.join(judged)}"
    if len(judged) < 2:
        return 1.0, said
    from scipy.stats import spearmanr

    values = [[each.get(name, 0.0) for name in judged] for each in (candidate, champion)]
    if min(len(set(each)) for each in values) == 1:
        return None, f"the columns {said[5:]} matter equally to one of the models: there is no order"
    return round(float(spearmanr(values[0], values[1])[0]), 12), said
