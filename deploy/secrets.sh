# shellcheck shell=bash
# The secrets of the compose stack: one file each in secrets/, made once, in no variable of a container and in no program's
# arguments, where other users of the machine could read them. Sourced by setup.sh, from the top of the repository.

random_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

write_secret() { # name value
    [ -s "secrets/$1" ] || (umask 077 && printf '%s' "$2" >"secrets/$1")
}

write_secrets() {
    local name
    mkdir -p secrets certificates && chmod 700 secrets
    for name in database_password database_role_secret valkey_password engine_key metrics_key grafana_password backup_passphrase; do
        write_secret "$name" "$(random_secret)"
    done
    [ -e secrets/hub_token ] || (umask 077 && : >secrets/hub_token)
    write_secret database_url "postgresql://appliance_owner:$(<secrets/database_password)@postgres:5432/appliance"
    write_secret valkey_url "redis://:$(<secrets/valkey_password)@valkey:6379/0"
    # As the exporters want them: the role's password is derived (appliance/storage/roles.py), Valkey's stands by its address.
    write_secret database_monitor_password "$(hmac_sha256 "$(<secrets/database_role_secret)" appliance_monitor)"
    write_secret valkey_passwords "{\"redis://valkey:6379\": \"$(<secrets/valkey_password)\"}"
    # Inside a container a bind-mounted secret keeps its owner: ours run as user 10001, the others as their own.
    chmod 0444 secrets/*
}

replace_secret() { # name value
    [ "$(<"secrets/$1")" != "$2" ] || return 0
    rm -f "secrets/$1"
    (umask 077 && printf '%s' "$2" >"secrets/$1")
    chmod 0444 "secrets/$1"
}

# RFC 2104 with what the shell itself can do: `openssl dgst -hmac KEY` would show the key in the list of processes.
hmac_sha256() { # key (ASCII) message
    local key=$1 inner="" outer="" code i
    [ ${#key} -le 64 ] || refuse "secrets/database_role_secret is longer than 64 characters. Put a shorter one into it before the first start (openssl rand -hex 32), or bring it back."
    for ((i = 0; i < 64; i++)); do
        code=0
        [ "$i" -ge ${#key} ] || printf -v code '%d' "'${key:i:1}"
        printf -v inner '%s\\x%02x' "$inner" $((code ^ 0x36))
        printf -v outer '%s\\x%02x' "$outer" $((code ^ 0x5c))
    done
    { printf '%b' "$outer" && { printf '%b' "$inner" && printf '%s' "$2"; } | openssl dgst -sha256 -binary; } |
        openssl dgst -sha256 -r | cut -d ' ' -f 1
}
