"""ChexDesk: offline labelling of chest X-ray reports."""

__version__ = "0.1.0"
