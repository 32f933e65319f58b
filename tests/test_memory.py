"""Amounts of memory, in words."""

import pytest

from diffcli.memory import worded, worded_apart


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1 KiB"),
        (700_000, "684 KiB"),
        (102_400, "100 KiB"),
        (1_024_000, "1,000 KiB"),
        ((1 << 20) - 1, "1 MiB"),
        (1 << 24, "16 MiB"),
        (3 << 29, "1.5 GiB"),
        (100 << 30, "100 GiB"),
        (1 << 60, "1,048,576 TiB"),
    ],
)
def test_amounts(size: int, said: str) -> None:
    assert worded(size) == said


def test_two_amounts_are_told_apart() -> None:
    assert worded_apart(720_000, 700_000) == ("703 KiB", "684 KiB")
    assert worded_apart((1 << 30) + 8, 1 << 30) == ("1,073,741,832 bytes", "1,073,741,824 bytes")
