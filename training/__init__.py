"""Training: reports, labels and preferences in; a checkpoint out. Never imported by the app."""
