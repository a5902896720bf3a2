#!/usr/bin/env bash
# Measures mailtally beside pflogsumm, rg and wc on one log of loggen's, totals compared first.
#
#   benches/compare.sh [SIZE] [--record]     SIZE as loggen takes it, default 200M
#
# Needs Debian's pflogsumm, ripgrep and python3. Prints one table: wall and CPU time (medians of five rounds),
# memory at its highest, and ratios. Fails when totals differ; with RATIO=n in the environment also when
# mailtally on two threads is less than n times as fast as pflogsumm. The log lies in memory (/dev/shm) where there is room.
# --record writes the table to benches/record/.
set -euo pipefail
cd "$(dirname "$0")/.."

name=compare size=200M
source benches/measure.sh

# pflogsumm mistakes a queue id that is used again for the first mail: each id is used once here.
"$target/release/loggen" --seed 1 --size "$size" --unique-queue-ids --out "$work/mail.log" --truth "$work/truth.json"

# pflogsumm 1.1.5 knows one syslog name, no other service names than `submission` and `smtps`, and no `milter-reject:` of
# smtpd: it gets the same lines with plain tags and words, so that both programs count all of them.
sed -E -e 's#^(.{15} [^ ]+) [A-Za-z0-9_-]+/([A-Za-z0-9_.:-]+/)?([a-z-]+)\[#\1 postfix/\3[#' \
  -e '/postfix\/smtpd\[/s/: milter-reject: /: reject: /' "$work/mail.log" > "$work/plain.log"

python3 benches/compare.py "$target/release/mailtally" "$work" "$size" "${RATIO:-0}" > "$work/table.md" || status=$?
# A comparison of other totals says nothing.
[ "${status:-0}" -eq 0 ] || record=
show "compare-$size.md"
exit "${status:-0}"
