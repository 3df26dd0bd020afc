"""What the lifecycle needs of a tracking server and model registry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from retrain_assets.training.bundle import Manifest, ModelBundle, ModelVersion

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownModel:
    """What the registry shows of a model: versions by alias, and the platform's tags without their prefix.

    `newest` is the number of the version that was registered last, by whomever; 0 where there is none.
    """

    aliases: Mapping[str, int] = field(default_factory=dict[str, int])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    newest: int = 0


class ModelRegistry(Protocol):
    """Tracking and registry: one run for each retrain, versions, aliases."""

    @property
    def address(self) -> str:
        """Where another process finds it; may hold a password."""
        ...

    def begin_run(self, *, model: str, name: str, tags: Mapping[str, str]) -> str:
        """Opens a run and returns its id; the same `retrain_assets.key` tag finds the open run again."""
        ...

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        figures: Mapping[str, bytes] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Adds to a run; figures are PNG bytes by artifact path."""
        ...

    def log_input(
        self, run_id: str, *, name: str, source: str, digest: str, schema: Mapping[str, str], context: str
    ) -> None:
        """Adds a dataset input."""
        ...

    def end_run(self, run_id: str, status: RunStatus) -> None:
        """Closes a run."""
        ...

    def run_url(self, run_id: str, file: str = "") -> str:
        """A link or path to the run, or to a file that was logged to it."""
        ...

    def run_link(self, version: ModelVersion, file: str = "") -> str | None:
        """As `run_url`, of the run of a version, and nothing is asked: None where what is kept does not tell it."""
        ...

    def version_url(self, version: ModelVersion) -> str:
        """A link to the page of a version; without a server the folder of its files."""
        ...

    def text(self, run_id: str, name: str) -> str | None:
        """A text that was logged to a run; None where there is none of that name."""
        ...

    def register(self, run_id: str, bundle: ModelBundle) -> ModelVersion:
        """Logs the bundle to the run and registers it as a version; the same hash of the same run is one version."""
        ...

    def load(self, version: ModelVersion, *, cached: bool = True) -> ModelBundle:
        """The bundle, its hash verified before anything is deserialized; read and verified anew if not `cached`.

        Raises:
            NotStoredError: it is not there.
            IntegrityError: its files are not what was registered.
        """
        ...

    def manifest(self, version: ModelVersion) -> Manifest:
        """From what a version was made, its files verified; nothing is deserialized that may run code.

        Raises:
            NotStoredError: it is not there.
            IntegrityError: its files are not what was registered.
        """
        ...

    def place(self, version: ModelVersion) -> str | None:
        """Where the registry itself says that a version's files lie, be they there or not; None: it is not registered.

        Raises:
            StoreError: it cannot be asked, or has no such model at all.
        """
        ...

    def briefly(self) -> AbstractContextManager[None]:
        """Within it a tracking server that does not answer is given up after seconds, not after minutes."""
        ...

    def made_here(self, model: str) -> list[ModelVersion]:
        """The registered versions that `register` made, in order: none that a person registered or copied."""
        ...

    def shown(self, model: str) -> ShownModel:
        """Aliases and tags of the registered model, of one moment; nothing when there is none."""
        ...

    def glance(self, model: str) -> ShownModel:
        """As `shown`, but for `newest`, in milliseconds: for each batch of a process with no other use for a registry.

        Raises:
            StoreError: it cannot be seen in this way, or does not answer within seconds.
        """
        ...

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Points `champion` or `challenger` at a version."""
        ...

    def alias(self, model: str, alias: str) -> int | None:
        """The version an alias points at."""
        ...

    def remove_alias(self, model: str, alias: str) -> None:
        """Takes an alias away; nothing happens where there is none."""
        ...

    def rename(self, before: str, name: str) -> None:
        """Gives the registered model and its experiment another name; done before, it may be done again.

        Raises:
            StoreError: a registered model of that name is there already.
        """
        ...

    def model_tags(self, model: str) -> dict[str, str]:
        """The platform's tags of the registered model, without their prefix; empty when there is none."""
        ...

    def tag_model(self, model: str, tags: Mapping[str, str]) -> None:
        """Sets tags of the registered model; their prefix is added."""
        ...

    def tag_version(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Sets tags of one version; their prefix is added."""
        ...
