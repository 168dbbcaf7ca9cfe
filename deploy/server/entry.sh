#!/usr/bin/env bash
# What ssh_deploy.sh calls on the server: env PLACE=… PROFILE=… bash entry.sh COMMAND. Read from standard input behind the
# other files, or from a folder that ssh_deploy.sh has put there.
set -uo pipefail
PLACE=${PLACE:-} PROFILE=${PROFILE:-} DATA=${DATA:-} URL=${URL:-} SITE=${SITE:-} TLS=${TLS:-}
KEEP=${KEEP:-3} GATE_S=${GATE_S:-300} WITH_DATA=${WITH_DATA:-no} RESTART=${RESTART:-no}
if [ -n "${BASH_SOURCE[0]:-}" ]; then
    TOOL=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
    # shellcheck source=deploy/server/places.sh
    . "$TOOL/places.sh"
    # shellcheck source=deploy/server/preflight.sh
    . "$TOOL/preflight.sh"
    # shellcheck source=deploy/server/running.sh
    . "$TOOL/running.sh"
    # shellcheck source=deploy/server/activating.sh
    . "$TOOL/activating.sh"
fi

# The rest runs by itself, holding the lock that this process took. Called again for the same it only says where the log is.
begin() { # activate|roll_back id
    local log
    find_place
    make_place
    exec 9>>"$INNER/lock"
    if ! flock -w 2 9; then
        await_note "$1" "$2" || fail "another deploy is under way: watch it with --follow." 1
        printf 'log: %s\n' "$(log_under_way)"
        return
    fi
    log=$(date -u +%Y%m%dT%H%M%SZ)-$2.log
    (umask 077 && : >>"$PLACE/deploys/$log")
    rm -f -- "$INNER/under_way"
    export PLACE PROFILE DATA URL SITE TLS KEEP GATE_S WITH_DATA RESTART
    setsid bash "$TOOL/entry.sh" hold "$1" "$2" "$log" >>"$PLACE/deploys/$log" 2>&1 </dev/null &
    printf 'log: %s\n' "$log"
}

hold() { # activate|roll_back id log
    local code=0
    # shellcheck disable=SC2034  # say looks at it
    CLOCK=yes
    find_place
    write_whole "$INNER/under_way" "$$ $1 $2 $3 $(date -u +%FT%T+00:00)"
    printf '%s\n' "$3" >"$INNER/last_log"
    "$1" "$2" || code=$?
    printf 'end: %s\n' "$code"
}

# Who holds the lock says what for, a moment later.
await_note() { # action id
    local tries=0 action id
    until [ -e "$INNER/under_way" ] || [ "$tries" -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    read -r _ action id _ <"$INNER/under_way" 2>/dev/null || return 1
    [ "$action $id" = "$1 $2" ]
}

log_under_way() { cut -d ' ' -f 4 "$INNER/under_way" 2>/dev/null; }

# From that line on, until its end, or until whoever writes it has gone without one.
follow() { # log|last from-line
    local log=$1 pid=""
    find_place
    [ "$log" != last ] || log=$(cat "$INNER/last_log" 2>/dev/null) || fail "nothing was deployed to $PLACE yet."
    case $log in */* | "") fail "there is no log '$log'." ;; esac
    until [ "$(log_under_way)" = "$log" ] || lock_is_free; do sleep 0.1; done
    # After the end that number may be anybody's.
    [ "$(log_under_way)" != "$log" ] || lock_is_free || read -r pid _ <"$INNER/under_way"
    tail -n "+$2" -s 0.2 ${pid:+-f --pid="$pid"} -- "$PLACE/deploys/$log"
    tail -n 1 "$PLACE/deploys/$log" | grep -q '^end: ' || printf 'end: gone\n'
}

case ${1:-} in
preflight | begin | hold | follow) "$@" ;;
releases) find_place && list_releases ;;
*) fail "there is no command '${1:-}'." 2 ;;
esac
