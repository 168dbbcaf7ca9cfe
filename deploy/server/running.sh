# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031,SC2153  # what deploy/lib.sh and systemd.sh set stays in the subshell that sources them
# How a release is prepared, started and stopped, by profile: run (in the background), systemd, gpu and cpu (docker compose).
# Long-lived processes are started with 9>&-: the lock belongs to the deploy.

prepare() { # id: everything that takes time, while the old one goes on answering
    link_kept "$1"
    case $PROFILE in
    gpu | cpu) (in_release "$1" && name_stack "$1" && ./setup.sh "$PROFILE" --check && compose build) ;;
    *) install_environment "$1" ;;
    esac
}

halt() { # what runs, in order: it accepts nobody more and ends what it is answering
    case $PROFILE in
    run) halt_process ;;
    systemd) systemctl stop appliance.service ;;
    *) : ;; # compose replaces what has changed, each with its grace period
    esac
}

launch() { # id, to which `current` leads already
    case $PROFILE in
    run) launch_process "$1" ;;
    systemd) launch_service ;;
    *) launch_stack "$1" ;;
    esac
}

runs_ours() {
    case $PROFILE in
    run) [ -n "$(process_id)" ] ;;
    systemd) systemctl --quiet is-active appliance.service ;;
    *) [ -n "$(current_release)" ] ;;
    esac
}

in_release() { cd -P -- "$PLACE/releases/$1" || return 1; }

# -- run and systemd: an environment for each release ---------------------------------------------------------

# The last one's is taken over by hard links where the lock file is the same: nothing to fetch, no room, a second.
install_environment() { # id
    local before extras=()
    before=$(current_release)
    if [ -n "$before" ] && [ ! -e "$PLACE/releases/$1/.venv" ] && [ -e "$PLACE/releases/$before/.venv/bin" ] &&
        cmp -s "$PLACE/releases/$before/requirements.lock" "$PLACE/releases/$1/requirements.lock"; then
        share_environment "$PLACE/releases/$before/.venv" "$PLACE/releases/$1/.venv" || return 1
    fi
    [ -z "${APPLIANCE_EXTRAS:-}" ] || extras=(--with "$APPLIANCE_EXTRAS")
    (umask 022 && in_release "$1" && ./setup.sh install "${extras[@]}") 9>&- || return 1
    compile_modules "$1"
}

# Whatever names its folder is written anew: a hard link would change the old one too.
share_environment() { # from to
    local file
    rm -rf -- "$2.new"
    cp -al -- "$1" "$2.new" || return 1
    rm -f -- "$2.new"/.installed-* "$2.new/bin/appliance" "$2.new"/lib/python*/site-packages/appliance-checkout.pth
    grep -rlIF -- "$1" "$2.new/bin" "$2.new/pyvenv.cfg" 2>/dev/null | while read -r file; do
        sed -i "s|$1|$2|g" "$file"
    done
    mv -T -- "$2.new" "$2"
}

# Now, and not while people wait; and a service may not write here.
compile_modules() { # id
    local folder folders=()
    for folder in appliance inference querying rag ui; do
        [ ! -d "$PLACE/releases/$1/$folder" ] || folders+=("$folder")
    done
    [ ${#folders[@]} = 0 ] || (umask 022 && in_release "$1" && .venv/bin/python -m compileall -q -j 0 "${folders[@]}") || true
}

# -- run -----------------------------------------------------------------------------------------------------

# A number is given anew after a restart of the machine; the moment of its start tells them apart.
start_ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }

process_id() { # of the running one, or nothing
    local pid ticks boot
    read -r pid ticks boot 2>/dev/null <"$INNER/process" || return 0
    if [ "$boot" = "$(boot_id)" ] && [ "$(start_ticks "$pid")" = "$ticks" ] && ! grep -qs ') Z ' "/proc/$pid/stat"; then
        printf '%s' "$pid"
    fi
}

launch_process() { # id
    local pid
    (
        in_release "$1" || exit 1
        export APPLIANCE_DATA=$DATA
        [ "$(stat -c %s "$PLACE/deploys/output.txt" 2>/dev/null || echo 0)" -lt 10000000 ] || mv -- "$PLACE/deploys/output.txt" "$PLACE/deploys/output.old.txt"
        setsid ./setup.sh run >>"$PLACE/deploys/output.txt" 2>&1 </dev/null 9>&- &
        pid=$!
        write_whole "$INNER/process" "$pid $(start_ticks "$pid") $(boot_id)"
    )
}

# server.drain_s and the databases; a second signal hurries in order; then by force, which PostgreSQL bears.
halt_process() {
    local pid
    pid=$(process_id)
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    until_gone "$pid" 120 && return 0
    printf '    it does not end: hurrying\n'
    kill -TERM "$pid" 2>/dev/null || true
    until_gone "$pid" 30 && return 0
    kill -KILL "$pid" 2>/dev/null || true
    until_gone "$pid" 30
}

until_gone() { # pid seconds
    local ticks=0
    while [ "$(process_id)" = "$1" ]; do
        [ "$ticks" -lt "$(($2 * 10))" ] || return 1
        sleep 0.1
        ticks=$((ticks + 1))
    done
}

# -- systemd --------------------------------------------------------------------------------------------------

# The release's own steps (deploy/systemd.sh), with units that name `current`; Caddy is left alone unless its part changed.
launch_service() {
    (
        umask 022
        cd -- "$PLACE/current" || exit 1
        export APPLIANCE_PREFIX=$PLACE/current
        # shellcheck source=deploy/lib.sh
        . deploy/lib.sh
        # shellcheck source=deploy/systemd.sh
        . deploy/systemd.sh
        local before site=$SITE
        [ -n "$site" ] || site=$(sed -n 's/^APPLIANCE_SITE=//p' "$SETTINGS/caddy.env" 2>/dev/null)
        check_systemd "$site"
        make_account
        before=$(sum_of_caddy)
        write_settings "$site" "${TLS:-$(sed -n 's/^APPLIANCE_TLS=//p' "$SETTINGS/caddy.env" 2>/dev/null | grep . || echo internal)}"
        write_units "$site"
        systemctl daemon-reload
        systemctl reset-failed appliance.service 2>/dev/null || true
        systemctl enable --quiet appliance.service ${site:+appliance-caddy.service}
        systemctl start appliance.service || exit 1
        if [ -n "$site" ] && [ "$before" != "$(sum_of_caddy)" ]; then
            systemctl restart appliance-caddy.service
        fi
    ) 9>&-
}

sum_of_caddy() { cat "$UNITS/appliance-caddy.service" "$SETTINGS/caddy.env" "$INNER/caddyfile" 2>/dev/null | cksum; }

write_units() { # site
    local unit units=(appliance.service)
    [ -z "$1" ] || units+=(appliance-caddy.service)
    for unit in "${units[@]}"; do
        sed "s|/opt/llm-appliance|$APPLIANCE_PREFIX|g; s|/etc/appliance/|$SETTINGS/|g" "deploy/systemd/$unit" >"$UNITS/$unit"
    done
    cp deploy/caddy/Caddyfile "$INNER/caddyfile"
}

# -- docker compose -------------------------------------------------------------------------------------------

# By the path of `current`: compose makes a container anew when the path of a secret changes, and the engine is not
# to load its model again for a new release of ours.
compose() {
    local program=(docker compose)
    docker compose version >/dev/null 2>&1 || program=(docker-compose)
    "${program[@]}" -f "docker-compose.$PROFILE.yml" "$@" 9>&-
}

# One project whatever the release, so that volumes stay; an image for each release, so that going back builds nothing.
name_stack() { # id
    COMPOSE_PROJECT_NAME=$(basename "$PLACE" | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9_-')
    export COMPOSE_PROJECT_NAME APPLIANCE_VERSION=$1
}

keep_names() { # for whoever calls docker compose there by hand
    local others
    others=$(grep -vE '^(COMPOSE_PROJECT_NAME|APPLIANCE_VERSION)=' "$PLACE/.env" 2>/dev/null) || true
    (umask 077 && write_whole "$PLACE/.env" "$others
COMPOSE_PROJECT_NAME=$COMPOSE_PROJECT_NAME
APPLIANCE_VERSION=$APPLIANCE_VERSION")
}

launch_stack() { # id
    (
        cd -- "$PLACE/current" && name_stack "$1" || exit 1
        local words=(--yes)
        [ -z "$SITE" ] || words+=(--site "$SITE")
        [ -z "$TLS" ] || words+=(--tls "$TLS")
        # A way back must not stumble over what setup.sh checks for newcomers. It would wait longer than our gate, and
        # print the first password, which no log may have.
        [ "$GOING_BACK" = yes ] || ./setup.sh "$PROFILE" --no-start "${words[@]}" 9>&- || exit 1
        link_kept "$1"
        compose up -d || exit 1
        keep_names
        renew_mounts
    )
}

# Their containers hold a folder of the release before until they are made anew.
renew_mounts() {
    local service
    [ -n "${PREVIOUS:-}" ] || return 0
    for service in caddy prometheus alertmanager grafana; do
        if [ -n "$(compose ps -q "$service" 2>/dev/null)" ] &&
            ! diff -rq "$PLACE/releases/$PREVIOUS/deploy/$service" "$PLACE/releases/$ID/deploy/$service" >/dev/null 2>&1; then
            compose up -d --no-deps --force-recreate "$service"
        fi
    done
}

forget_images() { # id
    case $PROFILE in gpu | cpu) docker image rm "llm-appliance:$1" >/dev/null 2>&1 || true ;; esac
}
