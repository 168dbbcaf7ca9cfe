# shellcheck shell=bash
# `./setup.sh gpu|cpu --install`: docker, and NVIDIA's container toolkit, from their makers' own package sources.
# Sourced by setup.sh, which has refuse() and step(). Steps that are done already do nothing.

ETC=${APPLIANCE_ETC:-${APPLIANCE_MACHINE:-}/etc} # another one is for tests

install_docker_and_toolkit() { # gpu|cpu
    [ "$(id -u)" = 0 ] || refuse "--install needs root: sudo ./setup.sh $1 --install."
    command -v apt-get >/dev/null || refuse "--install knows Debian and Ubuntu. Elsewhere: https://docs.docker.com/engine/install/"
    # shellcheck source=/dev/null
    . "$ETC/os-release"
    case ${ID:-} in debian | ubuntu) ;; *) refuse "--install knows Debian and Ubuntu, not ${ID:-this}. See https://docs.docker.com/engine/install/" ;; esac
    docker compose version >/dev/null 2>&1 || install_docker
    [ "$1" = cpu ] || [ -e "$ETC/cdi/nvidia.yaml" ] || command -v nvidia-ctk >/dev/null || install_toolkit
    [ "$1" = cpu ] || { configure_toolkit && keep_the_gpu; }
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || refuse "$* could not be installed; the reason stands above."; }

add_source() { # name key-address line
    install -d -m 0755 "$ETC/apt/keyrings"
    curl -fsSL "$2" -o "$ETC/apt/keyrings/$1.asc" || refuse "the key of $1 cannot be fetched from $2."
    chmod 0644 "$ETC/apt/keyrings/$1.asc"
    printf '%s\n' "$3" >"$ETC/apt/sources.list.d/$1.list"
}

install_docker() {
    step "installing docker"
    apt-get update -q
    apt_install ca-certificates curl
    add_source docker "https://download.docker.com/linux/$ID/gpg" \
        "deb [arch=$(dpkg --print-architecture) signed-by=$ETC/apt/keyrings/docker.asc] https://download.docker.com/linux/$ID $VERSION_CODENAME stable"
    apt-get update -q
    apt_install docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin
}

install_toolkit() {
    command -v nvidia-smi >/dev/null || refuse "NVIDIA's driver is not installed (nvidia-smi is missing). $(driver_remedy) Then run this again."
    step "installing NVIDIA's container toolkit"
    apt_install ca-certificates curl
    add_source nvidia-container-toolkit https://nvidia.github.io/libnvidia-container/gpgkey \
        "deb [signed-by=$ETC/apt/keyrings/nvidia-container-toolkit.asc] https://nvidia.github.io/libnvidia-container/stable/deb/$(dpkg --print-architecture) /"
    apt-get update -q
    apt_install nvidia-container-toolkit
}

configure_toolkit() {
    docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q nvidia && return 0
    step "telling docker of the GPU"
    nvidia-ctk runtime configure --runtime=docker || refuse "nvidia-ctk could not configure docker; the reason stands above."
    systemctl restart docker || refuse "docker did not start again; see: journalctl -u docker"
}

# Why: check_cgroups in deploy/gpu.sh. Where somebody has set "exec-opts" it is theirs.
keep_the_gpu() {
    local settings=$ETC/docker/daemon.json
    [ "$(docker info --format '{{.CgroupDriver}}' 2>/dev/null)" = systemd ] || return 0
    if grep -q '"exec-opts"' "$settings" 2>/dev/null; then
        printf '    %s has "exec-opts" already; add "native.cgroupdriver=cgroupfs" to it\n' "$settings"
        return 0
    fi
    step "letting containers keep the GPU when systemd reloads"
    mkdir -p "$ETC/docker"
    if grep -q '"' "$settings" 2>/dev/null; then
        cp -p "$settings" "$settings.before-appliance"
        sed -i '0,/{/s//{\n    "exec-opts": ["native.cgroupdriver=cgroupfs"],/' "$settings"
    else
        printf '{\n    "exec-opts": ["native.cgroupdriver=cgroupfs"]\n}\n' >"$settings"
    fi
    systemctl restart docker || refuse "docker did not start again; see: journalctl -u docker"
}
