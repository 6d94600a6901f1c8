"""Training as a careful user would write it with PyTorch: data in memory, one index per batch, Adam's fused kernel.

The arguments are the network, mlp or cnn, the number of examples, the batch size and any of these words: gpu;
channels_last, for the CNN; compile, for torch.compile, which needs a C++ compiler. After one epoch to warm up, the
process trains one for each line on standard input and prints the seconds that it took.
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
    name, count, batch, words = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    device = "cuda" if "gpu" in words else "cpu"
    layout = torch.channels_last if "channels_last" in words else torch.contiguous_format
    rng = np.random.default_rng(0)
    shape = (count, 784) if name == "mlp" else (count, 1, 28, 28)
    x = torch.from_numpy(rng.standard_normal(shape).astype("float32")).to(device, memory_format=layout)
    y = torch.from_numpy(rng.integers(0, 10, count)).to(device)
    torch.manual_seed(0)
    model = network(name).to(device, memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss_of(images, labels):
        return nn.functional.cross_entropy(model(images), labels)

    if "compile" in words:
        loss_of = torch.compile(loss_of, dynamic=False)  # once for each size of a batch

    def epoch():
        order = torch.from_numpy(rng.permutation(count))
        start, total = time.perf_counter(), 0.0
        for indices in order.to(device).split(batch):
            optimizer.zero_grad()
            loss = loss_of(x[indices], y[indices])
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
