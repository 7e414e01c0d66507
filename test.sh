#!/usr/bin/env bash
# Tests everything, on a fresh Debian or Ubuntu machine with Go:
#
#   ./test.sh
#   ./test.sh -long   each fault of conformance/faults for half a minute, and each
#                     race of conformance/races 10,000 times: an hour more
#
# What the tests need and the machine lacks is installed with apt-get (as root
# or through sudo), without starting a service. They never touch a database of
# the system: unless TEST_MYSQL_DSN names a server to use, a private MariaDB runs
# in a temporary folder until the script ends, however it ends.
#
#   TEST_MYSQL_DSN  a MySQL-compatible server of your own, such as
#                   root@tcp(127.0.0.1:3306)/; the tests create databases of
#                   their own on it and drop them
#   FUZZTIME        for each fuzz target, 30s by default
#   CHROMIUM        the browser's executable, found by itself by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

server=()
patience=(-timeout=15m) # of conformance, which shares the machine with the fuzzing
usage() { printf 'usage: ./test.sh [-long]\n' >&2; exit 2; }
[[ $# -le 1 ]] || usage
case ${1-} in
  '') ;;
  -long)
    export TEST_LONG=1
    export GOFLAGS="${GOFLAGS:+$GOFLAGS }-timeout=6h" # of each test program; go test's own is 10
    patience=()
    server=(--innodb-buffer-pool-size=1G --innodb-log-file-size=96M) # a million sessions at once
    ;;
  *) usage ;;
esac

fuzztime=${FUZZTIME:-30s}
least_coverage=85 # percent of the statements
covered=(. ./models ./cookiecache)

# SQLite, translated from C, takes minutes to compile with the race detector
# and has no races of ours.
race=(-race -gcflags=modernc.org/...=-race=false)

. .ci/mariadb.sh
. .ci/fuzztargets.sh

heading() { printf '\n=== %s\n' "$*"; }
fail() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d)
mariadb_pid=
aside_pid=
redisstore_pid=
policy=

# Whatever the script started ends with it.
cleanup() {
  local group
  for group in $aside_pid $redisstore_pid; do kill -- "-$group" 2>/dev/null || true; done
  if [[ -n $mariadb_pid ]]; then
    kill "$mariadb_pid" 2>/dev/null || true
    wait "$mariadb_pid" 2>/dev/null || true
  fi
  if [[ -n $policy ]]; then as_root rm -f "$policy"; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

updated=
install_packages() {
  command -v apt-get >/dev/null || fail "please install: $*"
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null || fail "please install (this is not root, and there is no sudo): $*"
  printf 'installing: %s\n' "$*"
  if [[ -z $updated ]]; then
    as_root apt-get update -qq
    updated=yes
  fi
  # Packages must not start services on the machine (invoke-rc.d's policy).
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt.log" 2>&1 ||
    { cat "$work/apt.log" >&2; fail "apt-get could not install: $*"; }
}

# node_is_new: node is there and at least 20.19, as jsdom needs.
node_is_new() {
  command -v node >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

prepare_tools() {
  command -v go >/dev/null || fail "please install Go: https://go.dev/doc/install"
  command -v gcc >/dev/null || install_packages gcc libc6-dev # for -race
  # Beside a server of TEST_MYSQL_DSN too: some tests kill one of their own.
  PATH=$PATH:/usr/sbin
  command -v mariadbd >/dev/null || install_packages mariadb-server-core mariadb-client-core
  command -v redis-server >/dev/null || install_packages redis-server
  command -v node >/dev/null || install_packages nodejs
  command -v npm >/dev/null || install_packages npm
  if ! node_is_new; then
    # Older releases of Debian and Ubuntu: node's program from npm, for this run.
    local machine
    case $(uname -m) in
      x86_64) machine=x64 ;;
      aarch64) machine=arm64 ;;
      *) fail "please install node 20.19 or newer; this is $(node --version)" ;;
    esac
    printf 'node %s is too old: using one from npm\n' "$(node --version)"
    npm install --prefix "$work/node" --no-audit --no-fund --silent "node-linux-$machine@22.23.3"
    PATH=$work/node/node_modules/node-linux-$machine/bin:$PATH
    node_is_new || fail "please install node 20.19 or newer"
  fi
  export PATH
  if ! find_chromium; then
    # Ubuntu's package only installs a snap, which needs a running snapd.
    if grep -qx 'ID=ubuntu' /etc/os-release; then
      (cd conformance && npm ci --ignore-scripts --no-audit --no-fund --silent)
      as_root env "PATH=$PATH" DEBIAN_FRONTEND=noninteractive node conformance/node_modules/playwright-core/cli.js install-deps chromium-headless-shell
      node conformance/node_modules/playwright-core/cli.js install chromium-headless-shell
    else
      install_packages chromium fonts-dejavu-core
    fi
  fi
}

find_chromium() {
  local name
  for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
      # Ubuntu has a script of this name that asks for the snap.
      if "$name" --version >/dev/null 2>&1; then return; fi
    fi
  done
  return 1
}

# in_modules runs a command in the folder of each module of go.work.
modules=()
in_modules() {
  local module
  for module in "${modules[@]}"; do
    printf -- '--- %s: %s\n' "$module" "$*"
    (cd "$module" && "$@") || return
  done
}

# coverage FILE prints the statement coverage of each package in a profile and
# fails if one has less than it must. A block that several test programs name
# is covered if one of them ran it.
coverage() {
  awk -v least="$least_coverage" '
    NR > 1 { statements[$1] = $2; if ($3 > 0) ran[$1] = 1 }
    END {
      for (block in statements) {
        package = block; sub(/\/[^\/]*$/, "", package)
        all[package] += statements[block]
        if (block in ran) some[package] += statements[block]
      }
      for (package in all) {
        percent = 100 * some[package] / all[package]
        printf "%-50s %5.1f %% of %d statements%s\n", package, percent, all[package], percent < least ? "   TOO LITTLE, at least " least " % are needed" : ""
        if (percent < least) poor = 1
      }
      exit poor
    }' "$1"
}

# Programs that do one thing after the other are tested without the race detector: compiling
# its dependencies once more for that would take longer than its tests.
is_program() { [[ $1 == ./cmd/* || $1 == ./docs/* || $1 == ./device || $1 == ./example/observability ]]; }

test_programs() {
  local module
  for module in "${modules[@]}"; do
    if is_program "$module"; then (cd "$module" && go test -shuffle=on ./...) || return; fi
  done
}

# fuzz_all runs every target, two on each processor: they get what the tests leave
# either way, and are done sooner.
fuzz_all() {
  local package target running=0 failed=
  fuzz_targets >"$work/targets" || return
  # All that a package imports is compiled anew for fuzzing: once, and not by several
  # targets beside each other.
  for package in $(cut -d' ' -f1 "$work/targets" | sort -u); do
    go test -c -fuzz=. -o /dev/null "$package" || return
  done
  while read -r package target; do
    if ((running >= 2 * $(nproc))); then
      wait -n || failed=yes
      running=$((running - 1))
    fi
    fuzz "$package" "$target" &
    running=$((running + 1))
  done <"$work/targets"
  while ((running > 0)); do
    wait -n || failed=yes
    running=$((running - 1))
  done
  [[ -z $failed ]] || fail "a fuzz target failed"
}

# fuzz PACKAGE TARGET. The go command sometimes ends a run at its deadline with
# "context deadline exceeded" and no failing input, which finds nothing
# (https://go.dev/issue/75804); such a run is repeated, twice at most.
fuzz() {
  local try log=$work/fuzz.$2
  for try in 1 2 3; do
    # Minimising what is merely new would take most of so short a run.
    if go test -run='^$' -fuzz="^$2\$" -fuzztime="$fuzztime" -fuzzminimizetime=20x -parallel=1 "$1" </dev/null >"$log" 2>&1; then
      printf -- '--- %s %s: %s\n' "$1" "$2" "$(grep '^fuzz: elapsed' "$log" | tail -n 1)"
      return
    fi
    if grep -q 'Failing input written' "$log" || ! grep -qx ' *context deadline exceeded' "$log"; then break; fi
  done
  printf -- '--- %s %s\n' "$1" "$2"
  cat "$log"
  return 1
}

heading "Preparing"
prepare_tools
if [[ -z ${TEST_MYSQL_DSN:-} ]]; then
  start_mariadb "${server[@]}"
  printf 'private MariaDB: %s\n' "$(mariadbd --version)"
else
  printf 'using the server of TEST_MYSQL_DSN\n'
fi
go version
printf 'node %s, npm %s\n' "$(node --version)" "$(npm --version)"
while read -r module; do modules+=("$module"); done < <(go work edit -json | awk -F'"' '/"DiskPath"/ { print $4 }')

heading "Format"
unformatted=$(gofmt -l .)
[[ -z $unformatted ]] || fail "gofmt would change: $unformatted"

# The tests wait more than they compute. The vetting, the programs' and recipes' tests
# and the fuzzing take what they leave, and as much as they need when they are done.
set -m # a process group of its own
(renice -n 19 -p $BASHPID >/dev/null && in_modules go vet ./... && test_programs && fuzz_all) >"$work/aside" 2>&1 &
aside_pid=$!
set +m

heading "Unit and integration tests, with the race detector"
# Conformance comes last: it is its module's whole purpose. redisstore waits more
# than all others, for replicas and timeouts, and does so beside them.
packages=$(go list "${covered[@]}" | paste -sd,)
set -m
(cd redisstore && go test "${race[@]}" -shuffle=on ./...) >"$work/redisstore" 2>&1 &
redisstore_pid=$!
set +m
go test "${race[@]}" -shuffle=on -coverpkg="$packages" -coverprofile="$work/coverage" ./...
for module in "${modules[@]}"; do
  case $module in .|./conformance|./redisstore) continue ;; esac
  is_program "$module" || (cd "$module" && go test "${race[@]}" -shuffle=on ./...)
done
status=0
wait "$redisstore_pid" || status=$?
redisstore_pid=
cat "$work/redisstore"
[[ $status -eq 0 ]] || fail "redisstore failed"

heading "Allocations, without the race detector, which allocates; each peer once"
go test -run Alloc ./...
(cd otelsession && go test -run Alloc ./...)
(cd bench && go test -run . -bench '^Benchmark(CachedRead|StoreRead|SignIn)$/./via=process' -benchtime 1x ./...)

heading "Statement coverage"
coverage "$work/coverage"

heading "Conformance: recorded exchanges, the official client, Chromium"
(cd conformance && go test "${race[@]}" -shuffle=on "${patience[@]}" ./...)

heading "Vet; programs and recipes; fuzzing, $fuzztime each"
status=0
wait "$aside_pid" || status=$?
aside_pid=
cat "$work/aside"
[[ $status -eq 0 ]] || fail "one of these failed"
