"""The answer of a replay as JSON, as a table, and as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from retrain_assets.replay.comparison import COST_RATIOS, Outcome
from retrain_assets.replay.laboratory import Noticed, Scenario
from retrain_assets.replay.policies import DECLARED
from retrain_assets.replay.recommendation import Recommendation, declaration_of

if TYPE_CHECKING:
    from rich.table import Table

    from retrain_assets.replay.stream import Stream
from retrain_assets.replay.windows import window_text

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A finished replay.

    Args:
        stream: the history.
        first: batches that trained the first model.
        lag: batches from a promotion until it serves.
        cost: of a retrain, in batches' worth of loss.
        loss_scale: by which the losses of a regression are divided in `scaled_loss`; None for a classification.
        outcomes: of the policies, the oracle's last.
        calendars: by cost ratio, the best calendar in hindsight and its total.
        recommendation: what to take.
        every: length of a batch in the YAML.
        scenario: what was put into the history; None for the history as it was.
        noticed: how each policy answered the scenario, by name.
    """

    stream: Stream
    first: int
    lag: int
    cost: float
    loss_scale: float | None
    outcomes: tuple[Outcome, ...]
    calendars: Mapping[float, tuple[int, float]]
    recommendation: Recommendation
    every: str
    scenario: Scenario | None = None
    noticed: Mapping[str, Noticed] = field(default_factory=dict[str, Noticed])

    @property
    def metric(self) -> str:
        """The declared loss."""
        return self.stream.spec.metric

    def yaml(self, name: str) -> str | None:
        """The declaration of a policy."""
        # What a declared model trains on is declared already.
        of_file = not any(each.name == DECLARED for each in self.outcomes)
        return declaration_of(
            name,
            cost=self.cost,
            label_delay=self.stream.label_delay,
            every=self.every,
            window=self.stream.window if of_file else None,
            least_rows=self.stream.spec.window.min_rows,
        )

    def to_json(self) -> dict[str, Any]:
        """Everything that was measured."""
        stream = self.stream
        policies = {each.name: self._outcome(each) for each in self.outcomes}
        return {
            "format": FORMAT,
            "metric": self.metric,
            "task": stream.spec.task,
            "rows": len(stream.labels),
            "batches": len(stream),
            "served_batches": len(self.outcomes[-1].batch_losses),
            "first": self.first,
            "label_delay": stream.label_delay,
            "deployment_lag": self.lag,
            "window": window_text(stream.window),
            "estimator": stream.spec.estimator.class_,
            "seed": stream.spec.estimator.seed,
            "scenario": None if self.scenario is None else asdict(self.scenario),
            "cost": self.cost,
            "cost_ratios": list(COST_RATIOS),
            "loss_scale": self.loss_scale,
            "policies": policies,
            "oracle": policies["oracle"],
            "tuned_calendar": {
                str(ratio): {"every": step, "total_cost": total} for ratio, (step, total) in self.calendars.items()
            },
            "recommendation": {
                "policy": self.recommendation.policy,
                "sentence": self.recommendation.sentence,
                "beats": dict(self.recommendation.beats),
                "yaml": self.yaml(self.recommendation.policy),
            },
        }

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        scaled = None if self.loss_scale is None else outcome.loss / self.loss_scale
        return {
            self.metric: outcome.loss,
            "loss": outcome.loss,
            "scaled_loss": scaled,
            "retrains": len(outcome.retrains),
            "promotions": outcome.promotions,
            "skill": outcome.skill,
            **(
                {f"noticed_{key}": value for key, value in asdict(self.noticed[outcome.name]).items()}
                if outcome.name in self.noticed
                else {}
            ),
            "calendar_loss": outcome.calendar_loss,
            "oracle_loss": outcome.oracle_loss,
            "total_cost": {str(ratio): total for ratio, total in outcome.totals.items()},
            "retrained_after": [self.stream.keys[batch] for batch in outcome.retrains],
            "loss_by_batch": [float(loss) for loss in outcome.batch_losses],
            "yaml": None if outcome.name == "oracle" else self.yaml(outcome.name),
        }

    def scenario_table(self) -> Table:
        """How late each policy answered what was injected, and how often it retrained before."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for column in ("policy", "noticed after", "false alarms before"):
            table.add_column(column, justify="left" if column == "policy" else "right")
        for name, how in sorted(self.noticed.items(), key=lambda each: (each[1].after is None, each[1].after or 0)):
            late = "never" if how.after is None else f"{how.after} batch{'' if how.after == 1 else 'es'}"
            alarms = "" if how.false_alarms is None else f"{how.false_alarms:.1%} of the decisions"
            table.add_row(name, late, alarms)
        return table

    def table(self) -> Table:
        """One row for each policy, the cheapest first, the oracle last."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column("policy", no_wrap=True)
        for column in (
            self.metric.replace("_", " "),
            "retrains",
            "promoted",
            "skill",
            *(f"cost {ratio:g}" for ratio in COST_RATIOS),
        ):
            table.add_column(column, justify="right")
        *policies, oracle = self.outcomes
        middle = COST_RATIOS[len(COST_RATIOS) // 2]
        for each in (*sorted(policies, key=lambda outcome: outcome.totals[middle]), oracle):
            style = "bold" if each.name == self.recommendation.policy else "dim" if each is oracle else None
            skill = "" if each.skill is None else f"{each.skill:+z.2f}"
            totals = [f"{total:.4g}" for total in each.totals.values()]
            counts = (str(len(each.retrains)), str(each.promotions))
            table.add_row(each.name, f"{each.loss:.4g}", *counts, skill, *totals, style=style)
        tuned = [f"{total:.4g}" for _, total in self.calendars.values()]
        table.add_row("calendar, in hindsight", "", "", "", "", *tuned, style="dim")
        table.add_row("", "", "", "", "", *(f"every:{step}" for step, _ in self.calendars.values()), style="dim")
        return table


def frontier_figure(outcomes: Sequence[Outcome], *, metric: str, title: str) -> bytes:
    """A PNG: loss against retrains of each policy over the frontier of the oracle's schedules, and total cost below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    frontier, costs = figure.subplots(2, 1, height_ratios=(1.6, 1))
    *policies, oracle = outcomes
    ordered = sorted(outcomes, key=lambda each: len(each.retrains))
    counts = [len(each.retrains) for each in ordered]
    frontier.plot(counts, [each.oracle_loss for each in ordered], color="#15803d", lw=1.5, label="oracle")
    frontier.plot(counts, [each.calendar_loss for each in ordered], color="#9ca3af", lw=1.5, label="calendars")
    for each in policies:
        colour = "#2563eb" if each.name.startswith("default") else "#ea580c"
        frontier.plot(len(each.retrains), each.loss, "o", color=colour, ms=5)
        at = (len(each.retrains), each.loss)
        frontier.annotate(each.name, at, xytext=(5, 4), textcoords="offset points", fontsize=7)
    highest = max(each.loss for each in policies if each.retrains) if any(each.retrains for each in policies) else None
    if highest is not None:
        frontier.set_ylim(oracle.loss * 0.98, max(highest, oracle.loss) * 1.05)  # `never` would flatten the rest
    frontier.set_xlabel("retrains")
    frontier.set_ylabel(f"{metric} (lower is better)")
    frontier.set_title(title, loc="left", fontweight="bold")
    frontier.legend(frameon=False)
    for each in outcomes:
        width, colour = (2.2, "#2563eb") if each.name.startswith("default") else (0.9, "#c4c8ce")
        colour = "#15803d" if each is oracle else colour
        over = [total / least for total, least in zip(each.totals.values(), oracle.totals.values(), strict=True)]
        costs.plot(list(each.totals), over, color=colour, lw=width)
    costs.set_xscale("log")
    costs.set_ylim(0.98, 1.6)
    costs.set_xlabel("cost of a retrain, in batches' worth of loss")
    costs.set_ylabel("total cost / oracle's")
    for axes in (frontier, costs):
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
