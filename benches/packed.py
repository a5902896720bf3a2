"""Measures what packed.sh says, and prints its table. Arguments: mailtally, unpack, folder, size."""

import os
import subprocess
import sys

from compare import SECTIONS, machine, measure

PACKERS = [
    ("gzip", "gz", ["gzip", "-kf"]),
    ("bzip2", "bz2", ["bzip2", "-kf"]),
    ("xz", "xz", ["xz", "-kf", "-T1", "-1"]),
    ("zstd", "zst", ["zstd", "-qkf"]),
]
RUNS = 5


def wall(command):
    return measure(command, RUNS)[0]


def report(mailtally, *files):
    return wall([mailtally, "report", "--sections", SECTIONS, "--threads", "2", *files])


def main():
    mailtally, unpack, work, size = sys.argv[1:]
    log = f"{work}/mail.log"
    plain = report(mailtally, log)
    quarters = [f"{work}/mail.log.{number}" for number in (4, 3, 2, 1)]
    subprocess.run(["split", "-n", "l/4", "-d", log, f"{work}/part"], check=True)
    for number, quarter in enumerate(quarters):
        os.rename(f"{work}/part{number:02}", quarter)
    print(f"A log of {size} by loggen, in memory; the report on two threads takes {plain:.3f} s of the plain log.  ")
    print(machine())
    print()
    print("| packed by | C program s | unpacking alone s | report s | over the slower of both | four files: report s |")
    print("|---|---|---|---|---|---|")
    for name, suffix, pack in PACKERS:
        subprocess.run([*pack, log, *quarters], check=True)
        packed = f"{log}.{suffix}"
        theirs = wall([pack[0], "-dc", packed])
        alone = wall([unpack, packed])
        ours = report(mailtally, packed)
        four = report(mailtally, *(f"{quarter}.{suffix}" for quarter in quarters))
        over = 100 * (ours / max(alone, plain) - 1)
        print(f"| {name} | {theirs:.3f} | {alone:.3f} | {ours:.3f} | {over:+.0f} % | {four:.3f} |")


if __name__ == "__main__":
    sys.exit(main())
