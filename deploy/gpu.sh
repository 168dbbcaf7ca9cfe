# shellcheck shell=bash
# The checks of an NVIDIA GPU: is there one, does its driver answer and suit the engine's image, may docker hand it over and
# does it stay there. Sourced by setup.sh after deploy/checks.sh, from the top of the repository.

CARD_MIB=0 # memory of the card that the engine gets: the smallest one's

check_gpu() {
    if ! command -v nvidia-smi >/dev/null && ! has_card; then
        problem "GPU: no NVIDIA card is found in this machine. In a virtual machine it has to be passed through; without one use ./setup.sh cpu."
        return
    fi
    check_driver || return 0
    check_cards
    check_toolkit && check_cgroups
    return 0
}

has_card() { # by PCI: a display controller (class 03) of NVIDIA (10de)
    local device
    for device in "$MACHINE"/sys/bus/pci/devices/*; do
        [[ $(cat "$device/vendor" 2>/dev/null) = 0x10de && $(cat "$device/class" 2>/dev/null) = 0x03* ]] && return
    done
    return 1
}

needed_of() { # column of deploy/drivers.tsv, for the image that is pinned
    local tag
    tag=$(engine_image gpu)
    tag=${tag#*:}
    awk -F '\t' -v tag="${tag%%@*}" -v column="$1" '$1 == tag {print $column}' deploy/drivers.tsv
}

driver_remedy() { # how to install one that is new enough, by the distribution's own means where those have it
    local ID="" VERSION_ID="" least
    least=$(needed_of 3)
    # shellcheck source=/dev/null
    [ ! -r "$ETC/os-release" ] || . "$ETC/os-release"
    case $ID in
    ubuntu) printf 'sudo apt-get install nvidia-headless-%s-server-open nvidia-utils-%s-server, then restart the machine.' "$least" "$least" ;;
    debian) printf "Debian's own package is older than that; NVIDIA's source has it: fetch https://developer.download.nvidia.com/compute/cuda/repos/debian%s/x86_64/cuda-keyring_1.1-1_all.deb, sudo dpkg -i cuda-keyring_1.1-1_all.deb, sudo apt-get update, sudo apt-get install nvidia-open, then restart the machine." "$VERSION_ID" ;;
    *) printf 'https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/ has the steps (%s or newer), then restart the machine.' "$least" ;;
    esac
}

check_driver() {
    local said version least
    if ! command -v nvidia-smi >/dev/null; then
        if [ -e "$MACHINE/sys/module/nouveau" ]; then explain_nouveau; fi
        problem "driver: NVIDIA's is not installed (nvidia-smi is missing). $(driver_remedy)"
        return 1
    fi
    if ! said=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>&1); then
        explain_silence "$(head -n 1 <<<"$said")"
        return 1
    fi
    version=$(head -n 1 <<<"$said")
    least=$(needed_of 3)
    if [ "${version%%.*}" -lt "$least" ]; then
        problem "driver: $version is too old; $(engine_image gpu) has CUDA $(needed_of 2), which needs $least or newer. $(driver_remedy)"
        return 1
    fi
    good "driver: $version ($least or newer is needed for CUDA $(needed_of 2))"
}

explain_nouveau() {
    note "driver: the kernel's own driver nouveau has taken the card; NVIDIA's cannot beside it. printf 'blacklist nouveau\\noptions nouveau modeset=0\\n' | sudo tee /etc/modprobe.d/blacklist-nouveau.conf; sudo update-initramfs -u"
}

# nvidia-smi is there and fails: the module is not loaded, and mostly for one of these reasons.
explain_silence() { # what it said
    local key
    if [[ $1 = *"version mismatch"* ]]; then
        problem "driver: it was upgraded while its old module is still loaded ($1). Restart the machine."
    elif [ -e "$MACHINE/sys/module/nouveau" ]; then
        explain_nouveau
        problem "driver: nouveau has the card, so NVIDIA's driver does not answer. Do what the line above says, then restart the machine."
    elif [ ! -e "$MACHINE/sys/module/nvidia" ] && secure_boot; then
        key=/var/lib/dkms/mok.pub
        [ ! -e "$MACHINE/var/lib/shim-signed/mok/MOK.der" ] || key=/var/lib/shim-signed/mok/MOK.der
        problem "driver: Secure Boot is on, and the kernel does not load a module that nobody it trusts has signed. sudo mokutil --import $key (with a password of your choice), restart, choose 'Enroll MOK' and type it; or switch Secure Boot off in the firmware. sudo dmesg | grep -i 'nvidia\|lockdown' shows it."
    elif [ ! -e "$MACHINE/sys/module/nvidia" ]; then
        problem "driver: its kernel module is not loaded ($1). sudo modprobe nvidia says why; after a new kernel its headers are missing: sudo apt-get install linux-headers-\$(uname -r), sudo dkms autoinstall, then restart the machine."
    else
        problem "driver: it does not answer ($1). Restart the machine; if it stays so: sudo dmesg | grep -i 'xid\|nvrm', power and seat of the card."
    fi
}

secure_boot() { # the fifth byte of the firmware's variable is 1
    local variable
    for variable in "$MACHINE"/sys/firmware/efi/efivars/SecureBoot-*; do
        [ "$(od -An -j4 -N1 -tu1 "$variable" 2>/dev/null | tr -d ' ')" = 1 ] && return
    done
    return 1
}

check_cards() {
    local cards name memory able count=0 least
    cards=$(nvidia-smi --query-gpu=name,memory.total,compute_cap --format=csv,noheader,nounits)
    least=$(needed_of 4)
    while IFS=, read -r name memory able; do
        memory=${memory//[^0-9]/}
        able=${able// /}
        count=$((count + 1))
        if awk -v is="$able" -v least="$least" 'BEGIN {exit !(is + 0 < least + 0)}'; then
            problem "GPU: $name has compute capability $able; vLLM needs $least or more (Turing, 2018, and newer). Use another card, or Ollama: ./setup.sh cpu."
        else
            good "GPU: $name, $memory MiB, compute capability $able"
        fi
        if [ "$CARD_MIB" = 0 ] || [ "$memory" -lt "$CARD_MIB" ]; then CARD_MIB=$memory; fi
    done <<<"$cards"
    [ "$count" -le 1 ] || note "GPU: there are $count; one engine uses one of them (docs/operating.md, Several cards)"
}

check_toolkit() {
    local said image
    if ! command -v nvidia-ctk >/dev/null; then
        problem "container toolkit: nvidia-ctk is missing. sudo ./setup.sh gpu --install, or install the package nvidia-container-toolkit."
        return 1
    fi
    if command -v nvidia-container-cli >/dev/null && ! said=$(nvidia-container-cli info 2>&1); then
        problem "container toolkit: it does not reach the driver ($(head -n 1 <<<"$said")). sudo nvidia-modprobe -u -c=0; if it stays so: sudo apt-get install --only-upgrade nvidia-container-toolkit."
        return 1
    fi
    if ! docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q nvidia && ! uses_cdi; then
        problem "container toolkit: docker does not know it. sudo ./setup.sh gpu --install, or: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
        return 1
    fi
    image=$(engine_image gpu)
    if docker image inspect "$image" >/dev/null 2>&1; then
        if ! said=$(docker run --rm --network none --gpus all --entrypoint nvidia-smi "$image" -L 2>&1); then
            problem "container toolkit: a container does not get the GPU ($(tail -n 1 <<<"$said")). sudo systemctl restart docker; sudo nvidia-ctk runtime configure --runtime=docker"
            return 1
        fi
        good "container toolkit: a container sees $(grep -c '^GPU' <<<"$said") GPU(s)"
    else
        good "container toolkit: $(nvidia-ctk --version 2>/dev/null | head -n 1)"
    fi
}

uses_cdi() { # the toolkit has described the card where docker looks
    docker info --format '{{json .CDISpecDirs}}' 2>/dev/null | grep -q cdi || return 1
    [ -e "$ETC/cdi/nvidia.yaml" ] || [ -e "$MACHINE/var/run/cdi/nvidia.yaml" ]
}

# https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/troubleshooting.html, "Containers losing access to
# GPUs": the hook behind docker's --gpus gives the container devices that systemd does not know of, and takes away at a reload.
check_cgroups() {
    [ "$(docker info --format '{{.CgroupDriver}}' 2>/dev/null)" = systemd ] || return 0
    note "docker: its cgroup driver is systemd; then containers lose the GPU at the next systemctl daemon-reload, which any upgrade of a package may do. sudo ./setup.sh gpu --install sets \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"] in /etc/docker/daemon.json (containers restart once), as NVIDIA advises."
}
