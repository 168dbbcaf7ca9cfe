# shellcheck shell=bash
# From an arrived release to one that runs: prepared beside the old one, switched to, looked at, kept – or taken back.
# Runs by itself, whatever becomes of the ssh session that began it; what it says is the deploy's log.

BACK_AGAIN=3 # exit code: the new one was not well, the old one answers again
NEITHER=4    # exit code: nobody answers

GOING_BACK=no
QUESTION=may # must: the one that ran before answered a question, so the new one has to

activate() { # id
    ID=$1 PREVIOUS=$(current_release)
    read_settings
    if [ ! -d "$PLACE/releases/$ID" ]; then
        mv -T -- "$INNER/incoming/$ID" "$PLACE/releases/$ID" || { say "release $ID has not arrived"; return 1; }
    fi
    say "preparing $ID (what runs goes on: ${PREVIOUS:-nothing yet})"
    prepare "$ID" || { say "$ID could not be prepared; nothing was changed. The reason stands above."; return 1; }
    if [ -n "$PREVIOUS" ] && runs_ours && gate 1 must >/dev/null; then QUESTION=must; fi
    if runs_well_already; then
        say "$ID runs already"
        return 0
    fi
    note_beginning
    replace "$ID"
    [ "$WELL" = yes ] || { give_up; return; }
    remember_good "$ID" "$(cat "$INNER/unsettled")"
    rm -f -- "$INNER/unsettled"
    forget_old
    say "$ID runs"
    [ -n "$PREVIOUS" ] || say_first_login
}

# Where it stands, not what it is: this is a log.
say_first_login() {
    case $PROFILE in
    run | systemd) printf '    first login and key, on that machine: %s/credentials.json\n' "$DATA" ;;
    *) printf '    first login, key and certificate, on that machine: cd %s/current && ./setup.sh %s\n' "$PLACE" "$PROFILE" ;;
    esac
}

runs_well_already() {
    [ "$PREVIOUS" = "$ID" ] && [ -n "$(started_of "$ID")" ] && [ "$RESTART" != yes ] && runs_ours && gate 30 "$QUESTION"
}

# When the first try since the last good release began: a restore point made from then on is of these tries. A try that
# was cut off leaves the note for the next one.
note_beginning() {
    [ ! -e "$INNER/unsettled" ] || return 0
    if [ "$PREVIOUS" = "$ID" ] && [ -n "$(started_of "$ID")" ]; then
        write_whole "$INNER/unsettled" "$(started_of "$ID")"
    else
        write_whole "$INNER/unsettled" "$(date -u +%FT%T+00:00)"
    fi
}

# The gap begins with halt and ends when the gate has opened.
replace() { # id; sets WELL
    local begun=${EPOCHREALTIME/[.,]/}
    WELL=no
    say "switching to $1"
    point_current_to "$1"
    halt
    if ! launch "$1"; then
        printf '    it could not be started; the reason stands above\n'
    elif gate "$GATE_S" "$QUESTION"; then
        WELL=yes
        printf '    from the old one to the new one: %s ms\n' "$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))"
    fi
}

gate() { # seconds must|may: does a question have to be answered
    case $PROFILE in
    run) gate_here "$@" --pid "$(cut -d ' ' -f 1 "$INNER/process" 2>/dev/null | grep . || echo 0)" ;;
    systemd) gate_here "$@" --unit appliance.service ;;
    *)
        # inside the container, which is the new one's
        (cd -- "$PLACE/current" && name_stack "$(current_release)" && compose exec -T gateway python - --seconds "$1" --question "$2" \
            --url http://127.0.0.1:8080 --credentials /var/lib/appliance/credentials.json <"$TOOL/health_gate.py")
        ;;
    esac
}

gate_here() { # seconds must|may [--pid N]
    python3 -S -E "$TOOL/health_gate.py" --seconds "$1" --question "$2" --url "$URL" \
        --credentials "$DATA/credentials.json" --otherwise "http://127.0.0.1:${APPLIANCE_SERVER__PORT:-8080}" "${@:3}"
}

address_there() { # where it answers, or will
    local found
    found=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$DATA/credentials.json" 2>/dev/null)
    printf '%s' "${URL:-${found:-http://127.0.0.1:${APPLIANCE_SERVER__PORT:-8080}}}"
}

# The running one, or the last good one where a deploy that was cut off had left a bad one running.
where_to_go_back() {
    if [ -n "$(started_of "$PREVIOUS")" ] && [ "$PREVIOUS" != "$ID" ]; then printf '%s' "$PREVIOUS"; else release_before "$ID"; fi
}

give_up() {
    local back
    back=$(where_to_go_back)
    say "!!! $ID is not well"
    if [ -z "$back" ]; then
        halt
        rm -f -- "$PLACE/current"
        say "!!! there is no release to go back to. It was stopped; its log: $(where_it_logs)"
        return "$NEITHER"
    fi
    say "going back to $back"
    halt
    if changes_the_database "$ID" "$back"; then take_back_data "$ID" "$(cat "$INNER/unsettled")" || true; fi
    return_to "$back"
    if [ "$WELL" = yes ]; then
        rm -f -- "$INNER/unsettled"
        say "!!! $ID was not well and $back answers again. Why: above, and $(where_it_logs)"
        return "$BACK_AGAIN"
    fi
    say "!!! neither $ID nor $back answers. See $(where_it_logs); data is in $DATA, backups: docs/operating.md"
    return "$NEITHER"
}

return_to() { # id, while nothing runs; sets WELL
    WELL=no
    # shellcheck disable=SC2034  # launch_stack looks at it
    GOING_BACK=yes
    point_current_to "$1"
    if launch "$1" && gate "$GATE_S" may; then WELL=yes; fi
}

changes_the_database() { # newer older: has it migrations that the other does not know
    local folder=appliance/storage/migrations
    [ -n "$(comm -23 <(cd "$PLACE/releases/$1" && ls "$folder" 2>/dev/null) <(cd "$PLACE/releases/$2" && ls "$folder" 2>/dev/null))" ]
}

# Only to a restore point of this very upgrade: an older one would cost days.
take_back_data() { # id since
    local command=("$PLACE/releases/$1/.venv/bin/appliance" rollback --since "$2" --data "$DATA")
    say "taking back what $1 changed in the database"
    case $PROFILE in
    run) "${command[@]}" 9>&- ;;
    systemd) runuser -u appliance -- "${command[@]}" 9>&- ;;
    *)
        (
            in_release "$1" && name_stack "$1" && compose stop gateway worker &&
                compose run --rm --no-deps --entrypoint "python -m appliance" prepare rollback --since "$2" --data /var/lib/appliance
        )
        ;;
    esac
}

where_it_logs() {
    case $PROFILE in
    run) printf '%s and %s/logs' "$PLACE/deploys/output.txt" "$DATA" ;;
    systemd) printf 'journalctl -u appliance' ;;
    *) printf 'docker compose -p %s logs' "$(basename "$PLACE")" ;;
    esac
}

# Asked for by a person: to the last good one before the one that runs.
roll_back() {
    local back since
    ID=$(current_release)
    PREVIOUS=$ID since=$(started_of "$ID")
    read_settings
    back=$(release_before "$ID")
    if [ -z "$back" ]; then say "there is no release to go back to"; return 1; fi
    if changes_the_database "$ID" "$back" && [ "$WITH_DATA" != yes ]; then
        say "$ID has changed the database, which $back does not know. With --with-data it goes back too, to the moment"
        printf '    before that upgrade (%s); what was written since is set aside. Nothing was changed.\n' "$since"
        return 1
    fi
    say "going back from $ID to $back"
    halt
    if changes_the_database "$ID" "$back" && ! take_back_data "$ID" "${since:-9999}"; then
        say "!!! the database stays with $ID, which is started again. The reason stands above"
        return_to "$ID"
        [ "$WELL" = yes ] && return 1 || return "$NEITHER"
    fi
    return_to "$back"
    if [ "$WELL" != yes ]; then
        say "!!! $back does not answer. See $(where_it_logs), and deploy another release"
        return "$NEITHER"
    fi
    forget_as_good "$ID"
    say "$back runs"
}
