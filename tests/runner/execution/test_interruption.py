"""Signals that ask a command to end."""

from __future__ import annotations

import signal

import pytest

from runner.execution.interruption import Interruption, interruptible


def test_each_signal_is_passed_on_and_the_first_one_counts() -> None:
    passed = []
    interruption = Interruption()
    interruption.pass_on = lambda again: passed.append((interruption.number, again))
    interruption(signal.SIGTERM, None)
    interruption(signal.SIGINT, None)
    assert passed == [(signal.SIGTERM, False), (signal.SIGTERM, True)]


def test_the_second_one_ends_the_waiting_for_the_store() -> None:
    interruption = Interruption()
    interruption(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt), interruption.writing():
        interruption(signal.SIGINT, None)
    interruption(signal.SIGINT, None)  # what was not written is being saved
    with interruption.dispensable():
        interruption(signal.SIGINT, None)
        pytest.fail("the context goes on")


def test_the_first_one_raises_while_there_is_nothing_to_keep() -> None:
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt), interruption.raising():
        interruption(signal.SIGINT, None)
    interruption(signal.SIGINT, None)  # raises no more


def test_one_that_came_before_raises_too() -> None:
    interruption = Interruption()
    interruption(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt), interruption.raising():
        pytest.fail("the context was entered")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_handlers_of_a_command(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    try:
        signal.signal(number, signal.default_int_handler)
        with interruptible() as interruption:
            signal.raise_signal(number)
        assert interruption.number == number
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_nohup_stays_in_force() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert interruption.number is None
    finally:
        signal.signal(signal.SIGHUP, before)
