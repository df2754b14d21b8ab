"""Which labelling engine the window uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chexdesk.labeling.labeler import Labeler, LabelerError


@dataclass(frozen=True)
class Engine:
    """An open engine.

    Attributes:
        notice: why it is not the default one, and what to do about it; "" where it is.
    """

    labeler: Labeler
    notice: str = ""

    @property
    def name(self) -> str:
        """What the status bar calls it."""
        model = self.labeler.model
        return f"{model.name} {model.version}".strip()


def open_engine(pack: Path | None = None) -> Engine:
    """The model pack's engine, or the rule engine where no pack can be used.

    Loading a model takes seconds; not for the GUI thread.

    Raises:
        LabelerError: not even the rule engine can be had; the message says what to do.
    """
    from chexdesk.services.engines import open_labeler

    try:
        return Engine(open_labeler("llama", pack))
    except LabelerError as error:
        rules = open_labeler("rules")
        return Engine(
            rules,
            f"The rule engine labels these reports, not the model: {error}",
        )
