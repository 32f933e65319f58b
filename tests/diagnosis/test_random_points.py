"""No wrong number without a warning, and no warning without a wrong number: random expressions at random points."""

from __future__ import annotations

import pytest

from tests.diagnosis.random_points import Tally, run


def explained(tally: Tally) -> str:
    return "\n".join(map(repr, [*tally.silent, *tally.untrue]))


@pytest.mark.sampled
@pytest.mark.parametrize("nasty", [False, True])
def test_what_is_wrong_is_warned_of_and_what_is_warned_of_is_wrong(nasty: bool) -> None:
    tally = run(400, 7, nasty=nasty)
    assert not tally.silent, explained(tally)
    assert not tally.untrue, explained(tally)
    assert tally.seen["smooth"] > 250
