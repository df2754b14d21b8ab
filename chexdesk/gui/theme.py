"""Every colour, line style and measure of the window, light and dark.

The three certainties take hues of Okabe and Ito's colour-blind-safe set (vermillion, blue,
reddish purple), darkened or lightened until they read as text on their ground. Colour never
carries a meaning alone: each certainty also has its own line style and its own sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from chexdesk.labels import Certainty


class Appearance(Enum):
    """Which theme the user asks for."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


_PROPERTY: Final = "appearance"
_SCHEMES: Final = {
    Appearance.SYSTEM: Qt.ColorScheme.Unknown,
    Appearance.LIGHT: Qt.ColorScheme.Light,
    Appearance.DARK: Qt.ColorScheme.Dark,
}


@dataclass(frozen=True)
class Theme:
    """The colours of one appearance, as `#rrggbb`.

    Attributes:
        window, surface, raised: grounds, from the frame to the page to a chip on it.
        line: hairlines between parts; key_edge: the lower edge of a drawn key.
        text, muted, faint: words, from the report to a heading to what may be overlooked.
        accent, accent_ground: the selected row.
        inks: the colour of each certainty, as text and as line.
        tints: its pale ground, for chips and for lit words.
        on_ink: words on a filled chip.
        warning, warning_ground, error, error_ground, info_ground: message strips and signs.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    line: str
    key_edge: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_ground: str
    inks: dict[Certainty, str]
    tints: dict[Certainty, str]
    on_ink: str
    warning: str
    warning_ground: str
    error: str
    error_ground: str
    info_ground: str


LIGHT: Final = Theme(
    dark=False,
    window="#f3f4f6",
    surface="#ffffff",
    raised="#eceef1",
    line="#d9dde3",
    key_edge="#c3c9d1",
    text="#1c2128",
    muted="#565f6c",
    faint="#5e6774",
    accent="#2f5f8f",
    accent_ground="#e4edf7",
    inks={
        Certainty.POSITIVE: "#b04300",
        Certainty.NEGATIVE: "#00609e",
        Certainty.UNCERTAIN: "#94386d",
        Certainty.NOT_MENTIONED: "#5c6572",
    },
    tints={
        Certainty.POSITIVE: "#fdebdf",
        Certainty.NEGATIVE: "#e0effa",
        Certainty.UNCERTAIN: "#f8e6f0",
        Certainty.NOT_MENTIONED: "#eceef1",
    },
    on_ink="#ffffff",
    warning="#855700",
    warning_ground="#fdf3d7",
    error="#a3242c",
    error_ground="#fce8e8",
    info_ground="#e8eff8",
)

DARK: Final = Theme(
    dark=True,
    window="#16191d",
    surface="#1e2227",
    raised="#2b3037",
    line="#373d46",
    key_edge="#0e1013",
    text="#e6e9ed",
    muted="#a9b1bc",
    faint="#9ba4b0",
    accent="#8fbcea",
    accent_ground="#27384b",
    inks={
        Certainty.POSITIVE: "#ff9d66",
        Certainty.NEGATIVE: "#74bdf2",
        Certainty.UNCERTAIN: "#eaa3cb",
        Certainty.NOT_MENTIONED: "#9ba4b0",
    },
    tints={
        Certainty.POSITIVE: "#47301f",
        Certainty.NEGATIVE: "#1d384c",
        Certainty.UNCERTAIN: "#452b3c",
        Certainty.NOT_MENTIONED: "#2b3037",
    },
    on_ink="#15181c",
    warning="#f0c25a",
    warning_ground="#3c331b",
    error="#ff9c9c",
    error_ground="#44262a",
    info_ground="#233447",
)


class Stroke(Enum):
    """How an underline is drawn."""

    SOLID = "solid"
    DASHED = "dashed"
    WAVY = "wavy"
    NONE = "none"


STROKES: Final[dict[Certainty, Stroke]] = {
    Certainty.POSITIVE: Stroke.SOLID,
    Certainty.NEGATIVE: Stroke.DASHED,
    Certainty.UNCERTAIN: Stroke.WAVY,
    Certainty.NOT_MENTIONED: Stroke.NONE,
}

SIGNS: Final[dict[Certainty, str]] = {
    Certainty.POSITIVE: "+",
    Certainty.NEGATIVE: "\N{MINUS SIGN}",
    Certainty.UNCERTAIN: "?",
    Certainty.NOT_MENTIONED: "\N{MIDDLE DOT}",
}

# A decision less sure than this is worth a second look; half of it is worth a glance.
DOUBTFUL: Final = 0.30


def of(widget: QWidget) -> Theme:
    """The theme whose palette a widget wears."""
    return DARK if widget.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def appearance() -> Appearance:
    """What the user asked for."""
    return Appearance(_app().property(_PROPERTY) or Appearance.SYSTEM.value)


def wear(look: Appearance) -> None:
    """Dress the application; call with `appearance()` when the system's scheme changes."""
    app = _app()
    app.setProperty(_PROPERTY, look.value)
    hints = QGuiApplication.styleHints()
    # The system's own parts (title bar, file dialogs) follow where the platform lets them.
    hints.setColorScheme(_SCHEMES[look])
    dark = look is Appearance.DARK or (
        look is Appearance.SYSTEM and hints.colorScheme() == Qt.ColorScheme.Dark
    )
    theme = DARK if dark else LIGHT
    app.setPalette(_palette(theme))
    app.setStyleSheet(_style_sheet(theme))


def _app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


def scaled(font: QFont, factor: float, *, bold: bool = False) -> QFont:
    """A copy of a font in another size and weight."""
    copy = QFont(font)
    if copy.pointSizeF() > 0:
        copy.setPointSizeF(copy.pointSizeF() * factor)
    else:
        copy.setPixelSize(round(copy.pixelSize() * factor))
    copy.setBold(bold)
    return copy


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    rgb = QColor(colour)
    red, green, blue = (linear(float(c)) for c in (rgb.redF(), rgb.greenF(), rgb.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, colour in (
        (role.Window, theme.window),
        (role.WindowText, theme.text),
        (role.Base, theme.surface),
        (role.AlternateBase, theme.raised),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.faint),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.error),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_ink),
        (role.Link, theme.accent),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text),
        (role.Light, theme.raised),
        (role.Midlight, theme.line),
        (role.Mid, theme.line),
        (role.Dark, theme.faint),
    ):
        palette.setColor(which, QColor(colour))
    for which in (role.Text, role.ButtonText, role.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.faint))
    return palette


def _style_sheet(theme: Theme) -> str:
    return f"""
    QToolTip {{ background: {theme.raised}; color: {theme.text};
        border: 1px solid {theme.line}; padding: 6px; }}
    QMenuBar {{ background: {theme.window}; padding: 2px 6px; }}
    QMenuBar::item {{ padding: 4px 9px; border-radius: 5px; background: transparent; }}
    QMenuBar::item:selected {{ background: {theme.raised}; }}
    QSplitter::handle {{ background: {theme.line}; }}
    QListView, QTableView {{ background: {theme.surface}; border: none; outline: none; }}
    QStatusBar {{ background: {theme.window}; color: {theme.muted};
        border-top: 1px solid {theme.line}; }}
    QStatusBar {{ min-height: 30px; }}
    QStatusBar::item {{ border: none; }}
    QLabel[quiet="true"] {{ color: {theme.muted}; }}
    QPushButton {{ background: {theme.surface}; color: {theme.text};
        border: 1px solid {theme.line}; border-radius: 6px; padding: 5px 14px; }}
    QPushButton:hover {{ background: {theme.raised}; }}
    QPushButton:focus {{ border: 2px solid {theme.accent}; padding: 4px 13px; }}
    QPushButton:disabled {{ color: {theme.faint}; }}
    QPushButton[primary="true"] {{ background: {theme.accent}; color: {theme.on_ink};
        border-color: {theme.accent}; }}
    QPushButton[primary="true"]:focus {{ border: 2px solid {theme.text}; }}
    QLineEdit {{ background: {theme.surface}; color: {theme.text};
        border: 1px solid {theme.line}; border-radius: 6px; padding: 3px 7px; }}
    QLineEdit:focus {{ border: 2px solid {theme.accent}; padding: 2px 6px; }}
    QPushButton[primary="true"]:disabled {{ background: {theme.raised}; color: {theme.faint};
        border-color: {theme.line}; }}
    QListWidget::item {{ padding: 9px 14px; color: {theme.text}; }}
    QListWidget::item:selected {{ background: {theme.accent_ground}; color: {theme.text};
        border-left: 3px solid {theme.accent}; padding-left: 11px; }}
    QProgressBar {{ background: {theme.raised}; border: none; border-radius: 3px;
        max-height: 6px; min-height: 6px; }}
    QProgressBar::chunk {{ background: {theme.accent}; border-radius: 3px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {theme.line}; border-radius: 4px;
        min-height: 28px; margin: 1px; }}
    QScrollBar::handle:vertical:hover {{ background: {theme.faint}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    """
