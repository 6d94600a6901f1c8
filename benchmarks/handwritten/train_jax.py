"""Training as a careful user would write it with JAX: one jitted scan over an epoch or a jitted step, Adam by hand.

The arguments are the network, mlp or cnn, the number of examples, the batch size and any of these words: gpu; step, for
a call for each batch instead of a scan over all of them. After one epoch to warm up, the process trains one for each
line on standard input and prints the seconds that it took.
"""

import functools
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np


def forward_mlp(weights, x):
    for kernel, bias in weights[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    return x @ weights[-1][0] + weights[-1][1]


def forward_cnn(weights, x):
    for kernel, bias in weights[:2]:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + bias)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return forward_mlp(weights[2:], x.reshape(len(x), -1))


SHAPES = {
    "mlp": ((784, 256), (256, 128), (128, 10)),
    "cnn": ((3, 3, 1, 32), (3, 3, 32, 64), (1600, 128), (128, 10)),
}


def main():
    name, count, batch, words = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    jax.config.update("jax_platforms", "cuda" if "gpu" in words else "cpu")
    forward = forward_mlp if name == "mlp" else forward_cnn
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((count, 784) if name == "mlp" else (count, 28, 28, 1)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 10, count))
    weights = []
    for shape in SHAPES[name]:
        kernel = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        weights.append((jnp.asarray(kernel, jnp.float32), jnp.zeros(shape[-1])))
    m, v = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    state = (weights, m, v, jnp.zeros((), jnp.int32))

    def loss_of(weights, x, y):
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(weights, x)), y[:, None], 1))

    def step(x, y, state, indices):
        weights, m, v, t = state
        loss, gradient = jax.value_and_grad(loss_of)(weights, x[indices], y[indices])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, m, v)
        return (weights, m, v, t), loss * len(indices)

    step_by_step = jax.jit(step, donate_argnums=2)

    def train_in_steps(x, y, state, order):
        total = 0.0
        for start in range(0, count, batch):
            state, loss = step_by_step(x, y, state, order[start : start + batch])
            total += loss
        return state, total / count

    @functools.partial(jax.jit, donate_argnums=2)
    def train_in_scan(x, y, state, order):
        whole = count // batch * batch
        state, losses = jax.lax.scan(functools.partial(step, x, y), state, order[:whole].reshape(-1, batch))
        total = losses.sum()
        if whole < count:
            state, last = step(x, y, state, order[whole:])
            total += last
        return state, total / count

    train = train_in_steps if "step" in words else train_in_scan

    def epoch():
        nonlocal state
        order = rng.permutation(count)
        start = time.perf_counter()
        state, loss = train(x, y, state, order)
        float(loss)
        return time.perf_counter() - start

    epoch()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(epoch(), flush=True)


main()
