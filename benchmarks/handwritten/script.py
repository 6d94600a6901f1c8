"""What a careful user would write by hand with Hydra, TensorFlow and MLflow to do a matmul run's work.

The same parts: the machine's limits, seeded operands, a check against float64, warm-up, blocks of calls until
the median is known to 2 %, two plots, two tables, a note, config and environment, all in a local MLflow store.
Nothing of this project is imported.
"""

import gc
import json
import math
import os
import platform
import subprocess
import time
from pathlib import Path

import hydra
import matplotlib
import mlflow
import numpy as np
import pandas as pd
import psutil
import tensorflow as tf
from omegaconf import OmegaConf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

tf.config.set_soft_device_placement(False)
synchronize = tf.test.experimental.sync_devices


def seconds_of(call, calls=1):
    synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        call()
    synchronize()
    return (time.perf_counter() - start) / calls


def best_of(call):
    call()
    best, spent, calls = math.inf, 0.0, 0
    while calls < 3 or spent < 0.05:
        seconds = seconds_of(call)
        best, spent, calls = min(best, seconds), spent + seconds, calls + 1
    return best


def peak_flops(new_call):
    n = 512
    while True:
        n *= 2
        seconds = best_of(new_call(n))
        if seconds >= 0.02:
            return 2 * n**3 / seconds


def measure_limits(dtype):
    def by_tensorflow(n):
        a = tf.random.stateless_normal([n, n], seed=[0, n], dtype=dtype)
        return lambda: tf.matmul(a, a)

    def by_numpy(n):
        a = np.random.default_rng(n).standard_normal((n, n)).astype(dtype)
        return lambda: a @ a

    x, y = tf.random.stateless_uniform([2**24], [0, 1]), tf.random.stateless_uniform([2**24], [0, 2])
    u, v = np.ones(2**24, np.float32), np.ones(2**24, np.float32)
    total = np.empty_like(u)
    add = min(best_of(lambda: tf.add(x, y)), best_of(lambda: np.add(u, v, out=total)))
    small = tf.ones([1, 1])
    dispatch = min(seconds_of(lambda: tf.matmul(small, small), 20) for _ in range(50))
    return max(peak_flops(by_tensorflow), peak_flops(by_numpy)), 3 * 4 * 2**24 / add, dispatch


def measure(call, target, max_seconds):
    first = seconds_of(call)
    warm_up = 0.0
    while warm_up < 0.1:
        warm_up += seconds_of(call)
    calls = 1
    while seconds_of(call, calls) * calls < 0.02:
        calls *= 2
    samples, spent = [], 0.0
    gc.disable()
    while spent < max_seconds:
        samples.append(seconds_of(call, calls))
        spent += samples[-1] * calls
        if len(samples) >= 10:
            ordered, cut = np.sort(samples), int(len(samples) / 2 - 0.98 * math.sqrt(len(samples)))
            low, high = ordered[max(cut, 0)], ordered[len(samples) - 1 - max(cut, 0)]
            if (high - low) / 2 <= target * np.median(samples):
                break
    gc.enable()
    return first, samples, low, high


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(config):
    store = Path(config.tracking_dir).absolute()
    store.mkdir(exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    if mlflow.get_experiment_by_name("matmul") is None:
        mlflow.create_experiment("matmul", artifact_location=f"{store}/artifacts")
    mlflow.set_experiment("matmul")
    with mlflow.start_run(run_name="handwritten"), tf.device("/CPU:0"):
        mlflow.log_params(OmegaConf.to_container(config))
        mlflow.log_text(OmegaConf.to_yaml(config), "config.yaml")
        environment = {
            "cores": psutil.cpu_count(),
            "memory": psutil.virtual_memory().total,
            "platform": platform.platform(),
            "tensorflow": tf.__version__,
            "build": dict(tf.sysconfig.get_build_info()),
            "git": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
            "user": os.environ.get("USER", ""),
        }
        mlflow.log_text(json.dumps(environment, indent=2, default=str), "environment.json")
        peak, bandwidth, dispatch = measure_limits(config.dtype)
        rows, raw = [], []
        for n in config.sizes:
            a = tf.random.stateless_normal([1, n], [config.seed, 2 * n], dtype=config.dtype)
            b = tf.random.stateless_normal([n, 1], [config.seed, 2 * n + 1], dtype=config.dtype)
            product = tf.matmul(a, b)
            assert product.device.endswith("CPU:0")
            np.testing.assert_allclose(product, a.numpy().astype(float) @ b.numpy().astype(float), rtol=1e-3, atol=1e-3)
            first, samples, low, high = measure(lambda a=a, b=b: tf.matmul(a, b), config.target, config.max_seconds)
            median = float(np.median(samples))
            row = {"n": n, "median_us": median * 1e6, "mean_us": np.mean(samples) * 1e6, "first_call_us": first * 1e6}
            row |= {"ci_low_us": low * 1e6, "ci_high_us": high * 1e6, "gflops": 2 * n / median / 1e9}
            row |= {"gbytes_per_s": 4 * (2 * n + 1) / median / 1e9, "share_of_peak": 2 * n / median / peak}
            mlflow.log_metrics({f"time/{key}": value for key, value in row.items() if key != "n"}, step=n)
            rows.append(row)
            raw += [{"n": n, "seconds": seconds} for seconds in samples]
        mlflow.log_metrics({"peak/gflops": peak / 1e9, "peak/gbytes_per_s": bandwidth / 1e9, "peak/us": dispatch * 1e6})
        table = pd.DataFrame(rows)
        mlflow.log_text(table.to_csv(index=False), "results.csv")
        mlflow.log_text(pd.DataFrame(raw).to_csv(index=False), "samples.csv")
        for column in ("median_us", "gflops"):
            figure, axes = plt.subplots(figsize=(8, 5), dpi=120, layout="constrained")
            axes.loglog(table["n"], table[column], "o-", label=column)
            if column == "median_us":
                axes.fill_between(table["n"], table["ci_low_us"], table["ci_high_us"], alpha=0.3)
            else:
                axes.axhline(peak / 1e9, linestyle="--")
            axes.set_xlabel("n")
            axes.legend()
            mlflow.log_figure(figure, f"plots/{column}.png")
        mlflow.set_tag("mlflow.note.content", "\n".join(f"{row['n']}: {row['median_us']:.3g} us" for row in rows))
        print(table.to_string())


if __name__ == "__main__":
    main()
