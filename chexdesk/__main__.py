"""The command line: `python -m chexdesk`, and the console program of the bundle."""

from __future__ import annotations

import multiprocessing


def main() -> None:
    """Run the command line."""
    # In the bundle a worker process starts here, too, and goes no further than this line; so
    # what only the command line needs is imported below it.
    multiprocessing.freeze_support()
    from chexdesk import cli

    cli.main()


if __name__ == "__main__":
    main()
