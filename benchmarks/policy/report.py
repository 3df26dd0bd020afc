"""The tables of the policy benchmark."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.policy.intervals import interval
from benchmarks.policy.replays import CALENDARS, CHARTS, JUDGED, UNPROVOKED, WINDOWS, Case, Measured, Results
from retrain_assets.replay.comparison import COST_RATIOS

FIXED = {"never": ("never",), "every batch": ("every:1",), "oracle": ("oracle",)}
TUNED = {"calendar of the other streams": CALENDARS, "CUSUM of the other streams": CHARTS}
TUNED_AT = 0.2
"""The cost at which the rivals of the skill table are tuned."""


def tuned_elsewhere(results: Results, names: Sequence[str], case: Case, ratio: float) -> str:
    """The policy with the least mean total on the other streams of the same task, for the case's window."""
    others = [
        each for each in results if each.stream != case.stream and (each.window, each.task) == (case.window, case.task)
    ]
    if len(names) == 1 or not others:
        return names[0]

    def mean(name: str) -> float:
        return float(np.mean([np.log(results[other][name].totals[ratio]) for other in others]))

    return min(names, key=mean)


class _Tuned:
    """Choices on the other streams, each made once."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._made: dict[tuple[str, str, str, str, float], str] = {}

    def __call__(self, called: str, names: Sequence[str], case: Case, ratio: float) -> Measured:
        key = (called, case.stream, case.task, case.window, ratio)
        if key not in self._made:
            self._made[key] = tuned_elsewhere(self._results, names, case, ratio)
        return self._results[case][self._made[key]]


def _skill_head(results: Results) -> list[str]:
    delays = "".join(f" delay {delay} |" for delay in _delays(results))
    shown = "range of the estimators and seeds | least cell | 10 % to 90 % of all replays | retrains |"
    return [
        f"| policy | window | median | 95 % interval |{delays} {shown}",
        f"|---|---|---|---|{'---|' * len(_delays(results))}---|---|---|---|",
    ]


def skill_table(results: Results) -> str:
    """Skill by policy and window: cells are streams, targets and delays, each the mean of its replays."""
    lines, tuned = _skill_head(results), _Tuned(results)
    rows: dict[str, Sequence[str]] = {f"`{name}`": (name,) for name in JUDGED}
    for (name, names), window in itertools.product({**rows, **TUNED, **FIXED}.items(), _windows(results)):
        chosen = {case: tuned(name, names, case, TUNED_AT) for case in results if case.window == window}
        lines.append(_skills(name, window, chosen, _delays(results)))
    return "\n".join(lines)


def mixture_table(results: Results) -> str:
    """Skill by dates and weights, as `skill_table` has it."""
    lines, names = _skill_head(results), next(iter(results.values()))
    for name, window in itertools.product(names, _windows(results)):
        chosen = {case: results[case][name] for case in results if case.window == window}
        lines.append(_skills(name, window, chosen, _delays(results)))
    return "\n".join(lines)


def _skills(name: str, window: str, chosen: Mapping[Case, Measured], delays: Sequence[int]) -> str:
    skills = {case: made.skill for case, made in chosen.items() if made.skill is not None}
    share = np.mean([made.share for made in chosen.values()])
    if not skills:
        return f"| {name} | {window} | {'| ' * (len(delays) + 5)}{share:.0%} |"
    cells = _cells(skills)
    low, high = np.quantile(list(skills.values()), [0.1, 0.9])
    by_delay = "".join(f" {_median_at(skills, delay)} |" for delay in delays)
    return (
        f"| {name} | {window} | {np.median(cells):+z.2f} | {_interval(skills)} |{by_delay} {_spread(skills)} | "
        f"{min(cells):+z.2f} | {low:+z.2f} to {high:+z.2f} | {share:.0%} |"
    )


def _median_at(skills: Mapping[Case, float], delay: int) -> str:
    cells = _cells({case: skill for case, skill in skills.items() if case.delay == delay})
    return f"{np.median(cells):+z.2f}" if cells else ""


def _interval(skills: Mapping[Case, float]) -> str:
    """Of the median over cells."""
    low, high = interval(skills, lambda cells: np.nanmedian(cells, axis=1))
    return f"{low:+z.2f} to {high:+z.2f}"


def _spread(skills: Mapping[Case, float]) -> str:
    """The median over cells of each estimator and seed by itself: the least and the largest.

    Cells of one seed are means of fewer replays than those of all, so that the median of all may lie outside.
    """
    medians = [np.median(_cells(own)) for own in _split(skills, lambda case: (case.estimator, case.seed))]
    return f"{min(medians):+z.2f} to {max(medians):+z.2f}"


def _split(skills: Mapping[Case, float], by: Callable[[Case], object]) -> list[dict[Case, float]]:
    found: dict[object, dict[Case, float]] = defaultdict(dict)
    for case, skill in skills.items():
        found[by(case)][case] = skill
    return list(found.values())


def cost_table(results: Results) -> str:
    """Geometric mean of total cost relative to the best calendar in hindsight of each case, by cost ratio."""
    judged: dict[str, Sequence[str]] = {"oracle": ("oracle",), "default": ("default",)}
    rows = {**judged, "default+mixture": ("default+mixture",), **TUNED, **FIXED}
    lines = _head_of_costs("policy", "window")
    tuned = _Tuned(results)
    for (name, names), window in itertools.product(rows.items(), _windows(results)):
        own = [case for case in results if case.window == window]
        cells = [
            np.exp(np.mean([np.log(tuned(name, names, case, ratio).totals[ratio]) for case in own]))
            for ratio in COST_RATIOS
        ]
        lines.append(f"| {name} | {window} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    return "\n".join(lines)


def rival_table(results: Results) -> str:
    """Total cost relative to each tuned rival's on the same replays: the geometric mean, with its interval."""
    lines = _head_of_costs("policy", "relative to", "window")
    for name, rival, window in itertools.product(JUDGED[:2], TUNED, _windows(results)):
        cells: list[str] = []
        for logs in _log_ratios(results, name, rival, window):
            ends = interval(logs, lambda values: np.nanmean(values, axis=1))
            low, high = np.exp(ends)
            cells.append(f"{np.exp(np.mean(list(logs.values()))):.3f} ({low:.3f} to {high:.3f})")
        lines.append(f"| `{name}` | {rival} | {window} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rival_stream_table(results: Results) -> str:
    """The same of the default on each stream by itself, and beside a retrain at every batch."""
    lines = _head_of_costs("stream", "relative to", "window")
    streams = sorted({case.stream for case in results})
    for stream, rival, window in itertools.product(streams, [*TUNED, "every batch"], _windows(results)):
        cells = [
            f"{np.exp(np.mean([log for case, log in logs.items() if case.stream == stream])):.3f}"
            for logs in _log_ratios(results, JUDGED[0], rival, window)
        ]
        lines.append(f"| {stream} | {rival} | {window} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _head_of_costs(*names: str) -> list[str]:
    columns = [*names, *(f"cost {ratio:g}" for ratio in COST_RATIOS)]
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]


def _log_ratios(results: Results, name: str, rival: str, window: str) -> list[dict[Case, float]]:
    """By cost ratio, the logarithm of a policy's total over the rival's in each replay."""
    own, tuned = [case for case in results if case.window == window], _Tuned(results)
    names = {**TUNED, **FIXED}[rival]
    return [
        {
            case: float(np.log(results[case][name].totals[ratio] / tuned(rival, names, case, ratio).totals[ratio]))
            for case in own
        }
        for ratio in COST_RATIOS
    ]


def stream_table(results: Results) -> str:
    """Skill of the default and of its mixture on each stream."""
    lines = [
        "| stream | target | window | delay | default | with mixture | retrains |",
        "|---|---|---|---|---|---|---|",
    ]
    keys = sorted({(case.stream, case.task, case.window, case.delay) for case in results})
    for key in keys:
        own = [made for case, made in results.items() if (case.stream, case.task, case.window, case.delay) == key]
        plain, mixed = (_mean(made[name].skill for made in own) for name in JUDGED[:2])
        share = np.mean([made["default"].share for made in own])
        lines.append(f"| {key[0]} | {_shown(key[1])} | {key[2]} | {key[3]} | {plain} | {mixed} | {share:.0%} |")
    return "\n".join(lines)


def estimator_table(results: Results) -> str:
    """Skill of the default and of its mixture by estimator and target: cells are streams and delays."""
    lines = [
        "| estimator | target | window | policy | median | 95 % interval | range of the seeds | least | retrains |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    kinds = sorted({(case.estimator, case.task) for case in results})
    for (estimator, task), window, name in itertools.product(kinds, _windows(results), JUDGED[:2]):
        own = {
            case: made[name]
            for case, made in results.items()
            if (case.estimator, case.task, case.window) == (estimator, task, window)
        }
        skills = {case: made.skill for case, made in own.items() if made.skill is not None}
        if skills:
            cells, share = _cells(skills), np.mean([made.share for made in own.values()])
            lines.append(
                f"| {estimator} | {_shown(task)} | {window} | `{name}` | {np.median(cells):+z.2f} | "
                f"{_interval(skills)} | {_spread(skills)} | {min(cells):+z.2f} | {share:.0%} |"
            )
    return "\n".join(lines)


PERIOD = 52
"""Batches in which one false alarm is declared: weekly ones, a false alarm a year."""


def stationary_table(results: Results) -> str:
    """Retrains where nothing drifts, for each period of false alarms."""
    lines = [
        f"| policy | window | delay | retrains in {PERIOD} batches | at most, in one replay | replays above 1 |",
        "|---|---|---|---|---|---|",
    ]
    keys = sorted({(case.window, case.delay) for case in results})
    for name, (window, delay) in itertools.product(UNPROVOKED, keys):
        own = [made[name].share for case, made in results.items() if (case.window, case.delay) == (window, delay)]
        rates = PERIOD * np.array(own)
        above = f"{(rates > 1).sum()} of {len(rates)}"
        lines.append(f"| `{name}` | {window} | {delay} | {rates.mean():.2f} | {rates.max():.2f} | {above} |")
    return "\n".join(lines)


def loss_table(results: Results) -> str:
    """Geometric mean of total cost by window, relative to that with all history: what a window is worth."""
    ratios = [f"cost {ratio:g}" for ratio in COST_RATIOS]
    lines = [f"| policy | window | {' | '.join(ratios)} |", f"|---|---|{'---|' * len(ratios)}"]
    for name, window in itertools.product(("default", "default+mixture", "every:4", "every:1"), _windows(results)[1:]):
        pairs = [(case, replace(case, window=WINDOWS[0])) for case in results if case.window == window]
        cells = [
            np.exp(np.mean([np.log(_total(results, a, name, r) / _total(results, b, name, r)) for a, b in pairs]))
            for r in COST_RATIOS
        ]
        lines.append(f"| `{name}` | {window} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    return "\n".join(lines)


def _total(results: Results, case: Case, name: str, ratio: float) -> float:
    made = results[case][name]
    return made.totals[ratio] * made.best[ratio]


def _windows(results: Results) -> list[str]:
    return [window for window in WINDOWS if any(case.window == window for case in results)]


def _delays(results: Results) -> list[int]:
    return sorted({case.delay for case in results})


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):+z.2f}" if known else ""


def _shown(task: str) -> str:
    return task.replace("_", " ")


def _cells(skills: Mapping[Case, float]) -> list[float]:
    return [float(np.mean(list(own.values()))) for own in _split(skills, lambda c: (c.stream, c.task, c.delay))]
