"""Measures the rows of rows.sh, and prints one table. Arguments: mailtally, folder, size of the long log."""

import os
import re
import statistics
import subprocess
import sys

from compare import SECTIONS, machine, run


def instructions(mailtally, log, lines, sections):
    """Counts the instructions of a text report on one thread, for each line."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", mailtally]
    command += ["report", "--sections", sections, "--threads", "1", log]
    child = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return int(re.search(rb"Collected\s*:\s*(\d+)", child.stderr)[1]) // lines


def count_lines(log):
    with open(log, "rb") as text:
        return sum(block.count(b"\n") for block in iter(lambda: text.read(1 << 20), b""))


def events(mailtally, log, into):
    """Returns how many megabytes of log become JSON Lines in a second of one processor, the median of five."""
    rates = []
    # The first run is left out: on a virtual machine, memory that nobody used before is slow once.
    for _ in range(6):
        _, cpu, _ = run([mailtally, "events", log], into)
        if os.path.getsize(into) < os.path.getsize(log):
            raise SystemExit("events failed")
        rates.append(os.path.getsize(log) / 1e6 / cpu)
    os.remove(into)
    return statistics.median(rates[1:])


def start_to_exit(mailtally, log):
    """Returns milliseconds from start to exit: the least and the median of twenty runs."""
    times = [run([mailtally, log])[0] * 1000 for _ in range(20)]
    return min(times), statistics.median(times)


def main():
    mailtally, work, size = sys.argv[1:4]
    log, long, short = f"{work}/64M.log", f"{work}/long.log", f"{work}/20K.log"
    with open(log, "rb") as whole, open(short, "wb") as beginning:
        text = whole.read(20_000)
        beginning.write(text[: text.rindex(b"\n") + 1])
    lines = count_lines(log)
    each = lambda sections: f"{instructions(mailtally, log, lines, sections):,}"
    least, median = start_to_exit(mailtally, short)
    _, _, memory = run([mailtally, "report", "--sections", SECTIONS, "--threads", "2", long])
    _, _, memory_of_all = run([mailtally, "report", "--sections", "all", "--threads", "2", long])
    load = f"{os.getloadavg()[0]:.0f}"
    rows = [
        ("instructions per line, the sections that a report began with", "1,200", each(SECTIONS)),
        ("instructions per line, all sections", "1,800", each("all")),
        ("instructions per line, `--sections totals`", "", each("totals")),
        ("instructions per line, `--sections logins`", "", each("logins")),
        ("instructions per line, `--sections coverage`", "", each("coverage")),
        ("`events` as JSON Lines into memory, MB of log a second of one processor", "250", f"{events(mailtally, log, f'{work}/events.jsonl'):.0f}"),
        ("a log of 20 KB, ms from start to exit: least and median", "10", f"{least:.1f}, {median:.1f}"),
        (f"memory of a report of {size}, MB: first sections, all sections", "100", f"{memory:.0f}, {memory_of_all:.0f}"),
    ]
    print(f"Logs of 64M ({lines:,} lines) and {size} by loggen, in memory; load of the machine meanwhile {load}.  ")
    print(f"{machine()}\n")
    print("| what | bar | measured |\n|---|---|---|")
    for what, bar, measured in rows:
        print(f"| {what} | {bar} | {measured} |")


if __name__ == "__main__":
    main()
