"""The names of tags, MLflow's and ours."""

NOTE, PARENT = "mlflow.note.content", "mlflow.parentRunId"

EXPERIMENT = "experiment"
"""The experiment's name, which the MLflow experiment need not have."""

FINGERPRINT = "fingerprint"

CODE = "code.hash"
"""The hash of the code that made a run, see ``runner.config.code``."""

BEGUN_BY = "code.begun_by"
"""The hashes of the other code that has made what a run goes on with, with blanks between them."""

SETTLED = "settled."
"""The prefix of a choice that a run has made by measuring, for later runs of the same fingerprint."""

NOT_FINITE = "not_finite"
"""The metrics whose last value is no finite number, which is not among their values: one a line."""

REASON = "reason"
"""The reason why a run did not finish, in a sentence."""

PRUNED = "runner.pruned"
"""The step at which a search has ended a run as hopeless. Its status is KILLED, but it is not run again."""

HOST, PROCESS = "runner.host", "runner.process"
"""The machine and the process that write a run."""

TURNS = "runner.turns"
"""The turn of each process of a run that times something, in their order, with blanks between them.

Processes of two jobs that have the same turn ran right after one another.
"""

CARDS = "runner.cards"
"""The number of the GPU of each process that this command began, where jobs share them out (hydra.launcher.gpus)."""

JOB, OVERRIDES = "sweep.job", "sweep.overrides"
"""The number and the overrides of a job in a sweep."""

REPLAYS = "replays"
"""The run whose config a run has taken over."""

REFINES = "sweep.refines"
"""The fingerprint of the job whose measurements a job of the same sweep adds to."""

KEY, COMMAND = "sweep.key", "sweep.command"
"""The ``sweep_key`` and the whole command line of a sweep."""

SHA256, RUN_ID = "sha256", "run_id"
"""The hash of a model's ``.keras`` file, and the run that trained it."""

MODEL_VERSIONS = "mlflow.modelVersions"
"""The registered versions of a logged model, in JSON, for the UI."""
