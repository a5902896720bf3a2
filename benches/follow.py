#!/usr/bin/env python3
"""How `watch` keeps up with a log that grows: benches/follow.py BINARY LOG [LINES_PER_SECOND [SECONDS [OPTION...]]]

LOG's lines are written to a log in memory at the rate asked for, while `watch --state` follows it, with more options of
`watch` if they are given. LOG should have as many lines as are written (`loggen --format rfc3339`): a shorter one begins
again, which sets the log's clock back. Twice a second a line is written that raises an alert by a rule of its own; the time
from its write to its alert is the delay. Printed are the delays, how long after the last line the last alert came, the
processor time and memory of `watch`, and the load of the machine: numbers of a busy machine say little.
"""

import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

RULE = """
[[rule]]
name = 'marker'
about = 'a line that a measurement waits for'
next = 'go on'
class = 'background'
severity = 'info'
key = ['pid']
within = '1m'
on = [{ kinds = ['smtpd_lost_connection'] , where = ['client_address=192.0.2.1'] }]
"""


def main():
    binary, sample = sys.argv[1], sys.argv[2]
    rate = int(sys.argv[3]) if len(sys.argv) > 3 else 200_000
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 60
    options = sys.argv[5:]
    folder = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    log, rules, state = (os.path.join(folder, name) for name in ("mail.log", "rules", "state"))
    open(log, "w").close()
    with open(rules, "w") as out:
        out.write(RULE)
    busy = f"load {os.getloadavg()[0]:.1f}"
    watch = subprocess.Popen(
        [binary, "watch", "--from-start", "--format", "jsonl", "--rules", rules, "--state", state, *options, log],
        stdout=subprocess.PIPE,
    )
    written, delays = {}, {}

    def listen():
        for line in watch.stdout:
            now = time.monotonic()
            if b'"rule":"marker"' in line and b'"change":"raised"' in line:
                pid = int(line.split(b'["pid","')[1].split(b'"')[0])
                delays[pid] = now - written[pid]

    listener = threading.Thread(target=listen)
    listener.start()
    late, lines = write(log, sample, rate // 20, seconds, written)
    ended = time.monotonic()
    while len(delays) < len(written) and time.monotonic() - ended < 60:
        time.sleep(0.01)
    behind = time.monotonic() - ended
    peak_kib = int(next(l for l in open(f"/proc/{watch.pid}/status") if l.startswith("VmHWM")).split()[1])
    watch.terminate()
    watch.wait()
    listener.join()
    print(f"{busy} before, {os.getloadavg()[0]:.1f} after; {os.cpu_count()} processors; {lines} lines in {seconds} s")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(sorted(delays.values()), len(written), behind, late, peak_kib, used)
    shutil.rmtree(folder)


def blocks_of(sample, size):
    """Blocks of so many lines, without end."""
    while True:
        with open(sample, "rb") as lines:
            while block := list(itertools.islice(lines, size)):
                yield block


def write(log, sample, size, seconds, written):
    """Writes a block each twentieth of a second; returns how late it was itself at most, and how many lines it wrote."""
    late, count, blocks = 0.0, 0, blocks_of(sample, size)
    block = next(blocks)
    started = time.monotonic()
    with open(log, "ab", buffering=0) as out:
        for turn in range(seconds * 20):
            due = started + turn / 20
            time.sleep(max(0.0, due - time.monotonic()))
            late = max(late, time.monotonic() - due)
            out.write(b"".join(block))
            count += len(block)
            if turn % 10 == 9:
                # It has the time of the lines around it.
                stamp, pid = block[-1].split(b" ")[0].decode(), 1_000_000 + turn
                text = f"{stamp} mx1 postfix/smtpd[{pid}]: lost connection after AUTH from unknown[192.0.2.1]\n"
                written[pid] = time.monotonic()
                out.write(text.encode())
            block = next(blocks)
    return late, count


def report(delays, markers, behind, late, peak_kib, used):
    at = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))] * 1000
    print(f"alerts {len(delays)} of {markers}")
    if delays:
        print(f"delay ms: median {at(0.5):.0f}, 99 % {at(0.99):.0f}, most {delays[-1] * 1000:.0f}")
    print(f"behind after the last line: {behind * 1000:.0f} ms; the writer was late by {late * 1000:.0f} ms at most")
    print(f"watch: {used.ru_utime + used.ru_stime:.1f} s of processor, {peak_kib / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
