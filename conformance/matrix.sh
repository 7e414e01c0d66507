#!/usr/bin/env bash
# Runs the suites client and interop with several versions of Better Auth and
# writes the outcome into ../docs/compatibility.md:
#
#   TEST_MYSQL_DSN='root@tcp(127.0.0.1:3306)/' ./matrix.sh            the newest patch of each of the last three minors
#   TEST_MYSQL_DSN='root@tcp(127.0.0.1:3306)/' ./matrix.sh 1.7.25     this version
#
# The server of TEST_MYSQL_DSN must be one on which databases may be made and
# dropped. The pinned version is what ./test.sh runs; this asks the npm registry
# what else there is, and needs three minutes or so a version on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

page=../docs/compatibility.md
suites=(client:TestOfficialClient interop:TestInterop)

fail() { printf 'matrix.sh: %s\n' "$*" >&2; exit 1; }

[[ -n ${TEST_MYSQL_DSN:-} ]] || fail "TEST_MYSQL_DSN is not set, such as root@tcp(127.0.0.1:3306)/"
grep -q '^<!-- matrix -->$' "$page" || fail "$page has no place for the outcome"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# newest prints the newest patch of each of the last three minors, newest first.
newest() {
  npm view better-auth versions --json | node -e '
    const released = JSON.parse(require("node:fs").readFileSync(0)).filter((version) => /^\d+\.\d+\.\d+$/.test(version));
    const parts = (version) => version.split(".").map(Number);
    released.sort((a, b) => parts(b).map((part, i) => part - parts(a)[i]).find(Boolean) ?? 0);
    const seen = new Set();
    for (const version of released) {
      const minor = version.split(".", 2).join(".");
      if (seen.size < 3 && !seen.has(minor)) console.log(version);
      seen.add(minor);
    }'
}

# run VERSION SUITE TEST runs one suite and adds its row to the table.
run() {
  local log=$work/$1-$2.log
  printf '=== better-auth %s, %s\n' "$1" "$2"
  CONFORMANCE_PACKAGES=$work/$1 go test -count=1 -v -timeout 30m -run "^$3\$" . >"$log" 2>&1 || true
  if ! node interop/outcome.mjs "$1" "$2" "$log" | tee -a "$work/rows"; then
    cat "$log" >&2
    status=1
  fi
}

versions=("$@")
if [[ ${#versions[@]} -eq 0 ]]; then
  while read -r version; do versions+=("$version"); done < <(newest)
fi
[[ ${#versions[@]} -gt 0 ]] || fail "the registry names no version"

status=0
for version in "${versions[@]}"; do
  mkdir "$work/$version"
  cp -r client interop package.json "$work/$version"
  # @better-auth/redis-storage wants 1.7 beside it; with older ones it is only loaded.
  (cd "$work/$version" && npm install --legacy-peer-deps --ignore-scripts --no-audit --no-fund --silent --save-exact "better-auth@$version")
  for suite in "${suites[@]}"; do run "$version" "${suite%%:*}" "${suite##*:}"; done
done

# The page: what stands between the two marks is ours.
{
  sed '/^<!-- matrix -->$/q' "$page"
  printf '\n%s, Node %s, %s, with the command\n\n' "$(date -u +%F)" "$(node --version)" "$(go env GOVERSION)"
  printf '    conformance/matrix.sh%s\n\n' "${*:+ $*}"
  printf '| better-auth | suite | passed | failed | allowed differences that were met |\n| --- | --- | --- | --- | --- |\n'
  cat "$work/rows"
  printf '\nThe allowed differences, from `conformance/interop/allowed.mjs`:\n\n| | versions | what differs |\n| --- | --- | --- |\n'
  node --input-type=module -e '
    const { allowed } = await import("./interop/allowed.mjs");
    for (const { id, versions, reason } of allowed) console.log(`| ${id} | ${versions?.join(", ") ?? "all"} | ${reason} |`);'
  printf '\n'
  sed -n '/^<!-- end of matrix -->$/,$p' "$page"
} >"$work/page"
cp "$work/page" "$page"
exit "$status"
