# shellcheck shell=bash
# What ssh_deploy.sh runs on the server for `--profile run`: the appliance without docker, in the background.
# Sourced from the top of the repository.

start_in_background() { # options of ./setup.sh run
    mkdir -p data
    stop_in_background
    ./setup.sh install || return 1
    setsid nohup ./setup.sh run "$@" >data/deploy.log 2>&1 </dev/null &
    printf '%s' "$!" >data/deploy.pid
}

stop_in_background() {
    local pid waited=0
    pid=$(cat data/deploy.pid 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 30 ]; do
        sleep 1
        waited=$((waited + 1))
    done
}

wait_until_ready() { # url seconds
    local waited=0
    until python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/readyz", timeout=3)' "$1" 2>/dev/null; do
        [ "$waited" -lt "$2" ] || return 1
        sleep 1
        waited=$((waited + 1))
    done
    printf '==> it answers at %s\n' "$1"
}
