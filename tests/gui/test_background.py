"""Opening, labelling, cancelling and exporting off the GUI thread."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from gui_desk import SOON, Desk, folder
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from chexdesk.gui.models.engine import Engine
from chexdesk.labeling.labeler import LabelerError
from chexdesk.labels import Certainty
from chexdesk.services.library import Library, ReviewStatus


def test_cancel_keeps_what_was_done_and_a_later_start_does_the_rest(
    desk: Desk, tmp_path: Path
) -> None:
    texts = {f"r{n:03}": f"No edema, report {n}." for n in range(100)}
    place = folder(tmp_path / "many", **texts)
    session, labeler = desk.session, desk.labeler
    labeler.gate.clear()
    desk.window.show()
    session.start([place])
    desk.qtbot.waitUntil(lambda: session.labelling and session.reports.rowCount() == 100)
    desk.qtbot.waitUntil(desk.window.cancel_button.isVisible, timeout=SOON)
    desk.qtbot.mouseClick(desk.window.cancel_button, Qt.MouseButton.LeftButton)
    labeler.gate.set()
    desk.settle()
    done = len(labeler.seen)
    assert done < 100
    assert not desk.window.cancel_button.isVisible()
    library = Library.open(desk.path)
    assert library.counts().labelled == done
    library.close()
    session.label_all()
    desk.settle()
    assert sorted(labeler.seen) == sorted(f"{name}.txt" for name in texts)


def test_corrections_are_stored_while_labels_are_being_made(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "first", a="Edema.")])
    desk.labeler.gate.clear()
    desk.session.open_paths([folder(tmp_path / "second", b="Edema.", c="Edema.")])
    desk.qtbot.waitUntil(lambda: desk.session.reports.rowCount() == 3)
    desk.session.show_row(0)
    desk.qtbot.keyClick(desk.window, "e")
    desk.qtbot.keyClick(desk.window, "0")
    desk.qtbot.waitUntil(lambda: desk.row("Edema").certainty is Certainty.NEGATIVE)
    assert desk.session.labelling
    assert desk.stored("a.txt").corrected == {desk.names.index("Edema")}


def test_who_works_on_a_report_is_not_taken_to_one_just_opened(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "first", a="Edema.")])
    desk.session.open_paths([folder(tmp_path / "second", b="Edema.")])
    added = desk.session.reports.rowsInserted
    # Between the reading of the files and the jump to them, as a fast typist may.
    added.connect(lambda *_: desk.session.select_finding(desk.names.index("Edema")))
    desk.settle()
    assert desk.session.reports.rowCount() == 2
    assert desk.current() == "a.txt"


def test_a_bad_file_is_named_and_the_others_are_read(desk: Desk, tmp_path: Path) -> None:
    good = tmp_path / "good.txt"
    good.write_text("Edema.", encoding="utf-8")
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    desk.start([table, tmp_path / "gone.txt", good])
    shown = "\n".join(desk.window.messages.texts())
    assert "table.csv" in shown
    assert "gone.txt" in shown
    assert desk.window.messages.isVisible()
    assert desk.current() == "good.txt"
    assert desk.row("Edema").certainty is Certainty.POSITIVE
    desk.press(Qt.Key.Key_Escape)
    assert desk.window.messages.texts() == []
    assert not desk.window.messages.isVisible()


def test_many_bad_files_are_one_message(desk: Desk, tmp_path: Path) -> None:
    desk.start([tmp_path / f"gone-{n}.txt" for n in range(12)])
    (message,) = desk.window.messages.texts()
    assert "gone-0.txt" in message
    assert "and 7 more" in message


def test_a_bad_file_in_a_folder_keeps_its_place_with_a_reason(desk: Desk, tmp_path: Path) -> None:
    place = folder(tmp_path / "mixed", good="Edema.", empty="")
    desk.start([place])
    entries = [desk.session.reports.entry(n) for n in range(2)]
    assert [e.id for e in entries if e and e.error] == ["empty.txt"]
    assert [e.id for e in entries if e and e.labelled] == ["good.txt"]


def test_an_engine_that_fails_says_so_and_the_reports_stay(desk: Desk, tmp_path: Path) -> None:
    def broken() -> Engine:
        raise LabelerError("model.gguf is damaged. Run `make model`.")

    desk.opener = broken
    desk.start([folder(tmp_path / "one", a="Edema.")])
    assert "model.gguf is damaged. Run `make model`." in desk.window.messages.texts()
    assert desk.session.reports.rowCount() == 1
    desk.opener = lambda: Engine(desk.labeler)
    desk.session.label_all()
    desk.settle()
    assert desk.row("Edema").certainty is Certainty.POSITIVE


def test_a_stand_in_engine_is_marked_as_such(desk: Desk) -> None:
    desk.opener = lambda: Engine(desk.labeler, "No model pack; run `make model`.")
    desk.start()
    assert desk.window.messages.texts() == ["No model pack; run `make model`."]


def test_what_is_dropped_is_added(desk: Desk, tmp_path: Path) -> None:
    desk.start()
    files, text = QMimeData(), QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(folder(tmp_path / "dropped", a="Edema.", b="Clear.")))])
    text.setText("No fracture.")
    for data in (files, text):
        desk.window.dropEvent(
            QDropEvent(
                QPoint(5, 5),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
        desk.settle()
    assert desk.session.reports.rowCount() == 3
    assert desk.row("Fracture").certainty is Certainty.NEGATIVE


def test_a_second_start_shows_the_library_as_it_was_left(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "one", a="Edema.", b="No edema.")])
    desk.press("e", "-")
    again = Desk(desk.qtbot, desk.path)
    again.start()
    assert again.labeler.seen == []
    assert again.current() == "a.txt"
    assert again.row("Edema").certainty is Certainty.UNCERTAIN
    assert again.row("Edema").changed
    again.close()


def test_export_writes_what_is_shown(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "two", a="Edema.", b="No edema.")])
    desk.press("e", "-")
    desk.session.export(tmp_path / "labels.csv")
    desk.settle()
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["a.txt"]["Edema"] == "-1.0"
    assert rows["b.txt"]["Edema"] == "0.0"
    assert rows["b.txt"]["Fracture"] == ""
    desk.session.export(tmp_path / "labels.json")
    desk.settle()
    objects = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    labels = {o["id"]: o["labels"] for o in objects}
    assert labels["a.txt"]["Edema"] == "uncertain"
    assert labels["b.txt"]["Fracture"] is None


def test_an_export_that_cannot_be_written_says_why(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "one", a="Edema.")])
    desk.session.export(tmp_path / "nowhere" / "labels.csv")
    desk.session.export(tmp_path / "labels.doc")
    desk.settle()
    shown = "\n".join(desk.window.messages.texts())
    assert "folder does not exist" in shown
    assert "labels.doc" in shown


def test_closing_gives_the_engine_back(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "one", a="Edema.")])
    desk.window.close()
    assert desk.labeler.closed


def test_a_report_without_text_says_why_and_is_passed(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "mixed", a="", b="Edema.")])
    assert desk.current() == "a.txt"
    assert desk.session.page is not None
    assert desk.session.page.entry.error
    assert desk.row("Edema").certainty is None
    desk.press(Qt.Key.Key_Space)
    assert desk.current() == "b.txt"
    assert desk.stored("a.txt").entry.status is ReviewStatus.UNREVIEWED


def test_a_file_opened_twice_is_there_once(desk: Desk, tmp_path: Path) -> None:
    place = folder(tmp_path / "one", a="Edema.", b="No edema.")
    desk.start([place])
    desk.press("e", "-")
    desk.session.open_paths([place])
    desk.settle()
    assert desk.session.reports.rowCount() == 2
    assert desk.labeler.seen == ["a.txt", "b.txt"]
    assert desk.row("Edema").certainty is Certainty.UNCERTAIN
