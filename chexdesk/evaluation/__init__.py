"""Evaluation: gold and predicted labels in; the paper's tables and intervals out."""
