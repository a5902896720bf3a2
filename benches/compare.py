"""Runs the programs that compare.sh compares, and prints one table. Arguments: mailtally, folder, size, least ratio."""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

# What a report of the first version had: about as much as pflogsumm counts, and more of some.
SECTIONS = "totals,traffic,tls,logins,rejects,families,spam-sources,coverage"
RUNS = 5
PATTERN = r"status=(sent|bounced|deferred)|reject:"


def run(command, into=os.devnull):
    """Returns wall and CPU seconds, and the highest memory in MB."""
    with open(into, "wb") as out:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def measure(commands):
    """Runs commands side by side, each once a round: a machine that others use is slow for all of them alike.

    Returns for each the medians of wall and CPU seconds, and the highest memory in MB."""
    rounds = [[run(command) for command in commands] for _ in range(RUNS)]
    of_each = [zip(*results) for results in zip(*rounds)]
    return [(statistics.median(walls), statistics.median(cpus), max(memory)) for walls, cpus, memory in of_each]


def pflogsumm_totals(log):
    command = ["pflogsumm", "-h", "0", "-u", "0", "--detail", "0", log]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    totals = {}
    names = "received|delivered|forwarded|bounced|rejected|reject warnings|held|discarded|deferred|senders|recipients"
    for line in text.decode("utf8", "replace").splitlines():
        found = re.match(rf"\s+(\d+)([km]?)\s+({names})\b", line)
        if found:
            unit = {"": 1, "k": 1024, "m": 1048576}[found[2]]
            totals[found[3].replace(" ", "_")] = (int(found[1]), unit)
    return totals


def differences(mailtally, work):
    """Lists totals that differ. Large ones are rounded down by pflogsumm."""
    ours = json.loads(subprocess.run([mailtally, "report", "--format", "json", f"{work}/mail.log"], stdout=subprocess.PIPE, check=True).stdout)
    theirs = pflogsumm_totals(f"{work}/plain.log")
    if len(theirs) < 10:
        raise SystemExit("pflogsumm's totals were not found")
    same = lambda name, count, unit: ours["totals"][name] // unit == count
    return [f"{name}: pflogsumm {count * unit}, mailtally {ours['totals'][name]}" for name, (count, unit) in theirs.items() if not same(name, count, unit)]


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return f"{cpu}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; {rustc}; commit {commit}; {time.strftime('%Y-%m-%d')}"


def main():
    mailtally, work, size, least = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    found = differences(mailtally, work)
    if found:
        print("totals differ:", *found, sep="\n")
        return 1
    log = f"{work}/mail.log"
    first = [mailtally, "report", "--sections", SECTIONS, "--threads"]
    everything = [mailtally, "report", "--sections", "all", "--threads"]
    rows = [
        ("mailtally, 2 threads", first + ["2", log]),
        ("mailtally, 1 thread", first + ["1", log]),
        ("mailtally, all sections, 2 threads", everything + ["2", log]),
        ("pflogsumm 1.1.5", ["pflogsumm", f"{work}/plain.log"]),
        (f"rg -c '{PATTERN}'", ["rg", "-c", PATTERN, log]),
        ("wc -l", ["wc", "-l", log]),
    ]
    names, commands = zip(*rows)
    times = [(name, *figures) for name, figures in zip(names, measure(commands))]
    wall = {name: wall for name, wall, _, _ in times}
    lines = sum(1 for _ in open(log, "rb"))
    slow, rg, ours = (wall[rows[place][0]] for place in (3, 4, 0))
    print(f"A log of {size} ({lines:,} lines) by loggen, in memory; totals equal.  ")
    print(machine())
    print()
    print("| program | wall s | CPU s | memory MB | times pflogsumm | times rg |")
    print("|---|---|---|---|---|---|")
    for name, wall, cpu, memory in times:
        name = name.replace("|", "\\|")
        print(f"| {name} | {wall:.3f} | {cpu:.3f} | {memory:.0f} | {slow / wall:.1f} | {wall / rg:.1f} |")
    return 0 if slow / ours >= least else 1


if __name__ == "__main__":
    sys.exit(main())
