"""The names of the functions of a program or library."""
import bisect
import re
import struct
import subprocess
from pathlib import Path


class Symbols:
    """The functions of a file. A program without symbols may have a file NAME.debug beside it, as scripts/cross-build makes it."""

    def __init__(self, file):
        self.file, self.table = Path(file), []
        if not self.file.is_file():
            self.starts = []
            return
        debug = self.file.with_name(self.file.name + ".debug")
        for options in ["--defined-only"], ["--defined-only", "--dynamic"]:
            source = debug if debug.exists() else self.file
            lines = subprocess.run(["aarch64-linux-gnu-nm", "--demangle", *options, source], capture_output=True, text=True).stdout
            for line in lines.splitlines():
                address, kind, *name = line.split(" ", 2)
                if kind in "tTwWiV":
                    self.table.append((int(address, 16), short(name[0])))
        self.table.sort()
        self.starts = [start for start, _ in self.table]
        self.bytes, self.segments = self.file.read_bytes(), []
        # The program headers of the ELF file: their place, size and number; and of each that is loaded, where it is in the file.
        [offset], (size, number) = struct.unpack_from("<Q", self.bytes, 32), struct.unpack_from("<HH", self.bytes, 54)
        for index in range(number):
            kind, _, start, address, _, length = struct.unpack_from("<IIQQQQ", self.bytes, offset + index * size)
            if kind == 1:
                self.segments.append((address, length, start))

    def name(self, offset):
        """The function at an offset from the begin of the file's first mapping."""
        place = bisect.bisect_right(self.starts, offset) - 1
        return self.table[place][1] if place >= 0 else self.file.name

    def code(self, offset, instructions):
        """The bytes of instructions; `None` if they are not in the file."""
        for address, length, start in self.segments if self.starts or self.file.is_file() else []:
            if address <= offset and offset + 4 * instructions <= address + length:
                return self.bytes[start + offset - address:][:4 * instructions]
        return None


def short(name):
    """A name without the hash of Rust, and without the arguments of types and functions."""
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    while (shorter := re.sub(r"<[^<>]*>|\([^()]*\)", "", name)) != name and shorter:
        name = shorter
    return name.strip() or "?"
