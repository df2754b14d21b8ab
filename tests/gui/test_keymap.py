"""Keys as the user wants them: changed in the settings, kept, shown, and never two for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QKeySequence

from chexdesk.gui import keys
from chexdesk.gui.keymap import Keymap
from chexdesk.gui.keys import Command
from chexdesk.labels import Certainty, chexpert14

LABELS = chexpert14()


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def again(settings: QSettings) -> Keymap:
    """The keymap of the next start."""
    settings.sync()
    return Keymap(LABELS, QSettings(settings.fileName(), QSettings.Format.IniFormat))


def test_no_two_shipped_keys_are_the_same() -> None:
    given = [key.toString() for command in Command for key in keys.sequences(command)]
    given += [finding.key.upper() for finding in LABELS.findings]
    assert len(given) == len(set(given))


def test_a_changed_key_is_kept(settings: QSettings) -> None:
    keymap = Keymap(LABELS, settings)
    assert keymap.give(Command.ACCEPT, "Ctrl+Return")
    assert keymap.give("Edema", "B")
    later = again(settings)
    assert [key.toString() for key in later.sequences(Command.ACCEPT)] == ["Ctrl+Return"]
    assert later.key("Edema") == "B"
    assert later.label_set.findings[LABELS.index("Edema")].key == "b"
    later.reset()
    assert again(settings).key("Edema") == "E"


def test_a_taken_key_is_refused(settings: QSettings) -> None:
    keymap = Keymap(LABELS, settings)
    assert not keymap.give(Command.FLAG, "E")
    assert not keymap.give("Edema", "S")
    assert not keymap.give("Edema", "A")
    assert not keymap.give(Command.FLAG, "Ctrl+Y")
    assert keymap.holder("e") == "Edema"
    assert keymap.holder("Ctrl+Y") is Command.REDO
    assert keymap.holder("B") is None


def test_two_keys_are_swapped_by_way_of_a_third(settings: QSettings) -> None:
    keymap = Keymap(LABELS, settings)
    for what, key in (("Edema", "B"), ("Fracture", "E"), ("Edema", "R")):
        assert keymap.give(what, key)
    later = again(settings)
    assert (later.key("Edema"), later.key("Fracture")) == ("R", "E")


@pytest.mark.parametrize("key", ["", "Ctrl+E", "F5", "-", "Space"])
def test_a_findings_key_is_one_letter(settings: QSettings, key: str) -> None:
    assert not Keymap(LABELS, settings).give("Edema", key)


def test_nonsense_in_the_file_leaves_the_shipped_keys(settings: QSettings) -> None:
    settings.setValue("keys/flag", "E")
    settings.setValue("keys/note", "no key at all, surely")
    settings.setValue("keys/finding/Fracture", "Ctrl+R")
    settings.setValue("keys/finding/Pneumonia", "A")
    settings.setValue("keys/nobody", "B")
    keymap = again(settings)
    assert keymap.key(Command.FLAG) == "S"
    assert keymap.key("Fracture") == "R"
    assert keymap.key("Pneumonia") == "P"
    taken = [key for _, key in keymap._all()]
    assert len(taken) == len(set(taken))


def test_a_key_changed_in_the_settings_works_and_is_shown_at_once(
    desk: Desk, tmp_path: Path
) -> None:
    desk.start([folder(tmp_path / "one", a="There is mild edema.")])
    dialog = desk.window.open_settings()
    press(desk, dialog.fields["Edema"], "B")
    press(desk, dialog.fields[Command.NEGATIVE], "2")
    dialog.close()
    desk.window.activateWindow()
    desk.settle()
    assert desk.row("Edema").finding.key == "b"
    assert "2: negative" in desk.window.legend.accessibleName()
    desk.press("n", "b", "2")
    decisions = desk.stored("a.txt").decisions
    assert decisions is not None
    assert decisions[LABELS.index("Edema")] is Certainty.NEGATIVE
    desk.press("n", "e")
    assert desk.session.finding == LABELS.index("No Finding")


def test_the_settings_name_who_has_a_key(desk: Desk) -> None:
    desk.start()
    dialog = desk.window.open_settings()
    press(desk, dialog.fields[Command.FLAG], "E")
    assert dialog.said.text() == "E is taken by “Edema”. Give that another key first."
    assert dialog.fields[Command.FLAG].keySequence() == QKeySequence("S")
    press(desk, dialog.fields["Edema"], "F5")
    assert "single letter" in dialog.said.text()
    press(desk, dialog.fields[Command.FLAG], "F7")
    assert desk.window.keymap.key(Command.FLAG) == "F7"
    desk.qtbot.mouseClick(dialog.restore, Qt.MouseButton.LeftButton)
    assert desk.window.keymap.key(Command.FLAG) == "S"
    assert dialog.fields[Command.FLAG].keySequence() == QKeySequence("S")
    dialog.close()


def test_every_command_can_be_given_a_key(desk: Desk) -> None:
    dialog = desk.window.open_settings()
    assert set(dialog.fields) == {*Command, *LABELS.names}
    dialog.close()


def press(desk: Desk, field: object, key: str) -> None:
    """Press a key in a field of the settings."""
    from chexdesk.gui.settings_dialog import KeyField

    assert isinstance(field, KeyField)
    field.setFocus()
    code = getattr(Qt.Key, f"Key_{key}")
    with desk.qtbot.waitSignal(field.editingFinished, timeout=10_000):
        desk.qtbot.keyClick(field, code)
