#!/usr/bin/env bash
# The appliance's one entry for people: named steps, each safe to run again. The steps themselves are in deploy/.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
# Container images like to set it. Here every process of ours would compile all its modules anew, at every start.
unset PYTHONDONTWRITEBYTECODE
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
# shellcheck source=deploy/checks.sh
. deploy/checks.sh
# shellcheck source=deploy/gpu.sh
. deploy/gpu.sh
# shellcheck source=deploy/choices.sh
. deploy/choices.sh
# shellcheck source=deploy/secrets.sh
. deploy/secrets.sh
# shellcheck source=deploy/compose.sh
. deploy/compose.sh
# shellcheck source=deploy/docker.sh
. deploy/docker.sh
# shellcheck source=deploy/systemd.sh
. deploy/systemd.sh

usage() {
    cat <<'TEXT'
Usage: ./setup.sh COMMAND [OPTIONS]

  run [--host 127.0.0.1] [--port 8080] [--data DIR] [--config FILE] [--no-sample]
        install what is missing into .venv, then run everything in the foreground; Ctrl-C stops all of it
  test [--quick | --battery NAME] [pytest arguments]
        install what the tests need and run them; --quick: without the slow ones; --battery: one heavy battery
  install [--with EXTRA,...]
        install only; extras: local-models, speech, faiss (each brings large packages; see docs/operating.md)
  gpu | cpu [--check] [--install] [--yes] [--no-start] [--site NAME] [--tls internal|E-MAIL|CERTIFICATE,KEY]
            [--model NAME] [--hub-token-file FILE]
        check this machine, ask what is not said (on a terminal), write secrets and .env, bring the docker compose
        stack up, wait until it answers. The next run asks nothing and changes nothing.
        --check: only look, each problem with its remedy; --yes: ask nothing, take the defaults; --no-start: only write;
        --install: first docker, and NVIDIA's container toolkit, where they are missing (Debian, Ubuntu)
  systemd [--site NAME [--tls internal|E-MAIL]] [--backups DIR]
        without docker: as a hardened service of this machine; with --site also HTTPS for that name, by Caddy;
        with --backups a backup every night, into that folder

Environment: PYTHON=… chooses the interpreter (3.11, 3.12 or 3.13); APPLIANCE_VENV=… another folder than .venv;
APPLIANCE_INSTALLER=pip does without uv. pip's index, find-links, certificate and proxy settings are used.
TEXT
}

command_run() {
    for word in "$@"; do
        if [ "$word" = --help ] || [ "$word" = -h ]; then
            usage
            return
        fi
    done
    install_base
    exec "$VENV/bin/appliance" up "$@"
}

command_install() {
    local extras=
    while [ $# -gt 0 ]; do
        case $1 in
        --with)
            [ $# -ge 2 ] || refuse "--with needs names: local-models, speech, faiss."
            extras=$2
            shift 2
            ;;
        --with=*)
            extras=${1#--with=}
            shift
            ;;
        -h | --help)
            usage
            return
            ;;
        *) refuse "install does not know '$1'. See ./setup.sh --help." ;;
        esac
    done
    install_base
    [ -z "$extras" ] || install_extras "$extras"
    step "installed; start it with ./setup.sh run"
}

command_test() {
    local selection=(-m "not battery") quick=no
    case ${1:-} in
    --quick)
        selection=(-m "not slow and not battery")
        quick=yes
        shift
        ;;
    --battery)
        [ $# -ge 2 ] || refuse "--battery needs a name; the batteries are listed in docs/reliability.md."
        selection=(-m battery -k "$2")
        shift 2
        ;;
    -h | --help)
        usage
        return
        ;;
    esac
    [ $# != 0 ] || [ "${selection[1]}" = battery ] || SECOND_CHANCE=yes
    install_tests
    [ "$quick" = yes ] || install_test_programs
    run_tests "${selection[@]}" "$@"
}

case ${1:-} in
run | test | install)
    name=$1
    shift
    "command_$name" "$@"
    ;;
gpu | cpu) compose_up "$@" ;;
systemd)
    shift
    systemd_up "$@"
    ;;
-h | --help | help) usage ;;
"")
    usage >&2
    exit 2
    ;;
*)
    printf 'setup: there is no command %s.\n\n' "$1" >&2
    usage >&2
    exit 2
    ;;
esac
