"""The exact numbers behind a warning take limited time, and a busy machine does not change what is found."""

import time

import pytest

from diffcli.precise import SlowError
from diffcli.precise.arithmetic import Deadline


def test_waiting_takes_no_time() -> None:
    deadline = Deadline(0.05)
    time.sleep(0.1)
    deadline.check()


def test_work_does() -> None:
    deadline = Deadline(0.02)

    def work() -> None:
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            deadline.check()

    with pytest.raises(SlowError):
        work()
