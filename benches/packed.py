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


def report(mailtally, threads, *files):
    """Returns wall and CPU seconds."""
    return measure([mailtally, "report", "--sections", SECTIONS, "--threads", str(threads), *files], RUNS)[:2]


def main():
    mailtally, unpack, work, size = sys.argv[1:]
    log = f"{work}/mail.log"
    one_thread, two_threads = report(mailtally, 1, log)[0], report(mailtally, 2, log)[0]
    quarters = [f"{work}/mail.log.{number}" for number in (4, 3, 2, 1)]
    subprocess.run(["split", "-n", "l/4", "-d", log, f"{work}/part"], check=True)
    for number, quarter in enumerate(quarters):
        os.rename(f"{work}/part{number:02}", quarter)
    print(f"A log of {size} by loggen, in memory; the report of the plain log takes {one_thread:.3f} s on one thread and "
          f"{two_threads:.3f} s on two. The slower of both: of unpacking alone and the plain report on the thread that "
          "unpacking leaves. Four files leave none: what counts is how busy they keep both processors.  ")
    print(machine())
    print()
    print("| packed by | C program s | unpacking alone s | report s | over the slower of both "
          "| four files: report s | processors busy |")
    print("|---|---|---|---|---|---|---|")
    for name, suffix, pack in PACKERS:
        subprocess.run([*pack, log, *quarters], check=True)
        packed = f"{log}.{suffix}"
        theirs = wall([pack[0], "-dc", packed])
        alone = wall([unpack, packed])
        ours, _ = report(mailtally, 2, packed)
        four, cpu = report(mailtally, 2, *(f"{quarter}.{suffix}" for quarter in quarters))
        over = 100 * (ours / max(alone, one_thread) - 1)
        busy = 100 * cpu / (2 * four)
        print(f"| {name} | {theirs:.3f} | {alone:.3f} | {ours:.3f} | {over:+.0f} % | {four:.3f} | {busy:.0f} % |")


if __name__ == "__main__":
    sys.exit(main())
