# shellcheck shell=bash
# What `./setup.sh gpu|cpu` looks at before anything is changed: docker, room, memory, ports, the clock. `--check` does no more.
# Every finding is a line; each problem names the thing and the remedy. GPUs are in deploy/gpu.sh.
# Sourced by setup.sh, which has refuse() and step(), from the top of the repository.

MACHINE=${APPLIANCE_MACHINE:-} # a folder with another /etc, /proc and /sys, for tests
PROBLEMS=0
DATA_GB=10   # documents, their index, logs: to begin with
IMAGES_GB=6  # ours and the small ones
ENGINE_IMAGE_GB=(gpu=30 cpu=6)

good() { printf '    ok       %s\n' "$1"; }
note() { printf '    note     %s\n' "$1"; }
problem() {
    printf '    PROBLEM  %s\n' "$1" >&2
    PROBLEMS=$((PROBLEMS + 1))
}

check_machine() { # gpu|cpu
    step "checking this machine"
    check_docker
    [ "$1" = cpu ] || check_gpu
    check_memory "$1"
    check_ports
    check_clock
}

# What depends on the model, which is chosen when the machine is known.
check_fit() { # gpu|cpu
    check_model_fits "$1"
    check_disk "$1"
}

no_problems() { # what was going to be done
    case $PROBLEMS in
    0) return 0 ;;
    1) refuse "the line with PROBLEM above stands in the way and names its remedy; $1." ;;
    *) refuse "the $PROBLEMS lines with PROBLEM above stand in the way; each names its remedy; $1." ;;
    esac
}

check_docker() {
    if ! command -v docker >/dev/null; then
        problem "docker: it is not installed. sudo ./setup.sh gpu|cpu --install (Debian, Ubuntu), or https://docs.docker.com/engine/install/"
    elif ! docker info >/dev/null 2>&1; then
        problem "docker: the engine does not answer. Start it (sudo systemctl start docker), or let your user talk to it: sudo usermod -aG docker \$USER, then sign in anew."
    elif docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose) # with the file's name: compose_up
        good "docker: $(docker version --format '{{.Server.Version}}' 2>/dev/null || printf 'it answers'), compose $(docker compose version --short 2>/dev/null)"
    elif command -v docker-compose >/dev/null; then
        # shellcheck disable=SC2034 # read in deploy/compose.sh
        COMPOSE=(env DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 docker-compose)
        good "docker: with the old docker-compose"
    else
        problem "docker: compose is missing. sudo apt-get install docker-compose-plugin (Debian's own: docker-compose)."
    fi
    command -v openssl >/dev/null || problem "openssl: it is missing. sudo apt-get install openssl"
}

memory_gb() { awk '/^MemTotal/ {print int($2 / 1048576 + 0.5)}' "$MACHINE/proc/meminfo"; }

check_memory() { # gpu|cpu
    local least=8 found
    [ "$1" = cpu ] || least=16
    found=$(memory_gb)
    if [ "$found" -lt "$least" ]; then
        problem "memory: this machine has $found GB; $least GB are the least. Add memory, or choose a larger virtual machine."
    else
        good "memory: $found GB"
    fi
}

check_ports() {
    if ! command -v ss >/dev/null; then
        note "ports: not looked at, because ss is missing (sudo apt-get install iproute2)"
        return
    fi
    check_port HTTP_PORT 80
    check_port HTTPS_PORT 443
}

check_port() { # variable default
    local port listening by="" ours
    port=$(chosen "$1" "$2")
    listening=$(ss -Hltnp "sport = :$port" 2>/dev/null || ss -Hltn "sport = :$port")
    ours=$(docker ps --format '{{.Names}} {{.Ports}}' 2>/dev/null | grep ":$port->" | cut -d ' ' -f 1 || true)
    case "$listening $ours" in
    " ") good "port $port: free" && return ;;
    *caddy*) [[ $ours != *caddy* ]] || { good "port $port: this appliance's own" && return; } ;;
    esac
    by=$(sed -n 's/.*users:(("\([^"]*\)".*/\1/p' <<<"$listening" | head -n 1)
    if [ -n "$ours" ]; then
        problem "port $port: the container $ours has it. Stop it (docker stop $ours), or set another $1 in .env."
    elif [ -z "$by" ]; then
        problem "port $port: another program has it. sudo ss -ltnp 'sport = :$port' says which; stop it, or set another $1 in .env."
    else
        problem "port $port: $by has it. Stop it (sudo systemctl disable --now $by), or set another $1 in .env."
    fi
}

check_clock() {
    case $(timedatectl show --property=NTPSynchronized --value 2>/dev/null) in
    yes) good "clock: kept by a time server" ;;
    no) note "clock: it is not synchronised; certificates, sign-ins and budgets need the right time. sudo timedatectl set-ntp true (in a closed network: your own server in /etc/systemd/timesyncd.conf)" ;;
    *) note "clock: nobody here says whether a time server keeps it (timedatectl); now it is $(date -u '+%Y-%m-%d %H:%M') UTC" ;;
    esac
}

# Where docker keeps images and volumes. What is there already need not be asked for again.
check_disk() { # gpu|cpu
    local root free needed=$DATA_GB parts="data $DATA_GB" size weights
    root=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || root=
    [ -d "$root" ] || root=$PWD
    free=$(df -Pk "$root" | awk 'NR==2 {print int($4 / 1048576)}')
    if ! docker image inspect "$(engine_image "$1")" >/dev/null 2>&1; then
        for size in "${ENGINE_IMAGE_GB[@]}"; do
            [ "${size%=*}" != "$1" ] || needed=$((needed + IMAGES_GB + ${size#*=}))
        done
        parts+=", images about $((needed - DATA_GB))"
    fi
    weights=$(model_field 4 "$1" || true)
    if [ -n "$weights" ] && ! docker volume inspect "$(project_name)_models" >/dev/null 2>&1; then
        weights=$(awk -v gib="$weights" 'BEGIN {print int(gib * 1.08 + 1)}')
        needed=$((needed + weights))
        parts+=", the model $weights"
    fi
    if [ "$free" -lt "$needed" ]; then
        problem "disk: $root has $free GB free; $needed GB are needed ($parts). Make room (docker system df, docker image prune), put docker on a larger disk (\"data-root\" in /etc/docker/daemon.json), or choose a smaller model (--model)."
    else
        good "disk: $free GB free in $root, $needed GB needed ($parts)"
    fi
}

engine_image() { sed -n '/^  engine:/,/^  [a-z]/s/^ *image: *//p' "docker-compose.$1.yml"; } # gpu|cpu

# As compose calls it: by the folder's name, unless somebody says otherwise.
project_name() {
    local name
    name=$(chosen COMPOSE_PROJECT_NAME "${PWD##*/}")
    name=${name,,}
    printf '%s' "${name//[^a-z0-9_-]/}"
}
