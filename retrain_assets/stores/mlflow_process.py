"""What MLflow reads of the whole process, changed while it is asked and put back: how long it waits, what it prints."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Lock

BRIEF_SECONDS = 5
"""How long `brief` waits for an answer."""
_BRIEF = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(BRIEF_SECONDS)}
_SILENT = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
_CHATTY = (
    "alembic.runtime.migration",  # each migration of a new database
    "mlflow.store.db.utils",  # that a new database is made
    "mlflow.store.model_registry.abstract_store",  # that a version is being made
    "mlflow.utils.environment",  # that requirements were not inferred
)

_ENVIRONMENT = Lock()
_CHANGED: dict[str, tuple[int, str | None]] = {}
"""By name of an environment variable: how many threads want it otherwise, and what it was before the first of them."""


@contextmanager
def brief() -> Generator[None]:
    """Within it a server that does not answer is given up after `BRIEF_SECONDS`, not after MLflow's minutes.

    Nothing is asked twice. MLflow reads both at each request; the whole process is brief meanwhile.
    """
    with _environment(_BRIEF):
        yield


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Threads may be within it at once, and leave it in any order: the last that leaves puts back what was before."""
    with _ENVIRONMENT:
        for name, value in values.items():
            within, before = _CHANGED.get(name, (0, os.environ.get(name)))
            _CHANGED[name] = within + 1, before
            os.environ[name] = value
    try:
        yield
    finally:
        with _ENVIRONMENT:
            for name in values:
                within, before = _CHANGED.pop(name)
                if within > 1:
                    _CHANGED[name] = within - 1, before
                elif before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = before


@contextmanager
def quiet() -> Generator[None]:
    """Within it MLflow prints neither progress nor notices, and logs errors alone."""
    # Not by their levels: with each change of one, logging forgets what it knows of every logger of the process.
    hushed = [logger for logger in map(logging.getLogger, _CHATTY) if _is_error not in logger.filters]
    for logger in hushed:
        logger.addFilter(_is_error)
    try:
        with _environment(_SILENT), warnings.catch_warnings():
            # MLflow's own deprecations concern MLflow.
            warnings.filterwarnings("ignore", module=r"mlflow\.")
            yield
    finally:
        for logger in hushed:
            logger.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
