"""Why a version is champion, in a sentence."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

from retrain_assets.promotion.gates import GateReport, evaluate_gates
from retrain_assets.promotion.log import Promotion
from retrain_assets.reporting.why_champion import why_champion
from retrain_assets.spec import PromoteSpec
from retrain_assets_tests.promotion.test_gates import report

START = datetime(2024, 1, 1, tzinfo=UTC)


def promotion(gates: GateReport) -> Promotion:
    return Promotion(
        id=0, model="tiny", version=3, action="promote", previous_id=None, batch="2024-01-03", attempt=1,
        as_of=START, training_end=START, actor="retrain_assets", reason=gates.reason, promoted_at=START,
        evidence={"gates": [asdict(gate) for gate in gates.results]},
    )  # fmt: skip


def test_the_gates_that_passed_are_named_and_those_that_do_not_apply_are_not():
    first = evaluate_gates(report(champion=None), PromoteSpec(), bootstrapping=True)
    assert why_champion(promotion(first)) == "promoted for batch 2024-01-03, passed beats_baseline"
    either = PromoteSpec(require="better_than_champion | beats_baseline")
    made = promotion(evaluate_gates(report(), either, bootstrapping=False))
    told = "promoted for batch 2024-01-03, passed beats_baseline; not passed: better_than_champion"
    assert why_champion(made) == told
    recalled = replace(made, action="recall", evidence={"recalled": {"batch": "2024-01-09", "attempt": 1}})
    assert why_champion(recalled) == "recalled for batch 2024-01-09"


def test_of_a_persons_word_the_reason_is_told():
    made = promotion(evaluate_gates(report(), PromoteSpec(), bootstrapping=False))
    back = replace(made, action="rollback", actor="person:ann", reason="it lost orders")
    assert why_champion(back) == "rollback by person:ann: it lost orders"
