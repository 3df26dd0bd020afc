"""What stands before a command, and how a command comes to the model and the stores that it works on."""

from __future__ import annotations

import getpass
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.errors import DeclarationError, Problem

if TYPE_CHECKING:
    from retrain_assets.home import Home
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets.spec.loading import Declaration
    from retrain_assets.stores.protocols import Stores


@dataclass(frozen=True, kw_only=True)
class Options:
    """What stands before the command."""

    home: Path | None
    defs: tuple[Path, ...]
    debug: bool

    def opened_home(self) -> Home:
        """The home that was asked for; the environment of the processes started from here agrees with it.

        Raises:
            RefusedError: it is a copy that still names the folder it was copied from.
        """
        from retrain_assets.home import HOME_VARIABLE, Home, refuse_copied

        if self.home is not None:
            os.environ[HOME_VARIABLE] = str(self.home.absolute())
        home = Home.from_environment()
        refuse_copied(home)
        return home

    def declaration_paths(self) -> tuple[Path, ...]:
        """Where declarations are looked for."""
        from retrain_assets.stores.declarations import declarations_root

        return self.defs or (declarations_root(Path.cwd()),)

    @cached_property
    def _read(self) -> tuple[list[Declaration], list[Problem]]:
        # Once for a command, of which some go over all models by name.
        from retrain_assets.stores.declarations import read_files

        return read_files(self.declaration_paths())

    def declarations(self) -> list[Declaration]:
        """All declared models.

        Raises:
            DeclarationError: all mistakes of all files.
        """
        declared, problems = self._read
        if problems:
            raise DeclarationError(problems)
        return declared

    def declared(self, name: str) -> Declaration:
        """The declared model of a name; the mistakes of other models are told, and do not stop what is done to it.

        Raises:
            DeclarationError: it is not declared, or its own declaration has mistakes.
        """
        from retrain_assets.stores.declarations import named_despite

        declared, problems = self._read
        found = named_despite(declared, problems, name)
        if problems:
            listed = ", ".join(sorted({str(each.file) for each in problems}))
            told = f"warning: mistakes in {listed} do not concern {name}: see `retrain-assets check`"
            click.secho(told, fg="yellow", err=True)
        return found

    def model(self, name: str) -> DeclaredModel:
        """The declared model of a name with what it refers to."""
        from retrain_assets.lifecycle.model import DeclaredModel

        return DeclaredModel.of(self.declared(name))


with_options = click.make_pass_decorator(Options)


def moment(text: str) -> datetime:
    """A moment that a person types, or copies from what is printed here: ISO 8601, UTC where it names no offset."""
    try:
        made = datetime.fromisoformat(text)
        return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"it must be a moment such as 2013-06-01, 2013-06-01T12:00 (UTC) or 2013-06-01T12:00+02:00 (got {text!r})"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A model that no run works on meanwhile."""

    home: Home
    stores: Stores
    model: DeclaredModel
    now: datetime
    run_id: str


@contextmanager
def holding(options: Options, name: str, verb: str, *, also_retired: bool = False) -> Generator[Held]:
    """Holds the lease of a model for one command.

    Raises:
        DeclarationError: it is not declared, or its declaration has mistakes.
        RefusedError: the home is a copy, or the model is out of service.
        LeaseHeldError: a run works on the model.
    """
    model = options.model(name)
    home = options.opened_home().prepare()
    click.echo(f"{name}: loading MLflow ...", err=True)
    from retrain_assets.home import open_stores
    from retrain_assets.lifecycle import lease

    now, stores = datetime.now(UTC), open_stores(home)
    run_id = f"{verb}-{now:%Y%m%dT%H%M%S}-{os.getpid()}"
    with lease(stores, model, owner=run_id, now=now, also_retired=also_retired):
        yield Held(home=home, stores=stores, model=model, now=now, run_id=run_id)


def serving(options: Options, *, also_retired: bool = False) -> list[str]:
    """The declared models that a run may work on; of the others it is said why none may."""
    from retrain_assets.home import open_state
    from retrain_assets.promotion.model_moves import is_retired, out_of_service

    home = options.opened_home()
    moves = open_state(home).model_moves() if home.state_exists else []
    names = [declared.spec.name for declared in options.declarations()]
    away = {
        name: why
        for name in names
        if (why := out_of_service(moves, name)) is not None and not (also_retired and is_retired(moves, name))
    }
    for why in away.values():
        click.echo(f"left out: {why}", err=True)
    return [name for name in names if name not in away]


def person() -> str:
    """Who types, as their environment says ($LOGNAME, $USER): taken on trust, for whoever sets it may be anybody."""
    return f"person:{getpass.getuser()}"


def show_champion(held: Held) -> None:
    """Shows in Dagster who is champion, where its newest event says otherwise."""
    import dagster as dg

    from retrain_assets.orchestration.projection import report_champion_if_changed

    with dg.DagsterInstance.from_config(str(held.home.dagster_home)) as instance:
        report_champion_if_changed(instance, held.stores, held.stores.state.promotions(held.model.name))
