"""Training: reports, labels and preferences in; a checkpoint out. Never imported by the app."""

import os

# Before any of the libraries is imported: they read these once. Nothing is fetched, nothing told.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
