"""Writes checkpoints with the tensor names of InsightFace_Pytorch and MobileFaceNet_Pytorch, and prints the outputs of PyTorch as JSON.

    python3 trainer/tests/reference/checkpoints.py FOLDER [ir-se-50]

The modules are written here with the names of those projects. The MobileFaceNets have an eighth of the width. FOLDER gets the files.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch_reference import ir, fill, short, tensor

WIDTH, EMBEDDING = 8, 8


class Conv(nn.Module):
    def __init__(self, i, o, kernel=(1, 1), stride=1, pad=0, groups=1, active=True):
        super().__init__()
        self.conv = nn.Conv2d(i, o, kernel, stride, pad, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(o)
        if active:
            self.prelu = nn.PReLU(o)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.prelu(x) if hasattr(self, "prelu") else x


def depthwise(channels, stride):
    return Conv(channels, channels, (3, 3), stride, 1, channels)


class Block(nn.Module):
    def __init__(self, i, inner, o, stride, adds):
        super().__init__()
        self.conv = Conv(i, inner)
        self.conv_dw = depthwise(inner, stride)
        self.project = Conv(inner, o, active=False)
        self.adds = adds

    def forward(self, x):
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.adds else y


class Blocks(nn.Module):
    def __init__(self, channels, count):
        super().__init__()
        self.model = nn.Sequential(*(Block(channels, 2 * channels, channels, 1, True) for _ in range(count)))

    def forward(self, x):
        return self.model(x)


class InsightFace(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.conv1 = Conv(3, w, (3, 3), 2, 1)
        self.conv2_dw = depthwise(w, 1)
        self.conv_23 = Block(w, 2 * w, w, 2, False)
        self.conv_3 = Blocks(w, 4)
        self.conv_34 = Block(w, 4 * w, 2 * w, 2, False)
        self.conv_4 = Blocks(2 * w, 6)
        self.conv_45 = Block(2 * w, 8 * w, 2 * w, 2, False)
        self.conv_5 = Blocks(2 * w, 2)
        self.conv_6_sep = Conv(2 * w, 8 * w)
        self.conv_6_dw = Conv(8 * w, 8 * w, (7, 7), groups=8 * w, active=False)
        self.linear = nn.Linear(8 * w, EMBEDDING, bias=False)
        self.bn = nn.BatchNorm1d(EMBEDDING)

    def forward(self, x):
        for part in list(self.children())[:-2]:
            x = part(x)
        return self.bn(self.linear(x.flatten(1)))


class Plain(nn.Module):
    def __init__(self, i, o, stride, widening):
        super().__init__()
        inner, self.adds = widening * i, stride == 1
        self.conv = nn.Sequential(
            nn.Conv2d(i, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.PReLU(inner),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.PReLU(inner),
            nn.Conv2d(inner, o, 1, bias=False), nn.BatchNorm2d(o),
        )

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class Narrow(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.conv1 = Conv(3, w, (3, 3), 2, 1)
        self.dw_conv1 = depthwise(w, 1)
        blocks, i = [], w
        for o, widening, count in ((w, 2, 4), (2 * w, 4, 6), (2 * w, 4, 2)):
            blocks += [Plain(i, o, 2, widening)] + [Plain(o, o, 1, 2) for _ in range(count)]
            i = o
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = Conv(2 * w, 8 * w)
        self.linear7 = Conv(8 * w, 8 * w, (7, 6), groups=8 * w, active=False)
        self.linear1 = Conv(8 * w, EMBEDDING, active=False)

    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x.flatten(1)


class InsightFaceIr(nn.Module):
    def __init__(self):
        super().__init__()
        layers = list(ir((3, 4, 14, 3), True))
        self.input_layer = nn.Sequential(*layers[:3])
        self.body = nn.Sequential(*layers[3:-5])
        self.output_layer = nn.Sequential(*layers[-5:-2], nn.Linear(512 * 7 * 7, 512), layers[-1])

    def forward(self, x):
        return self.output_layer(self.body(self.input_layer(x)))

    def named(self):
        for name, value in self.state_dict().items():
            yield name.replace(".body.", ".res_layer.", 1).replace(".shortcut.", ".shortcut_layer."), value


def of(net, pictures):
    fill(net)
    with torch.no_grad():
        return net.eval()(pictures).flatten().tolist()


def main(folder, others):
    # The input of those projects; the trainer divides by 128.
    narrow = tensor("pictures", 4, 3, 112, 112)
    insightface = narrow * (128 / 127.5)
    made = {}
    net = InsightFace(WIDTH)
    made["insightface.pth"] = of(net, insightface)
    torch.save(net.state_dict(), folder / "insightface.pth")
    net = Narrow(WIDTH)
    made["narrow.ckpt"] = of(net, narrow[:, :, :, 8:104])
    # The format of PyTorch before version 1.6.
    torch.save({"epoch": 1, "net_state_dict": net.state_dict()}, folder / "narrow.ckpt",
               _use_new_zipfile_serialization=False)
    if "ir-se-50" in others:
        net = InsightFaceIr()
        made["ir-se-50.pth"] = of(net, insightface)
        torch.save(dict(net.named()), folder / "ir-se-50.pth")
    print(json.dumps(short(made), separators=(",", ":")))


main(Path(sys.argv[1]), sys.argv[2:])
