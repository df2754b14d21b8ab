"""The mathematics of learning from preferences, apart from any model.

Shapes are written with n for reports, f for findings, t for steps of a sequence and a for the four
answers in `CERTAINTIES` order.
"""
