#!/usr/bin/env bash
# Installs the appliance from this folder alone, on a machine without the internet. docs/operating.md has the whole story.
set -euo pipefail
HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

usage() {
    cat <<'TEXT'
Usage: ./install.sh COMMAND [OPTIONS] [-- OPTIONS OF ./setup.sh COMMAND]

  verify        look whether every byte is as it was packed; touches nothing
  install       verify, then install code, packages and models
  run           the same, then start it in the foreground
  systemd       the same, then as a hardened service (root; systemd); -- --site NAME for HTTPS by Caddy
  gpu | cpu     with docker: load the images, then bring the stack up

  --prefix DIR  where the code goes (/opt/llm-appliance; ~/llm-appliance for who is not root)
  --data DIR    where its data lies (/var/lib/appliance; PREFIX/data for who is not root); for install and run
  --trust FILE  the packer's public key (ssh, minisign or gpg): who packed this? It must come to you by another way

Safe to run again. Over an older installation it is an upgrade: data, settings, secrets and certificates stay.
PYTHON=… chooses the interpreter.
TEXT
}

step() { printf '==> %s\n' "$1"; }

refuse() {
    printf 'install: %s\n' "$1" >&2
    exit "${2:-1}"
}

of_bundle() { sed -n "s/^$1=//p" "$HERE/BUNDLE"; }

COMMAND="" PREFIX="" DATA="" TRUST=""

read_options() {
    case ${1:-} in
    verify | install | run | systemd | gpu | cpu) COMMAND=$1; shift ;;
    -h | --help) usage; exit 0 ;;
    "") usage >&2; exit 2 ;;
    *) refuse "there is no command $1; see --help." 2 ;;
    esac
    while [ $# -gt 0 ]; do
        case $1 in
        --) shift; break ;;
        -h | --help) usage; exit 0 ;;
        --prefix | --data | --trust) [ -n "${2:-}" ] || refuse "$1 needs a value; see --help." 2 ;;
        *) refuse "there is no option $1; options of ./setup.sh $COMMAND stand behind --. See --help." 2 ;;
        esac
        case $1 in
        --prefix) PREFIX=$(realpath -m -- "$2") ;;
        --data) DATA=$(realpath -m -- "$2") ;;
        --trust) TRUST=$2 ;;
        esac
        shift 2
    done
    MORE=("$@")
    local root=no
    [ "$(id -u)" != 0 ] || root=yes
    if [ "$root" = yes ]; then PREFIX=${PREFIX:-/opt/llm-appliance}; else PREFIX=${PREFIX:-$HOME/llm-appliance}; fi
    if [ "$root" = yes ]; then DATA=${DATA:-/var/lib/appliance}; else DATA=${DATA:-$PREFIX/data}; fi
    [ "$COMMAND" != systemd ] || [ "$DATA" = /var/lib/appliance ] || refuse "the service keeps its data in /var/lib/appliance; leave --data out." 2
}

# First of all, and without any program of the bundle but this one.
verify() {
    local listed wrong
    cd -- "$HERE"
    [ -f SHA256SUMS ] || refuse "SHA256SUMS is missing: this is not a whole bundle. Unpack the archive again."
    [ -z "$TRUST" ] || check_signature
    step "checking every byte"
    wrong=$(sha256sum --check --strict --quiet SHA256SUMS 2>/dev/null) ||
        refuse "this is not what was packed; nothing was touched. Copy or unpack it again. Wrong: ${wrong:-SHA256SUMS itself}"
    listed=$(sed 's/^[0-9a-f]*[ *]*//' SHA256SUMS | LC_ALL=C sort)
    wrong=$(find . ! -type d ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | comm -23 - <(printf '%s\n' "$listed"))
    [ -z "$wrong" ] || refuse "there is something that was not packed; nothing was touched. Take it away: $(head -n 3 <<<"$wrong" | tr '\n' ' ')"
    [ -n "$TRUST" ] || printf '    nothing is missing or changed; who packed it is not checked without --trust\n'
}

check_signature() {
    local scratch
    [ -r "$TRUST" ] || refuse "--trust: $TRUST cannot be read."
    scratch=$(mktemp -d)
    if [ -f SHA256SUMS.sig ]; then
        printf 'packer namespaces="llm-appliance" %s\n' "$(cat "$TRUST")" >"$scratch/signers"
        ssh-keygen -Y verify -f "$scratch/signers" -I packer -n llm-appliance -s SHA256SUMS.sig <SHA256SUMS >"$scratch/said" 2>&1
    elif [ -f SHA256SUMS.minisig ]; then
        minisign -V -q -p "$TRUST" -m SHA256SUMS -x SHA256SUMS.minisig >"$scratch/said" 2>&1
    elif [ -f SHA256SUMS.asc ]; then
        { gpg --batch --homedir "$scratch" --dearmor <"$TRUST" >"$scratch/key" || cp -- "$TRUST" "$scratch/key"; } 2>/dev/null
        gpgv --keyring "$scratch/key" SHA256SUMS.asc SHA256SUMS >"$scratch/said" 2>&1
    else
        printf 'It is not signed.\n' >"$scratch/said"
        false
    fi || {
        sed 's/^/    /' "$scratch/said" >&2
        rm -rf -- "$scratch"
        refuse "the signature is not of the key in $TRUST; nothing was touched."
    }
    rm -rf -- "$scratch"
    step "signed by the key in $TRUST"
}

check_machine() {
    local glibc free_mb place=$PREFIX
    [ "$(uname -m)" = "$(of_bundle MACHINE)" ] || refuse "this bundle is for $(of_bundle MACHINE), this machine is $(uname -m)."
    while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
    free_mb=$(df -Pm -- "$place" | awk 'NR==2 {print $4}')
    [ "$free_mb" -ge "$(of_bundle NEEDED_MB)" ] || refuse "$PREFIX needs $(of_bundle NEEDED_MB) MB; there are $free_mb MB free."
    case $COMMAND in gpu | cpu) return 0 ;; esac
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2) || glibc=""
    [ "$(printf '%s\n' "$(of_bundle GLIBC)" "${glibc:-0}" | sort -V | head -n 1)" = "$(of_bundle GLIBC)" ] ||
        refuse "this bundle needs glibc $(of_bundle GLIBC) or newer; here is ${glibc:-another C library}. Pack one with an older --glibc."
    find_python
    [ "$COMMAND" = systemd ] || check_nothing_runs
}

find_python() {
    local name wanted
    wanted=$(of_bundle PYTHON)
    for name in ${PYTHON:+"$PYTHON"} "python$wanted" python3 python; do
        if "$name" -c "import sys, ssl, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted')" 2>/dev/null; then
            PYTHON=$("$name" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    refuse "this bundle is for Python $wanted, and none was found. Install it, name it (PYTHON=/path/to/python$wanted), or pack one with --python $(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3.12)."
}

# Code is not taken away below a running appliance; whose the number is now, its own command line says.
check_nothing_runs() {
    local pid
    pid=$(sed -n 's/^{"pid": \([0-9]*\),.*/\1/p' "$DATA/supervisor.json" 2>/dev/null) || return 0
    [ -n "$pid" ] || return 0
    ! { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -q appliance || refuse "the appliance of $DATA runs (process $pid). Stop it first."
}

# What is not the bundle's own stays: data, .env, secrets, certificates, and the virtual environment, which is brought up to date.
place_code() {
    local name new=$PREFIX/.new
    [ ! -e "$PREFIX/.git" ] || refuse "$PREFIX is a git checkout. Choose another --prefix."
    step "code of $(of_bundle VERSION) to $PREFIX"
    mkdir -p -- "$PREFIX"
    rm -rf -- "$new"
    cp -r -- "$HERE/code" "$new"
    cp -- "$HERE/BUNDLE" "$new/BUNDLE"
    chmod -R u=rwX,go=rX "$new"
    for name in "$new"/* "$new"/.[!.]*; do
        [ -e "$name" ] || continue
        rm -rf -- "${PREFIX:?}/${name##*/}"
        mv -- "$name" "$PREFIX/"
    done
    rmdir "$new"
}

# For setup.sh: our folders are the only place where packages come from, whatever is configured on this machine.
point_at_wheels() {
    local name pips=("$HERE"/wheels/pip-*.whl)
    for name in $(compgen -e PIP_) $(compgen -e UV_); do unset "$name"; done
    export PYTHON PYTHONPATH=${pips[0]} PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
    export UV_NO_CACHE=1 UV_OFFLINE=1 UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never
    PIP_FIND_LINKS=$("$PYTHON" -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$HERE/wheels")
    export PIP_FIND_LINKS
}

# Of another Python than the bundle's wheels are for.
drop_other_environment() {
    local name=${APPLIANCE_VENV:-$PREFIX/.venv}
    [ ! -e "$name" ] || "$name/bin/python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$(of_bundle PYTHON)')" 2>/dev/null || rm -rf -- "$name"
}

place_models() {
    local each target copy
    [ -d "$HERE/models" ] || return 0
    # Of a library each model by itself: those that are here already stay.
    for each in "$HERE/models"/* "$HERE/models/library"/*; do
        case ${each##*/} in library | pulls | "*") continue ;; esac
        target=$DATA/models/${each#"$HERE/models/"}
        if diff -rq "$each" "$target" >/dev/null 2>&1; then continue; fi
        step "model ${each##*/} to ${target%/*}"
        mkdir -p -- "${target%/*}"
        copy=${target%/*}/.new-${each##*/}
        rm -rf -- "$copy"
        cp -r -- "$each" "$copy"
        chmod -R u=rwX,go=rX "$copy"
        rm -rf -- "$target"
        mv -- "$copy" "$target"
    done
    # As root: whoever the data belongs to; where it is new, systemd gives it to the service at its first start.
    [ "$(id -u)" != 0 ] || chown -R --reference="$DATA" "$DATA/models"
}

load_images() {
    local each
    docker info >/dev/null 2>&1 || refuse "docker does not answer here. Start it, or install without: ./install.sh systemd."
    [ "$(of_bundle IMAGES)" = "$COMMAND" ] || refuse "this bundle has no images for '$COMMAND': pack one with --images $COMMAND."
    for each in "$HERE"/images/*.tar; do
        step "image ${each##*/}"
        docker load --quiet --input "$each" >/dev/null || refuse "docker could not load ${each##*/}; the reason stands above."
    done
}

# Into the volume of the engine, and a mark for each, so that the service "model" has nothing to fetch (docker-compose.gpu.yml).
load_hub_models() {
    local each name
    [ -d "$HERE/hub" ] || return 0
    [ "$COMMAND" = gpu ] || refuse "models of a hub's cache are for vLLM: ./install.sh gpu."
    for each in "$HERE/hub"/models--*; do
        name=${each##*/models--}
        step "model ${name/--//} for the engine"
        # shellcheck disable=SC2016  # meant for the shell in the container
        (cd "$PREFIX" && docker compose -f docker-compose.gpu.yml run --rm --no-TTY --volume "$each:/from:ro" --entrypoint sh model -c \
            'into=$HOME/.cache/huggingface/hub/$1; mkdir -p "$into" && cp -r /from/. "$into/" && touch "$HOME/.fetched-$2"' load "models--$name" "${name/--/_}") ||
            refuse "${name/--//} could not be put into the volume of the engine."
    done
}

start() {
    cd -- "$PREFIX"
    case $COMMAND in
    install) step "installed; start it with: cd $PREFIX && ./setup.sh run --data $DATA" ;;
    run)
        unset PYTHONPATH
        exec ./setup.sh run --data "$DATA" "${MORE[@]}"
        ;;
    systemd) (cd -- "$HERE/code" && APPLIANCE_PREFIX=$PREFIX ./setup.sh systemd "${MORE[@]}") ;;
    gpu | cpu) ./setup.sh "$COMMAND" "${MORE[@]}" ;;
    esac
}

read_options "$@"
verify
[ "$COMMAND" != verify ] || exit 0
umask 022
check_machine
case $COMMAND in
gpu | cpu)
    load_images
    place_code
    [ -e "$PREFIX/secrets/hub_token" ] || (umask 077 && mkdir -p "$PREFIX/secrets" && : >"$PREFIX/secrets/hub_token")
    load_hub_models
    ;;
systemd)
    point_at_wheels
    mkdir -p -- "$PREFIX"
    drop_other_environment
    place_models
    ;;
*)
    place_code
    point_at_wheels
    drop_other_environment
    (cd -- "$PREFIX" && ./setup.sh install)
    place_models
    ;;
esac
start
