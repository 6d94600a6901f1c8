"""The steps of a report, in order of worth: if the time is over, the last ones are missing."""

from benchmarks.gpu.step import Step
from benchmarks.gpu.steps import (
    derivatives,
    operators,
    out_of_memory,
    peak,
    saving,
    sees,
    sweep,
    textbook,
    training,
    truth,
)

STEPS = (
    Step("a", "What TensorFlow and the driver see", 30, sees.look),
    Step("b", "The textbook's figure, square products, number formats, copying", 180, textbook.look),
    Step("c", "Whether the device that was asked for computes", 45, truth.look),
    Step("d", "Out of memory in the middle of a series", 40, out_of_memory.look),
    Step("e", "Automatic differentiation in all its ways", 40, derivatives.look),
    Step("f", "Operators forward and backward, with their checks", 60, operators.look),
    Step("g", "Training by every execution, beside PyTorch and JAX", 150, training.look),
    Step("h", "Saving, and loading in a fresh process", 75, saving.look),
    Step("i", "A sweep of many jobs, of which one is killed", 45, sweep.look),
    Step("j", "The best rates as shares of the data sheet's", 40, peak.look),
)
