"""Labelling: a `Report` in, a `Prediction` out."""
