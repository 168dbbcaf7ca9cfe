#!/usr/bin/env bash
# Bring a release to a server over ssh: beside the running one, switched to when it is ready, taken back when it is not
# well. The steps here are on this side of the connection; those on the server are in deploy/server/.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: ./ssh_deploy.sh USER@HOST [--release REF|DIR] [OPTIONS]
       ./ssh_deploy.sh USER@HOST --rollback [--with-data] | --releases | --follow

  --release R    a tag, branch or commit of this checkout, or a folder (the last commit)
  --profile P    gpu or cpu: docker compose; systemd: a service; run: in the background (as last time; at first gpu)
  --path DIR     folder on the server (llm-appliance in the home; for systemd /opt/llm-appliance)
  --data DIR     data folder, for run (data in the folder above; root: /var/lib/appliance)
  --site NAME    the name that people type, for HTTPS; --tls internal|E-MAIL: whose certificate (internal)
  --url URL      where it answers on the server itself (as its credentials.json says, or http://127.0.0.1:8080)
  --gate N       seconds that the new one has to answer a question (300)
  --keep N       releases kept beside the running one (3)
  --port N       ssh port (22)
  --restart      start it anew also where this release runs already
  --dry-run      check, show what would be copied, change nothing

  --rollback     back to the release before; --with-data: also where it means the database of before the upgrade
  --releases     what is there, and what runs
  --follow       watch the deploy that is under way, or read how the last one went

The release is installed beside the running one, which goes on answering. Then they are exchanged: the old one ends what
it is answering, the new one has to answer. If it does not, the old one is started again by itself. On the server this
goes on when the connection breaks; run it again to see how it went.
Exit code: 0 done; 1 refused, nothing was changed; 2 wrong words; 3 the new one was not well and the old one answers
again; 4 nobody answers; 5 the connection was lost for good.
Environment: SSH_DEPLOY_OPTIONS: more options for ssh, e.g. "-i KEY -J JUMPHOST".
TEXT
}

fail() { printf 'ssh_deploy: %s\n' "$1" >&2; exit "${2:-1}"; }
say() { printf '==> %s\n' "$1"; }

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/carrying.sh
. "$here/deploy/carrying.sh"
action=activate target="" port=22 release="" dry_run=false
# What the server's side is told; names as in deploy/server/places.sh.
declare -A told=([PLACE]="" [PROFILE]="" [DATA]="" [URL]="" [SITE]="" [TLS]="" [GATE_S]=300 [KEEP]=3 [WITH_DATA]=no [RESTART]=no)

read_words() {
    while [ $# -gt 0 ]; do
        case $1 in
        --release | --profile | --path | --data | --site | --tls | --url | --gate | --keep | --port)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
            ;;&
        -h | --help) usage; exit 0 ;;
        --release) release=$2; shift ;;
        --port) port=$2; shift ;;
        --gate) told[GATE_S]=$2; shift ;;
        --path) told[PLACE]=$2; shift ;;
        --profile | --data | --site | --tls | --url | --keep) name=${1#--}; told[${name^^}]=$2; shift ;;
        --with-data) told[WITH_DATA]=yes ;;
        --restart) told[RESTART]=yes ;;
        --dry-run) dry_run=true ;;
        --rollback) action=roll_back ;;
        --releases | --follow) action=${1#--} ;;
        -*) fail "unknown option $1; see --help" 2 ;;
        *) [ -z "$target" ] || fail "one USER@HOST only; see --help" 2; target=$1 ;;
        esac
        shift
    done
    [ -n "$target" ] || { usage >&2; exit 2; }
    case ${told[PROFILE]} in "" | gpu | cpu | run | systemd) ;; *) fail "--profile is gpu, cpu, systemd or run, not '${told[PROFILE]}'" 2 ;; esac
    case ${told[PLACE]}${told[DATA]} in *[!A-Za-z0-9._/-]*) fail "--path and --data may hold letters, digits, dot, dash, underscore and slash only" 2 ;; esac
    case "${told[GATE_S]} ${told[KEEP]} $port" in *[!0-9\ ]* | *"  "* | " "* | *" ") fail "--gate, --keep and --port need numbers" 2 ;; esac
}

# One connection for all steps; where it is lost, the next step makes another.
connect() {
    folder=$(mktemp -d /tmp/ssh-deploy-XXXXXX)
    trap 'ssh "${ssh_options[@]}" -O exit "$target" 2>/dev/null || true; rm -rf -- "$folder"' EXIT
    ssh_options=(-p "$port" -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3
        -o ControlMaster=auto -o "ControlPath=$folder/ssh" -o ControlPersist=60)
    if [ -n "${SSH_DEPLOY_OPTIONS:-}" ]; then
        read -r -a more <<<"$SSH_DEPLOY_OPTIONS"
        ssh_options+=("${more[@]}")
    fi
    user_id=$(on_server id -u | tail -n 1) || fail "no ssh to $target without a password: run ssh-copy-id -p $port $target"
    become=""
    if [ "${told[PROFILE]}" = systemd ] && [ "$user_id" != 0 ]; then become="sudo -n"; fi
}

# shellcheck disable=SC2029  # what is filled in here was checked or quoted
on_server() { ssh "${ssh_options[@]}" "$target" "$@"; }

# For what only looks: read from here, nothing is put there. For the rest: the folder that send_steps has put there.
ask_server() { cat "$here"/deploy/server/{places,preflight,running,activating,entry}.sh | on_server "$become env $(words_for_server) bash -s -- $*"; }
tell_server() { on_server "$become env $(words_for_server) bash $steps/entry.sh $*"; }

words_for_server() {
    local name
    for name in "${!told[@]}"; do printf '%s=%q ' "$name" "${told[$name]}"; done
}

check_server() { # sets facts
    local said
    say "checking $target"
    said=$(ask_server preflight "$id") || fail "nothing was changed"
    grep -v '^facts: ' <<<"$said" || true
    declare -gA facts=()
    local word words
    read -ra words < <(sed -n 's/^facts: //p' <<<"$said")
    for word in "${words[@]}"; do facts[${word%%=*}]=${word#*=}; done
    command -v rsync >/dev/null || facts[rsync]=no
}

# The server's log from its first line to its last, over as many connections as that takes.
follow() { # log
    local line seen=0 lost=0
    while [ "$lost" -lt 60 ]; do
        while IFS= read -r line; do
            seen=$((seen + 1)) lost=0
            case $line in
            "end: gone") fail "what ran on $target was killed. Run this again: it goes on from there." 5 ;;
            "end: "*) return "${line#end: }" ;;
            *) printf '%s\n' "$line" ;;
            esac
        done < <(ask_server follow "$1" "$((seen + 1))" 2>"$folder/why")
        lost=$((lost + 1))
        [ "$lost" != 1 ] || say "the connection is lost; trying again. On the server it goes on by itself"
        sleep 2
    done
    fail "$target cannot be reached ($(tail -n 1 "$folder/why")). Look again with: $0 $target --follow" 5
}

begin() { # activate|roll_back id
    local said
    # Cut off just now it may have begun all the same: told again, the server only says where its log is.
    said=$(tell_server begin "$1" "$2") || said=$(tell_server begin "$1" "$2") || fail "it was not begun; nothing was changed"
    trap 'say "it goes on by itself there; watch it with --follow"; exit 130' INT
    follow "$(sed -n 's/^log: //p' <<<"$said")"
}

read_words "$@"
connect
case $action in
releases) ask_server releases ;;
follow) follow last ;;
roll_back)
    id=rollback
    check_server
    [ -n "${facts[current]}" ] || fail "nothing runs there yet: there is no release to go back to"
    if [ "$dry_run" = true ]; then ask_server releases; exit; fi
    send_steps
    begin roll_back rollback
    ;;
activate)
    export_release
    check_server
    copy_files
    if [ "$dry_run" = true ]; then say "dry run: nothing was changed; it would go from ${facts[current]:-nothing} to $id"; exit; fi
    send_steps
    begin activate "$id"
    say "done: $target runs $id from ${facts[place]}"
    ;;
esac
