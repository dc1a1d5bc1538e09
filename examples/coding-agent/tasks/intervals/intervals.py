"""Opening hours as intervals of minutes; the end does not belong to an interval."""


def merged(intervals):
    """Give the same time as few intervals as possible, sorted; touching ones become one, empty ones are dropped."""
    raise NotImplementedError


def without(intervals, closed):
    """Give what is left of the intervals when the closed ones are taken out, merged."""
    raise NotImplementedError
