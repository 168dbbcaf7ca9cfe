# shellcheck shell=bash
# The steps of `./setup.sh gpu` and `./setup.sh cpu`: check the machine, choose, write what is missing, start, wait, say where.
# Sourced by setup.sh, which has refuse(), from the top of the repository. Each step may run again; secrets that exist are kept.

COMPOSE=()

# shellcheck disable=SC2034 # ASK and GIVEN are read in deploy/choices.sh
compose_up() { # gpu|cpu [options: see usage() in setup.sh]
    local profile=$1 only_check=no install=no start=yes
    [ ! -t 0 ] || ASK=yes
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --install) install=yes ;;
        --check) only_check=yes ASK=no ;;
        --yes) ASK=no ;;
        --no-start) start=no ;;
        --site | --tls | --model | --hub-token-file)
            [ -n "${2:-}" ] || refuse "$1 needs a value. See ./setup.sh --help."
            GIVEN[${1#--}]=$2
            shift
            ;;
        -h | --help) usage && return ;;
        *) refuse "$profile does not know '$1'. See ./setup.sh --help." ;;
        esac
        shift
    done
    [ "$install" = no ] || install_docker_and_toolkit "$profile"
    check_machine "$profile"
    [ "$only_check" = yes ] || no_problems "nothing was changed"
    choose "$profile"
    check_fit "$profile"
    no_problems "nothing was changed"
    if [ "$only_check" = yes ]; then
        step "this machine is ready for ./setup.sh $profile; nothing was changed"
        return
    fi
    write_secrets
    keep_certificate
    check_token "$profile"
    keep_choices
    COMPOSE+=(-f "docker-compose.$profile.yml")
    if [ "$start" = no ]; then
        step "written, not started; when all is as it should be: ./setup.sh $profile"
        return
    fi
    step "building and starting (the first time downloads images and a model)"
    "${COMPOSE[@]}" up -d --build
    wait_for_compose
    say_where
}

wait_for_compose() {
    local waited=0
    printf '==> waiting until it answers'
    until "${COMPOSE[@]}" exec -T gateway python -c \
        "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=3)" >/dev/null 2>&1; do
        [ "$waited" -lt 900 ] || refuse "it did not answer within 15 minutes; see: ${COMPOSE[*]} logs"
        printf .
        sleep 5
        waited=$((waited + 5))
    done
    printf '\n'
}

say_where() {
    "${COMPOSE[@]}" exec -T gateway appliance doctor ||
        printf '    the doctor has found something; each line names its remedy\n'
    printf '==> ready: https://%s\n' "$(chosen APPLIANCE_SITE localhost)"
    "${COMPOSE[@]}" ps engine 2>/dev/null | grep -q '(healthy)' ||
        printf '    the engine is still loading its model, which takes minutes; until then answers quote your documents. %s ps engine\n' "${COMPOSE[*]}"
    "${COMPOSE[@]}" exec -T gateway python -c \
        "import json; c = json.load(open('/var/lib/appliance/credentials.json')); print('    first login:', c['email'], c['password'], '\n    API key:    ', c['api_key'])"
    [ "$(chosen APPLIANCE_TLS internal)" != internal ] || say_root_certificate
}

# Whoever installs the root must be able to see that it is ours: the fingerprint goes by another way than the file.
say_root_certificate() {
    local root
    root=$("${COMPOSE[@]}" exec -T caddy cat /data/pki/authorities/local/root.crt 2>/dev/null) || return 0
    printf '    root certificate, to be installed once by everybody: http://%s/appliance-root.crt\n' "$(chosen APPLIANCE_SITE localhost)"
    printf '    its fingerprint: %s\n' "$(openssl x509 -noout -fingerprint -sha256 <<<"$root" | cut -d = -f 2)"
}
