#!/usr/bin/env bash
# Measures reports of packed logs beside their parts: unpacking alone, and the report of the plain log.
#
#   benches/packed.sh [SIZE] [--record]     SIZE as loggen takes it, default 200M
#
# Needs gzip, bzip2, xz, zstd and python3. Prints one table of medians of five rounds: unpacking by our own libraries with
# nothing done to the lines (benches/unpack.rs), the C program's time for the same, the report of the plain log on one thread
# and of the packed log on two, and how much that takes over the slower of the first and the third. Then the report of four
# packed files at once. --record writes the table to benches/record/.
set -euo pipefail
cd "$(dirname "$0")/.."

name=packed size=200M
source benches/measure.sh

# Of the profile that mailtally is of: both are to be optimized alike.
unpack=$(cargo bench --profile release --bench unpack --locked --no-run --message-format json 2> "$work/build.log" \
  | python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "unpack":
        print(message["executable"])')
"$target/release/loggen" --seed 1 --size "$size" --out "$work/mail.log" --truth "$work/truth.json"
PYTHONDONTWRITEBYTECODE=1 python3 benches/packed.py "$target/release/mailtally" "$unpack" "$work" "$size" > "$work/table.md"
show "packed-$size.md"
