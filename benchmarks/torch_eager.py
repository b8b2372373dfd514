"""PyTorch on the CPU, eager: a trial at a time, float32 tensors in memory, autograd, optim.SGD.

index_select and the fused SGD are the fastest of what PyTorch offers for this.
"""

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from benchmarks.task import AfterEpoch, Data, Outcome, Task
from benchmarks.task import load as load_data
from learning.settings import Settings


def load(task: Task, flush_denormal: bool) -> Callable[[int], Outcome]:
    """Without flush_denormal, weights that regularisation shrinks to almost nothing make products slow."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(flush_denormal)
    trainer = Trainer(load_data(task))
    return lambda number: trainer.train(number, task.settings[number])


class Trainer:
    """The data as tensors, and the training of one net on it."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.X = torch.from_numpy(data.X_train).to(torch.float32)
        mean = self.X.mean(dim=0)
        self.X -= mean
        self.X_val = torch.from_numpy(data.X_val).to(torch.float32) - mean
        self.y, self.y_val = torch.from_numpy(data.y_train), torch.from_numpy(data.y_val)
        self.sample = torch.from_numpy(data.sample)
        _start()

    def train(self, number: int, settings: Settings, after_epoch: AfterEpoch | None = None) -> Outcome:
        """`after_epoch` may end the trial."""
        assert isinstance(settings.batch_size, int)
        model = self.model(settings)
        matrices, biases = [model[0].weight, model[2].weight], [model[0].bias, model[2].bias]
        optimizer = torch.optim.SGD(
            [{"params": matrices, "weight_decay": settings.reg}, {"params": biases, "weight_decay": 0.0}],
            lr=settings.lr,
            momentum=settings.momentum,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, settings.lr_decay)
        limit, steps = None, 0
        train_accs: list[float] = []
        val_accs: list[float] = []
        for epoch in range(1, settings.epochs + 1):
            for rows in torch.from_numpy(self.data.mini_batches(settings.batch_size, epoch)):
                loss = cross_entropy(model(self.X.index_select(0, rows)), self.y[rows])
                cost = loss.item() + 0.5 * settings.reg * squares(matrices)
                steps += 1
                limit = settings.explosion * cost if limit is None else limit
                if not cost <= limit:
                    return Outcome(number, tuple(val_accs), tuple(train_accs), steps, "exploded")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            train_accs.append(accuracy(model, self.X[self.sample], self.y[self.sample]))
            val_accs.append(accuracy(model, self.X_val, self.y_val))
            if after_epoch is not None and after_epoch(epoch, val_accs[-1]):
                return Outcome(number, tuple(val_accs), tuple(train_accs), steps, "pruned")
        return Outcome(number, tuple(val_accs), tuple(train_accs), steps)

    def model(self, settings: Settings) -> torch.nn.Sequential:
        """With the first weights of the trial."""
        W1, W2 = self.data.first_weights(settings)
        layers = torch.nn.Linear(*W1.shape), torch.nn.Linear(*W2.shape)
        with torch.no_grad():
            for layer, W in zip(layers, (W1, W2), strict=True):
                layer.weight.copy_(torch.from_numpy(W.T))
                layer.bias.zero_()
        return torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])


def _start() -> None:
    """The first step imports half of PyTorch, which belongs to the start of the process."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1, fused=True)
    torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    weight.sum().backward()
    optimizer.step()


def squares(matrices: list[torch.Tensor]) -> float:
    with torch.no_grad():
        return sum(float(W.square().sum()) for W in matrices)


def accuracy(model: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    with torch.no_grad():
        return float((model(X).argmax(dim=1) == y).float().mean())
