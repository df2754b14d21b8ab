"""Overlapping intervals side by side in as few lanes as they need."""

from __future__ import annotations

from collections.abc import Sequence


def pack(intervals: Sequence[tuple[float, float]], gap: float = 0.0) -> list[int]:
    """A lane for each (start, end), lane 0 nearest to the text; none in a lane overlap.

    Intervals that begin earlier come to lie nearer to the text; of those that begin together, the
    one given first. Intervals in one lane are at least `gap` apart.
    """
    lanes = [0] * len(intervals)
    ends: list[float] = []
    order = sorted(range(len(intervals)), key=lambda i: intervals[i][0])
    for place in order:
        start, end = intervals[place]
        lane = next((n for n, taken in enumerate(ends) if taken + gap <= start), len(ends))
        if lane == len(ends):
            ends.append(end)
        else:
            ends[lane] = end
        lanes[place] = lane
    return lanes
