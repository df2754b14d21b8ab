"""Zip packages (Word, Excel), opened so that a small file cannot unpack to a huge one."""

from __future__ import annotations

from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from chexdesk.reports.readers.base import ReadError
from chexdesk.reports.readers.parsing import megabytes

ZIP_MAGIC: Final = b"PK\x03\x04"
#: What Microsoft's programs wrote before 2007, and wrap around a file with a password since.
OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: More parts than this no office program writes.
MOST_PARTS: Final = 20_000
_ENCRYPTED: Final = 0x1


def open_package(stream: BinaryIO, name: str, what: str, most: int) -> ZipFile:
    """A zip package whose parts unpack to at most so many bytes.

    The zip module never unpacks more of a part than the directory declares, so the declared sizes
    are a limit that a hostile file cannot get round.

    Args:
        name: the input as the user named it.
        what: the format, for messages ("an Excel file").
        most: the limit of all parts together, in bytes.

    Raises:
        ReadError: it is no zip file, is damaged, has a password, or would unpack to more.
    """
    start = stream.read(len(OLE_MAGIC))
    stream.seek(0)
    if start == OLE_MAGIC:
        raise ReadError(
            name,
            f"is not {what} of today but an old one, or one with a password. Open it, take the "
            "password off and save it anew.",
        )
    try:
        package = ZipFile(stream)
    except (BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise ReadError(
            name, f"is damaged or not {what}. Open it in its program and save it anew."
        ) from error
    parts = package.infolist()
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > most:
        raise ReadError(
            name,
            f"is {what} that unpacks to more than {megabytes(most)}. Split it into smaller files, "
            "or save it as CSV or text.",
        )
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise ReadError(name, f"is {what} with a password. Save it without one.")
    return package
