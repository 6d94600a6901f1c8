"""Imports that every experiment needs, made before the process is forked."""

from __future__ import annotations

import io
from contextlib import suppress

from experiments.runtime.device import set_onednn
from experiments.runtime.tensorflow_import import import_tensorflow


def preload(onednn: bool | None) -> None:
    """Import TensorFlow and matplotlib. This starts no device and no thread, so the process can still be forked."""
    set_onednn(onednn)
    import_tensorflow()
    with suppress(Exception):  # where Matplotlib does not work, runs do without plots
        _draw_a_figure()


def _draw_a_figure() -> None:
    """Draw a figure: the first one loads fonts and builds the parser of 10^3, which takes a third of a second."""
    from matplotlib import rc_context, rcdefaults
    from matplotlib.figure import Figure

    with rc_context():
        rcdefaults()
        figure = Figure()
        axes = figure.add_subplot(xscale="log", yscale="log", title="n", xlabel="n")
        axes.plot([1, 1000], [1, 1000], label="n")
        axes.legend()
        for kind in ("png", "svg"):
            figure.savefig(io.BytesIO(), format=kind)
