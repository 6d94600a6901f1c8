"""A broken or hostile expression is answered in one line, with status 2; nothing is executed, nothing left behind."""

from __future__ import annotations

import pytest

from tests.runner.test_errors_of_users import complaint

WRONG = {
    "experiment.expression=\"__import__('os').system('touch executed')\"": "expression: column 17: an attribute",
    "experiment.expression=\"open('executed','w')\"": "expression: column 1: there is no function open",
    'experiment.expression="x**9**9**9"': "expression: column 5: an exponent that is a number goes up to 1000",
    'experiment.expression="sin(x"': "expression: column 4: this cannot be read",
    'experiment.expression="\u0445+1"': "expression: column 1: '\u0445' (CYRILLIC SMALL LETTER HA)",
    'experiment.expression="x*y"': "at: there is no value for y; add it, such as experiment.at.y=1",
    'experiment.expression="sum(x+[1,2])"': "expression: column 7: a list is not in the grammar",
    "experiment.order=6": "order: 6 is not an order; there are 1 to 5",
}


@pytest.mark.parametrize("argument", WRONG)
def test_a_wrong_expression(main, store, argument):
    done = main("experiment=autodiff", "device=cpu", "experiment.at={x:1}", argument)
    assert complaint(done).startswith(f"experiment.{WRONG[argument]}")
    assert not store.exists()
    assert list(store.parent.iterdir()) == []
