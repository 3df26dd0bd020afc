"""One sentence: which policy to take, and how sure the history is of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from retrain_assets.policy.mixture import MEMBERS
from retrain_assets.replay.comparison import Outcome
from retrain_assets.replay.names import MIXTURE, canonical
from retrain_assets.replay.policies import DECLARED, DEFAULT
from retrain_assets.replay.published import PUBLISHED
from retrain_assets.replay.windows import Window

DAYS_OF_A_MONTH = 365.2425 / 12
RESAMPLES = 2000
CLOSE = 0.9
"""Probability from which a difference counts as told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The policy with the least total cost, and the probability that it beats each other one."""

    policy: str
    sentence: str
    beats: Mapping[str, float]


def recommend(
    outcomes: Sequence[Outcome], rows: npt.NDArray[np.int64], cost: float, unit: float, rng: np.random.Generator
) -> Recommendation:
    """Compares loss plus cost of retrains, batch by batch, with a moving-block bootstrap of the batches.

    The policy that needs no setting is taken wherever no other is told apart from it: the best of many on one history
    has partly been lucky. Blocks are as long as the square root of the number of batches, because hard weeks come in
    rows (Kuensch, Annals of Statistics 17, 1989); see `_probability` for how few of them there are.

    Args:
        outcomes: of the policies, without the oracle.
        rows: of each served batch.
        cost: of a retrain, in batches' worth of loss.
        unit: what a cost of 1 adds to the loss of a row.
        rng: source of the resamples.
    """
    # What cannot be declared cannot be recommended; where nothing else was asked for, it is at least told.
    declarable = [
        each for each in outcomes if canonical(each.name).removesuffix(MIXTURE).partition(":")[0] not in PUBLISHED
    ]
    outcomes = declarable or outcomes
    totals = {each.name: each.loss + cost * unit * len(each.retrains) for each in outcomes}
    best = min(totals, key=lambda name: totals[name])
    by_name = {each.name: each for each in outcomes}
    drawn = _resampled(len(rows), rng)
    standing = next((name for name in by_name if canonical(name) == DEFAULT), best)
    chosen = by_name[standing]
    beats_default = _probability(by_name[best], chosen, rows, cost, unit, drawn)
    if best != chosen.name and beats_default >= CLOSE:
        chosen = by_name[best]
    beats = {
        name: _probability(chosen, other, rows, cost, unit, drawn)
        for name, other in by_name.items()
        if name != chosen.name
    }
    return Recommendation(policy=chosen.name, sentence=_sentence(chosen, by_name, totals, beats, cost), beats=beats)


def _excess(a: Outcome, b: Outcome, cost: float, unit: float) -> npt.NDArray[np.float64]:
    """How much more b costs than a, on each batch: retrains are spread evenly, they are the same in any resample."""
    retrains = cost * unit * (len(b.retrains) - len(a.retrains))
    return b.batch_losses - a.batch_losses + retrains


def _block(batches: int) -> int:
    return max(1, round(np.sqrt(batches)))


def _resampled(batches: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    block = _block(batches)
    starts = rng.integers(0, max(1, batches - block + 1), size=(RESAMPLES, -(-batches // block)))
    return (starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :batches]


def _probability(
    a: Outcome, b: Outcome, rows: npt.NDArray[np.int64], cost: float, unit: float, drawn: npt.NDArray[np.int64]
) -> float:
    """How sure it is that a costs less than b; half for equals.

    The deviation is the bootstrap's, of blocks that overlap (m batches in blocks of b have m / (m - b) times the
    variance that the resamples have); the probability is Student's t with one degree of freedom less than there are
    blocks. The share of the resamples in which a costs less would be above 99 % for 12 of 100 pairs of seven batches
    that differ by nothing but chance.
    """
    excess, batches, block = _excess(a, b, cost, unit), len(rows), _block(len(rows))
    mean = float(np.average(excess, weights=rows))
    if batches <= block:
        return 0.5  # one batch does not tell
    means = (excess[drawn] * rows[drawn]).sum(axis=1) / rows[drawn].sum(axis=1)
    deviation = float(means.std()) * math.sqrt(batches / (batches - block))
    if deviation == 0:
        return 0.5 + 0.5 * float(np.sign(mean))
    return float(stdtr(batches / block - 1, mean / deviation))


def _sentence(
    chosen: Outcome,
    by_name: Mapping[str, Outcome],
    totals: Mapping[str, float],
    beats: Mapping[str, float],
    cost: float,
) -> str:
    said = (
        f"At {cost:g} batches' worth of loss a retrain, take {_described(chosen.name)}: {_count(len(chosen.retrains))}"
    )
    others = [
        _against(name, 1 - totals[chosen.name] / totals[name], beats[name])
        for name in ("never", "every")
        if name in by_name and name != chosen.name
    ]
    rivals = [name for name in beats if name not in ("never", "every")]
    if rivals:
        rival = min(rivals, key=lambda name: totals[name])
        saved = 1 - totals[chosen.name] / totals[rival]
        others.append(_against(f"{rival}, the best of the others", saved, beats[rival]))
    return f"{said}; it {', '.join(others)}." if others else f"{said}."


def _against(rival: str, saved: float, sure: float) -> str:
    """What it costs less, with the probability of that, or more, with the reason why it is taken all the same.

    >>> _against("never", 0.212, 0.95)
    'costs 21.2% less than never (95% sure)'
    >>> _against("every:4", -0.008, 0.104)
    'costs 0.8% more than every:4 (89% sure, and only from 90% on another is taken)'
    """
    if abs(saved) < 5e-4:
        return f"costs as much as {rival}"
    if saved > 0:
        return f"costs {saved:.1%} less than {rival} ({_sure(sure)} sure)"
    least = math.floor(round(100 * (1 - sure), 6))  # what is not told apart is never rounded to where it would be
    return f"costs {-saved:.1%} more than {rival} ({least}% sure, and only from {CLOSE:.0%} on another is taken)"


def _sure(probability: float) -> str:
    """No history tells certainty.

    >>> [_sure(each) for each in (0.5, 0.999, 1.0)]
    ['50%', 'over 99%', 'over 99%']
    """
    return "over 99%" if probability > 0.99 else f"{probability:.0%}"


def _described(name: str) -> str:
    return {"never": "the first model for ever", "every": "a retrain at every batch"}.get(name, f"the policy {name}")


def _count(retrains: int) -> str:
    return f"{retrains} retrain{'' if retrains == 1 else 's'}"


def declaration_of(
    name: str, *, cost: float, label_delay: int, every: str, window: Window = None, least_rows: int = 0
) -> str | None:
    """The YAML that declares a policy.

    None for what is declared already, and for a rule of the literature, which is here to be measured against.

    Args:
        name: of the policy.
        cost: of a retrain, in batches' worth of loss.
        label_delay: in batches.
        every: length of a batch, such as `week`.
        window: that was replayed, where it is to be declared too.
        least_rows: of a window since the newest change.
    """
    name = canonical(name)
    plain = name.removesuffix(MIXTURE)
    kind, _, number = plain.partition(":")
    if kind in PUBLISHED or plain == DECLARED:
        return None
    together = f"serve: {{members: {MEMBERS}}}\n" if name.endswith(MIXTURE) else ""
    retrain = _retrain(plain, kind, number, cost=cost, label_delay=label_delay, every=every)
    return f"{retrain}{together}{_window(window, least_rows, every)}"


def _window(window: Window, least_rows: int, every: str) -> str:
    if window is None:
        return ""
    if isinstance(window, int):
        span = _months(window + 0.5) if every == "month" else f"{window} {every}s"
        return f'window: {{train: "{span}"}}\n'
    return f"window: {{train: {window}, min_rows: {least_rows}}}\n"


def _months(count: float) -> str:
    """So many months of mean length: half a month beside a whole number lies between all such spans of a calendar."""
    return f"{round(DAYS_OF_A_MONTH * count)} days"


def _retrain(plain: str, kind: str, number: str, *, cost: float, label_delay: int, every: str) -> str:
    if plain == "never":
        return 'retrain: {when: "person"}\n'
    if kind == "every":
        return _calendar(int(number or 1), label_delay, every)
    when = "staleness" if plain == DEFAULT else plain
    priced = f", cost: {{retrain: {cost:g}}}" if "staleness" in when else ""
    return f'retrain: {{when: "{when}"{priced}}}\n'


def _calendar(step: int, label_delay: int, every: str) -> str:
    """A model is as old as its newest label; it is due when it has grown older than one batch less.

    The cooldown is for the candidate that was refused: the model that stays is old enough at once, and waits as well.
    """
    month, age = every == "month", step + label_delay
    limit = _months(age - 0.5) if month else f"{age - 1} {every}s"
    cooldown = "" if step == 1 else f', cooldown: "{_months(step - 0.5) if month else f"{step} {every}s"}"'
    return f'freshness: {{model_age: "{limit}"}}\nretrain: {{when: "model_age"{cooldown}}}\n'
