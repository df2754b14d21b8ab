"""Print the lock of the app: what is installed of its requirements, and of theirs in turn."""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement


def main() -> None:
    """Walk the requirements from `chexdesk` without its extras."""
    waiting = ["chexdesk"]
    versions: dict[str, str] = {}
    while waiting:
        found = distribution(waiting.pop())
        for line in found.requires or []:
            needed = Requirement(line)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            name = needed.name.lower().replace("_", "-")
            if name not in versions:
                versions[name] = distribution(name).version
                waiting.append(name)
    for name in sorted(versions):
        print(f"{name}=={versions[name]}")


if __name__ == "__main__":
    main()
