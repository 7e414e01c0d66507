#!/usr/bin/env bash
# Fuzzes every target of all modules, or those whose name matches, and keeps the new
# inputs that are worth keeping:
#
#   ./fuzz.sh 10m
#   ./fuzz.sh 30s 'FuzzAuthorization|FuzzScan'
#
# The go command keeps all inputs that it found interesting in its own cache. Most of
# them only run a loop once more. Those that reach statements which neither the seeds
# nor the inputs kept so far reach go into testdata/fuzz, which every run of the tests
# replays: the shortest first, up to 1 KiB, at most 20 for each target. A failing input
# is put there by the go command; it stays as a test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. .ci/fuzztargets.sh

fuzztime=${1:?usage: ./fuzz.sh TIME [NAMES]}
names=${2:-.}
most_inputs=20
most_bytes=1024

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# covered PROGRAM FOLDER TEST prints the statements that a test reaches.
covered() {
  (cd "$2" && "$1" -test.run="$3" -test.coverprofile="$work/profile" >/dev/null) && awk 'NR > 1 && $3 > 0 { print $1 }' "$work/profile" | sort -u
}

# keep PACKAGE TARGET copies what is worth keeping from the cache.
keep() {
  local package=$1 target=$2 folder kept cache input name
  folder=$(go list -f '{{.Dir}}' "$package")
  kept=$folder/testdata/fuzz/$target
  cache=$(go env GOCACHE)/fuzz/$package/$target
  [[ -d $cache ]] || return 0
  go test -c -coverpkg=github.com/ginsession/ginsession/... -o "$work/program" "$package"
  covered "$work/program" "$folder" "^$target\$" >"$work/known"
  find "$cache" -type f -size "-$((most_bytes + 1))c" -printf '%s %p\n' | sort -n | cut -d' ' -f2- >"$work/inputs"
  while read -r input; do
    name=$(basename "$input")
    [[ ! -e $kept/$name ]] || continue
    [[ $(find "$kept" -type f 2>/dev/null | wc -l) -lt $most_inputs ]] || break
    mkdir -p "$kept"
    cp "$input" "$kept/$name"
    covered "$work/program" "$folder" "^$target\$/^$name\$" >"$work/reached"
    if [[ -n $(comm -13 "$work/known" "$work/reached") ]]; then
      sort -u "$work/known" "$work/reached" -o "$work/known"
      printf 'kept %s/%s\n' "$target" "$name"
    else
      rm "$kept/$name"
    fi
  done <"$work/inputs"
  rmdir --ignore-fail-on-non-empty "$kept" "$folder/testdata/fuzz" "$folder/testdata" 2>/dev/null || true
}

fuzz_targets >"$work/targets"
failed=
while read -r package target; do
  [[ $target =~ $names ]] || continue
  printf -- '--- %s %s\n' "$package" "$target"
  # "context deadline exceeded" and no failing input finds nothing: https://go.dev/issue/75804
  if ! go test -run='^$' -fuzz="^$target\$" -fuzztime="$fuzztime" "$package" </dev/null 2>&1 | tee "$work/log" &&
    { grep -q 'Failing input written' "$work/log" || ! grep -qx ' *context deadline exceeded' "$work/log"; }; then
    failed="$failed $target"
    continue
  fi
  keep "$package" "$target"
done <"$work/targets"
[[ -z $failed ]] || { printf 'fuzz.sh: failed:%s\n' "$failed" >&2; exit 1; }
