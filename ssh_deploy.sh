#!/usr/bin/env bash
# Bring this checkout to a server over ssh and start it there; docs/operating.md explains the steps.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: ./ssh_deploy.sh USER@HOST [--port N] [--path DIR] [--profile gpu|cpu|run] [--dry-run]

  --port N      ssh port (22)
  --path DIR    folder on the server (~/llm-appliance)
  --profile P   gpu or cpu: docker compose there; run: without docker, in the background (gpu)
  --dry-run     show what would be done, change nothing

Copies the last commit (rsync, resumable), keeps the server's data folder, .env and secrets as they are, runs
./setup.sh PROFILE there and waits until the appliance answers. Safe to run again.
TEXT
}

fail() { printf 'ssh_deploy: %s\n' "$1" >&2; exit "${2:-1}"; }
say() { printf '==> %s\n' "$1"; }

target="" port=22 path="llm-appliance" profile=gpu dry_run=false
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --port) port=${2:?--port needs a number}; shift ;;
        --path) path=${2:?--path needs a folder}; shift ;;
        --profile) profile=${2:?--profile needs gpu, cpu or run}; shift ;;
        --dry-run) dry_run=true ;;
        -*) fail "unknown option $1; see --help" 2 ;;
        *) [ -z "$target" ] || fail "one USER@HOST only; see --help" 2; target=$1 ;;
    esac
    shift
done
[ -n "$target" ] || { usage >&2; exit 2; }
case $profile in gpu | cpu | run) ;; *) fail "--profile is gpu, cpu or run, not '$profile'" 2 ;; esac
case $path in *[!A-Za-z0-9._/-]*) fail "--path may hold letters, digits, dot, dash, underscore and slash only" 2 ;; esac

cd "$(dirname "$0")"
ssh_options=(-p "$port" -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15)
if [ -n "${SSH_DEPLOY_OPTIONS:-}" ]; then
    read -r -a extra <<<"$SSH_DEPLOY_OPTIONS"
    ssh_options+=("${extra[@]}")
fi
# shellcheck disable=SC2029  # paths are checked above and meant to be filled in here
on_server() { ssh "${ssh_options[@]}" "$target" "$@"; }

check_server() {
    say "checking $target"
    on_server true || fail "no ssh to $target without a password: run ssh-copy-id -p $port $target"
    local needs="rsync python3"
    [ "$profile" = run ] || needs="rsync docker"
    local tool
    for tool in $needs; do
        on_server command -v "$tool" >/dev/null || fail "$target lacks $tool; install it there (apt-get install $tool)"
    done
    command -v rsync >/dev/null || fail "this machine lacks rsync; install it (apt-get install rsync)"
}

copy_files() {
    say "copying $(git describe --always) to $target:$path"
    # not local: the trap runs after the function has ended
    export_folder=$(mktemp -d)
    trap 'rm -rf -- "$export_folder"' EXIT
    git archive HEAD | tar -x -C "$export_folder"
    local flags=(-az --partial --delete --exclude=/data --exclude=/.venv --exclude=/.env --exclude=/secrets)
    [ "$dry_run" = false ] || flags+=(--dry-run --itemize-changes)
    [ "$dry_run" = true ] || on_server "mkdir -p -- '$path'"
    rsync "${flags[@]}" -e "ssh ${ssh_options[*]}" "$export_folder/" "$target:$path/"
}

start_there() {
    say "starting ($profile)"
    if [ "$profile" != run ]; then
        on_server "cd -- '$path' && ./setup.sh $profile"
        return
    fi
    local options=${SSH_DEPLOY_RUN_OPTIONS:-} url=${SSH_DEPLOY_URL:-http://127.0.0.1:8080}
    on_server "cd -- '$path' && . deploy/remote.sh && start_in_background $options && wait_until_ready '$url' 180" ||
        fail "it did not become ready; see $path/data/deploy.log on $target"
}

check_server
copy_files
if [ "$dry_run" = true ]; then
    say "dry run: nothing was started"
else
    start_there
    say "done: $target runs it from $path"
fi
