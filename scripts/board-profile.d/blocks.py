"""Runs programs on an emulated processor, counts how often each instruction runs, and takes the difference of two such counts."""
import bisect
import collections
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# What /proc/cpuinfo of each processor says. Some libraries choose their kernels by it.
CPUINFO = {
    "cortex-a53": ("fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid", "0xd03"),
    "cortex-a72": ("fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid", "0xd08"),
    "cortex-a76": ("fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp", "0xd0b"),
}


class Emulator:
    """Runs programs and counts their instructions. `folder` is for its files."""

    def __init__(self, folder):
        self.folder, self.plugin = Path(folder), Path(folder, "count-blocks.so")
        compile = ["cc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.plugin, HERE / "count-blocks.c"]
        subprocess.run(compile, check=True)

    def root(self, processor, system):
        """A folder in which the emulator looks for files before it looks in this machine: the libraries of `system`, and what the
        kernel says of the processor."""
        root = self.folder / f"{processor}-{system.name}"
        (root / "proc").mkdir(parents=True, exist_ok=True)
        for name in "lib", "usr":
            if (system / name).exists() and not (root / name).is_symlink():
                (root / name).symlink_to(system / name)
        features, part = CPUINFO[processor]
        (root / "proc/cpuinfo").write_text(
            f"processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n")
        return root

    def counts(self, processor, system, command, environment={}):
        """How often each block of instructions ran until each mark of the program and until its end: a list of {(file, offset in it,
        instructions): times}."""
        result = Path(tempfile.mkstemp(dir=self.folder)[1])
        # Fixed random seeds, and one thread: the counts must not depend on chance.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **environment}
        emulated = ["qemu-aarch64", "-seed", "1", "-cpu", processor, "-L", self.root(processor, system), "-plugin",
                    f"{self.plugin},out={result}", *command]
        ran = subprocess.run([str(word) for word in emulated], capture_output=True, text=True, env=environment)
        if ran.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}, on {processor}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")
        counts = read(result)
        result.unlink()
        return counts

    def per_run(self, processor, system, command, runs):
        """How often each block ran in one run: the difference of a program with twice as many runs and one with `runs`, so that
        the start and all that is done once do not count. `command(n)` is the command for n runs."""
        few, more = (self.counts(processor, system, command(n))[-1] for n in (runs, 2 * runs))
        return difference(more, few, runs)


def difference(more, fewer, runs):
    """The counts of a run, if `more` has `runs` runs more than `fewer`."""
    # A block that is split in another way in one of the programs has a negative number.
    result = {block: (more.get(block, 0) - fewer.get(block, 0)) / runs for block in {*more, *fewer}}
    return {block: times for block, times in result.items() if times != 0}


def instructions(counts):
    """The number of instructions that ran."""
    return sum(number * times for (_, _, number), times in counts.items())


def read(path):
    """Reads what the plugin wrote."""
    maps, lists, first = [], [[]], {}
    for line in path.read_text().splitlines():
        kind, *words = line.split(maxsplit=6)
        if kind == "B":
            lists[-1].append((int(words[0], 16), int(words[1]), int(words[2])))
        elif kind == "S":
            lists.append([])
        else:
            start, end = (int(word, 16) for word in words[0].split("-"))
            file = words[5] if len(words) > 5 else ""
            # The addresses in a file's symbol table are relative to its first mapping.
            maps.append((start, end, file, first.setdefault(file, start)))
    maps.sort()
    starts = [start for start, *_ in maps]
    result = []
    for blocks in lists[:-1]:
        times_of = collections.Counter()
        for address, number, times in blocks:
            _, end, file, base = maps[bisect.bisect_right(starts, address) - 1]
            if address >= end or not file.startswith("/"):
                file, base = "", 0
            times_of[file, address - base, number] += times
        result.append(times_of)
    return result


def regions(counts):
    """Instructions that follow each other and run equally often, to 2 %: [(file, offset, instructions, mean times)]. Blocks overlap where
    a branch leads into the middle of one."""
    times_of = collections.Counter()
    for (file, offset, number), times in counts.items():
        for index in range(number):
            times_of[file, offset + 4 * index] += times
    result, run = [], []
    for (file, offset), times in sorted(place for place in times_of.items() if place[1] > 0):
        follows = run and file == run[-1][0] and offset == run[-1][1] + 4
        if not follows or abs(times - run[0][2]) > 0.02 * run[0][2]:
            result.append(run)
            run = []
        run.append((file, offset, times))
    result.append(run)
    return [(run[0][0], run[0][1], len(run), sum(times for *_, times in run) / len(run)) for run in result if run]
