# shellcheck shell=bash
# The steps of `./setup.sh gpu` and `./setup.sh cpu`: check the machine, write what is missing, start, wait, say where.
# Sourced by setup.sh, which has refuse(), from the top of the repository. Each step may run again; secrets that exist are kept.

COMPOSE=()

compose_up() { # gpu|cpu [--install]
    local profile=$1
    case ${2:-} in
    "") ;;
    --install) install_docker_and_toolkit "$profile" ;;
    *) refuse "$profile does not know '$2'. See ./setup.sh --help." ;;
    esac
    check_docker
    [ "$profile" = cpu ] || check_gpu
    check_disk_and_ports
    check_memory_and_clock
    write_secrets
    write_environment
    [ "$profile" = cpu ] || check_model
    COMPOSE+=(-f "docker-compose.$profile.yml")
    printf '==> building and starting (the first time downloads images and a model)\n'
    "${COMPOSE[@]}" up -d --build
    wait_for_compose
    say_where
}

check_docker() {
    command -v docker >/dev/null || refuse "docker is missing. Install it (sudo ./setup.sh gpu|cpu --install, or https://docs.docker.com/engine/install/)."
    docker info >/dev/null 2>&1 || refuse "the docker engine does not answer. Start it (systemctl start docker) or add your user to the group docker."
    if docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose)
    elif command -v docker-compose >/dev/null; then
        COMPOSE=(env DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 docker-compose)
    else
        refuse "docker compose is missing. Install the package docker-compose-plugin."
    fi
    command -v openssl >/dev/null || refuse "openssl is missing. Install it (Debian, Ubuntu: apt-get install openssl)."
}

check_gpu() {
    command -v nvidia-smi >/dev/null || refuse "no NVIDIA driver (nvidia-smi is missing). Install it, or use ./setup.sh cpu."
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader ||
        refuse "the NVIDIA driver does not answer. Restart the machine after installing it."
    docker info --format '{{json .Runtimes}} {{json .CDISpecDirs}}' | grep -qi nvidia || [ -e /etc/cdi/nvidia.yaml ] ||
        refuse "docker cannot use the GPU: run sudo ./setup.sh gpu --install, or install nvidia-container-toolkit, run 'nvidia-ctk runtime configure --runtime=docker', restart docker."
}

check_disk_and_ports() {
    local free_gb port
    free_gb=$(df -Pk . | awk 'NR==2 {print int($4 / 1048576)}')
    [ "$free_gb" -ge 40 ] || refuse "only $free_gb GB are free here; images and a model need 40 GB."
    for port in "$(chosen HTTP_PORT 80)" "$(chosen HTTPS_PORT 443)"; do
        if command -v ss >/dev/null && ss -Hltn "sport = :$port" | grep -q . &&
            ! docker ps --format '{{.Names}} {{.Ports}}' | grep -q "caddy.*:$port->"; then
            refuse "port $port is in use. Free it, or set HTTP_PORT and HTTPS_PORT in .env."
        fi
    done
}

check_memory_and_clock() {
    local memory_gb
    memory_gb=$(awk '/^MemTotal/ {print int($2 / 1048576 + 0.5)}' /proc/meminfo)
    [ "$memory_gb" -ge 8 ] || refuse "this machine has $memory_gb GB of memory; 8 GB are the least."
    if [ "$(timedatectl show --property=NTPSynchronized --value 2>/dev/null)" = no ]; then
        printf '    the clock is not synchronised; certificates and sign-ins need it: timedatectl set-ntp true\n'
    fi
}

chosen() { # NAME default: from the environment, .env, or the default
    local value=${!1:-}
    [ -n "$value" ] || value=$(sed -n "s/^$1=//p" .env 2>/dev/null | tail -n 1)
    printf '%s' "${value:-$2}"
}

random_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

write_secret() { # name value
    [ -s "secrets/$1" ] || (umask 077 && printf '%s' "$2" >"secrets/$1")
}

write_secrets() {
    mkdir -p secrets certificates && chmod 700 secrets
    write_secret database_password "$(random_secret)"
    write_secret database_role_secret "$(random_secret)"
    write_secret valkey_password "$(random_secret)"
    write_secret engine_key "$(random_secret)"
    write_secret metrics_key "$(random_secret)"
    write_secret grafana_password "$(random_secret)"
    [ -e secrets/hub_token ] || (umask 077 && : >secrets/hub_token)
    write_secret database_url "postgresql://appliance_owner:$(cat secrets/database_password)@postgres:5432/appliance"
    write_secret valkey_url "redis://:$(cat secrets/valkey_password)@valkey:6379/0"
    # As the exporters want them: the role's password is derived (appliance/storage/roles.py), Valkey's stands by its address.
    write_secret database_monitor_password "$(printf appliance_monitor | openssl dgst -sha256 -hmac "$(cat secrets/database_role_secret)" -r | cut -d ' ' -f 1)"
    write_secret valkey_passwords "{\"redis://valkey:6379\": \"$(cat secrets/valkey_password)\"}"
    # Inside a container a bind-mounted secret keeps its owner: ours run as user 10001, the others as their own.
    chmod 0444 secrets/*
}

write_environment() {
    [ ! -f .env ] || return 0
    local site tls
    site=$(chosen APPLIANCE_SITE "$(hostname -f 2>/dev/null || hostname)")
    tls=$(chosen APPLIANCE_TLS internal)
    (umask 077 && printf '%s\n' \
        "# Written by setup.sh; change it and run setup.sh again." \
        "APPLIANCE_SITE=$site" \
        "# internal: a certificate of Caddy's own authority; an e-mail address: a public one by ACME;" \
        "# /certificates/site.crt /certificates/site.key: your own, from the folder certificates/" \
        "APPLIANCE_TLS=$tls" >.env)
    printf '==> wrote .env: people will open https://%s (certificate: %s)\n' "$site" "$tls"
}

# A model whose maker wants to know who takes it needs a token of the hub; nobody is asked for one in vain.
check_model() {
    local model status token
    model=$(chosen MODEL Qwen/Qwen2.5-7B-Instruct)
    if [ -s secrets/hub_token ] || ! command -v curl >/dev/null; then
        return 0
    fi
    status=$(curl -s -o /dev/null -m 15 -w '%{http_code}' "https://huggingface.co/$model/resolve/main/config.json") || return 0
    case $status in
    401 | 403) ;;
    *) return 0 ;;
    esac
    [ -t 0 ] || refuse "$model is given out to known people only. Put your hub token into secrets/hub_token, or choose an open model: MODEL=Qwen/Qwen2.5-7B-Instruct in .env."
    printf '    %s is given out to known people only.\n    hub token (empty: stop here, and choose another MODEL in .env): ' "$model"
    read -rs token
    printf '\n'
    [ -n "$token" ] || refuse "no token. An open model is Qwen/Qwen2.5-7B-Instruct."
    chmod u+w secrets/hub_token
    printf '%s' "$token" >secrets/hub_token
    chmod 0444 secrets/hub_token
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
    "${COMPOSE[@]}" exec -T gateway appliance doctor --data /var/lib/appliance ||
        printf '    the doctor has found something; each line names its remedy\n'
    printf '==> ready: https://%s\n' "$(chosen APPLIANCE_SITE localhost)"
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
