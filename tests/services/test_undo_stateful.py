"""Corrections, acceptances, notes and flags against a plain picture of what they mean."""

import shutil
import tempfile
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.reports.report import Report
from chexdesk.services.library import Library, ReviewStatus
from chexdesk.services.queues import Filter, Queue
from chexdesk.store import audit

MODEL = ModelId("small", "a" * 64, "1")
PREDICTED = tuple(CERTAINTIES[place % 4] for place in range(14))
KEYS = st.sampled_from([1, 2])


@dataclass
class Picture:
    decisions: list[Certainty] = field(default_factory=lambda: list(PREDICTED))
    status: ReviewStatus = ReviewStatus.UNREVIEWED
    note: str = ""
    flagged: bool = False


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "library.sqlite3"
    library = Library.open(path)
    library.add_reports([Report("a", "Effusion."), Report("b", "Edema.")])
    predictions = [Prediction(name, PREDICTED, (), MODEL) for name in "ab"]
    library.save_predictions(enumerate(predictions, 1))
    library.close()
    return path


def machine(template: Path) -> type[RuleBasedStateMachine]:
    class Reviewing(RuleBasedStateMachine):
        @initialize()
        def open(self) -> None:
            self.folder = tempfile.TemporaryDirectory()
            path = Path(self.folder.name) / "library.sqlite3"
            shutil.copy(template, path)
            self.library = Library.open(path, reviewer="ada")
            self.now = {1: Picture(), 2: Picture()}
            self.past: list[dict[int, Picture]] = []
            self.future: list[dict[int, Picture]] = []

        def step(self, key: int, after: Picture, changed: bool) -> None:
            assert changed == (after != self.now[key])
            if changed:
                self.past.append(deepcopy(self.now))
                self.future.clear()
                self.now[key] = after

        @rule(key=KEYS, finding=st.integers(0, 13), certainty=st.sampled_from(CERTAINTIES))
        def correct(self, key: int, finding: int, certainty: Certainty) -> None:
            after = deepcopy(self.now[key])
            if after.decisions[finding] is not certainty:
                after.decisions[finding] = certainty
                after.status = ReviewStatus.CORRECTED
            self.step(key, after, bool(self.library.correct(key, finding, certainty).keys))

        @rule(key=KEYS)
        def accept(self, key: int) -> None:
            after = deepcopy(self.now[key])
            if after.decisions == list(PREDICTED):
                after.status = ReviewStatus.ACCEPTED
            self.step(key, after, bool(self.library.accept(key).keys))

        @rule(key=KEYS, note=st.sampled_from(["", "see the CT", "ask"]))
        def annotate(self, key: int, note: str) -> None:
            after = deepcopy(self.now[key])
            after.note = note
            self.step(key, after, bool(self.library.set_note(key, note).keys))

        @rule(key=KEYS, flagged=st.booleans())
        def flag(self, key: int, flagged: bool) -> None:
            after = deepcopy(self.now[key])
            after.flagged = flagged
            self.step(key, after, bool(self.library.set_flag(key, flagged).keys))

        @rule()
        def undo(self) -> None:
            change = self.library.undo()
            assert (change is None) == (not self.past)
            if self.past:
                self.future.append(self.now)
                self.now = self.past.pop()

        @rule()
        def redo(self) -> None:
            change = self.library.redo()
            assert (change is None) == (not self.future)
            if self.future:
                self.past.append(self.now)
                self.now = self.future.pop()

        @rule()
        def reopen(self) -> None:
            path = self.library.path
            self.library.close()
            self.library = Library.open(path, reviewer="ada")
            self.past.clear()
            self.future.clear()

        @invariant()
        def the_file_says_the_same(self) -> None:
            for key, picture in self.now.items():
                detail = self.library.detail(key)
                assert detail.decisions == tuple(picture.decisions)
                assert detail.entry.status is picture.status
                assert detail.note == picture.note
                assert detail.entry.flagged == picture.flagged
                assert detail.entry.noted == bool(picture.note)
                assert self.library.queues.among(Filter(Queue.FLAGGED), [key]) == (
                    [key] if picture.flagged else []
                )
                standing = frozenset(enumerate(picture.decisions))
                assert key in self.library.queues.keys(Filter(findings=standing))
            pairs = [
                (pair.key, pair.chosen, pair.rejected) for _, pair in self.library.preferences()
            ]
            assert pairs == [
                (key, tuple(picture.decisions), PREDICTED)
                for key, picture in self.now.items()
                if picture.decisions != list(PREDICTED)
            ]
            assert self.library.can_undo == bool(self.past)
            assert self.library.can_redo == bool(self.future)

        def teardown(self) -> None:
            with self.library._database.reading() as session:
                assert audit.first_break(session) is None
            self.library.close()
            self.folder.cleanup()

    return Reviewing


def test_reviews_follow_their_picture(template: Path) -> None:
    run_state_machine_as_test(
        machine(template),
        settings=settings(
            max_examples=6,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
