"""Prints the outputs and gradients of PyTorch for the networks and margins of the trainer, as JSON.

    python3 trainer/tests/reference/torch_reference.py > trainer/tests/reference/torch_reference.json

The networks are written here from their papers, with PyTorch's modules. Weights and pictures are numbers that both sides compute
from a name and an index, so that no weights need to be stored. For each gradient the output has its length, and its dot product
with such numbers. Networks compute in 64 bits. In 32 bits, the gradients of a hundred layers differ by 3e-3 between kinds of
processors.
"""
import json
import math
import sys
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def numbers(name, count):
    """Uniform numbers from -1 to 1: SplitMix64 (Steele et al. 2014), seeded by the CRC-32 of a name."""
    with np.errstate(over="ignore"):
        z = (np.uint64(zlib.crc32(name.encode())) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)


def tensor(name, *shape):
    return torch.from_numpy(numbers(name, math.prod(shape)).reshape(shape).copy())


class Residual(nn.Module):
    def __init__(self, body, shortcut=()):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Squeeze(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class PadBehind(nn.Conv2d):
    """Pads only at the right and at the bottom, as TensorFlow does."""

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)))


def conv(i, o, kernel=1, stride=1, groups=1, act=True):
    if stride == 2:
        layer = PadBehind(i, o, kernel, 2, 0, groups=groups, bias=False)
    else:
        layer = nn.Conv2d(i, o, kernel, 1, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(o)] + ([nn.PReLU(o)] if act else [])


def inverted(i, inner, o, stride):
    return conv(i, inner) + conv(inner, inner, 3, stride, inner) + conv(inner, o, act=False)


class Middle(nn.Module):
    def forward(self, x):
        return x[:, :, :, 8:104]


def paper(width, embedding, narrow):
    """The MobileFaceNet of the paper, which pads on both sides."""
    c = lambda n: max(round(n * width / 8), 1) * 8

    def conv(i, o, kernel=1, stride=1, groups=1, act=True):
        layer = nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [layer, nn.BatchNorm2d(o)] + ([nn.PReLU(o)] if act else [])

    def inverted(i, inner, o, stride):
        return conv(i, inner) + conv(inner, inner, 3, stride, inner) + conv(inner, o, act=False)

    layers = [Middle()] if narrow else []
    layers += conv(3, c(64), 3, 2) + conv(c(64), c(64), 3, 1, c(64))
    i = c(64)
    for o, widening, count in ((64, 2, 4), (128, 4, 6), (128, 4, 2)):
        layers += inverted(i, widening * i, c(o), 2)
        layers += [Residual(inverted(c(o), 2 * c(o), c(o), 1)) for _ in range(count)]
        i = c(o)
    layers += conv(i, c(512))
    layers += [nn.Conv2d(c(512), c(512), (7, 6 if narrow else 7), groups=c(512), bias=False), nn.BatchNorm2d(c(512))]
    return nn.Sequential(*layers, *conv(c(512), embedding, act=False), nn.Flatten())


def mobilefacenet(width, embedding):
    c = lambda n: max(round(n * width / 8), 1) * 8
    layers = conv(3, c(64), 3, 2) + conv(c(64), c(64), 3, 1, c(64)) + conv(c(64), c(64), act=False)
    layers += inverted(c(64), 2 * c(64), c(64), 2)
    layers += [Residual(inverted(c(64), 2 * c(64), c(64), 1)) for _ in range(4)]
    layers += inverted(c(64), 4 * c(64), c(128), 2)
    layers += [Residual(inverted(c(128), 2 * c(128), c(128), 1)) for _ in range(6)]
    layers += inverted(c(128), 4 * c(128), c(128), 2)
    layers += [Residual(inverted(c(128), 2 * c(128), c(128), 1)) for _ in range(2)]
    layers += conv(c(128), c(512))
    layers += [nn.Conv2d(c(512), c(512), 7, groups=c(512), bias=False), nn.BatchNorm2d(c(512))]
    layers += conv(c(512), c(512), act=False) + conv(c(512), embedding, act=False) + [nn.Flatten()]
    return nn.Sequential(*layers)


def ir(units, squeeze, embedding=512):
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
    i = 64
    for o, count in zip((64, 128, 256, 512), units):
        for unit in range(count):
            stride = 2 if unit == 0 else 1
            body = [
                nn.BatchNorm2d(i),
                nn.Conv2d(i, o, 3, 1, 1, bias=False),
                nn.PReLU(o),
                nn.Conv2d(o, o, 3, stride, 1, bias=False),
                nn.BatchNorm2d(o),
            ] + ([Squeeze(o)] if squeeze else [])
            if i != o:
                shortcut = [nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)]
            else:
                shortcut = [nn.MaxPool2d(1, 2)] if stride == 2 else []
            layers.append(Residual(body, shortcut))
            i = o
    layers += [nn.BatchNorm2d(512), nn.Dropout(0.5), nn.Flatten(), nn.Linear(512 * 7 * 7, embedding, bias=False)]
    return nn.Sequential(*layers, nn.BatchNorm1d(embedding))


def fill(net):
    slopes = {f"{name}.weight" for name, m in net.named_modules() if isinstance(m, nn.PReLU)}
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            n = tensor(name, *value.shape)
            if value.dim() > 1:
                n = n * math.sqrt(3 / math.prod(value.shape[1:]))
            elif name in slopes:
                n = 0.25 + 0.1 * n
            elif name.endswith(("running_var", "weight")):
                n = 1 + 0.2 * n
            else:
                n = 0.1 * n
            value.copy_(n)


def of_net(net, train):
    fill(net)
    net.double().train(train)
    out = net(tensor("pictures", 4, 3, 112, 112).double())
    loss = (out * tensor("wanted", *out.shape)).sum()
    loss.backward()
    gradients = {}
    for name, p in net.named_parameters():
        g = p.grad.double().flatten()
        gradients[name] = [g.norm().item(), (g * tensor("gradient " + name, g.numel()).double()).sum().item()]
    return {"embeddings": out.detach().double().flatten().tolist(), "gradients": gradients}


def margin_of(kind, cos, lengths):
    if kind == "arcface":
        m = 0.5
        turned = cos * math.cos(m) - torch.sqrt(1 - cos**2) * math.sin(m)
        return torch.where(cos > math.cos(math.pi - m), turned, cos - math.sin(math.pi - m) * m)
    if kind == "cosface":
        return cos - 0.35
    if kind == "combined":
        return torch.cos(torch.acos(cos) + 0.3) - 0.2
    m, h, eps = 0.4, 0.333, 1e-3
    lengths = lengths.detach().clamp(eps, 100)
    mean = 0.01 * lengths.mean() + 0.99 * 20
    std = 0.01 * lengths.std() + 0.99 * 100
    scaler = ((lengths - mean) / (std + eps) * h).clamp(-1, 1)
    theta = (torch.acos(cos.clamp(-1 + eps, 1 - eps)) - m * scaler).clamp(eps, math.pi - eps)
    return torch.cos(theta) - (m + m * scaler)


def of_margin(kind):
    embeddings = (30 * tensor("embeddings", 8, 16)).requires_grad_()
    centers = tensor("centres", 20, 16).requires_grad_()
    labels = torch.tensor([0, 3, 3, 19, 7, 11, 2, 5])
    # One embedding beyond the angle where ArcFace uses its fallback, and one near its own center.
    with torch.no_grad():
        embeddings[1] = -10 * centers[3] + embeddings[1] * 0.02
        embeddings[5] = 4 * centers[11] + embeddings[5] * 0.02
    cos = F.normalize(embeddings) @ F.normalize(centers).T
    rows = torch.arange(8)
    own = margin_of(kind, cos[rows, labels][:, None], embeddings.norm(dim=1, keepdim=True))[:, 0]
    logits = cos.clone()
    logits[rows, labels] = own
    loss = F.cross_entropy(64 * logits, labels)
    loss.backward()
    return {
        "loss": loss.item(),
        "logits": (64 * logits).flatten().tolist(),
        "embeddings": embeddings.grad.flatten().tolist(),
        "centres": centers.grad.flatten().tolist(),
    }


UNITS = {50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 152: (3, 8, 36, 3)}
NETS = {
    "mobilefacenet": lambda: mobilefacenet(1, 192),
    "mobilefacenet of half the width": lambda: mobilefacenet(0.5, 128),
    "mobilefacenet of the paper": lambda: paper(0.25, 64, False),
    "mobilefacenet of the paper for 96 columns": lambda: paper(0.25, 64, True),
    **{f"ir-{depth}": lambda depth=depth: ir(UNITS[depth], False) for depth in UNITS},
    **{f"ir-se-{depth}": lambda depth=depth: ir(UNITS[depth], True) for depth in UNITS},
}


def short(value):
    """Rounds all numbers to eight digits, the precision of 32-bit floats."""
    if isinstance(value, dict):
        return {key: short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [short(inner) for inner in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


def reference(kinds):
    return {
        "torch": torch.__version__.split("+")[0],
        "nets": {name: of_net(make(), False) for name, make in NETS.items() if name in kinds},
        "nets in training": {"mobilefacenet": of_net(mobilefacenet(1, 192), True)},
        "margins": {kind: of_margin(kind) for kind in ("arcface", "cosface", "combined", "adaface")},
    }


if __name__ == "__main__":
    # Arguments are names of networks; without them all networks are computed.
    print(json.dumps(short(reference(sys.argv[1:] or NETS)), separators=(",", ":")))
