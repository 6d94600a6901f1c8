"""The names of tags, MLflow's and ours."""

NOTE, PARENT = "mlflow.note.content", "mlflow.parentRunId"

EXPERIMENT = "experiment"
"""The experiment's name, which the MLflow experiment need not have."""

FINGERPRINT = "fingerprint"

SETTLED = "settled."
"""And a name: what a run of this fingerprint has settled by measuring, for those that repeat it."""

REASON = "reason"
"""Why a run did not finish, in a sentence."""

HOST, PROCESS = "runner.host", "runner.process"
"""Which process keeps a run going."""

JOB, OVERRIDES = "sweep.job", "sweep.overrides"
"""Of a job in a sweep: its number, and what was asked of it."""

KEY, COMMAND = "sweep.key", "sweep.command"
"""Of a sweep: the hash of what it asks, and the whole command line."""

SHA256, RUN_ID = "sha256", "run_id"
"""Of a model: the hash of its ``.keras`` file, and the run that trained it."""

MODEL_VERSIONS = "mlflow.modelVersions"
"""Of a logged model: the registered versions that it is, in JSON, for the UI."""
