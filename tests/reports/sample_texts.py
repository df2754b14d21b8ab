"""The reports in the sample files: written for this purpose, they speak of nobody."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"

HISTORY = "72 year old with dyspnoea, rule out oedema."
FINDINGS = "The heart is enlarged. Small left pleural effusion. No pneumothorax."
IMPRESSION = "Cardiomegaly with a small left effusion – “unchanged”."
REPORT = f"HISTORY: {HISTORY}\nFINDINGS: {FINDINGS}\nIMPRESSION: {IMPRESSION}"
NORMAL = "FINDINGS: The lungs are clear. Heart size is normal.\nIMPRESSION: No acute disease."
