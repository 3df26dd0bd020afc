"""What every streaming detector does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Detector(Protocol):
    """Reads values in the order in which they became known, and forgets what came before an alarm."""

    def update(self, values: npt.NDArray[np.floating]) -> bool:
        """Reads some values; whether there was an alarm among them. The rest of the values after an alarm counts."""
        ...
