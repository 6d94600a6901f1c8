"""Training as a careful user would write it with PyTorch, eager: data in memory, one index per batch.

The arguments are the network, mlp or cnn, the number of examples, the batch size and, if it is to be a GPU, gpu. After
one epoch to warm up, the process trains one for each line on standard input and prints the seconds that it took.
"""

import sys
import time

import numpy as np
import torch
from torch import nn


def network(name):
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    convolution = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolution, nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))


def main():
    name, count, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    device = "cuda" if sys.argv[4:] == ["gpu"] else "cpu"
    rng = np.random.default_rng(0)
    shape = (count, 784) if name == "mlp" else (count, 1, 28, 28)
    x = torch.from_numpy(rng.standard_normal(shape).astype("float32")).to(device)
    y = torch.from_numpy(rng.integers(0, 10, count)).to(device)
    torch.manual_seed(0)
    model = network(name).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch():
        order = torch.from_numpy(rng.permutation(count))
        start, total = time.perf_counter(), 0.0
        for indices in order.to(device).split(batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[indices]), y[indices])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(indices)
        float(total)
        return time.perf_counter() - start

    epoch()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(epoch(), flush=True)


main()
