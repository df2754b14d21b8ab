"""PDF with a text layer: one file, one report; its pages follow one another."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any, Final

from chexdesk.reports.readers import base, parsing
from chexdesk.reports.report import Report

_WHAT: Final = "a PDF"
_ADVICE: Final = "Open it and save or print it as a PDF again, or save it as plain text."
_MAGIC: Final = b"%PDF-"
#: The specification lets other bytes stand before the header, within the first kilobyte.
_MAGIC_WITHIN: Final = 1024

#: More pages than this are no report.
MOST_PAGES: Final = 200
#: Drawing operations of all pages together.
MOST_OPERATIONS: Final = 500_000
#: What draws the pages, unpacked, all together, in bytes.
LARGEST_CONTENT: Final = 4 << 20
#: Drawings within drawings, for each page.
MOST_FORMS: Final = 500
#: One compressed stream, unpacked, in bytes.
LARGEST_STREAM: Final = 32 << 20

_LIMITS: Final = {
    "zlib_maximum_output_length": LARGEST_STREAM,
    "lzw_maximum_output_length": LARGEST_STREAM,
    "run_length_maximum_output_length": LARGEST_STREAM,
    "array_based_stream_maximum_output_length": LARGEST_STREAM,
    "stream_parsing_work_maximum_count": MOST_OPERATIONS,
    "xform_maximum_invocations_per_extraction": MOST_FORMS,
}

#: Printers set two letters as one sign and take tabs for spaces; a report is read by its words.
_PLAIN: Final = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\t": " "}
)

# The library's warnings quote the file, and no logger of ours is above it.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


class _Budget:
    """Counts drawing operations and ends the work where there are too many."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MOST_OPERATIONS

    def take(self, *_operation: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise base.ReadError(
                self._name,
                f"is {_WHAT} of more than {MOST_OPERATIONS:,} drawing operations. Save its text.",
            )


def text_of(data: bytes, name: str) -> str:
    """The text layer of a PDF.

    Args:
        name: of the file it is or is in, for messages.

    Raises:
        ReadError: it is no PDF, is damaged, has a password or no text layer, or goes beyond the
            limits above.
    """
    with parsing.parsing(name, _WHAT, _ADVICE):
        from pypdf import PdfReader, apply_configuration
        from pypdf.errors import DependencyError, LimitReachedError

        with apply_configuration(**_LIMITS):
            try:
                document = PdfReader(io.BytesIO(data))
                if document.is_encrypted and not document.decrypt(""):
                    raise base.ReadError(name, f"is {_WHAT} with a password. Save it without one.")
                pages = len(document.pages)
                if pages > MOST_PAGES:
                    raise base.ReadError(
                        name, f"is {_WHAT} of more than {MOST_PAGES} pages. Split it by report."
                    )
                text = _pages(document, name)
            except DependencyError as error:
                raise base.ReadError(
                    name, f"is {_WHAT} that is encrypted. Save it without protection."
                ) from error
            except LimitReachedError as error:
                raise base.ReadError(
                    name,
                    f"is {_WHAT} that unpacks to more than {parsing.megabytes(LARGEST_STREAM)} in "
                    "one piece. Save it as plain text.",
                ) from error
    if not text.strip():
        raise base.ReadError(
            name,
            f"is {_WHAT} without a text layer: a scan, or empty. Run a text recognition (OCR) on "
            "it first.",
        )
    return text


def _pages(document: Any, name: str) -> str:
    budget = _Budget(name)
    texts: list[str] = []
    length = drawn = 0
    for page in document.pages:
        content = page.get_contents()
        drawn += 0 if content is None else len(content.get_data())
        if drawn > LARGEST_CONTENT:
            size = parsing.megabytes(LARGEST_CONTENT)
            raise base.ReadError(name, f"is {_WHAT} with more than {size} of drawing. {_ADVICE}")
    for page in document.pages:
        texts.append(page.extract_text(visitor_operand_before=budget.take))
        length += len(texts[-1])
        if length > parsing.LONGEST_TEXT:
            raise base.ReadError(name, f"is {_WHAT} with too much text. Split it by report.")
    return "\n".join(texts).translate(_PLAIN)


def _claims(source: base.Source) -> bool:
    return source.head.startswith(_MAGIC)


def open_source(source: base.Source) -> base.Opened:
    """The file as one report, its id the file's name.

    Raises:
        ReadError: as `text_of`.
    """
    if _MAGIC not in source.head[:_MAGIC_WITHIN]:
        raise base.ReadError(source.name, f"is damaged or not {_WHAT}. {_ADVICE}")

    def reports() -> Iterator[Report]:
        text = text_of(parsing.whole(source, _WHAT), source.name)
        yield base.report(source.report_id, text, source.name)

    return base.Opened(base.DEFAULT_ID_HEADER, reports())


READER: Final = base.Reader("pdf", (".pdf",), open_source, _claims)
