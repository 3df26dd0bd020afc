"""What a run prints, kept in files for the UI and printed when the run has ended.

Dagster's own manager prints it as it comes, by two `tail`s and two Python processes for each run. Ctrl-C reaches those
too: they end with tracebacks over whatever the terminal shows. Here nothing is started that could be hit.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TextIO

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._utils import ensure_file, touch_file

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData


class RunOutput(LocalComputeLogManager):
    """Output of runs in the files where Dagster's own manager has it."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext]:
        with (
            _captured(sys.stdout, self._path(log_key, ComputeIOType.STDOUT)),
            _captured(sys.stderr, self._path(log_key, ComputeIOType.STDERR)),
        ):
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))

    def _path(self, log_key: Sequence[str], kind: ComputeIOType) -> Path:
        return Path(self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]))


@contextmanager
def _captured(stream: TextIO, path: Path) -> Generator[None]:
    ensure_file(str(path))
    before = path.stat().st_size
    try:
        with redirect_to_file(stream, str(path)):
            yield
    finally:
        # Nobody may read it any more (a closed pipe), or the terminal's letters may be others: no word on the run.
        with path.open("rb") as file, suppress(OSError):
            file.seek(before)
            _print(file, stream)


def _print(file: BinaryIO, stream: TextIO) -> None:
    """The bytes as they are, where the stream takes bytes."""
    raw: BinaryIO | None = getattr(stream, "buffer", None)
    stream.flush()
    if raw is None:
        shutil.copyfileobj(io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline=""), stream)
    else:
        shutil.copyfileobj(file, raw)
    stream.flush()
