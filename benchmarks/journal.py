"""What a long benchmark has found so far, in a file: a run that is cut off loses nothing, and another goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / ".benchmarks"


class Journal:
    """Answers by task, a line of JSON each, written as they come.

    Args:
        name: of the file below `.benchmarks`.
        resume: whether the answers of an earlier run count. They do as long as nobody has changed what is measured.
    """

    def __init__(self, name: str, *, resume: bool) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._file = FOLDER / f"{name}.jsonl"
        if not resume:
            self._file.unlink(missing_ok=True)

    def write(self, task: str, answer: object) -> None:
        """Adds an answer, which JSON can say."""
        with self._file.open("a", encoding="utf-8") as written:
            written.write(json.dumps({"task": task, "answer": answer}) + "\n")

    def known(self) -> dict[str, list[Any]]:
        """The answers by task, in the order in which they came."""
        found: dict[str, list[Any]] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:  # the run was stopped while it wrote
                continue
            found.setdefault(entry["task"], []).append(entry["answer"])
        return found
