"""A validation study: one model's labels held against reviews, or against labels made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from chexdesk.evaluation.gold import LabelsError, read_labels
from chexdesk.evaluation.validation import Estimate, FindingFigures, Target, Validation, validate
from chexdesk.labeling.labeler import ModelId
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.services.library import Library, LibraryError
from chexdesk.services.queues import Sample
from chexdesk.store import predictions, queues, reviews
from chexdesk.store import validation as store
from chexdesk.store.database import Session

__all__ = [
    "Estimate",
    "FindingFigures",
    "LabelsError",
    "Study",
    "StudyReport",
    "Target",
    "Validation",
    "conduct",
    "models",
]

Labels = tuple[Certainty, ...]


@dataclass(frozen=True)
class Study:
    """What is to be compared.

    Attributes:
        sample: only reports of this random sample; None for all that have a reference.
        labels: a file with reference labels, matched by id; None for the reviews of the library.
        model: whose labels are judged; None for the model used last.
        seed: of the bootstrap.
    """

    target: Target = Target.POSITIVE
    sample: Sample | None = None
    labels: Path | None = None
    model: ModelId | None = None
    seed: int = 0


@dataclass(frozen=True)
class StudyReport:
    """What came out.

    Attributes:
        usable: reports of the library that can be labelled.
        drawn: of those, in the sample; `usable` where there is none.
        referenced: drawn reports that have a reference. unlabelled: of those, left out since the
            model has not labelled them. ambiguous: ids of the file that stand for several reports.
        readers: how many people made the reference; 0 where a file did.
        made: the day.
    """

    study: Study
    model: ModelId
    validation: Validation
    usable: int
    drawn: int
    referenced: int
    unlabelled: int
    ambiguous: int
    readers: int
    made: date


def models(library: Library) -> list[ModelId]:
    """The models that can be judged, the one used last first."""
    with library.reading() as session:
        return store.models(session, library.label_set)


def conduct(library: Library, study: Study) -> StudyReport:
    """Carry out a study. Takes seconds in a large library; not for the GUI thread.

    Raises:
        LibraryError: there is nothing to compare; the message says what is missing.
        LabelsError: the file does not hold labels. StoreError: the library cannot be read.
    """
    label_set = library.label_set
    with library.reading() as session:
        known = store.models(session, label_set)
        model = study.model or next(iter(known), None)
        if model is None or model not in known:
            raise LibraryError("No model has labelled reports of this library yet.")
        reference, ambiguous, readers = _reference(session, library, study)
        drawn = store.usable(session)
        if study.sample is not None:
            sample = queues.drawn(session, study.sample)
            drawn = len(sample)
            reference = {key: reference[key] for key in sample if key in reference}
        predicted = predictions.latest(session, label_set, reference, model)
        usable = store.usable(session)
    rows = [
        (labels, predicted[key].certainties)
        for key, labels in reference.items()
        if key in predicted and not predicted[key].error
    ]
    if not rows:
        raise LibraryError(_nothing(study))
    codes = {certainty: place for place, certainty in enumerate(CERTAINTIES)}
    both = np.array([[[codes[c] for c in side] for side in row] for row in rows], dtype=np.int8)
    return StudyReport(
        study=study,
        model=model,
        validation=validate(label_set, both[:, 0], both[:, 1], study.target, seed=study.seed),
        usable=usable,
        drawn=drawn,
        referenced=len(reference),
        unlabelled=len(reference) - len(rows),
        ambiguous=ambiguous,
        readers=readers,
        made=date.today(),
    )


def _reference(
    session: Session, library: Library, study: Study
) -> tuple[Mapping[int, Labels], int, int]:
    """Reference labels by report key, ambiguous ids, readers."""
    if study.labels is not None:
        labels = read_labels(study.labels, library.label_set)
        keys, ambiguous = store.keys_of_ids(session, labels.keys())
        return {keys[name]: row for name, row in labels.items() if name in keys}, ambiguous, 0
    found = reviews.get(session, library.label_set, store.reviewed(session, library.label_set))
    reference = {
        key: review.decisions for key, review in found.items() if review.decisions is not None
    }
    return reference, 0, len({found[key].reviewer for key in reference})


def _nothing(study: Study) -> str:
    if study.labels is not None:
        return (
            f"{study.labels.name}: none of its ids is that of a labelled report here. The ids must "
            "be those of the reports as they were opened."
        )
    if study.sample is not None:
        return (
            f"None of the {study.sample.size:,} sampled reports (seed {study.sample.seed}) is "
            "reviewed yet. Choose the queue “random sample” and review them first."
        )
    return "No labelled report is reviewed yet. Accept or correct some first."
