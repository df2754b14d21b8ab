"""Open a labelling engine by name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from chexdesk import paths
from chexdesk.labeling.labeler import Labeler, LabelerError
from chexdesk.labels import LabelSet, chexpert14

ENGINES: Final = ("llama", "rules")

_log = logging.getLogger(__name__)


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
    labeler = _open(engine, pack, gpu_layers, jobs, label_set or chexpert14())
    model = labeler.model
    _log.info("engine %s: %s %s, sha256 %s", engine, model.name, model.version, model.sha256)
    return labeler


def _open(
    engine: str, pack: Path | None, gpu_layers: int | None, jobs: int, label_set: LabelSet
) -> Labeler:
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
