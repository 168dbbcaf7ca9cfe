# shellcheck shell=bash
# The images of a compose file, as files that `docker load` reads. Sourced by airgap_bundle.sh, which has step() and refuse().

check_docker_engine() {
    docker info >/dev/null 2>&1 ||
        refuse "--images needs a docker engine here, and none answers. Without --images the bundle installs without docker."
    docker compose version >/dev/null 2>&1 || refuse "--images needs docker compose (package docker-compose-plugin)."
    [ -z "$MACHINE" ] || [ "$MACHINE" = "$(uname -m)" ] || refuse "--images takes this machine's kind, $(uname -m), not $MACHINE."
}

# An image that was loaded from a file has no digest of a registry: the packed compose files go by the tags, and the
# checksums of the files say that they are the pinned ones. They build nothing either: what that needs is not there.
pack_images() {
    local file=docker-compose.$IMAGES.yml image tag number=0
    mkdir "$STAGE/images"
    step "images of $file"
    (cd "$STAGE/code" && docker compose -f "$file" build) || refuse "our own image could not be built; the reason stands above."
    save_image llm-appliance:latest 00-appliance
    while read -r image; do
        number=$((number + 1))
        tag=${image%%@*}
        docker pull --quiet "$image" >/dev/null || refuse "$image could not be fetched."
        [ "$tag" = "$image" ] || docker tag "$image" "$tag"
        save_image "$tag" "$(printf %02d "$number")-$(tr -c 'a-zA-Z0-9.\n' - <<<"${tag##*/}")"
    done < <(images_of "$STAGE/code/$file")
    sed -i -e 's/@sha256:[0-9a-f]\{64\}//' -e '/^  build:$/,/^    dockerfile:/d' "$STAGE/code/"docker-compose.*.yml
}

images_of() { sed -n 's/^ *image: *\([^ #]*\).*/\1/p' "$1" | grep -v '^llm-appliance' | LC_ALL=C sort -u; } # compose file

save_image() { # image name
    docker save --output "$STAGE/images/$2.tar" "$1" || refuse "$1 could not be saved."
    printf '    %s, %s MB\n' "$1" "$(megabytes "$STAGE/images/$2.tar")"
}
