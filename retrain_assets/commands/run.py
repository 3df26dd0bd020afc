"""`retrain-assets run`: one batch of a model, now."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from retrain_assets.commands.options import Options, with_options
from retrain_assets.commands.patience import patience
from retrain_assets.data.sound_texts import visible

if TYPE_CHECKING:
    from retrain_assets.home import Home
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.orchestration.driver import Ran
    from retrain_assets.spec import ModelSpec


@click.command()
@click.argument("model")
@click.option("--batch", help="Key of the batch, such as 2013-01-08.  [default: the next one]")
@with_options
def run(options: Options, model: str, batch: str | None) -> None:
    """Run one batch of a model now, in this process, and print the verdicts.

    What is due before the batch (labels that have matured) runs first, in the model's order; a retrain that is
    decided runs too. A batch that was run before is watched and decided again, and none that waits is run; for one
    that is not the newest the decision is kept as retrospective, and launches nothing. What an interrupted run left
    to do is done first. A batch that is not over, or of which the source has nothing, is refused before anything
    runs. A tracking server that does not answer is said at once; one that cannot be reached has seconds, and a slow
    one is waited for. Ctrl-C or SIGTERM ends it, and the same command goes on.

    \b
    retrain-assets run flight_delay
    retrain-assets run flight_delay --batch 2013-01-08
    """  # noqa: D301 - click reads the backspace
    declared = options.declared(model)
    home = options.opened_home().prepare()
    click.echo(f"{model}: loading Dagster ...", err=True)
    import dagster as dg

    from retrain_assets.interrupts import Interrupts
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.orchestration.by_hand import run_batch
    from retrain_assets.orchestration.driver import driving

    target = DeclaredModel.of(declared)
    if batch is not None:
        try:
            target.calendar.batch(batch)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--batch") from error
    failed = False
    said: list[str] = []
    with (
        patience(home, model, again=", and is tried again by a later run"),
        Interrupts() as interrupts,
        driving(home.driver_lock),
        dg.DagsterInstance.from_config(str(home.dagster_home)) as instance,
    ):
        for ran in run_batch(instance, target, batch):
            failed |= not ran.success
            mark = click.style("ok", fg="green") if ran.success else click.style("failed", fg="red")
            what = f"{ran.batch or 'approved':<10}  {ran.job:<8}"
            said.append(visible(_outcome(home, target, ran)))
            click.echo(f"{what} {mark}  {ran.seconds:5.1f} s  {said[-1]}")
            interrupts.check()  # Dagster catches them: what was stopped would be run again at once
    _print_verdicts(home, declared.spec, said)
    sys.exit(1 if failed else 0)


def _outcome(home: Home, model: DeclaredModel, ran: Ran) -> str:
    """What the ledger says of a run: its outcome, and the reason where there is one."""
    from retrain_assets.home import open_state
    from retrain_assets.lifecycle.waiting import holds

    state = open_state(home)
    # A promotion that was approved is recorded with the batch of its candidate; its run is of none.
    done = [step for step in state.steps(ran.model) if step.run_id == ran.run_id]
    if not done:
        if ran.error is not None:
            return f"{ran.error} (run {ran.run_id})"
        # It promoted nobody: what was approved says why.
        asked = next((hold for hold in holds(state, model) if hold.request.id == ran.approval), None)
        if asked is not None and not asked.open and asked.answers:
            return f"v{asked.request.version} is {asked.state}: {asked.answers[-1].reason}"
        return f"see run {ran.run_id} in the UI"
    detail = done[-1].detail
    said = [str(detail[key]) for key in ("outcome", "verdict", "reason") if detail.get(key)]
    return ": ".join(said) or done[-1].outcome


def _print_verdicts(home: Home, spec: ModelSpec, said: list[str]) -> None:
    from retrain_assets.home import open_state
    from retrain_assets.reporting.overview import overview
    from retrain_assets.reporting.records import Records
    from retrain_assets.reporting.why_champion import why_champion

    now = datetime.now(UTC)
    records = Records.read(open_state(home), spec, now=now)
    decisions, promotions = records.decisions, records.promotions
    if decisions:
        decision = decisions[-1]
        older = " (of an older batch: it launches nothing)" if decision.retrospective else ""
        click.secho(f"\n{decision.batch}{older}: {decision.verdict}: {visible(decision.reason)}", bold=True)
        for trigger in (each for each in decision.triggers if each.applicable or each.fired):
            fired = {True: "fires", False: "does not fire", None: "unknown"}[trigger.fired]
            click.echo(f"  {trigger.name:<20} {fired:<15} {visible(trigger.reason)}")
    if promotions:
        why = visible(why_champion(promotions[-1]))
        click.echo(f"champion: v{promotions[-1].version}, {why}  (`retrain-assets history {spec.name}` says it all)")
    else:
        click.echo("champion: none yet")
    seen = overview(spec, records, now=now)
    if seen.source_failure:
        click.secho(f"not looked at: {visible(seen.source_failure)}", fg="red")
    for wanted in seen.unmade:
        click.secho(visible(wanted), fg="red")
    for told in filter(None, (seen.drifted_columns, seen.judged_otherwise)):
        click.secho(visible(told), fg="yellow")
    if seen.due_now:
        click.echo(f"due now: {seen.due_now}")
    # What a run that carried out an approval came to stands above, with the same reason.
    if seen.lapsed and not any(visible(seen.lapsed).endswith(f": {line.partition(': ')[2]}") for line in said):
        click.secho(visible(seen.lapsed), fg="yellow")
    for waits in (*filter(None, [seen.held, seen.retrain_waits]), *(each.text for each in seen.approvals)):
        click.secho(f"waiting: {waits}", fg="yellow")
