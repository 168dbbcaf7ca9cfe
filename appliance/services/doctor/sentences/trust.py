"""Secrets, passwords, keys, signing in: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

TRUST = {
    "https.plain": Words(
        "Passwords travel unencrypted to {host}.",
        "Put a proxy with TLS in front and turn this off.",
    ),
    "https.ok": Words(
        "Passwords travel encrypted, or do not leave this machine.",
    ),
    "secrets.ok": Words(
        "Nobody else can read the box's secrets.",
    ),
    "secrets.open": Words(
        "{path} can be read by others.",
        "Close it.",
    ),
    "secrets.missing": Words(
        "{path} is missing.",
        "Start the appliance, which makes it; or restore a backup when data exists already.",
    ),
    "secrets.plain": Words(
        "{path} holds {setting} as plain text.",
        "Move it into a file (chmod 600) and name that: {setting}_file, or APPLIANCE_…_FILE.",
    ),
    "secrets.hub_token": Words(
        "{path} holds a model hub's token that is not needed any more once the model is there.",
        "Remove it, and revoke it at the hub when others could read it.",
    ),
    "credentials.ok": Words(
        "{path} is readable by its owner only.",
    ),
    "credentials.gone": Words(
        "The first credentials file is not there any more.",
    ),
    "credentials.open": Words(
        "{path} can be read by others, with an administrator's key in it.",
        "Close it.",
    ),
    "credentials.unreadable": Words(
        "{path} cannot be read: {detail}.",
        "Remove it.",
    ),
    "credentials.password": Words(
        "{path} has held the first password for {days} days: nobody has changed it.",
        "Change it on the page, or with this; it leaves the file by itself.",
    ),
    "credentials.kept": Words(
        "{path} has held an administrator's key for {days} days.",
        "Keep the key elsewhere (the commands take --key, or APPLIANCE_API_KEY) and remove the file.",
    ),
    "keys.ok": Words(
        "API keys in use: {count}; none is old or forgotten.",
    ),
    "keys.unused": Words(
        "API keys that have not been used for {days} days: {count} ({names}).",
        "Revoke those that nobody misses.",
    ),
    "keys.old": Words(
        "API keys that are in use for more than {days} days: {count} ({names}).",
        "Make new ones, change the scripts, then revoke the old ones.",
    ),
    "keys.first_passwords": Words(
        "People who still have the password that they were given: {count} ({names}).",
        "Send them a link for a new one.",
    ),
    "keys.idle_administrators": Words(
        "Administrators who have not been here for {days} days: {count} ({names}).",
        "Suspend those who have left, or make them ordinary users.",
    ),
    "keys.idle": Words(
        "Keys and passwords are in the database, which is stopped.",
    ),
    "identity.unused": Words(
        "People sign in here with their own passwords; no company provider is set.",
    ),
    "identity.ok": Words(
        "{issuer} answers: {keys} signing keys, {ways}.",
    ),
    "identity.wrong": Words(
        "{detail}",
        "Correct identity.oidc in appliance.toml.",
    ),
    "identity.silent": Words(
        "{detail}",
        "Is it reachable from this machine? In a company network: identity.oidc.ca_file, internal_hosts.",
    ),
    "identity.secret_unreadable": Words(
        "{path} cannot be read: {detail}.",
        "Correct identity.oidc.client_secret_file.",
    ),
    "identity.secret_open": Words(
        "{path} can be read by others.",
        "Close it.",
    ),
    "identity.secret_empty": Words(
        "{path} is empty.",
        "Put the client's secret into it.",
    ),
    "identity.redirect": Words(
        "Redirect URI to enter at the provider: {url}",
    ),
    "identity.back_channel": Words(
        "Back-channel logout URL, where it has one: {url}",
    ),
    "identity.no_public_url": Words(
        "server.public_url is not set, so the redirect URI depends on how people type the address.",
        "Set server.public_url to the address that people use.",
    ),
    "identity.leavers": Words(
        "Who is removed there is out here within {hours} hours at the latest.",
    ),
    "identity.everybody": Words(
        "Everybody whom the provider knows gets an account.",
        "For a provider with strangers in it set identity.oidc.allowed_domains or allowed_groups.",
    ),
}
