"""What is kept of the environment, and what is not."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from runner import environment


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2", "--tf_xla_auto_jit=2"),
        ("TF2_BEHAVIOR", "0", "0"),
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=true", "--xla_cpu_enable_fast_math=true"),
        ("KERAS_HOME", "/home/me", "/home/me"),
        ("CUDA_VISIBLE_DEVICES", "", ""),
        ("OMP_NUM_THREADS", "1", "1"),
        ("MKL_NUM_THREADS", "1", "1"),
        ("NVIDIA_TF32_OVERRIDE", "0", "0"),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "BF16", "BF16"),
        ("OPENBLAS_CORETYPE", "Haswell", "Haswell"),
        ("MLFLOW_TRACKING_URI", "https://me:se/cret@host/a?b=c", "https://***@host/a?b=c"),
        ("MLFLOW_REGISTRY_URI", "postgresql://me:s@cret@host/db", "postgresql://***@host/db"),
        ("MLFLOW_S3_ENDPOINT_URL", "https://host/?access_token=secret&a=b", "https://host/?access_token=***&a=b"),
        ("MLFLOW_TRACKING_PASSWORD", "secret", "***"),
        ("MLFLOW_TRACKING_TOKEN", "secret", "***"),
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "secret", "***"),
        ("MLFLOW_GATEWAY_API_KEY", "secret", "***"),
        ("AWS_SECRET_ACCESS_KEY", "secret", None),
        ("HOME", "/home/me", None),
        ("TF_VAR_database", "secret", None),
        ("TF_CLI_CONFIG_FILE", "/home/me/.terraformrc", None),
        ("TF_LOG", "debug", None),
    ],
)
def test_the_variables_that_may_matter_are_kept_without_secrets(monkeypatch, name, value, kept):
    monkeypatch.setenv(name, value)
    assert environment.variables().get(name) == kept


def test_the_command_is_kept_without_passwords(monkeypatch):
    monkeypatch.setattr("sys.argv", ["runner", "tracking.uri=http://me:secret@host"])
    assert environment.describe()["command"][-1] == "tracking.uri=http://***@host"


def test_what_this_program_sets_itself_is_no_variable_of_the_users():
    given = {"MLFLOW_GIVEN": "theirs"}
    with mock.patch.dict(os.environ, given):
        environment.set_own("MLFLOW_GIVEN", "ours")
        environment.set_own("MLFLOW_TRIAL", "ours")
        found = environment.variables()
        assert (os.environ["MLFLOW_TRIAL"], "MLFLOW_TRIAL" in found) == ("ours", False)
        assert found["MLFLOW_GIVEN"] == "theirs"
