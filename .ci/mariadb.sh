# For scripts to source: a private MariaDB in $work, which they remove.
# They have a function fail, and stop $mariadb_pid at their end.

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    if ! (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s' "$port"
      return
    fi
  done
}

# start_mariadb [OPTION...] starts a server, with options of mariadbd that
# override those here, and exports TEST_MYSQL_DSN.
start_mariadb() {
  local data=$work/mariadb port user
  user=$(id -un)
  mkdir "$data"
  mariadb-install-db --no-defaults --datadir="$data" --user="$user" \
    --auth-root-authentication-method=normal --skip-test-db --force >"$work/mariadb-install.log" 2>&1 ||
    { cat "$work/mariadb-install.log" >&2; fail "mariadb-install-db failed"; }
  port=$(free_port)
  mariadbd --no-defaults --user="$user" --datadir="$data" --socket="$work/mariadb.sock" \
    --bind-address=127.0.0.1 --port="$port" --pid-file="$work/mariadb.pid" \
    --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
    --max-connections=500 --skip-log-bin --skip-name-resolve "$@" >"$work/mariadb.log" 2>&1 &
  mariadb_pid=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    kill -0 "$mariadb_pid" 2>/dev/null || break
    if [[ -S $work/mariadb.sock ]] && (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      export TEST_MYSQL_DSN="root@tcp(127.0.0.1:$port)/"
      return
    fi
    sleep 0.2
  done
  cat "$work/mariadb.log" >&2
  fail "mariadbd does not answer"
}
