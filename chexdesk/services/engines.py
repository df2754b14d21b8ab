"""Open a labelling engine by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chexdesk import paths
from chexdesk.labeling.labeler import Labeler, LabelerError
from chexdesk.labels import LabelSet, chexpert14

ENGINES: Final = ("llama", "rules")


def open_labeler(
    engine: str = "llama",
    pack: Path | None = None,
    gpu_layers: int | None = None,
    jobs: int = 1,
    label_set: LabelSet | None = None,
) -> Labeler:
    """Open an engine; whoever opens it closes it.

    Args:
        engine: one of `ENGINES`.
        pack: the model pack's folder; the default pack where None.
        gpu_layers: layers on the GPU; None for all where the build has one.
        jobs: worker processes that share the cores.

    Raises:
        LabelerError: no such engine, or it cannot start; the message says what to do.
    """
    label_set = label_set or chexpert14()
    if engine == "rules":
        from chexdesk.labeling.rules import RuleLabeler

        try:
            return RuleLabeler()
        except (ValueError, OSError) as error:
            raise LabelerError(f"the rule engine's lexicon cannot be used: {error}") from error
    if engine == "llama":
        from chexdesk.labeling.llama.labeler import LlamaLabeler

        folder = pack or paths.default_pack()
        return LlamaLabeler(folder, label_set, gpu_layers=gpu_layers, jobs=jobs)
    raise LabelerError(f"{engine!r} is no engine; there are {', '.join(ENGINES)}")
