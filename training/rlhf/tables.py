"""What frozen models say of a report, asked once and kept.

A report has 14 decisions of 4 answers, so the whole of a reward model and of the reference policy
fits in two tables of (14, 4) a report. PPO then runs nothing but the policy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from chexdesk.labeling import wire as wire_format
from chexdesk.labels import CERTAINTIES
from training.data import UNKNOWN
from training.rlhf.pairs import Costs

Table = NDArray[np.float32]
#: Texts to their table: (n,) of text to (n, f, 4).
Ask = Callable[[Sequence[str]], Table]

#: Rewards that differ by less are one reward and rounding.
_LEAST_SPREAD: Final = 1e-6
#: Texts that are asked between two savings.
_CHUNK: Final = 128


def kept(folder: Path, weights: Path, texts: Sequence[str], ask: Ask) -> Table:
    """A model's tables for texts, from the folder where they are known already.

    The file is named after the model's weights and the prompt, and a text by its hash, so a table
    of another model or another wording is never taken for this one's. No text is written.

    Args:
        weights: the model's weights; all its `.safetensors` files where it is a folder.
        ask: called with the texts that are not known yet, some at a time.

    Returns:
        (texts, f, 4).

    Raises:
        FileNotFoundError: there are no weights.
    """
    path = folder / f"{fingerprint(weights)}-{wire_format.PROMPT_VERSION}.npz"
    keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
    known = _read(path)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    # Of like length, so that a batch has no short report waiting for a long one.
    order = sorted(missing, key=lambda key: (len(missing[key]), key))
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        known |= dict(zip(part, ask([missing[key] for key in part]), strict=True))
        _write(path, known)
        print(json.dumps({"asked": start + len(part), "of": len(order)}), flush=True)
    return np.stack([known[key] for key in keys]).astype(np.float32)


def fingerprint(weights: Path) -> str:
    """A short name of a model by what its weights are.

    Raises:
        FileNotFoundError: there are none.
    """
    files = [weights] if weights.is_file() else sorted(weights.rglob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{weights} holds no weights (*.safetensors)")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def agreement(answers: NDArray[np.int64], costs: Costs) -> Table:
    """The experts' own labels as a reward: less what each answer costs against them.

    With it PPO can be looked at without a reward model's errors. The dearest error is −1.

    Args:
        answers: (n, f) indices into `CERTAINTIES`; an `UNKNOWN` one rewards every answer alike.

    Returns:
        (n, f, 4).
    """
    given = range(len(CERTAINTIES))
    table = np.array([[-costs.total((gold,), (answer,)) for answer in given] for gold in given])
    known = np.where(answers == UNKNOWN, 0, answers)
    rewards = np.where((answers == UNKNOWN)[..., None], 0.0, table[known] / -table.min())
    return rewards.astype(np.float32)


def gained(reward: Tensor, reference: Tensor, learnt: int) -> Tensor:
    """A reward measured from what the SFT policy earns, at a spread of 1.

    r'_f(x, a) = (r_f(x, a) − Σ_b π_f^SFT(b|x) r_f(x, b)) / s. A reward learnt from pairs is known
    but for a constant for each report and finding; what is taken off hangs on no action, so the
    objective's gradient is that of r / s, and the SFT policy's own reward is 0 at every slot.

    Args:
        reward, reference: (n, f, 4). learnt: s is the root mean square of the first so many
            reports, those that are learnt from.

    Raises:
        ValueError: the reward is the same for all answers.
    """
    own = (reference.softmax(-1) * reward).sum(-1, keepdim=True)
    centred = reward - own
    spread = centred[:learnt].square().mean().sqrt()
    if not spread > _LEAST_SPREAD:
        raise ValueError("the reward tells no answer from another; nothing can be learnt from it")
    return centred / spread


def _read(path: Path) -> dict[str, Table]:
    if not path.is_file():
        return {}
    with np.load(path) as stored:
        return dict(zip(stored["keys"].tolist(), stored["tables"], strict=True))


def _write(path: Path, known: dict[str, Table]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        np.savez(stream, keys=np.array(list(known)), tables=np.stack(list(known.values())))
    partial.replace(path)
