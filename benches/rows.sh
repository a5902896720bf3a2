#!/usr/bin/env bash
# Measures what benches/compare.sh does not: events, short logs, memory of long ones, and what sections cost.
#
#   benches/rows.sh [SIZE] [--record]     SIZE of the log whose memory is measured, default 1G
#
# Needs valgrind and python3, and in /dev/shm room for the log and for its events. Prints one table. Instructions and memory
# repeat on a machine that others use, too; rates are by processor time, which others make longer. --record writes the table
# to benches/record/rows.md.
set -euo pipefail
cd "$(dirname "$0")/.."

name=rows size=1G
source benches/measure.sh

"$target/release/loggen" --seed 1 --size 64M --out "$work/64M.log" --truth "$work/truth.json"
"$target/release/loggen" --seed 1 --size "$size" --out "$work/long.log" --truth "$work/truth.json"
PYTHONDONTWRITEBYTECODE=1 python3 benches/rows.py "$target/release/mailtally" "$work" "$size" > "$work/table.md"
show rows.md
