"""A round of active learning, on a tiny model: what is promoted, what is not, what stays locked."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from chexdesk.labeling.pack import open_pack, verify_pack
from chexdesk.labels import chexpert14
from chexdesk.services.wholefile import whole_file
from training import data, holdout, promotion, sft
from training import round as rounds

LABELS = chexpert14()
EFFUSION, HEART = LABELS.index("Pleural Effusion"), LABELS.index("Cardiomegaly")
SHARE = 0.3
WORDS = ["view", "left", "right", "base", "upper", "lower", "small", "chest", "film", "wire", "rib"]
#: What the first adapter was taught to say of every report, and what holds at the site: a tiny
#: model learns that in seconds.
TAUGHT = {EFFUSION: 0}
TRUE = {EFFUSION: 1, HEART: 0}

Row = dict[str, Any]


def rows(count: int, said: dict[int, int], seed: int) -> list[Row]:
    """Reviews in the form of `chexdesk reviews export`, no two of them near-duplicates."""
    rng = random.Random(seed)
    labels = [said.get(place) for place in range(len(LABELS))]
    texts = (" ".join(rng.choices(WORDS, k=9)) for _ in range(count))
    about = {"labels": labels, "reviewer": "tester", "status": "corrected"}
    return [{"id": f"{seed}-{n}", "text": text, **about} for n, text in enumerate(texts)]


def save(path: Path, reviews: list[Row]) -> Path:
    with whole_file(path) as stream:
        stream.writelines(json.dumps(row) + "\n" for row in reviews)
    return path


def scrambled(reviews: list[Row]) -> list[Row]:
    """The same reviews, those that are learnt from with each label moved to another finding."""
    return [
        row if holdout.in_holdout(row["id"], SHARE) else {**row, "labels": row["labels"][::-1]}
        for row in reviews
    ]


TRAINING: dict[str, Any] = {
    "seed": 3,
    "max_tokens": 64,
    "lora": {"rank": 8, "alpha": 16},
    "epochs": 3,
    "batch": 8,
    "rate": 0.01,
    "warmup": 0.05,
    "held_out": 0.0,
    "check_every": 10,
    "patience": 6,
    "near_duplicates": False,
}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, loud_base: Path) -> Path:
    """An adapter that learnt something else, with a card like a published one's."""
    folder = tmp_path_factory.mktemp("start")
    gold = save(folder / "gold.jsonl", rows(48, TAUGHT, 1))
    config = sft.Config(
        out=folder, base=loud_base, sources=[data.SourceSpec("toy", str(gold))], **TRAINING
    )
    adapter = sft.train(config)
    card = {"name": "toy", "version": "1.0", "calibration": {"temperature": 1.5}}
    (adapter / "adapter.json").write_text(json.dumps(card))
    return adapter


@pytest.fixture
def command(tmp_path: Path, start: Path, loud_base: Path) -> list[str]:
    """A round's arguments but for the reviews: 20 held-out reports are enough here."""
    bank = tmp_path / "bank.txt"
    bank.write_text("fluid. | PE+ Card-\n")
    settings = {
        "holdout": SHARE,
        "tolerance": 0.1,
        "minimum": 20,
        "site": {"repeat": 1},
        "training": {**TRAINING, "sources": [{"name": "replay", "path": str(bank), "repeat": 2}]},
    }
    config = tmp_path / "round.yaml"
    config.write_text(yaml.safe_dump(settings))
    given = ["--start", start, "--base", loud_base, "--config", config, "--out", tmp_path / "site"]
    return [str(each) for each in given]


def with_reviews(command: list[str], path: Path) -> list[str]:
    return [*command, "--reviews", str(path)]


SITE = rows(90, TRUE, 2)


def test_a_round_that_learns_is_promoted(
    tmp_path: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    reviews = save(tmp_path / "reviews.jsonl", SITE)
    assert rounds.main(with_reviews(command, reviews)) == rounds.PROMOTED
    site = tmp_path / "site"
    pack = open_pack(site / "pack", LABELS)
    verify_pack(pack)
    (history,) = [json.loads(line) for line in (site / "rounds.jsonl").read_text().splitlines()]
    assert history["promoted"]
    assert history["errors"]["after"] < history["errors"]["before"] - 0.1
    assert history["errors"]["interval"][1] < 0
    assert pack.manifest["version"] == f"1.0+round.{history['round']}"
    assert pack.calibration.temperature == 1.5
    # Whatever was written or said: no report's text beyond the reviews file itself.
    said = "".join(capfd.readouterr())
    written = [p.read_bytes().decode("utf-8", "replace") for p in site.rglob("*") if p.is_file()]
    assert "errors a report" in said
    for row in SITE:
        assert row["text"] not in said
        assert not any(row["text"] in content for content in written)


def test_a_round_that_unlearns_is_refused_and_leaves_no_pack(
    tmp_path: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    reviews = save(tmp_path / "reviews.jsonl", scrambled(rows(90, TAUGHT, 4)))
    assert rounds.main(with_reviews(command, reviews)) == rounds.WORSE
    site = tmp_path / "site"
    assert not (site / "pack").exists()
    assert "more errors a report" in capfd.readouterr().err
    (candidate,) = site.glob("round-*/adapter/adapter_model.safetensors")
    history = json.loads((site / "rounds.jsonl").read_text())
    assert not history["promoted"]
    assert history["round"] in str(candidate)


def test_too_few_reviews_are_an_error_and_lock_nothing(
    tmp_path: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    reviews = save(tmp_path / "reviews.jsonl", SITE[:24])
    assert rounds.main(with_reviews(command, reviews)) == rounds.NOTHING_DONE
    assert "20 are asked" in capfd.readouterr().err
    assert not (tmp_path / "site").exists()


def test_a_killed_round_goes_on_from_its_checkpoint(tmp_path: Path, command: list[str]) -> None:
    reviews = save(tmp_path / "reviews.jsonl", SITE)
    arguments = with_reviews(command, reviews)
    process = subprocess.Popen([sys.executable, "-m", "training.round", *arguments])
    site = tmp_path / "site"
    first = "round-*/checkpoints/checkpoint-10/trainer_state.json"
    while process.poll() is None and not list(site.glob(first)):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (state,) = site.glob(first)
    run = state.parents[2]
    assert not (run / "adapter").exists()
    written = state.stat().st_mtime_ns
    lock = (site / "holdout.json").read_bytes()
    # What a kill in the midst of writing a checkpoint leaves.
    (run / "checkpoints" / "checkpoint-99").mkdir()
    assert rounds.main(arguments) == rounds.PROMOTED
    assert (site / "holdout.json").read_bytes() == lock
    assert list(site.glob("round-*")) == [run]
    # It was not begun again: that would have written the checkpoint again.
    assert state.stat().st_mtime_ns == written
    assert len(list((run / "checkpoints").glob("checkpoint-*"))) > 1


def divided(tmp_path: Path, reviews: list[Row], minimum: int = 20) -> holdout.Parts:
    found = holdout.read(save(tmp_path / "reviews.jsonl", reviews), LABELS)
    return holdout.divide(found, tmp_path / "holdout.json", SHARE, minimum)


def ids(reviews: list[holdout.Reviewed]) -> set[str]:
    return {review.example.id for review in reviews}


def test_the_holdout_stays_locked_when_reviews_are_added(tmp_path: Path) -> None:
    first = divided(tmp_path, SITE)
    lock = (tmp_path / "holdout.json").read_bytes()
    more = rows(80, TRUE, 5)
    second = divided(tmp_path, more + SITE)
    assert (tmp_path / "holdout.json").read_bytes() == lock
    assert ids(second.holdout) == ids(first.holdout)
    assert ids(first.training) < ids(second.training)
    # What would have been drawn is kept apart, so that no later holdout was learnt from.
    assert len(second.reserve) > 10
    (tmp_path / "holdout.json").unlink()
    later = divided(tmp_path, more + SITE)
    assert ids(later.holdout) == ids(second.holdout) | ids(second.reserve)
    assert ids(later.training) == ids(second.training)


def test_another_text_under_a_locked_id_is_not_locked(tmp_path: Path) -> None:
    first = divided(tmp_path, SITE)
    known = next(row for row in SITE if row["id"] in ids(first.holdout))
    second = divided(tmp_path, [*SITE, {**known, "text": "something else altogether."}])
    assert len(second.holdout) == len(first.holdout)
    assert [review.example.id for review in second.reserve] == [known["id"]]


def test_near_duplicates_of_the_holdout_are_not_learnt_from(tmp_path: Path) -> None:
    held = next(row for row in SITE if holdout.in_holdout(row["id"], SHARE))
    copies = [{**held, "id": f"copy {number}", "text": held["text"].upper()} for number in range(9)]
    parts = divided(tmp_path, SITE + copies)
    apart = {row["id"] for row in copies if not holdout.in_holdout(row["id"], SHARE)}
    assert apart
    assert ids(parts.near) == apart
    assert not apart & ids(parts.training)


def test_a_locked_report_that_is_gone_is_an_error(tmp_path: Path) -> None:
    locked = ids(divided(tmp_path, SITE).holdout)
    with pytest.raises(holdout.HoldoutError, match="2 of the"):
        divided(tmp_path, [row for row in SITE if row["id"] not in sorted(locked)[:2]])


def test_the_lock_is_of_one_share(tmp_path: Path) -> None:
    divided(tmp_path, SITE)
    found = holdout.read(tmp_path / "reviews.jsonl", LABELS)
    with pytest.raises(holdout.HoldoutError, match=r"of 0\.3"):
        holdout.divide(found, tmp_path / "holdout.json", 0.4, 20)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"prompt": "p", "chosen": "c", "rejected": "r", "id": "1"}', "reviews export"),
        ('{"id": "1", "text": "secret", "labels": [1, 0]}', "14 labels"),
        (
            '{"id": "1", "text": "secret", "labels": [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}',
            "7 is not a label",
        ),
        ("secret", "not JSON"),
    ],
)
def test_a_line_that_is_no_review_is_named_without_its_text(
    tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "reviews.jsonl"
    path.write_text(json.dumps(SITE[0]) + "\n" + line + "\n")
    with pytest.raises(holdout.HoldoutError, match=r"reviews\.jsonl:2: .*" + said) as caught:
        holdout.read(path, LABELS)
    assert "secret" not in str(caught.value)


def spoilt(gold: np.ndarray[Any, np.dtype[np.int8]], wrong: int) -> Any:
    """The gold with one wrong decision in each of the first reports."""
    found = gold.copy()
    found[:wrong, EFFUSION] = 3 - found[:wrong, EFFUSION]
    return found


def test_equal_errors_pass_only_where_the_reports_are_enough_to_tell() -> None:
    few = np.tile(np.array([[0, 1, 2, 3] * 3 + [0, 1]], dtype=np.int8), (20, 1))
    for gold, passes in ((few, False), (np.repeat(few, 40, axis=0), True)):
        before = spoilt(gold, len(gold) // 4)
        # As many errors in other reports.
        after = spoilt(gold[::-1], len(gold) // 4)[::-1]
        comparison = promotion.compare(LABELS, gold, before, after)
        assert comparison.changes["errors"].difference == pytest.approx(0)
        assert comparison.turned == pytest.approx(0.5)
        assert (promotion.refusal(comparison, 0.1) is None) is passes
    needed = promotion.reports_needed(0.5, 0.1)
    assert 20 < needed < 800


def test_the_interval_is_as_wide_as_the_formula_says() -> None:
    gold = np.tile(np.array([[0, 1, 2, 3] * 3 + [0, 1]], dtype=np.int8), (200, 1))
    comparison = promotion.compare(
        LABELS, gold, spoilt(gold, 15), np.ascontiguousarray(spoilt(gold, 15)[::-1])
    )
    low, high = comparison.changes["errors"].interval
    assert (high - low) / 2 == pytest.approx(1.96 * (comparison.turned / 200) ** 0.5, rel=0.08)


def test_the_minimum_follows_from_the_tolerance() -> None:
    settings = rounds.Settings.load(Path("training/configs/round.yaml"))
    needed = promotion.reports_needed(0.15, settings.tolerance)
    assert needed <= settings.minimum < needed + 5
