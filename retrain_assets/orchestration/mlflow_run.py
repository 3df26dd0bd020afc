"""The one MLflow run of a retrain, attached to the Dagster run that makes it.

`dagster-mlflow` makes the run active for MLflow's own functions (so that `autolog` or `mlflow.log_metric` in a user's
code reach it) and tags it with the Dagster run. Three things are put right around it: a step that fails ends it as
FAILED (by itself it says FINISHED), nothing stays active that a later call would log into (its hook leaves stray
runs), and MLflow's tracking URI is again what it was.
"""

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import dagster as dg
from pydantic import Field

MLFLOW_KEY = "retrain_mlflow"
DAGSTER_URL = "RETRAIN_ASSETS_DAGSTER_URL"
"""Variable with the address of the Dagster UI; `retrain-assets ui` sets it."""
MLFLOW_RUN_TAG = "mlflow/run_id"
_GLOBAL_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")


@dataclass(slots=True)
class Tracked:
    """A step within an MLflow run; `failed` is for a step that ends badly without an exception."""

    run_id: str
    failed: bool = False


class MlflowRun(dg.ConfigurableResource[None]):
    """Attaches steps of a retrain to their MLflow run; mlflow, which takes seconds, is imported when one asks."""

    dagster_url: str = Field(
        default="http://127.0.0.1:3000",
        description="Where the Dagster UI is served: the MLflow run links to the Dagster run.",
    )

    @contextmanager
    def attached(
        self, context: dg.AssetExecutionContext, *, tracking_uri: str, experiment: str, run_id: str
    ) -> Generator[Tracked]:
        """The run is active and open inside, and closed with the step's status afterwards."""
        with _imported() as tracking:
            import mlflow

            settings = {
                "mlflow_tracking_uri": tracking_uri,
                "experiment_name": experiment,
                "mlflow_run_id": run_id,
                "env": {},
                "extra_tags": {
                    "dagster/run_url": f"{self.dagster_url.rstrip('/')}/runs/{context.run.run_id}",
                    # dagster-mlflow names every run after its job.
                    "mlflow.runName": mlflow.MlflowClient(tracking_uri).get_run(run_id).info.run_name,
                },
            }
            context.instance.add_run_tags(context.run.run_id, {MLFLOW_RUN_TAG: run_id})
            tracked, status = Tracked(run_id), "KILLED"
            with (
                _globals_restored(),
                dg.build_resources(
                    {"mlflow": tracking},
                    instance=context.instance,
                    dagster_run=context.run,
                    resource_config={"mlflow": {"config": settings}},
                    log_manager=context.log,
                ),
            ):
                try:
                    yield tracked
                    status = "FAILED" if tracked.failed else "FINISHED"
                except Exception:
                    status = "FAILED"
                    raise
                finally:
                    mlflow.end_run(status)


@contextmanager
def _imported() -> Generator[dg.ResourceDefinition]:
    with warnings.catch_warnings():
        # That dagster-mlflow is in beta, and MLflow's own deprecations, are nothing a user could change.
        warnings.simplefilter("ignore")
        from dagster_mlflow import mlflow_tracking

        yield mlflow_tracking


@contextmanager
def _globals_restored() -> Generator[None]:
    import mlflow

    before = {name: os.environ.get(name) for name in _GLOBAL_VARIABLES}
    try:
        yield
    finally:
        # MLflow takes None for "none was set", whatever it declares.
        mlflow.set_tracking_uri(cast("str", before["MLFLOW_TRACKING_URI"]))
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


MLFLOW_RUN = MlflowRun(dagster_url=os.environ.get(DAGSTER_URL, "http://127.0.0.1:3000"))
"""One object, so that the definitions of several models merge."""
