"""12,500 random programs: no wrong number without a warning about it, and hardly a warning without a wrong number.

1,250 of them are asked for the Hessian, as many for a Jacobian. More than 10,000 are at well-conditioned points: of
these fewer than 1 in 1,000 may be warned of. ``python -m tests.diagnosis.random_programs`` runs any number.
"""

from __future__ import annotations

import pytest

from tests.diagnosis.judged import Tally
from tests.diagnosis.random_programs import run

COUNT, PART = 12_500, 1_250
#: How many of a part are at well-conditioned points, at least.
WELL = 1_000


def explained(tally: Tally) -> str:
    return "\n".join("\n  ".join(row) for row in [*tally.silent, *tally.untrue])


@pytest.mark.sampled
@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_what_is_wrong_is_warned_of_and_what_is_warned_of_is_wrong(first: int) -> None:
    tally = run(PART, 1, first)
    assert not tally.silent, explained(tally)
    # Fewer than 1 in 1,000: of all numbers, of which a program has three or four; and of the well-conditioned programs.
    assert len(tally.untrue) * 1000 < tally.seen["numbers"], explained(tally)
    assert tally.seen["well-conditioned, untrue warning"] * 1000 < tally.seen["well-conditioned"], explained(tally)
    assert tally.seen["well-conditioned"] >= WELL >= 10_000 * PART / COUNT
    assert tally.seen["undecided"] < 0.03 * PART
    assert tally.seen["hessian"] == tally.seen["jacobian"] == PART // 10
