"""Modelled cycles of pieces of code: the throughput that llvm-mca gives for each."""
import hashlib
import json
import re
import subprocess
from pathlib import Path

LLVM = 22
# The model of each processor. LLVM has none for Cortex-A72, which it models as A57, nor for A76, whose core is that of Neoverse N1
# with half of its decoder.
MODELS = {
    "cortex-a53": ["-mcpu=cortex-a53"],
    "cortex-a72": ["-mcpu=cortex-a72"],
    "cortex-a76": ["-mcpu=neoverse-n1", "-dispatch=4"],
}
ATTRIBUTES = "+crc,+crypto,+lse,+rdm,+fullfp16,+dotprod,+rcpc"
ITERATIONS = 100


class Cycles:
    """The models, with a cache of their results in a file."""

    def __init__(self, file):
        self.file = Path(file)
        self.known = json.loads(self.file.read_text()) if self.file.exists() else {}

    def of(self, processor, pieces):
        """The cycles of each piece of code (bytes), if it is repeated."""
        key = lambda code: hashlib.sha256(f"{LLVM} {MODELS[processor]}".encode() + code).hexdigest()[:32]
        missing = list({key(code): code for code in pieces if key(code) not in self.known}.items())
        if missing:
            texts = disassemble([code for _, code in missing])
            for (name, _), cycles in zip(missing, model(processor, texts)):
                self.known[name] = cycles
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(json.dumps(self.known))
        return [self.known[key(code)] for code in pieces]


def llvm(tool, *options, text):
    """Runs a tool of LLVM on a text."""
    return subprocess.run([f"llvm-{tool}-{LLVM}", "-triple=aarch64" if tool == "mc" else "-mtriple=aarch64", *options],
                          input=text, capture_output=True, text=True)


def disassemble(pieces):
    """The instructions of each piece, as text. A word that is none becomes a nop."""
    words = [piece[start:start + 4] for piece in pieces for start in range(0, len(piece), 4)]
    # A line of bytes for each instruction. Those that are not known are left out of the output, so each is followed by a mark.
    mark = "nop // mark"
    text = "".join(f"{' '.join(f'0x{byte:02x}' for byte in word)}\n0x1f,0x21,0x03,0xd5\n" for word in words)
    lines = llvm("mc", "-disassemble", f"-mattr={ATTRIBUTES},+v8.2a", text=text).stdout.splitlines()
    mark, instructions, last = "hint\t#8", [], "nop"
    for line in lines:
        line = line.strip()
        if line.startswith("."):
            continue
        if line.split("//")[0].strip() in (mark, "hint #8"):
            instructions.append(last)
            last = "nop"
        else:
            last = line.split("//")[0].strip()
    assert len(instructions) == len(words), (len(instructions), len(words))
    result, start = [], 0
    for piece in pieces:
        result.append(instructions[start:start + len(piece) // 4])
        start += len(piece) // 4
    return result


def model(processor, texts):
    """The cycles of each piece, by llvm-mca."""
    text = "".join(f"# LLVM-MCA-BEGIN {number}\n" + "\n".join(lines) + "\n# LLVM-MCA-END\n" for number, lines in enumerate(texts))
    options = [*MODELS[processor], f"-mattr={ATTRIBUTES}", f"-iterations={ITERATIONS}", "-call-latency=1",
               "-skip-unsupported-instructions=any", "-instruction-info=false", "-resource-pressure=false"]
    ran = llvm("mca", *options, text=text)
    found = re.findall(r"Code Region - (\d+)\n(?:.*\n)*?Total Cycles:\s+(\d+)", ran.stdout)
    cycles = {int(number): int(total) / ITERATIONS for number, total in found}
    if not cycles:
        raise SystemExit(f"llvm-mca-{LLVM}: {ran.stderr[:2000]}")
    # A piece without a result has no instruction that the model knows.
    return [cycles.get(number, len(lines) / 2) for number, lines in enumerate(texts)]
