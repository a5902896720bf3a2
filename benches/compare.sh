#!/usr/bin/env bash
# Times mailtally against Debian's pflogsumm on one log of loggen's, totals compared first.
#
#   benches/compare.sh [SIZE]        SIZE as loggen takes it, default 200M
#
# Needs hyperfine and pflogsumm (Debian packages). Prints the totals of both, the medians and their
# ratio; fails if the totals differ or the ratio is below RATIO (default 20). The log is warm in the
# page cache for both.
set -euo pipefail
cd "$(dirname "$0")/.."

size=${1:-200M}
ratio=${RATIO:-20}
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --workspace --locked --quiet
# pflogsumm mistakes a queue id that is used again for the first mail: each id is used once here.
"$target/release/loggen" --seed 1 --size "$size" --unique-queue-ids --out "$work/mail.log" --truth "$work/truth.json"
ls -l "$work/mail.log"

# pflogsumm 1.1.5 knows one syslog name, no other service names than `submission` and `smtps`, and no `milter-reject:` of
# smtpd: it gets the same lines with plain tags and words, so that both programs count all of them.
sed -E -e 's#^(.{15} [^ ]+) [A-Za-z0-9_-]+/([A-Za-z0-9_.:-]+/)?([a-z-]+)\[#\1 postfix/\3[#' \
  -e '/postfix\/smtpd\[/s/: milter-reject: /: reject: /' "$work/mail.log" > "$work/plain.log"
pflogsumm -h 0 -u 0 --detail 0 "$work/plain.log" > "$work/pflogsumm.txt" 2> /dev/null
"$target/release/mailtally" report --format json "$work/mail.log" > "$work/ours.json"

python3 - "$work/pflogsumm.txt" "$work/ours.json" <<'PY'
import json, re, sys

theirs = {}
for line in open(sys.argv[1], encoding="utf8", errors="replace"):
    found = re.match(r"\s+(\d+)([km]?)\s+(received|delivered|forwarded|bounced|rejected|reject warnings|held|discarded|deferred|senders|recipients)\b", line)
    if found:
        theirs[found[3].replace(" ", "_")] = (int(found[1]), {"": 1, "k": 1024, "m": 1048576}[found[2]])
ours = json.load(open(sys.argv[2], encoding="utf8"))["totals"]
differ = 0
for name, (count, unit) in theirs.items():
    same = ours[name] // unit == count
    differ += not same
    print(f"{name:16} pflogsumm {count * unit:>12,} ours {ours[name]:>12,}{'' if same else '   DIFFERS'}")
sys.exit(1 if differ else 0)
PY

hyperfine --style basic --warmup 1 --runs 5 --export-json "$work/times.json" \
  --command-name mailtally "$target/release/mailtally report $work/mail.log" \
  --command-name "mailtally, 1 thread" "$target/release/mailtally report --threads 1 $work/mail.log"
hyperfine --style basic --warmup 0 --runs 3 --export-json "$work/slow.json" \
  --command-name pflogsumm "pflogsumm $work/plain.log"

python3 - "$work/times.json" "$work/slow.json" "$ratio" <<'PY'
import json, sys

ours = json.load(open(sys.argv[1]))["results"][0]["median"]
theirs = json.load(open(sys.argv[2]))["results"][0]["median"]
print(f"mailtally is {theirs / ours:.1f} times as fast as pflogsumm (bar: {sys.argv[3]})")
sys.exit(0 if theirs / ours >= float(sys.argv[3]) else 1)
PY
