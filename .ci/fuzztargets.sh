# For scripts to source, in the root.

# fuzz_targets prints "PACKAGE TARGET" for each fuzz target of each module of go.work.
# Only packages that have some are compiled.
fuzz_targets() {
  grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | xargs -n 1 dirname | sort -u | xargs go test -list '^Fuzz' |
    awk '/^Fuzz/ { targets[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, targets[i]; n = 0 }'
}
