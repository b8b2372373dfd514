"""An independent net in plain float64, one trial at a time, as the CS231n notes write it."""

import numpy as np


def forward(params, X, activation):
    """All layers' outputs, X first, the scores last."""
    outputs, last = [X], len(params) // 2
    for layer in range(1, last + 1):
        z = np.dot(outputs[-1], params[f"W{layer}"]) + params[f"b{layer}"]
        outputs.append(z if layer == last else ACTIVATIONS[activation](z))
    return outputs


ACTIVATIONS = {
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "tanh": np.tanh,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
}
SLOPES = {
    "relu": lambda h: np.where(h > 0, 1.0, 0.0),
    "tanh": lambda h: 1.0 - h**2,
    "leaky_relu": lambda h: np.where(h > 0, 1.0, 0.01),
}


def loss_and_gradients(params, X, y, reg, activation="relu"):
    """The cost, its data part, and the gradient of the cost by each parameter."""
    outputs = forward(params, X, activation)
    scores, rows = outputs[-1], np.arange(len(X))
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    data_loss = -log_probabilities[rows, y].mean()
    cost = data_loss + sum(0.5 * reg * np.sum(W * W) for name, W in params.items() if name[0] == "W")
    delta = np.exp(log_probabilities)
    delta[rows, y] -= 1
    delta /= len(X)
    gradients = {}
    for layer in range(len(outputs) - 1, 0, -1):
        gradients[f"W{layer}"] = np.dot(outputs[layer - 1].T, delta) + reg * params[f"W{layer}"]
        gradients[f"b{layer}"] = delta.sum(axis=0)
        delta = np.dot(delta, params[f"W{layer}"].T)
        if layer > 1:
            delta = delta * SLOPES[activation](outputs[layer - 1])
    return cost, data_loss, gradients


def sgd(w, dw, memory, lr, mu):
    return w - lr * dw


def momentum(w, dw, memory, lr, mu):
    memory["v"] = mu * memory.get("v", 0.0) - lr * dw
    return w + memory["v"]


def nesterov(w, dw, memory, lr, mu):
    before = memory.get("v", 0.0)
    memory["v"] = mu * before - lr * dw
    return w - mu * before + (1 + mu) * memory["v"]


def adagrad(w, dw, memory, lr, mu):
    memory["cache"] = memory.get("cache", 0.0) + dw**2
    return w - lr * dw / (np.sqrt(memory["cache"]) + 1e-8)


def rmsprop(w, dw, memory, lr, mu):
    memory["cache"] = 0.99 * memory.get("cache", 0.0) + 0.01 * dw**2
    return w - lr * dw / (np.sqrt(memory["cache"]) + 1e-8)


def adam(w, dw, memory, lr, mu):
    t = memory["t"] = memory.get("t", 0) + 1
    memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * dw
    memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * dw**2
    m_hat, v_hat = memory["m"] / (1 - 0.9**t), memory["v"] / (1 - 0.999**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + 1e-8)


RULES = {f.__name__: f for f in (sgd, momentum, nesterov, adagrad, rmsprop, adam)}


def train(params, batches, rates, *, reg, update, mu, activation="relu"):
    """Costs and data losses of steps over batches (X, y) with a learning rate each, and the last params."""
    params = {name: array.astype(np.float64) for name, array in params.items()}
    memories = {name: {} for name in params}
    costs, data_losses = [], []
    for (X, y), lr in zip(batches, rates, strict=True):
        cost, data_loss, gradients = loss_and_gradients(params, X, y, reg, activation)
        costs.append(cost)
        data_losses.append(data_loss)
        params = {
            name: RULES[update](w, gradients[name], memories[name], lr, mu) for name, w in params.items()
        }
    return np.array(costs), np.array(data_losses), params
