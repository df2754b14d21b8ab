"""The view model of the compare page: one question at a time, and what the answers add up to."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from chexdesk.evidence.find import find_evidence
from chexdesk.evidence.span import Span
from chexdesk.gui.models.page import DISPLAY_LIMIT, Page, stretches
from chexdesk.gui.tasks import Operation, Query, Tasks
from chexdesk.labels import Certainty, Finding, LabelSet
from chexdesk.services.comparing import (
    ROUND_NEEDS,
    Comparing,
    Comparison,
    Kind,
    PairTally,
    Side,
)
from chexdesk.services.library import Change, Entry, Library, ReviewStatus


@dataclass(frozen=True)
class CandidateRow:
    """What one candidate says of one finding.

    Attributes:
        differs: whether the other candidate says something else.
    """

    finding: Finding
    certainty: Certainty
    differs: bool


@dataclass(frozen=True)
class Question:
    """A comparison as it is shown.

    Attributes:
        page: the report, with the words behind the findings of which the candidates differ.
        left, right: the candidates' rows in label order.
    """

    comparison: Comparison
    page: Page
    left: tuple[CandidateRow, ...]
    right: tuple[CandidateRow, ...]


@dataclass(frozen=True)
class Pairs:
    """What the panel says of the pairs.

    Attributes:
        total: pairs that can be learnt from; parts: how they were got, in words.
        agreement: what the answers are worth, in words; "" while there is nothing to say.
        reviewed, needed: reviewed reports, and how many a training round takes.
    """

    total: int
    parts: tuple[str, ...]
    agreement: tuple[str, ...]
    reviewed: int
    needed: int


class CompareModel(QObject):
    """Asks, keeps answers, takes them back.

    Signals:
        asked: the `Question` at hand; None where there is none of the kind.
        counted: the `Pairs`.
        said: a passing word for the status bar.
    """

    asked = Signal(object)
    counted = Signal(object)
    said = Signal(str)

    def __init__(self, library: Library, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._comparing = Comparing(library)
        self._label_set = library.label_set
        self._tasks = tasks
        self._kind = Kind.SAMPLED
        self._question: Question | None = None
        self._turn = 0

    @property
    def question(self) -> Question | None:
        """The question at hand; None too while the next one is read."""
        return self._question

    @property
    def kind(self) -> Kind:
        """Where candidates come from."""
        return self._kind

    def enter(self) -> None:
        """The page is shown: ask, unless a question stands, and count anew."""
        if self._question is None:
            self._ask()
        self._count()

    def compare(self, kind: Kind) -> None:
        """Take candidates from elsewhere from now on."""
        if kind is not self._kind:
            self._leave()
            self._kind = kind
            self._ask()

    def answer(self, better: Side) -> None:
        """Keep an answer to the question at hand and ask the next."""
        question = self._question
        if question is None:
            return
        # Until the next question stands a key must not answer this one twice.
        self._question = None

        def keep() -> Change:
            return self._comparing.answer(question.comparison, better)

        self._tasks.operate(Operation(keep, lambda change: self.said.emit(change.what)))
        self._ask()
        self._count()

    def pass_over(self) -> None:
        """Leave the question at hand for another day."""
        question = self._question
        if question is None:
            return
        self._question = None

        def pass_over() -> None:
            self._comparing.pass_over(question.comparison)

        self._tasks.query(Query(pass_over, lambda _: self.said.emit(self.tr("Passed over"))))
        self._ask()

    def take_back(self) -> None:
        """Delete the last answer and ask its question again."""
        self._leave()
        self._turn += 1
        turn = self._turn

        def take_back() -> Question | None:
            old = self._comparing.take_back()
            return None if old is None else make_question(old, self._label_set)

        def show(question: Question | None) -> None:
            if question is None:
                self.said.emit(self.tr("No answer to take back."))
                self._ask()
            elif self._take(turn, question):
                self._kind = question.comparison.kind
                self._show(question)
                self.said.emit(self.tr("Answer taken back"))
            self._count()

        self._tasks.query(Query(take_back, show))

    def _leave(self) -> None:
        """Put the question at hand back to the front of its queue."""
        question = self._question
        self._question = None
        if question is not None:
            self._put_back(question)

    def _put_back(self, question: Question) -> None:
        def put_back() -> None:
            self._comparing.ask_later(question.comparison)

        self._tasks.query(Query(put_back, lambda _: None))

    def _ask(self) -> None:
        self._turn += 1
        turn, kind = self._turn, self._kind

        def read() -> Question | None:
            asked = self._comparing.next(kind)
            return None if asked is None else make_question(asked, self._label_set)

        def show(question: Question | None) -> None:
            if self._take(turn, question):
                self._show(question)

        self._tasks.query(Query(read, show))

    def _take(self, turn: int, question: Question | None) -> bool:
        """Whether what was read is still wanted; else it goes back to its queue."""
        if turn == self._turn:
            return True
        if question is not None:
            self._put_back(question)
        return False

    def _show(self, question: Question | None) -> None:
        self._question = question
        self.asked.emit(question)

    def _count(self) -> None:
        self._tasks.query(
            Query(self._comparing.tally, lambda tally: self.counted.emit(pairs(tally)))
        )


def make_question(comparison: Comparison, label_set: LabelSet) -> Question:
    """Find the words that speak of what the candidates differ in. Not for the GUI thread."""
    text = comparison.text[:DISPLAY_LIMIT]
    differing = comparison.differing
    names = {label_set.names[place] for place in differing}
    spans: list[Span] = []
    for decisions in (comparison.left, comparison.right):
        for span in find_evidence(text, decisions, label_set).spans:
            if span.finding in names and span not in spans:
                spans.append(span)
    entry = Entry(comparison.key, comparison.report_id, "", ReviewStatus.UNREVIEWED, True, None, "")
    page = Page(
        entry=entry,
        text=text,
        stretches=stretches(text),
        spans=tuple(sorted(spans, key=lambda span: (span.start, span.end))),
        rows=(),
        model="",
        note="",
        cut=len(comparison.text) - len(text),
    )

    def rows(decisions: tuple[Certainty, ...]) -> tuple[CandidateRow, ...]:
        return tuple(
            CandidateRow(finding, certainty, place in differing)
            for place, (finding, certainty) in enumerate(
                zip(label_set.findings, decisions, strict=True)
            )
        )

    return Question(comparison, page, rows(comparison.left), rows(comparison.right))


def pairs(tally: PairTally) -> Pairs:
    """The panel's words."""
    corrections = tally.by_source.get("correction", 0)
    choices = tally.by_source.get("choice", 0)
    expert = tally.by_source.get("expert", 0)
    neither = tally.by_source.get("neither", 0)
    parts = [f"{corrections:,} from corrections", f"{choices:,} from choices here"]
    if expert:
        parts.append(f"{expert:,} from an expert's ranking")
    if neither:
        parts.append(f"neither was better {neither:,} ×")
    agreement = []
    if tally.repeated:
        agreement.append(f"same answer to {tally.same:,} of {tally.repeated:,} repeated")
    if tally.reviewed:
        agreement.append(f"reviews bear out {tally.borne_out:,} of {tally.reviewed:,} choices")
    return Pairs(
        total=corrections + choices + expert,
        parts=tuple(parts),
        agreement=tuple(agreement),
        reviewed=tally.reports,
        needed=ROUND_NEEDS,
    )
