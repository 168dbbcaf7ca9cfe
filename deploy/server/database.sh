# shellcheck shell=bash
# The database of docker compose, where a release changes it: copied before, put back when that release is not kept. The
# embedded one needs nothing of this: it upgrades on a copy by itself, and `appliance rollback` takes it back.

DATABASE=appliance

# since: of which tries; a copy that the first of them made stays. The gap is longer by the time of copying.
keep_database() { # since
    [ "$(cat "$INNER/database_before" 2>/dev/null)" != "$1" ] || return 0
    say "copying the database, which the new release changes"
    rm -f -- "$INNER/database_before"
    compose stop gateway worker &&
        in_postgres "DROP DATABASE IF EXISTS ${DATABASE}_before_upgrade WITH (FORCE)" &&
        undisturbed "CREATE DATABASE ${DATABASE}_before_upgrade TEMPLATE $DATABASE STRATEGY FILE_COPY" &&
        write_whole "$INNER/database_before" "$1"
}

# In one moment; what was written since is set aside until the next time.
put_back_database() { # since
    if [ "$(cat "$INNER/database_before" 2>/dev/null)" != "$1" ]; then
        printf '    no copy of it was made since %s: restore a backup (docs/operating.md)\n' "$1"
        return 1
    fi
    compose stop gateway worker &&
        in_postgres "DROP DATABASE IF EXISTS ${DATABASE}_abandoned WITH (FORCE)" &&
        undisturbed "BEGIN; ALTER DATABASE $DATABASE RENAME TO ${DATABASE}_abandoned; ALTER DATABASE ${DATABASE}_before_upgrade RENAME TO $DATABASE; COMMIT" &&
        rm -f -- "$INNER/database_before"
}

# Neither copying nor renaming bears other sessions: an exporter comes again and again.
undisturbed() { # statement
    local tries
    for tries in 1 2 3 4 5 6 7 8 9 10; do
        if in_postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('$DATABASE', '${DATABASE}_before_upgrade') AND pid <> pg_backend_pid()" "$1"; then
            return 0
        fi
        printf '    try %s did not work\n' "$tries"
    done
    return 1
}

in_postgres() { # statement...
    local words=() statement
    for statement in "$@"; do words+=(-c "$statement"); done
    # shellcheck disable=SC2016  # read inside the container
    compose exec -T postgres sh -c 'PGPASSWORD=$(cat /run/secrets/database_password) exec psql -qtA -U appliance_owner -d postgres -v ON_ERROR_STOP=1 "$@"' psql "${words[@]}" >/dev/null </dev/null
}
