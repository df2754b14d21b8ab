"""Alembic's folder: how a file of any older version becomes one of this version.

A new version is a file in `versions/` with the next number, and `schema.HEAD` names it.
"""
