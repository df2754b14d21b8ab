"""The comparison of systems: decisions files and gold labels in; tables, tests and plots out.

Nothing here runs a model, so that every figure can be recomputed from ids and labels alone.
"""
