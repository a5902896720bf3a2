# Read by the scripts here that measure, behind `name=` and `size=`: takes SIZE and --record, builds, and makes room in
# memory. Leaves `size`, `record` (empty, or yes), `target`, `work` and the function `show`.

record=
for argument in "$@"; do
  case $argument in
    --record) record=yes ;;
    *) size=$argument ;;
  esac
done
target=${CARGO_TARGET_DIR:-target}
shared=/dev/shm
[ -d "$shared" ] || shared=${TMPDIR:-/tmp}
work=$(mktemp -d "$shared/mailtally-$name.XXXXXX")
trap 'rm -rf "$work"' EXIT

cargo build --release --workspace --locked --quiet

# Prints the table, and keeps it under benches/record/ where that is asked for.
show() { # file
  cat "$work/table.md"
  if [ -n "$record" ]; then
    mkdir -p benches/record
    cp "$work/table.md" "benches/record/$1"
  fi
}
