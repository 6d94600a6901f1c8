"""What every experiment needs and can be loaded before it is known which one will run."""

from __future__ import annotations

import io

from experiments.runtime.device import set_onednn
from experiments.runtime.tensorflow_import import import_tensorflow


def preload(onednn: bool | None) -> None:
    """Imports TensorFlow and matplotlib. Starts no device and no thread: the process can still be forked."""
    set_onednn(onednn)
    import_tensorflow()
    _draw_a_figure()


def _draw_a_figure() -> None:
    """The first figure loads fonts and builds the parser of 10^3: a third of a second."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot(xscale="log", yscale="log", title="n", xlabel="n")
    axes.plot([1, 1000], [1, 1000], label="n")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")
