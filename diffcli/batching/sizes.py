"""How much of a table is in memory at a time: so little that a table of 10⁵ rows fills it, and one of 10⁷ no more."""

#: How many bytes of a text are read at a time.
CHUNK = 1 << 20
#: A row longer than this is refused: what follows an opening quote that never closes must not fill the memory.
MAX_ROW = 1 << 24
#: How many lines of JSON are looked at, at least, for one that has all inputs; and of how many forms they may be.
LOOK_AHEAD = 100
#: How many points of a table are worked on at a time, at most.
BLOCK_ROWS = 1 << 14
#: How many numbers the answers of a block have, at most, unless one row has more.
ANSWERED = 1 << 20


def rows(width: int) -> int:
    """How many rows of so many numbers are worked on at a time."""
    return max(1, min(BLOCK_ROWS, ANSWERED // max(1, width)))
