"""What MLflow shows of a registered model, read past its client: to import that takes a process seconds."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlparse
from urllib.request import Request, urlopen

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from retrain_assets.errors import StoreError, cause_without_password
from retrain_assets.stores.mlflow_database import database_file, engine_of
from retrain_assets.stores.mlflow_process import BRIEF_SECONDS
from retrain_assets.stores.protocols import ShownModel
from retrain_assets.stores.version_tags import without_prefix

_PAGE = "api/2.0/mlflow/registered-models/get"
_ALIASES = sa.table("registered_model_aliases", sa.column("name"), sa.column("alias"), sa.column("version"))
_TAGS = sa.table("registered_model_tags", sa.column("name"), sa.column("key"), sa.column("value"))


def glance(tracking_uri: str, model: str) -> ShownModel:
    """Aliases and tags of a registered model, from MLflow's database or by one request to its server.

    Args:
        tracking_uri: a database or a server, whose user and password or token stand there or where MLflow finds them in
            the environment.
        model: its name.

    Raises:
        StoreError: they cannot be read in this way, which says nothing about MLflow's own.
    """
    try:
        if urlparse(tracking_uri).scheme in ("http", "https"):
            return _of_server(tracking_uri, model)
        return _of_database(tracking_uri, model)
    except HTTPError as error:
        with error:  # closed, whatever it was about to say
            raise StoreError(f"a glance at {model} in {tracking_uri} failed: {error}") from None
    except (SQLAlchemyError, OSError, HTTPException, ValueError, KeyError) as error:
        raise StoreError(f"a glance at {model} in {tracking_uri} failed: {error}") from cause_without_password(error)


def _of_database(uri: str, model: str) -> ShownModel:
    file = database_file(uri)
    if file is not None and not file.exists():
        raise FileNotFoundError(file)  # which SQLite would make
    with engine_of(uri).connect() as connection:
        aliases = connection.execute(sa.select(_ALIASES.c.alias, _ALIASES.c.version).where(_ALIASES.c.name == model))
        tags = connection.execute(sa.select(_TAGS.c.key, _TAGS.c.value).where(_TAGS.c.name == model))
        return ShownModel(
            aliases={alias: int(version) for alias, version in aliases},
            tags=without_prefix({name: value or "" for name, value in tags}),
        )


def _of_server(uri: str, model: str) -> ShownModel:
    address = urlparse(uri)
    plain = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl().rstrip("/")
    request = Request(f"{plain}/{_PAGE}?name={quote(model)}")  # noqa: S310 - `glance` comes here for http and https
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or unquote(address.username or "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(address.password or "")
    if user:
        request.add_unredirected_header("Authorization", f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")
    elif token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=BRIEF_SECONDS) as answer:  # noqa: S310 - that request: http or https alone
        shown: dict[str, Any] = json.load(answer)["registered_model"]
    # An empty list is left out of MLflow's JSON.
    return ShownModel(
        aliases={kept["alias"]: int(kept["version"]) for kept in shown.get("aliases", ())},
        tags=without_prefix({kept["key"]: kept.get("value", "") for kept in shown.get("tags", ())}),
    )
