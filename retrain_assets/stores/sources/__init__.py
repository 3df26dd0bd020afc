"""Readers of the declared sources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrain_assets.spec import DeltaSource, FilesSource, SourceSpec, SqlSource
from retrain_assets.stores.protocols import Source


def make_source(spec: SourceSpec, *, root: Path, event_time: str, environ: Mapping[str, str] | None = None) -> Source:
    """The reader of a declared source; it connects to nothing before it is asked.

    Args:
        spec: The declaration.
        root: Folder of the declaration, where its relative paths start.
        event_time: Column with the time of a row; a Delta table is cut into batches by it.
        environ: Where `{env: NAME}` is looked up, at each use. By default the process's environment.
    """
    # Each kind is imported by those who use it: one needs SQLAlchemy, another deltalake.
    if isinstance(spec, FilesSource):
        from retrain_assets.stores.sources.files import FileReader

        return FileReader(spec, root=root, environ=environ)
    if isinstance(spec, DeltaSource):
        from retrain_assets.stores.sources.delta import DeltaReader

        return DeltaReader(spec, root=root, event_time=event_time, environ=environ)
    if isinstance(spec, SqlSource):
        from retrain_assets.stores.sources.sql import SqlReader

        return SqlReader(spec, root=root, environ=environ)
    from retrain_assets.stores.sources.python import PythonReader

    return PythonReader(spec, environ=environ)
