"""Prompted models: what is asked, and what is taken for an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from training.baselines import prompted

LABELS = chexpert14()
SILENT = dict.fromkeys(LABELS.names, "not mentioned")


def test_an_answer_in_its_own_form_is_read_back() -> None:
    decisions = [CERTAINTIES[i % 4] for i in range(len(LABELS))]
    reply = prompted.answer(LABELS, decisions)
    assert [CERTAINTIES[i] for i in prompted.parse(reply, LABELS)] == decisions
    assert prompted.parse(f"```json\n{reply}\n```", LABELS) == prompted.parse(reply, LABELS)


@pytest.mark.parametrize(
    "reply", ["", "yes", "[]", json.dumps({LABELS.names[0]: "positive"}), '{"a": '], ids=str
)
def test_anything_else_is_refused(reply: str) -> None:
    with pytest.raises(prompted.AnswerError, match="answer"):
        prompted.parse(reply, LABELS)


def test_a_value_of_no_known_kind_is_refused() -> None:
    with pytest.raises(prompted.AnswerError, match="answer"):
        prompted.parse(json.dumps(SILENT | {LABELS.names[3]: "maybe"}), LABELS)


class Handler(BaseHTTPRequestHandler):
    asked: list[dict[str, object]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        content = json.dumps(SILENT | {LABELS.names[10]: "uncertain"})
        body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}/v1"
    made.shutdown()


def test_a_named_server_is_asked_one_report_at_a_time(server: str) -> None:
    rows = [("a", "Possible effusion."), ("b", "Effusion?")]
    found = prompted.ask_server(server, "m", rows, [("x", "{}")], LABELS)
    assert [CERTAINTIES[i] for i in found[:, 10]] == [Certainty.UNCERTAIN] * 2
    assert len(Handler.asked) == 2
    assert Handler.asked[0]["messages"][-1]["content"] == "possible effusion."  # type: ignore[index]


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(prompted.AnswerError, match=r"report a: .*127\.0\.0\.1:9"):
        prompted.ask_server("http://127.0.0.1:9/v1", "m", [("a", "x")], [], LABELS)


def test_a_report_is_answered_alike_whatever_was_asked_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prompted, "CONTEXT", 1024)
    first = ("a", "No pneumothorax. Small left pleural effusion. " * 100)
    second = ("b", "The heart is enlarged. Possible pneumonia.")
    both = prompted.ask_base([first, second], [], LABELS)
    alone = prompted.ask_base([second], [], LABELS)
    assert both.shape == (2, len(LABELS))
    assert both[1].tolist() == alone[0].tolist()


def test_shots_show_every_certainty_and_a_normal_report(eval_folder: Path) -> None:
    shots = prompted.examples(LABELS)
    answers = [prompted.parse(reply, LABELS) for _, reply in shots]
    assert {a for row in answers for a in row} == set(range(len(CERTAINTIES)))
    nothing = LABELS.index(LABELS.no_finding or "")
    normal = [CERTAINTIES[row[nothing]] is Certainty.POSITIVE for row in answers]
    assert normal == [False] * (len(shots) - 1) + [True]
