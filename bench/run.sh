#!/usr/bin/env bash
# Measures everything, prints benchstat's table and then, in Markdown, the best of
# all rounds with its ratio to the floor:
#
#   bench/run.sh                    10 rounds, half a second for each benchmark
#   bench/run.sh -count 3 -time 1s -bench 'CachedRead|StoreRead'
#   bench/run.sh -long              in the first three rounds, a table of a million sessions too
#   bench/run.sh -write             puts the Markdown into docs/performance.md
#   bench/run.sh -from FILE         measures nothing: of what an earlier run kept
#
# A round runs each benchmark once, so that a machine that is busy for a while
# is so for all layers. It wants an idle machine with Go and MariaDB, or a server
# named by TEST_MYSQL_DSN, and leaves out what it cannot have: redis-server, and
# Better Auth (npm ci in conformance). The results are kept in bench/results.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. ../.ci/mariadb.sh

benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' run.sh >&2; exit 2; }
fail() { printf 'run.sh: %s\n' "$*" >&2; exit 1; }

count=10 time=500ms bench=. from= long= into=()
command="bench/run.sh${*:+ $*}"
while (($# > 0)); do
  case $1 in
    -long) long=1 ;;
    -write) into=(-into ../docs/performance.md) ;;
    -count | -time | -bench | -from)
      (($# > 1)) || usage
      printf -v "${1#-}" '%s' "$2"
      shift
      ;;
    *) usage ;;
  esac
  shift
done

work=$(mktemp -d)
mariadb_pid=
cleanup() {
  if [[ -n $mariadb_pid ]]; then
    kill "$mariadb_pid" 2>/dev/null || true
    wait "$mariadb_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

measure() {
  PATH=$PATH:/usr/sbin
  if [[ -z ${TEST_MYSQL_DSN:-} ]]; then
    command -v mariadbd >/dev/null || fail "please install mariadb-server-core and mariadb-client-core, or set TEST_MYSQL_DSN"
    # A commit is on the disk when it is answered, as in production, and the log has
    # the default size: in a smaller one each turn of a purge waits for pages.
    start_mariadb --innodb-flush-log-at-trx-commit=1 --innodb-buffer-pool-size=1G --innodb-log-file-size=96M
  fi
  go test -c -o "$work/bench" .
  {
    printf 'date: %s\n' "$(date -u +%F)"
    printf 'command: %s\n' "$command"
    printf 'go: %s\n' "$(go env GOVERSION)"
    printf 'kernel: %s\n' "$(uname -sr)"
    if [[ -n $mariadb_pid ]]; then printf 'mariadb: %s\n' "$(mariadbd --version | sed 's/.*Ver \([^ ]*\).*/\1/')"; else printf 'database: of TEST_MYSQL_DSN\n'; fi
    if command -v redis-server >/dev/null; then printf 'redis: %s\n' "$(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/')"; fi
    if command -v node >/dev/null && [[ -d ../conformance/node_modules/better-auth ]]; then
      printf 'node: %s\n' "$(node --version)"
      printf 'better-auth: %s\n' "$(node -p 'require("../conformance/node_modules/better-auth/package.json").version')"
    fi
    go list -m -f '{{if not .Indirect}}{{with .Version}}{{$.Path}}: {{.}}{{end}}{{end}}' all | grep -v '^$' | grep -E '^github.com/(alexedwards|appleboy|gin-|go-sql|golang-jwt|gorilla)|^gorm.io/gorm' | sed 's|^[^ ]*/\([^/ ]*/[^/ ]*: \)|\1|'
  } >results.txt
  local round
  for ((round = 1; round <= count; round++)); do
    if [[ -n $long ]] && ((round <= 3)); then export TEST_LONG=1; else unset TEST_LONG; fi
    printf 'round %d of %d, %s\n' "$round" "$count" "$(date +%T)" >&2
    "$work/bench" -test.run='^$' -test.bench="$bench" -test.benchtime="$time" -test.timeout=2h >"$work/round" 2>"$work/log" ||
      { cat "$work/round" "$work/log" >&2; fail "a benchmark failed"; }
    cat "$work/round" >>results.txt
  done
}

if [[ -z $from ]]; then
  measure
  from=results.txt
fi
go run "$benchstat" "$from"
printf '\n'
go run ./report "${into[@]}" "$from"
