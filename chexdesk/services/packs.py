"""Model packs on this machine: which there are, what they are, which is used, bringing one in."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

from chexdesk import paths
from chexdesk.labeling.labeler import WINDOW, Labeler, ModelId, Prediction
from chexdesk.labeling.pack import (
    MANIFEST_FILE,
    MODEL_FILE,
    Pack,
    PackError,
    open_pack,
    verify_pack,
)
from chexdesk.labels import LabelSet
from chexdesk.reports.report import Report
from chexdesk.services.engines import open_labeler
from chexdesk.services.library import Library

__all__ = ["PackCard", "PackComparison", "PackError"]

_FILES: Final = (MODEL_FILE, MANIFEST_FILE)
_CHOICE: Final = "pack.json"
#: A manifest is a page of JSON; more in its place is something else.
_MANIFEST_BYTES: Final = 4_000_000
#: Of the pack that comes with ChexDesk, unless its manifest has words of its own.
_SHIPPED: Final = (
    "A small open language model, fine-tuned on English chest X-ray reports: reports of one "
    "American hospital with labels by radiologists, a public collection of another, and many "
    "reports written for the purpose. It knows no other language, no other examination and no "
    "images. At a hospital it has not seen it makes more mistakes: review a random sample of your "
    "own reports before you rely on it."
)
_SETS: Final = {
    "cross_validated_on_feedback": "on radiologists’ labels it had not seen (cross-validation)"
}
_FIGURES: Final = {
    "reports": "reports",
    "macro_f1": "macro F1",
    "uncertain_f1": "uncertain F1",
    "errors_a_report": "errors a report",
}


@dataclass(frozen=True)
class PackCard:
    """What is told of a pack.

    Attributes:
        shipped: whether it came with ChexDesk, and so cannot be removed.
        trained_on: plain words on what it learnt from.
        figures: (set, [(figure, value)]) of what its manifest says it scored.
        checked: words on how far it says what the trained model said; "" where unknown.
        problem: why it cannot be used, or "".
    """

    folder: Path
    shipped: bool
    model: ModelId
    megabytes: float = 0.0
    quantization: str = ""
    base: str = ""
    trained_on: str = ""
    figures: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    checked: str = ""
    problem: str = ""


@dataclass(frozen=True)
class PackComparison:
    """Two packs on the same reports.

    Attributes:
        reports: compared. alike: decisions, of `decisions`, that both make.
        by_finding: for each finding in label order the reports on which they differ.
        keys: the reports on which they differ in anything.
    """

    one: ModelId
    other: ModelId
    reports: int
    decisions: int
    alike: int
    by_finding: tuple[int, ...]
    keys: frozenset[int]


def folder() -> Path:
    """Where brought-in packs lie."""
    return paths.home() / "models"


def installed(label_set: LabelSet) -> list[PackCard]:
    """All packs, the shipped one first; a damaged one too, with its problem."""
    places = [paths.default_pack()] if paths.default_pack().is_dir() else []
    if folder().is_dir():
        own = (place for place in folder().iterdir() if place.is_dir())
        places += sorted(place for place in own if not place.name.startswith("."))
    return [card(place, label_set) for place in places]


def card(place: Path, label_set: LabelSet) -> PackCard:
    """What a pack's manifest says of it."""
    shipped = place == paths.default_pack()
    try:
        pack = open_pack(place, label_set)
        size = pack.model_file.stat().st_size
    except (PackError, OSError) as error:
        return PackCard(place, shipped, ModelId(place.name, "", ""), problem=str(error))
    manifest = pack.manifest
    checked = manifest.get("verification")
    words = ""
    if isinstance(checked, dict) and {"agreement", "decisions"} <= checked.keys():
        words = (
            f"{100 * float(checked['agreement']):.1f} % of {int(checked['decisions']):,} decisions "
            "as the trained model makes them"
        )
    base = manifest.get("base")
    return PackCard(
        folder=place,
        shipped=shipped,
        model=pack.model,
        megabytes=size / 1e6,
        quantization=str(manifest.get("quantization", "")),
        base=str(base.get("name", "")) if isinstance(base, dict) else "",
        trained_on=_trained_on(manifest, shipped),
        figures=_figures(manifest),
        checked=words,
    )


def verify(given: PackCard, label_set: LabelSet) -> None:
    """Read the whole model file and hold it against its checksum. Takes seconds.

    Raises:
        PackError: it is damaged, replaced or unreadable.
    """
    verify_pack(open_pack(given.folder, label_set))


def bring_in(source: Path, label_set: LabelSet) -> PackCard:
    """Copy a pack, a folder or a ZIP file of one, among those of this machine; verified first.

    Bringing in one that is there already changes nothing.

    Raises:
        PackError: it is no pack, is damaged, is of another format, or cannot be copied.
    """
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with _beside(folder()) as place:
            _copy(source, place)
            pack = open_pack(place, label_set)
            verify_pack(pack)
            target = folder() / _name(pack)
            if not target.exists():
                place.rename(target)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, PackError):
            # The copy's own path would mean nothing to the user.
            raise PackError(str(error).replace(str(place), str(source))) from None
        raise PackError(f"{source} cannot be brought in: {error}. Nothing was changed.") from error
    return card(target, label_set)


def remove(given: PackCard) -> None:
    """Delete a brought-in pack's folder.

    Raises:
        PackError: it came with ChexDesk, or cannot be deleted.
    """
    if given.shipped or given.folder.parent != folder():
        raise PackError(f"{given.folder} came with ChexDesk and stays.")
    try:
        shutil.rmtree(given.folder)
    except OSError as error:
        raise PackError(f"{given.folder} cannot be removed ({error.strerror}).") from error


def chosen() -> Path | None:
    """The pack that was chosen; None for the shipped one, or where the chosen one is gone."""
    try:
        data = json.loads((paths.home() / _CHOICE).read_text(encoding="utf-8"))
        place = Path(str(data["pack"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return place if place.is_dir() else None


def choose(given: PackCard) -> None:
    """Use a pack from the next start on.

    Raises:
        PackError: the choice cannot be kept.
    """
    target = paths.home() / _CHOICE
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(json.dumps({"pack": str(given.folder)}), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise PackError(f"{target} cannot be written ({error.strerror}).") from error


def compare(
    library: Library,
    one: PackCard,
    other: PackCard,
    keys: list[int],
    go_on: Callable[[int], bool] = lambda done: True,
) -> PackComparison:
    """Label reports with two packs and count where they differ. Nothing is stored.

    Args:
        go_on: called with the number of reports labelled so far, of both packs together; False
            ends the comparison with the reports that both have done.

    Raises:
        LabelerError: a model cannot be loaded. StoreError: the library cannot be read.
    """
    known: list[tuple[int, Report]] = []
    for key in keys:
        detail = library.detail(key)
        if not detail.entry.error or detail.prediction is not None:
            known.append((key, Report(detail.entry.id, detail.text)))
    said: tuple[dict[int, Prediction], ...] = ({}, {})
    with ExitStack() as opened:
        labelers: list[Labeler] = []
        for each in (one, other):
            # Loading a model takes seconds, too.
            if not go_on(0):
                break
            labelers.append(open_labeler("llama", each.folder))
            opened.callback(labelers[-1].close)
        if len(labelers) == len(said):
            _label_by_turns(labelers, known, said, go_on)
    both = [
        (key, said[0][key].certainties, said[1][key].certainties)
        for key in said[0].keys() & said[1].keys()
        if not said[0][key].error and not said[1][key].error
    ]
    by_finding = [0] * len(library.label_set)
    for _, here, there in both:
        for place, (a, b) in enumerate(zip(here, there, strict=True)):
            by_finding[place] += a is not b
    decisions = len(both) * len(library.label_set)
    return PackComparison(
        one=one.model,
        other=other.model,
        reports=len(both),
        decisions=decisions,
        alike=decisions - sum(by_finding),
        by_finding=tuple(by_finding),
        keys=frozenset(key for key, here, there in both if here != there),
    )


def _label_by_turns(
    labelers: list[Labeler],
    known: list[tuple[int, Report]],
    said: tuple[dict[int, Prediction], ...],
    go_on: Callable[[int], bool],
) -> None:
    """Fill in what each says, window by window, so that an end leaves both with about the same."""
    reports = iter(known)
    while window := list(islice(reports, WINDOW)):
        for labeler, answers in zip(labelers, said, strict=True):
            stream = labeler.label([report for _, report in window])
            for (key, _), prediction in zip(window, stream, strict=True):
                answers[key] = prediction
                if not go_on(sum(map(len, said))):
                    return


def _trained_on(manifest: dict[str, Any], shipped: bool) -> str:
    said = manifest.get("trained_on")
    if isinstance(said, str) and said.strip():
        return said.strip()
    if shipped:
        return _SHIPPED
    calibration = manifest.get("calibration")
    fitted = calibration.get("fitted_on") if isinstance(calibration, dict) else None
    words = "Its maker does not say which reports it learnt from."
    if isinstance(fitted, str) and fitted:
        words += f" Its probabilities were fitted on {fitted}."
    return f"{words} Review a random sample of your own reports before you rely on it."


def _figures(manifest: dict[str, Any]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    metrics = manifest.get("metrics")
    if not isinstance(metrics, dict):
        return ()
    found = []
    for name, values in metrics.items():
        if isinstance(values, dict):
            rows = tuple(
                (_FIGURES.get(key, key.replace("_", " ")), _figure(value))
                for key, value in values.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            )
            found.append((_SETS.get(str(name), str(name).replace("_", " ")), rows))
    return tuple(found)


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _name(pack: Pack) -> str:
    plain = "".join(c if c.isalnum() or c in "-." else "-" for c in pack.model.name)[:60]
    version = "".join(c if c.isalnum() or c in "-." else "-" for c in pack.model.version)[:20]
    return f"{plain.strip('.')}-{version}-{pack.model.sha256[:8]}"


def _copy(source: Path, place: Path) -> None:
    if source.name in _FILES:
        source = source.parent
    if source.is_dir():
        for name in _FILES:
            if not (source / name).is_file():
                raise PackError(
                    f"there is no {name} in {source}; a pack has {' and '.join(_FILES)}"
                )
            shutil.copyfile(source / name, place / name)
        return
    if not zipfile.is_zipfile(source):
        raise PackError(f"{source} is neither a pack's folder nor a ZIP file of one")
    with zipfile.ZipFile(source) as archive:
        for name in _FILES:
            members = [m for m in archive.infolist() if PurePosixPath(m.filename).name == name]
            if len(members) != 1:
                raise PackError(f"{source} holds {len(members)} files {name}; a pack has one")
            if name == MANIFEST_FILE and members[0].file_size > _MANIFEST_BYTES:
                raise PackError(f"{source}: its {name} is too large to be one")
            # Only the bytes are taken: a member's own path never decides where they go.
            with archive.open(members[0]) as member, (place / name).open("wb") as file:
                shutil.copyfileobj(member, file, 1 << 20)


@contextmanager
def _beside(parent: Path) -> Iterator[Path]:
    """A folder that is gone at the end unless it was renamed."""
    place = Path(tempfile.mkdtemp(prefix=".partial-", dir=parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
