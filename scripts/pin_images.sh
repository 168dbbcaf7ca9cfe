#!/usr/bin/env bash
# Writes behind every tag of the compose files the digest that its registry has for it now, so that nobody can put
# something else behind the tag. Needs docker with buildx and a way to the registries; safe to run again: what is pinned is
# asked about by its tag anew. Nothing is written when any of them cannot be had.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

FILES=(docker-compose.gpu.yml docker-compose.cpu.yml)

images() { sed -n 's/^ *image: *\([^ #@]*\).*/\1/p' "${FILES[@]}" | grep -v '^llm-appliance' | sort -u; }

digest_of() { # image:tag
    docker buildx imagetools inspect --format '{{json .Manifest.Digest}}' "$1" | tr -d '"'
}

edits=()
while read -r image; do
    digest=$(digest_of "$image") || digest=
    if ! grep -qE '^sha256:[0-9a-f]{64}$' <<<"$digest"; then
        printf 'pin_images: no digest for %s; nothing was changed.\n' "$image" >&2
        exit 1
    fi
    printf '%s@%s\n' "$image" "$digest"
    edits+=(-e "s|^\( *image: *\)$image\(@sha256:[0-9a-f]*\)\{0,1\}\(.*\)\$|\1$image@$digest\3|")
done < <(images)
sed -i "${edits[@]}" "${FILES[@]}"
