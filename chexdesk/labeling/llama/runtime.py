"""llama.cpp through its low-level batch API: tokens in, decision logits out.

One `llama_decode` reads several reports and asks for all their findings at once. The instruction
is decoded when the model is loaded and its cells are shared by every sequence. A report's tokens
belong to as many sequences as there are findings; each marker belongs to one of them, so it sees
the instruction, the report and itself, which is the slot format of `chexdesk.labeling.wire`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from chexdesk.labeling import wire as wire_format
from chexdesk.labels import LabelSet

#: llama.cpp's own limit on sequences in one context.
MAX_SEQUENCES: Final = 256

Logits = NDArray[np.float32]


class RuntimeFailure(RuntimeError):
    """llama.cpp refused the model or a batch; the message says which and what to do."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(_level: int, _text: bytes, _data: Any) -> None:
    """llama.cpp's log may quote a prompt; nothing of it is kept."""


class Runtime:
    """A loaded model with the instruction's state computed.

    Attributes:
        wire: the wire format in this model's tokens.
    """

    def __init__(
        self,
        path: Path,
        label_set: LabelSet,
        *,
        gpu_layers: int,
        threads: int,
        max_tokens: int,
    ) -> None:
        """Load a model.

        Args:
            gpu_layers: layers on the GPU, -1 for all; ignored by a build without one.
            max_tokens: the most tokens, reports and markers together, that one `decide` takes.

        Raises:
            RuntimeFailure: the file is no model that llama.cpp can load.
            chexdesk.labeling.wire.WireError: its vocabulary cannot carry the wire format.
        """
        llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers if llama_cpp.llama_supports_gpu_offload() else 0
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise RuntimeFailure(
                f"{path} cannot be loaded by llama.cpp: it is truncated, not a GGUF, or of a newer "
                "kind; make the pack again with `make model`"
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.wire = wire_format.build(label_set, self.tokenize, self._bos())
        self._markers = len(self.wire.markers)
        self._vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.max_reports = (MAX_SEQUENCES - 1) // self._markers
        # llama.cpp aborts where a batch could not hold one token of every sequence.
        self._max_tokens = max(max_tokens, len(self.wire.prefix), MAX_SEQUENCES)
        self._batch = _Batch(self._max_tokens, self._markers)
        self._context = self._open_context(threads)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._read_instruction()

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text, with no special token added or recognised."""
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, room, False, False)
        if count < 0:
            raise RuntimeFailure("llama.cpp could not tokenize a text")
        return list(buffer[:count])

    def decide(self, reports: Sequence[Sequence[int]]) -> Logits:
        """Ask for every finding of several reports in one decode.

        Args:
            reports: tokens of each report, as `Wire.report` gives them; at most `max_reports`, and
                with their markers at most `max_tokens` tokens.

        Returns:
            float32 logits of the four answers: (reports, findings, 4).

        Raises:
            RuntimeFailure: llama.cpp could not decode the batch.
        """
        start = len(self.wire.prefix)
        batch = self._batch
        batch.clear()
        for number, tokens in enumerate(reports):
            sequences = 1 + number * self._markers + np.arange(self._markers, dtype=np.int32)
            batch.add_report(tokens, start, sequences)
            batch.add_markers(self.wire.markers, start + len(tokens), sequences)
        self._decode()
        answers = np.asarray(self.wire.answers)
        rows = batch.output_rows()
        logits = np.empty((len(rows), len(answers)), dtype=np.float32)
        for place, row in enumerate(rows):
            pointer = llama_cpp.llama_get_logits_ith(self._context, int(row))
            logits[place] = np.ctypeslib.as_array(pointer, (self._vocab_size,))[answers]
        for sequence in range(1, 1 + len(reports) * self._markers):
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)
        return logits.reshape(len(reports), self._markers, len(answers))

    def close(self) -> None:
        """Free model and context."""
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None

    def _bos(self) -> int | None:
        if not llama_cpp.llama_vocab_get_add_bos(self._vocab):
            return None
        return int(llama_cpp.llama_vocab_bos(self._vocab))

    def _open_context(self, threads: int) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = len(self.wire.prefix) + self._max_tokens
        params.n_batch = params.n_ubatch = self._batch.room
        params.n_seq_max = 1 + self.max_reports * self._markers
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, params)
        if not context:
            raise RuntimeFailure("llama.cpp could not make a context: is there enough memory?")
        return context

    def _read_instruction(self) -> None:
        self._batch.clear()
        self._batch.add_report(self.wire.prefix, 0, np.zeros(1, dtype=np.int32))
        self._decode()
        for sequence in range(1, 1 + self.max_reports * self._markers):
            llama_cpp.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)

    def _decode(self) -> None:
        code = llama_cpp.llama_decode(self._context, self._batch.struct())
        if code != 0:
            raise RuntimeFailure(f"llama.cpp could not decode a batch (code {code})")


class _Batch:
    """A `llama_batch` over numpy arrays, filled without a Python loop over tokens."""

    def __init__(self, room: int, markers: int) -> None:
        self.room = room
        self._count = 0
        self._token = np.zeros(room, dtype=np.int32)
        self._pos = np.zeros(room, dtype=np.int32)
        self._n_seq = np.zeros(room, dtype=np.int32)
        self._wanted = np.zeros(room, dtype=np.int8)
        self._seq = np.zeros((room, markers), dtype=np.int32)
        row = self._seq.strides[0]
        base = self._seq.ctypes.data
        self._seq_rows = (ctypes.POINTER(ctypes.c_int32) * (room + 1))()
        for place in range(room):
            self._seq_rows[place] = ctypes.cast(base + place * row, ctypes.POINTER(ctypes.c_int32))

    def clear(self) -> None:
        self._count = 0

    def add_report(self, tokens: Sequence[int], start: int, sequences: NDArray[np.int32]) -> None:
        """Tokens at consecutive positions, each in all the sequences."""
        place = self._take(tokens)
        self._pos[place] = np.arange(start, start + len(tokens))
        self._n_seq[place] = len(sequences)
        self._seq[place, : len(sequences)] = sequences
        self._wanted[place] = 0

    def add_markers(self, markers: Sequence[int], at: int, sequences: NDArray[np.int32]) -> None:
        """Tokens all at one position, each in a sequence of its own, each with an output."""
        place = self._take(markers)
        self._pos[place] = at
        self._n_seq[place] = 1
        self._seq[place, 0] = sequences
        self._wanted[place] = 1

    def output_rows(self) -> NDArray[np.intp]:
        """The rows of the batch that have logits."""
        return np.flatnonzero(self._wanted[: self._count])

    def struct(self) -> Any:
        def pointer(array: NDArray[Any], kind: Any) -> Any:
            return array.ctypes.data_as(ctypes.POINTER(kind))

        return llama_cpp.llama_batch(
            n_tokens=self._count,
            token=pointer(self._token, ctypes.c_int32),
            embd=None,
            pos=pointer(self._pos, ctypes.c_int32),
            n_seq_id=pointer(self._n_seq, ctypes.c_int32),
            seq_id=self._seq_rows,
            logits=pointer(self._wanted, ctypes.c_int8),
        )

    def _take(self, tokens: Sequence[int]) -> slice:
        end = self._count + len(tokens)
        if end > self.room:
            raise RuntimeFailure(f"a batch of {end} tokens is over the limit of {self.room}")
        place = slice(self._count, end)
        self._token[place] = tokens
        self._count = end
        return place
