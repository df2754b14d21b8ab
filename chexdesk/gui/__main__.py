"""The window: `python -m chexdesk.gui`, and the windowed program of the bundle."""

from __future__ import annotations

import multiprocessing


def main() -> None:
    """Open the window on the files and folders of the command line, and exit with its status."""
    # In the bundle a worker process starts here, too, and goes no further than this line; so
    # what only the window needs is imported below it.
    multiprocessing.freeze_support()
    import argparse
    from pathlib import Path

    parser = argparse.ArgumentParser(prog="chexdesk-gui", description="Open the window.")
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="a file or folder")
    parser.add_argument("--model", metavar="PACK", type=Path, help="a model pack's folder")
    given = parser.parse_args()

    from chexdesk.gui import app

    raise SystemExit(app.run(given.paths, pack=given.model))


if __name__ == "__main__":
    main()
