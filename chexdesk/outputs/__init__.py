"""Predictions and reviews out: CSV, JSON, JSON Lines and FHIR, one module a format."""
