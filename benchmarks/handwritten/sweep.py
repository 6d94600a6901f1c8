"""What a user would write by hand to sweep the textbook's snippet: all jobs in one process, one after the other.

    python benchmarks/handwritten/sweep.py -m 'seed=range(1,22)' tracking_dir=/tmp/runs

Ten calls to warm up, ten timed ones, a log_metric each, and one figure. Nothing of this project is imported.
"""

import time
from pathlib import Path

import hydra
import matplotlib
import mlflow
import tensorflow as tf
from omegaconf import OmegaConf

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@hydra.main(version_base=None, config_path=".", config_name="sweep")
def main(config):
    folder = Path(config.tracking_dir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("matmul")
    with mlflow.start_run(run_name=f"seed={config.seed}"):
        mlflow.log_params(OmegaConf.to_container(config))
        tf.random.set_seed(config.seed)
        a, b = tf.random.normal([1, config.n]), tf.random.normal([config.n, 1])
        for _ in range(10):
            tf.matmul(a, b).numpy()
        times = []
        for step in range(10):
            start = time.perf_counter()
            tf.matmul(a, b).numpy()
            times.append((time.perf_counter() - start) * 1e6)
            mlflow.log_metric("time_us", times[-1], step=step)
        figure, axes = plt.subplots()
        axes.plot(times, "o-")
        axes.set(xlabel="call", ylabel="time in µs", title=f"n = {config.n}")
        mlflow.log_figure(figure, "time.png")
        plt.close(figure)


if __name__ == "__main__":
    main()
