"""Every shortcut of the window. The findings' own letters come from the label set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from PySide6.QtGui import QKeySequence

from chexdesk.labels import Certainty, LabelSet


class Command(Enum):
    """What a key can ask for."""

    PASTE = "paste"
    OPEN_FILES = "open_files"
    OPEN_FOLDER = "open_folder"
    OPEN_SAMPLES = "open_samples"
    EXPORT = "export"
    QUIT = "quit"
    UNDO = "undo"
    REDO = "redo"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    NOT_MENTIONED = "not_mentioned"
    ACCEPT = "accept"
    NEXT_REPORT = "next_report"
    PREVIOUS_REPORT = "previous_report"
    NEXT_FINDING = "next_finding"
    PREVIOUS_FINDING = "previous_finding"
    SCROLL_DOWN = "scroll_down"
    SCROLL_UP = "scroll_up"
    CANCEL_LABELLING = "cancel_labelling"
    LABEL_ALL = "label_all"
    FLAG = "flag"
    NOTE = "note"
    FOLLOW = "follow"
    QUEUES = "queues"
    SEARCH = "search"
    SETTINGS = "settings"
    DISMISS = "dismiss"
    ABOUT = "about"
    PAGE_REVIEW = "page_review"
    PAGE_COMPARE = "page_compare"
    PAGE_OVERVIEW = "page_overview"
    PAGE_MODELS = "page_models"


# CheXpert's own values name three of the certainties; blank is what Backspace leaves.
CERTAINTY_COMMANDS: Final[dict[Command, Certainty]] = {
    Command.POSITIVE: Certainty.POSITIVE,
    Command.NEGATIVE: Certainty.NEGATIVE,
    Command.UNCERTAIN: Certainty.UNCERTAIN,
    Command.NOT_MENTIONED: Certainty.NOT_MENTIONED,
}

_SEQUENCES: Final[dict[Command, tuple[str, ...]]] = {
    Command.PASTE: ("Ctrl+V",),
    Command.OPEN_FILES: ("Ctrl+O",),
    Command.OPEN_FOLDER: ("Ctrl+Shift+O",),
    Command.OPEN_SAMPLES: (),
    Command.EXPORT: ("Ctrl+E",),
    Command.QUIT: ("Ctrl+Q",),
    Command.UNDO: ("Ctrl+Z",),
    Command.REDO: ("Ctrl+Shift+Z", "Ctrl+Y"),
    Command.POSITIVE: ("1",),
    Command.NEGATIVE: ("0",),
    Command.UNCERTAIN: ("-",),
    Command.NOT_MENTIONED: ("Backspace", "Del"),
    Command.ACCEPT: ("Space",),
    Command.NEXT_REPORT: ("Right", "PgDown"),
    Command.PREVIOUS_REPORT: ("Left", "PgUp"),
    Command.NEXT_FINDING: ("Down",),
    Command.PREVIOUS_FINDING: ("Up",),
    Command.SCROLL_DOWN: ("Shift+Down",),
    Command.SCROLL_UP: ("Shift+Up",),
    Command.CANCEL_LABELLING: ("Ctrl+.",),
    Command.LABEL_ALL: (),
    Command.FLAG: ("S",),
    Command.NOTE: ("W",),
    Command.FOLLOW: ("Y",),
    Command.QUEUES: ("Q",),
    Command.SEARCH: ("/", "Ctrl+F"),
    Command.SETTINGS: ("Ctrl+,",),
    Command.DISMISS: ("Esc",),
    Command.ABOUT: (),
    Command.PAGE_REVIEW: ("Ctrl+1",),
    Command.PAGE_COMPARE: ("Ctrl+2",),
    Command.PAGE_OVERVIEW: ("Ctrl+3",),
    Command.PAGE_MODELS: ("Ctrl+4",),
}

PAGE_COMMANDS: Final = (
    Command.PAGE_REVIEW,
    Command.PAGE_COMPARE,
    Command.PAGE_OVERVIEW,
    Command.PAGE_MODELS,
)

# What works on every page; all else would act on a report that is out of sight.
EVERYWHERE: Final = frozenset(
    {
        Command.PASTE,
        Command.OPEN_FILES,
        Command.OPEN_FOLDER,
        Command.OPEN_SAMPLES,
        Command.EXPORT,
        Command.QUIT,
        Command.CANCEL_LABELLING,
        Command.LABEL_ALL,
        Command.DISMISS,
        Command.ABOUT,
        Command.SETTINGS,
        *PAGE_COMMANDS,
    }
)


# What a key held down may do again and again; nobody means to accept a whole list.
REPEATING: Final = frozenset(
    {
        Command.UNDO,
        Command.REDO,
        Command.NEXT_REPORT,
        Command.PREVIOUS_REPORT,
        Command.NEXT_FINDING,
        Command.PREVIOUS_FINDING,
        Command.SCROLL_DOWN,
        Command.SCROLL_UP,
    }
)


def sequences(command: Command) -> list[QKeySequence]:
    """The key sequences of a command, the one to be shown first; none for a menu's own."""
    return [QKeySequence(text) for text in _SEQUENCES[command]]


def clashes(label_set: LabelSet) -> list[str]:
    """Letters of findings that a command takes already; empty when all can be reached."""
    taken = {text.upper() for texts in _SEQUENCES.values() for text in texts}
    return [f.key for f in label_set.findings if f.key.upper() in taken]


@dataclass(frozen=True)
class Hint:
    """One entry of the key legend.

    Attributes:
        caps: the keys as drawn.
        words: what they do.
        certainty: the one they set, whose line is drawn under the words.
    """

    caps: tuple[str, ...]
    words: str
    certainty: Certainty | None = None


# The most needed first: where the strip is too narrow the last ones give way.
LEGEND: Final[tuple[Hint, ...]] = (
    Hint(("↑", "↓"), "finding, or its letter"),
    Hint(("1",), "positive", Certainty.POSITIVE),
    Hint(("0",), "negative", Certainty.NEGATIVE),
    Hint(("-",), "uncertain", Certainty.UNCERTAIN),
    Hint(("⌫",), "not mentioned"),
    Hint(("Space",), "accept, next"),
    Hint(("←", "→"), "report"),
    Hint(("Ctrl+Z",), "undo"),
    Hint(("S",), "flag"),
    Hint(("W",), "note"),
    Hint(("Q",), "queues"),
    Hint(("/",), "search"),
    Hint(("Ctrl+V",), "paste"),
    Hint(("Ctrl+O",), "open"),
    Hint(("Ctrl+E",), "export"),
)

# Whose keys they are, hint by hint.
LEGEND_COMMANDS: Final[tuple[tuple[Command, ...], ...]] = (
    (Command.PREVIOUS_FINDING, Command.NEXT_FINDING),
    (Command.POSITIVE,),
    (Command.NEGATIVE,),
    (Command.UNCERTAIN,),
    (Command.NOT_MENTIONED,),
    (Command.ACCEPT,),
    (Command.PREVIOUS_REPORT, Command.NEXT_REPORT),
    (Command.UNDO,),
    (Command.FLAG,),
    (Command.NOTE,),
    (Command.QUEUES,),
    (Command.SEARCH,),
    (Command.PASTE,),
    (Command.OPEN_FILES,),
    (Command.EXPORT,),
)

# On pages that are read rather than worked through.
PAGES_LEGEND: Final[tuple[Hint, ...]] = (
    Hint(("Ctrl+1",), "review"),
    Hint(("Ctrl+2",), "compare"),
    Hint(("Ctrl+3",), "overview"),
    Hint(("Ctrl+4",), "models"),
    Hint(("Tab",), "next part"),
    Hint(("Enter",), "open"),
)
