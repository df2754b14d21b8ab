"""Print the lock of the app: what is installed of its requirements, and of theirs in turn.

The extra `formats` is part of it: `make run` gives all formats, while a plain `pip install` may do
without its large libraries.
"""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement

ROOT = "chexdesk"
EXTRAS = {ROOT: ("", "formats")}


def main() -> None:
    """Walk the requirements from `chexdesk` with the extra `formats`."""
    waiting = [ROOT]
    versions: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        extras = EXTRAS.get(name, ("",))
        for line in distribution(name).requires or []:
            needed = Requirement(line)
            marker = needed.marker
            if marker is not None and not any(marker.evaluate({"extra": e}) for e in extras):
                continue
            name = needed.name.lower().replace("_", "-")
            if name not in versions:
                versions[name] = distribution(name).version
                waiting.append(name)
    for name in sorted(versions):
        print(f"{name}=={versions[name]}")


if __name__ == "__main__":
    main()
