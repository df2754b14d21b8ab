"""A model that is only prompted: the base, or any OpenAI-compatible server that the user names.

The answer is the paper's JSON object. For the base it is constrained as a grammar would: keys and
punctuation are forced, and each value is the one of the four whose first token is likeliest (their
first tokens differ, so that greedy decoding under the grammar gives the same).
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray

from chexdesk.evaluation import metrics
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from export import base
from training import data

KEY_VARIABLE: Final = "CHEXDESK_API_KEY"
SHOTS: Final = 3
CONTEXT: Final = 4096
_TIMEOUT_S: Final = 120
#: Said aloud, where the app's own JSON has null: a prompted model must choose it too.
_SILENT: Final = "not mentioned"
_VALUES: Final = tuple(certainty.json_name or _SILENT for certainty in CERTAINTIES)

Row = tuple[str, str]
Shot = tuple[str, str]


class AnswerError(ValueError):
    """A server's answer is not the JSON object that was asked for."""


def instruction(label_set: LabelSet) -> str:
    """What the model is told before the report."""
    return (
        "You label chest X-ray reports. For each observation answer with one of "
        + ", ".join(f'"{value}"' for value in _VALUES)
        + ". positive: the report says it is there. negative: it says it is not there. uncertain: "
        "the report hedges. not mentioned: it does not speak of it. Answer with a JSON object with "
        "exactly these keys: " + ", ".join(label_set.names) + "."
    )


def answer(label_set: LabelSet, certainties: Sequence[Certainty]) -> str:
    """The JSON object for some decisions, in label order."""
    values = {n: c.json_name or _SILENT for n, c in zip(label_set.names, certainties, strict=True)}
    return json.dumps(values)


def examples(label_set: LabelSet) -> list[Shot]:
    """Report and answer of the few shots: written reports that between them show all certainties.

    Chosen by the number of certainties shown, then of findings mentioned, then by a hash; the last
    is a normal report, lest a model learn that every report has much to say.
    """
    spec = data.SourceSpec("written", "written_train.jsonl")
    found = [e for e in data.read(spec, label_set) if len(e.text) < 500]
    normal = [e for e in found if data.is_normal(e, label_set)]

    def worth(example: data.Example) -> tuple[int, int, float]:
        silent = CERTAINTIES.index(Certainty.NOT_MENTIONED)
        said = [a for a in example.answers if a != silent]
        return -len(set(said)), -len(said), data.share(f"shot:{example.id}")

    chosen = sorted(found, key=worth)[: SHOTS - 1] + sorted(normal, key=worth)[:1]
    return [(e.text, answer(label_set, [CERTAINTIES[a] for a in e.answers])) for e in chosen]


def ask_base(
    rows: Sequence[Row], shots: Sequence[Shot], label_set: LabelSet, gguf: Path | None = None
) -> metrics.Decisions:
    """The base's decisions (reports, findings) under the constraint described above.

    Args:
        rows: id and raw text. gguf: any chat model in SmolLM2's turn format; None for the base.
    """
    model: Any = Llama(str(gguf or base.obtain()), n_ctx=CONTEXT, verbose=False)
    head = _tokens(model, "<|im_start|>system\n" + instruction(label_set) + "<|im_end|>\n", True)
    for text, reply in shots:
        head += _turn(model, text) + _tokens(model, reply + "<|im_end|>\n", True)
    keys = [
        _tokens(model, ("{" if place == 0 else '", ') + f'"{name}": "', False)
        for place, name in enumerate(label_set.names)
    ]
    values = [_tokens(model, value, False) for value in _VALUES]
    firsts = [tokens[0] for tokens in values]
    if len(set(firsts)) != len(firsts):
        raise ValueError("this model's tokenizer begins two of the values with the same token")
    model.eval(head)
    found = []
    for _, text in rows:
        model.n_tokens = len(head)
        model.eval(_turn(model, data.model_text(text)))
        decisions = []
        pending: list[int] = []
        for key in keys:
            model.eval(pending + key)
            logits = _last_logits(model)
            chosen = int(logits[firsts].argmax())
            decisions.append(chosen)
            pending = values[chosen]
        found.append(decisions)
    return np.array(found, dtype=np.int8)


def ask_server(
    url: str, model: str, rows: Sequence[Row], shots: Sequence[Shot], label_set: LabelSet
) -> metrics.Decisions:
    """Decisions of a server that speaks OpenAI's chat API; the only code here that uses a network.

    Args:
        url: up to and without `/chat/completions`. The key is read from `CHEXDESK_API_KEY`.

    Raises:
        AnswerError: the server cannot be reached, or answers with something else than the object.
    """
    found = []
    for key, text in rows:
        messages = [{"role": "system", "content": instruction(label_set)}]
        for shot, reply in shots:
            messages.append({"role": "user", "content": shot})
            messages.append({"role": "assistant", "content": reply})
        messages.append({"role": "user", "content": data.model_text(text)})
        body = {"model": model, "temperature": 0, "messages": messages}
        try:
            reply = _post(url.rstrip("/") + "/chat/completions", body)
            found.append(parse(reply["choices"][0]["message"]["content"], label_set))
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            raise AnswerError(f"report {key}: no answer from {url} ({error})") from error
    return np.array(found, dtype=np.int8)


def parse(reply: str, label_set: LabelSet) -> list[int]:
    """A reply's decisions as indices into `CERTAINTIES`; a fence of Markdown around it is allowed.

    Raises:
        AnswerError: it is no JSON object, lacks a finding, or has another value.
    """
    text = reply.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        values = json.loads(text)
        return [_VALUES.index(values[name]) for name in label_set.names]
    except KeyError as error:
        raise AnswerError(f"the answer lacks {error}") from None
    except (ValueError, TypeError):
        raise AnswerError("the answer is not the JSON object that was asked for") from None


def _post(url: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    key = os.environ.get(KEY_VARIABLE)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        return json.load(response)


def _turn(model: Any, text: str) -> list[int]:
    """A user's turn and the beginning of the reply; nothing in the text is read as a mark.

    A text of more than half of the context is cut.
    """
    return (
        _tokens(model, "<|im_start|>user\n", True)
        + _tokens(model, text, False)[: CONTEXT // 2]
        + _tokens(model, "<|im_end|>\n<|im_start|>assistant\n", True)
    )


def _tokens(model: Any, text: str, special: bool) -> list[int]:
    tokens: list[int] = model.tokenize(text.encode(), add_bos=False, special=special)
    return tokens


def _last_logits(model: Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.ctypeslib.as_array(
        model._ctx.get_logits_ith(-1), shape=(model.n_vocab(),)
    )
    return found
