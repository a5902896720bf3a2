#!/usr/bin/env bash
# Counts the instructions that a text report costs per line, on one thread, and holds them against the bound.
#
#   benches/instructions.sh
#
# Seconds depend on the machine and on who else uses it; instructions repeat. The log is loggen's, pinned by its
# SHA-256. Fails above the bound plus 3 %; below the bound less 3 % it says what to write here. The bound moves up only
# in a commit that names the feature that costs it. Needs valgrind (a Debian package).
set -euo pipefail
cd "$(dirname "$0")/.."

bound=1156
log_sha256=7c152667e966ff00c7940b80fdf7e3fc4db1e20677ab0ab41308a48e5ac5cb33

# What a report of the first version had; what came later has its price of its own.
sections=totals,traffic,tls,logins,rejects,families,spam-sources,coverage

target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --workspace --locked --quiet
"$target/release/loggen" --seed 1 --size 64M --out "$work/mail.log" --truth "$work/truth.json"
echo "$log_sha256  $work/mail.log" | sha256sum --check --quiet || {
  echo "loggen no longer writes the pinned log: the bound says nothing about another one"
  exit 1
}

valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.out" \
  "$target/release/mailtally" report --sections "$sections" --threads 1 "$work/mail.log" > "$work/report.txt" 2> "$work/valgrind.log"
total=$(awk '/Collected/ { print $4 }' "$work/valgrind.log")
lines=$(wc -l < "$work/mail.log")
counted=$((total / lines))
echo "$counted instructions per line (bound: $bound), $lines lines"
if [ "$counted" -gt $((bound * 103 / 100)) ]; then
  echo "above the bound: make it cheaper, or raise the bound in a commit that names what it buys"
  exit 1
fi
if [ "$counted" -lt $((bound * 97 / 100)) ]; then
  echo "below the bound: lower it to $counted"
fi
