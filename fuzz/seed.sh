#!/usr/bin/env bash
# Makes the first inputs of the fuzz targets out of the lines of fixtures/: fuzz/seed.sh [folder, else fuzz/corpus]
set -euo pipefail
cd "$(dirname "$0")/.."

corpus=${1:-fuzz/corpus}
mkdir -p "$corpus"/{record,event,roundtrip,pipeline}

# A fixture line is `tag: message`. For `record` a line gets an envelope, each form in its turn; for `event` the tag
# stands on a line of its own; `pipeline` takes a byte for the size of chunks and then a log. `roundtrip` begins with
# random bytes: its input is no text.
python3 - "$corpus" <<'PY'
import pathlib, random, sys

corpus = pathlib.Path(sys.argv[1])
random.seed(1)
envelopes = [
    "May  1 12:34:56 mx1 {tag}[1234]: {message}",
    "2026-05-01T12:34:56.789012+02:00 mx1 {tag}[1234]: {message}",
    "<22>1 2026-05-01T12:34:56Z mx1 {tag} 1234 - - {message}",
    "1777631696.789012 mx1 {tag}[1234]: {message}",
    "<22>May  1 12:34:56 mx1 {tag}[1234]: {message}",
    "Fri 2026-05-01 12:34:56 UTC mx1 {tag}[1234]: {message}",
    "2026-05-01 12:34:56 {tag}: Info: {message}",
    "May  1 12:34:56 mx1 {tag}[1234]: [ID 197553 mail.info] {message}",
    "May  1 12:34:56 <mail.info> mx1 {tag}[1234]: {message}",
]

def write(target, number, content):
    (corpus / target / f"seed-{number:05}").write_bytes(content)

lines = []
for path in sorted(pathlib.Path("fixtures/lines").glob("*/*.log")):
    for line in path.read_text(encoding="utf8").splitlines():
        if line and not line.startswith("#"):
            lines.append(line.split(": ", 1))
for number, (tag, message) in enumerate(lines):
    line = envelopes[number % len(envelopes)].format(tag=tag, message=message)
    write("record", number, line.encode())
    write("event", number, f"{tag}\n{message}".encode())
for number, path in enumerate(sorted(pathlib.Path("fixtures/malformed").glob("*"))):
    content = path.read_bytes()[:4000]
    write("record", 90000 + number, content)
    write("pipeline", 90000 + number, b"\x07" + content)

# Logs of some thirty lines: any fixture lines, and stretches of a real log.
log = pathlib.Path("fixtures/logs/lab-small/mail.log").read_bytes().splitlines(keepends=True)
for number in range(300):
    some = random.sample(lines, 25)
    text = "".join(
        f"May  1 12:34:{second:02} mx1 {tag}[{second % 5 + 1}]: {message}\n"
        for second, (tag, message) in enumerate(some)
    )
    write("pipeline", number, bytes([random.randrange(256)]) + text.encode())
    start = random.randrange(len(log) - 25)
    write("pipeline", 1000 + number, bytes([random.randrange(256)]) + b"".join(log[start : start + 25]))
for number in range(200):
    write("roundtrip", number, random.randbytes(random.randrange(100, 1500)))
PY
for target in record event roundtrip pipeline; do
  echo "$target: $(find "$corpus/$target" -type f | wc -l) inputs"
done
