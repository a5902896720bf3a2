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


def main():
    mailtally, unpack, work, size = sys.argv[1:]
    log = f"{work}/mail.log"
    report = lambda threads, *files: [mailtally, "report", "--sections", SECTIONS, "--threads", str(threads), *files]
    quarters = [f"{work}/mail.log.{number}" for number in (4, 3, 2, 1)]
    subprocess.run(["split", "-n", "l/4", "-d", log, f"{work}/part"], check=True)
    for number, quarter in enumerate(quarters):
        os.rename(f"{work}/part{number:02}", quarter)
    print(f"A log of {size} by loggen, in memory. The slower of both: of unpacking alone and the report of the plain log on the "
          "thread that unpacking leaves. Four files leave none: what counts is how busy they keep both processors.  ")
    print(machine())
    print()
    print("| packed by | C program s | unpacking alone s | plain report s | report s | over the slower of both "
          "| four files: report s | processors busy |")
    print("|---|---|---|---|---|---|---|---|")
    for name, suffix, pack in PACKERS:
        subprocess.run([*pack, log, *quarters], check=True)
        packed = f"{log}.{suffix}"
        times = measure([
            [pack[0], "-dc", packed],
            [unpack, packed],
            report(1, log),
            report(2, packed),
            report(2, *(f"{quarter}.{suffix}" for quarter in quarters)),
        ])
        theirs, alone, plain, ours, four = (wall for wall, _, _ in times)
        over = 100 * (ours / max(alone, plain) - 1)
        busy = 100 * times[-1][1] / (2 * four)
        print(f"| {name} | {theirs:.3f} | {alone:.3f} | {plain:.3f} | {ours:.3f} | {over:+.0f} % | {four:.3f} | {busy:.0f} % |")


if __name__ == "__main__":
    sys.exit(main())
