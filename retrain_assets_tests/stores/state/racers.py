"""Processes that promote, recall, ask, answer, roll back, clear and retire at once, on one database.

Usage: python -m retrain_assets_tests.stores.state.racers URL PROCESSES ROUNDS

Prints as JSON what each of them believes to have done.
"""

from __future__ import annotations

import json
import os
import random
import sys
from datetime import timedelta
from typing import Any

from retrain_assets.errors import PromotionConflictError, RefusedError
from retrain_assets.promotion.approvals import Answer, ApprovalRequest
from retrain_assets.promotion.log import earlier_champions
from retrain_assets.promotion.model_moves import ModelAction, ModelMove
from retrain_assets.promotion.stages import StageMove, stages
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.stores.state.records import NOW, promotion

MODEL = "flight_delay"
Won = dict[str, list[Any]]


def race(url: str, name: str, rounds: int) -> Won:
    """Draws one act after the other; what the store refused was not done."""
    store, rng = SqlStateStore(url), random.Random(name)
    won: Won = {"promoted": [], "answered": [], "cleared": [], "moved": [], "lost": []}
    for turn in range(rounds):
        act = rng.choice([promote, promote, promote, recall, roll_back, answer, answer, clear, stand_down])
        try:
            act(store, name, turn, won, rng)
        except (PromotionConflictError, RefusedError) as error:
            won["lost"].append(type(error).__name__)
    store.close()
    return won


def promote(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """One of the versions, whoever else wants one."""
    log = store.promotions(MODEL)
    made = store.append_promotion(
        promotion(version=rng.randint(1, 40), previous_id=log[-1].id if log else None, actor=f"{name}.{turn}")
    )
    won["promoted"].append([made.id, made.version])


def roll_back(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """To any earlier champion."""
    log = store.promotions(MODEL)
    earlier = earlier_champions(log)
    if earlier:
        target = rng.choice(earlier)
        made = store.append_promotion(
            promotion(version=target.version, previous_id=log[-1].id, action="rollback", actor=f"{name}.{turn}")
        )
        won["promoted"].append([made.id, made.version])


def recall(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """Any earlier champion that is not barred when it is looked at."""
    log = store.promotions(MODEL)
    standing = stages(store.stage_moves(MODEL))
    earlier = [made for made in earlier_champions(log) if standing[made.version] != "rolled_back"]
    if earlier:
        made = store.append_promotion(
            promotion(
                version=rng.choice(earlier).version, previous_id=log[-1].id, action="recall", actor=f"{name}.{turn}"
            )
        )
        won["promoted"].append([made.id, made.version])


def stand_down(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """Retires the model, or takes it back: mostly back, lest nothing else happens."""
    action: ModelAction = rng.choice(["retire", "return", "return", "return"])
    store.move_model(
        ModelMove(model=MODEL, action=action, previous=None, actor=f"{name}.{turn}", reason="", moved_at=NOW)
    )
    won["moved"].append([action, f"{name}.{turn}"])


def answer(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """Asks about a version, as everybody does, and answers as one of three persons."""
    version = rng.randint(1, 10)
    asked = store.request_approval(
        ApprovalRequest(
            id=0, model=MODEL, version=version, model_hash="m", artifact_hash="a", batch="2013-01-01", attempt=1,
            champion_version=None, reason=name, requested_at=NOW, expires_at=NOW + timedelta(days=1),
        )
    )  # fmt: skip
    person = rng.choice(["ann", "bob", "lea"])
    store.record_answer(
        Answer(
            approval_id=asked.id, model=MODEL, version=version, verdict=rng.choice(["approve", "reject"]),
            person=person, proof="", reason=f"{name}.{turn}", answered_at=NOW,
        )
    )  # fmt: skip
    won["answered"].append([asked.id, person, f"{name}.{turn}"])


def clear(store: SqlStateStore, name: str, turn: int, won: Won, rng: random.Random) -> None:
    """One of those that were rolled back."""
    barred = [version for version, stage in stages(store.stage_moves(MODEL)).items() if stage == "rolled_back"]
    if barred:
        version = rng.choice(barred)
        if store.move_stage(
            StageMove(
                model=MODEL, version=version, stage="retired", previous=None, actor=name, reason=str(turn), moved_at=NOW
            )
        ):
            won["cleared"].append(version)


def main(url: str, processes: int, rounds: int) -> None:
    """Forks them all from here, where everything is loaded."""
    pipes: list[int] = []
    for number in range(processes):
        reading, writing = os.pipe()
        if os.fork() == 0:
            with os.fdopen(writing, "w") as pipe:
                json.dump(race(url, f"racer{number}", rounds), pipe)
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    answers: list[Won] = []
    for reading in pipes:
        with os.fdopen(reading) as pipe:
            answers.append(json.load(pipe))
    failed = [status for _, status in (os.wait() for _ in pipes) if status]
    sys.stdout.write(json.dumps(answers))
    sys.exit(len(failed))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
