"""The videos and pictures that the tests show and send."""

import struct
import subprocess
import zlib

from door import PORTRAITS

CONVERT = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
# Noise, so that no two frames are the same photo.
NOISE = "noise=alls=2:allf=t"
# How long the part of a video is that is repeated, seconds.
PART_S = 6
VIDEO = ["-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"]


def video(folder, name, portraits, fps=5):
    """A video of people who move in front of the door one after the other, each for some seconds, with nobody between them. The last
    one stays."""
    parts = []
    nobody = folder / f"{name}-nobody.mkv"
    gray = f"color=c=gray:s=480x360,fps={fps},{NOISE}"
    subprocess.run([*CONVERT, "-f", "lavfi", "-i", gray, "-t", "4", *VIDEO, nobody], check=True)
    for number, (portrait, seconds) in enumerate(portraits):
        picture, part = folder / f"{name}-{number}.png", folder / f"{name}-{number}.mkv"
        subprocess.run([*CONVERT, "-i", PORTRAITS / portrait, "-vf", "scale=640:-2", picture], check=True)
        moves = f"loop=-1:1,fps={fps},{NOISE},crop=480:360:(iw-480)/2+20*sin(2*PI*t/{PART_S}):0"
        subprocess.run([*CONVERT, "-i", picture, "-vf", moves, "-t", str(PART_S), *VIDEO, part], check=True)
        parts += [part] * (seconds // PART_S) + [nobody]
    whole, listed = folder / f"{name}.mkv", folder / f"{name}.txt"
    listed.write_text("".join(f"file '{part}'\n" for part in parts[:-1]))
    subprocess.run([*CONVERT, "-f", "concat", "-safe", "0", "-i", listed, "-c", "copy", whole], check=True)
    return whole


def two_faces(folder):
    """A photo of two people."""
    picture = folder / "two.jpg"
    side_by_side = "[0]scale=-2:480[a];[1]scale=-2:480[b];[a][b]hstack"
    people = ["-i", PORTRAITS / "obama.jpg", "-i", PORTRAITS / "biden.jpg"]
    subprocess.run([*CONVERT, *people, "-filter_complex", side_by_side, "-frames:v", "1", picture], check=True)
    return picture


def bomb(folder):
    """A small PNG file with a billion pixels."""
    side = 32_000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    data = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    picture = folder / "bomb.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return picture
