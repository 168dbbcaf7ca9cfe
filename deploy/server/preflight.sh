# shellcheck shell=bash
# What is looked at before anything is copied: all that is wrong at once, each with its remedy. Changes nothing.

PROBLEMS=()

preflight() { # id of the release to come
    find_place
    case $PROFILE in
    run | systemd) check_python ;;
    *) check_docker ;;
    esac
    [ "$PROFILE" != systemd ] || check_service_manager
    [ -z "$LAST_PROFILE" ] || [ "$LAST_PROFILE" = "$PROFILE" ] ||
        PROBLEMS+=("$PLACE runs with --profile $LAST_PROFILE. Use that, or another --path.")
    check_rights
    check_disk
    check_memory
    check_port
    check_lock "$1"
    if [ ${#PROBLEMS[@]} != 0 ]; then
        printf 'ssh_deploy: %s\n' "${PROBLEMS[@]}" >&2
        return 1
    fi
    printf '    %s, %s free, runs: %s\n' "$PROFILE" "$(free_mib "$PLACE" | awk '{printf "%.0f GB", $1 / 1024}')" "$(current_release | grep . || echo nothing yet)"
    printf 'facts: place=%s profile=%s rsync=%s here=%s current=%s\n' "$PLACE" "$PROFILE" \
        "$(command -v rsync >/dev/null && echo yes || echo no)" \
        "$([ -d "$PLACE/releases/$1" ] && echo yes || echo no)" "$(current_release)"
}

check_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        if "$name" -S -E -c 'import sys, ssl, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then return; fi
    done
    PROBLEMS+=("Python 3.11, 3.12 or 3.13 is missing there: apt-get install python3 python3-venv.")
}

check_docker() {
    if ! command -v docker >/dev/null; then
        PROBLEMS+=("docker is missing there: sudo ./setup.sh $PROFILE --install on it, or without docker: --profile systemd.")
    elif ! docker info >/dev/null 2>&1; then
        PROBLEMS+=("docker does not answer there: systemctl start docker, and usermod -aG docker $(id -un).")
    fi
}

check_service_manager() {
    [ "$(id -u)" = 0 ] || PROBLEMS+=("systemd units need root: sign in as root, or let $(id -un) use sudo without a password and say --profile systemd.")
    command -v systemctl >/dev/null || PROBLEMS+=("there is no systemd there: use --profile run.")
    case $PLACE/ in
    /home/* | /root/* | /tmp/* | /var/tmp/*) PROBLEMS+=("the service does not see $PLACE: choose --path /opt/llm-appliance.") ;;
    esac
}

nearest() { # folder: itself, or the nearest above that is there
    local folder=$1
    until [ -e "$folder" ]; do folder=$(dirname -- "$folder"); done
    printf '%s' "$folder"
}

free_mib() { df -Pm -- "$(nearest "$1")" | awk 'NR==2 {print $4}'; }

check_rights() {
    local folder
    for folder in "$PLACE" "$DATA"; do
        [ -w "$(nearest "$folder")" ] || PROBLEMS+=("$(id -un) may not write to $(nearest "$folder"): chown it there, or choose another --path or --data.")
    done
}

check_disk() {
    local least=2048 free # an environment, and a copy of a small database while it is upgraded
    case $PROFILE in gpu | cpu) [ -n "$(current_release)" ] && least=10240 || least=40960 ;; esac
    free=$(free_mib "$PLACE")
    [ "$free" -ge "$least" ] || PROBLEMS+=("the disk of $PLACE has $free MB left; $least MB are needed: make room, or deploy with --keep 1.")
}

check_memory() {
    local memory_mib least=1900
    case $PROFILE in gpu | cpu) least=7600 ;; esac
    memory_mib=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    [ "$memory_mib" -ge "$least" ] || PROBLEMS+=("that machine has $memory_mib MB of memory; $least MB are the least.")
}

# Somebody else's server at our port would let us start in vain.
check_port() {
    local address port
    case $PROFILE in gpu | cpu) return 0 ;; esac # setup.sh looks at Caddy's
    read_settings
    address=$(address_there)
    port=${address##*:}
    port=${port%%/*}
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && ! runs_ours; then
        PROBLEMS+=("port $port is in use by something that was not deployed to $PLACE: stop it, or set APPLIANCE_SERVER__PORT in $PLACE/.env.")
    fi
}

check_lock() { # id
    local action id started
    if lock_is_free; then return 0; fi
    read -r _ action id _ started <"$INNER/under_way" || true
    [ "$id" = "$1" ] || PROBLEMS+=("a deploy is under way there ($action $id since $started): watch it with --follow.")
}

lock_is_free() { [ ! -e "$INNER/lock" ] || (exec 9>>"$INNER/lock" && flock -n 9); }
