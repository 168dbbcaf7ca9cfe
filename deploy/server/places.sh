# shellcheck shell=bash
# Where things lie on the server, for every step of ssh_deploy.sh there:
#
#   PLACE/current -> releases/ID                  what runs; replaced in one moment, by rename
#   PLACE/releases/ID/                            a release and its own environment (.venv)
#   PLACE/data, .env, secrets/, certificates/     kept; every release leads to them by links
#   PLACE/deploys/                                a log of each deploy
#   PLACE/.deploy/                                the lock, who was well, what is arriving
#
# Given by the environment: PLACE PROFILE DATA KEEP GATE_S URL SITE TLS WITH_DATA. Knows nothing of how a release is started.

CLOCK="" # yes: in a log, where people ask when
say() { printf '==> %s%s\n' "${CLOCK:+$(date -u +%T) }" "$1"; }
fail() { printf 'ssh_deploy: %s\n' "$1" >&2; exit "${2:-1}"; }

# Given, or where a deploy was before; then the profile is the one of last time.
find_place() {
    local home=$HOME/llm-appliance system=/opt/llm-appliance
    if [ -z "$PLACE" ]; then
        PLACE=$home
        if [ "$PROFILE" = systemd ] || { [ -z "$PROFILE" ] && [ ! -e "$home/.deploy" ] && [ -e "$system/.deploy/profile" ]; }; then
            PLACE=$system
        fi
    fi
    PLACE=$(cd && realpath -ms -- "$PLACE")
    INNER=$PLACE/.deploy
    LAST_PROFILE=$(cat "$INNER/profile" 2>/dev/null) || LAST_PROFILE=""
    PROFILE=${PROFILE:-${LAST_PROFILE:-gpu}}
    DATA=${DATA:-$(cat "$INNER/data" 2>/dev/null)} || true
    if [ -z "$DATA" ]; then
        DATA=$PLACE/data
        if [ "$PROFILE" = systemd ] || [ "$(id -u)" = 0 ]; then DATA=/var/lib/appliance; fi
    fi
}

# Secrets and data for us alone; code and environments must be read by the account of the service.
make_place() {
    (umask 022 && mkdir -p "$PLACE/releases" "$INNER/incoming")
    (umask 077 && mkdir -p "$PLACE/deploys" "$PLACE/secrets" "$PLACE/certificates")
    write_whole "$INNER/profile" "$PROFILE"
    write_whole "$INNER/data" "$DATA"
}

write_whole() { # file text: there wholly or not at all
    printf '%s\n' "$2" >"$1.new" && mv -T -- "$1.new" "$1"
}

current_release() { # its id, or nothing
    local target
    target=$(readlink "$PLACE/current" 2>/dev/null) || return 0
    [ -d "$PLACE/$target" ] && printf '%s' "${target##*/}"
    return 0
}

# Never without a `current`: rename replaces the old link in one step, where rm and ln would leave a hole.
point_current_to() { # id
    ln -sfn "releases/$1" "$INNER/current.new"
    mv -T -- "$INNER/current.new" "$PLACE/current"
    sync -- "$PLACE" 2>/dev/null || true
}

# setup.sh writes a new .env over the link: that is the one to keep.
link_kept() { # id
    local name
    if [ -f "$PLACE/releases/$1/.env" ] && [ ! -L "$PLACE/releases/$1/.env" ]; then
        mv -T -- "$PLACE/releases/$1/.env" "$PLACE/.env"
    fi
    for name in data .env secrets certificates; do
        [ ! -d "$PLACE/releases/$1/$name" ] || [ -L "$PLACE/releases/$1/$name" ] || rm -rf -- "$PLACE/releases/$1/${name:?}"
        ln -sfn "../../$name" "$PLACE/releases/$1/$name"
    done
}

# What is set in PLACE/.env counts for every step, as docker compose reads it: NAME=VALUE, no quotes, no expansion.
read_settings() {
    local name value
    [ -r "$PLACE/.env" ] || return 0
    while IFS='=' read -r name value; do
        if [[ $name =~ ^[A-Z][A-Z0-9_]*$ ]]; then export "$name=$value"; fi
    done <"$PLACE/.env"
}

# Those that passed the gate: a line "ID STARTED" each, the newest last. STARTED: when its deploy began, ISO 8601 UTC.
good_releases() { cut -d ' ' -f 1 "$INNER/good" 2>/dev/null || true; }

remember_good() { # id started
    local others
    others=$(grep -v "^$1 " "$INNER/good" 2>/dev/null) || true
    write_whole "$INNER/good" "${others:+$others
}$1 $2"
}

forget_as_good() { # id
    write_whole "$INNER/good" "$(grep -v "^$1 " "$INNER/good")"
}

started_of() { sed -n "s/^$1 //p" "$INNER/good" 2>/dev/null; }

# The last good one before the running one, if it is still there.
release_before() { # id
    local id found=""
    for id in $(good_releases); do
        if [ "$id" = "$1" ]; then break; fi
        if [ -d "$PLACE/releases/$id" ]; then found=$id; fi
    done
    printf '%s' "$found"
}

list_releases() {
    local id current mark state
    current=$(current_release)
    [ -d "$PLACE/releases" ] || fail "there is no release in $PLACE yet."
    say "releases in $PLACE ($PROFILE)"
    for id in $({ good_releases; ls "$PLACE/releases"; } | awk '!seen[$0]++'); do
        [ -d "$PLACE/releases/$id" ] || continue
        mark=" " state="not known to be well"
        [ "$id" != "$current" ] || mark="*"
        [ -z "$(started_of "$id")" ] || state="well since $(started_of "$id")"
        printf '  %s %-34s %s\n' "$mark" "$id" "$state"
    done
    for id in "$INNER"/incoming/*; do
        [ ! -d "$id" ] || printf '    %-34s arriving\n' "${id##*/}"
    done
}

# The running one and KEEP good ones before it stay. Moved away first: what has its name is whole.
forget_old() {
    local id kept
    kept=$(good_releases | tail -n "$((KEEP + 1))")
    for id in "$PLACE"/releases/*; do
        id=${id##*/}
        if [ "$id" = "$(current_release)" ] || grep -qxF "$id" <<<"$kept"; then continue; fi
        mkdir -p "$INNER/removed"
        mv -- "$PLACE/releases/$id" "$INNER/removed/$id.$$"
        forget_images "$id"
        printf '    removed release %s\n' "$id"
    done
    rm -rf -- "$INNER/removed"
    find "$INNER/incoming" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf -- {} + # somebody may be copying just now
    find "$PLACE/deploys" -name '*.log' -printf '%f\n' | sort | head -n -50 | while read -r id; do rm -f -- "$PLACE/deploys/$id"; done
}
