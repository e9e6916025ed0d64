"""The other runtimes: an arm64 Debian with their published packages, and the networks of models/ in their formats."""
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import blocks

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ostiary/board-profile"
SHAPES = {"mobilefacenet": "3x112x112", "pnet": "3x144x192", "rnet": "3x24x24", "onet": "3x48x48"}
# The file of a network for each runtime and kind of numbers. O-Net has no int8 file: see models/mtcnn.md.
PEERS = {
    ("ncnn", "int8"): lambda name: CACHE / f"networks/{name}-int8.ncnn",
    ("ncnn", "fp32"): lambda name: CACHE / f"networks/{name}.ncnn",
    ("onnxruntime", "int8"): lambda name: MODELS / f"{name}-int8.onnx",
    ("onnxruntime", "fp32"): lambda name: MODELS / f"{name}.onnx",
    ("litert", "fp32"): lambda name: CACHE / f"networks/{name}.tflite",
}
TITLES = {"ncnn": "ncnn", "onnxruntime": "onnxruntime", "litert": "LiteRT with XNNPACK"}
RUNS = 1


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **options)


def versions():
    """The version of each runtime."""
    packages = dict(line.split("==") for line in (HERE / "peers.txt").read_text().split())
    return {"ncnn": packages["ncnn"], "onnxruntime": packages["onnxruntime"], "litert": packages["ai-edge-litert"]}


def prepare():
    """Makes the Debian and the networks, once for each state of what they are made of. Returns the root folder of the Debian."""
    run(HERE.parent / "setup", "mmdebstrap", "python3-pip", "python3-venv", "unzip")
    root, inputs = CACHE / "root", (HERE / "peers.txt").read_text()
    made = root / "made-of"
    if not made.is_file() or made.read_text() != inputs:
        run("rm", "-rf", root)
        CACHE.mkdir(parents=True, exist_ok=True)
        # Unpacked, without running the install scripts.
        run("mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract", "--include=python3,libstdc++6,libgomp1", "bookworm", root)
        wheels = root / "wheels"
        platforms = [f"--platform={name}_aarch64" for name in ("manylinux_2_28", "manylinux_2_27", "manylinux2014")]
        run("/usr/bin/python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *platforms,
            "--python-version=3.11", "--dest", wheels, "--requirement", HERE / "peers.txt")
        for wheel in wheels.iterdir():
            run("unzip", "-q", "-o", wheel, "-d", root / "site")
        run("rm", "-rf", wheels)
        made.write_text(inputs)
    networks = CACHE / "networks"
    made, inputs = networks / "made-of", "".join((HERE / name).read_text() for name in ("convert.txt", "convert.py"))
    newest = max((MODELS / f"{name}.onnx").stat().st_mtime for name in SHAPES)
    if not made.is_file() or made.read_text() != inputs or made.stat().st_mtime < newest:
        run("rm", "-rf", networks, CACHE / "convert")
        networks.mkdir(parents=True)
        run("/usr/bin/python3", "-m", "venv", CACHE / "convert")
        python = CACHE / "convert/bin/python"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", HERE / "convert.txt")
        for name, shape in SHAPES.items():
            # The description of TensorFlow Lite's format is in its package.
            environment = {**os.environ, "PYTHONPATH": str(root / "site/ai_edge_litert")}
            run(python, HERE / "convert.py", MODELS / f"{name}.onnx", shape, networks, env=environment)
        made.write_text(inputs)
    return root


class Known:
    """The results of earlier runs, as long as nothing that they depend on changes."""

    def __init__(self):
        files = [HERE / name for name in ("peers.txt", "convert.txt", "convert.py", "run-peer.py", "count-blocks.c", "cycles.py")]
        files += sorted(path for name in SHAPES for path in MODELS.glob(f"{name}*.onnx"))
        key = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
        self.file = CACHE / f"peers-{key}.json"
        self.results = json.loads(self.file.read_text()) if self.file.exists() else {}

    def get(self, peer, processor):
        return self.results.get(" ".join([*peer, processor]))

    def put(self, peer, processor, profiles):
        self.results[" ".join([*peer, processor])] = profiles
        self.file.write_text(json.dumps(self.results))


def networks(numbers):
    """The networks that exist with these numbers."""
    return [name for name in SHAPES if numbers == "fp32" or (MODELS / f"{name}-int8.onnx").exists()]


def counts(emulator, processor, root, peer):
    """Times each instruction runs for one run of each network: {network: counts}."""
    runtime, numbers = peer
    names = networks(numbers)
    files = [f"{PEERS[peer](name)}:{SHAPES[name]}" for name in names]
    command = [root / "usr/bin/python3.11", "-B", HERE / "run-peer.py", runtime, RUNS, *files]
    environment = {"PYTHONPATH": str(root / "site"), "PYTHONHOME": str(root / "usr")}
    lists = emulator.counts(processor, root, command, environment)
    result = {}
    for name, begin, few, more in zip(names, lists[0::3], lists[1::3], lists[2::3]):
        # Of twice as many runs and of the runs: what the marks cost does not count.
        result[name] = blocks.difference(blocks.difference(more, few, 1), blocks.difference(few, begin, 1), RUNS)
    return result
