// The person's own settings, read once for the whole page; a room that changes them tells the others.
import {call} from "./api.js";

let reading;

/** What GET /api/me says; {} where it cannot be read. Reading also prolongs the sign-in, which an open page would outlive. */
export function profile() {
  return reading ??= call("/api/me").catch(() => ({}));
}

/** mine: the profile as it stands after a change, such as the answer to PATCH /api/me. */
export function profileChanged(mine) {
  reading = Promise.resolve(mine);
  dispatchEvent(new CustomEvent("profile-changed", {detail: mine}));
}

/** take(profile) now and after every change. */
export function withProfile(take) {
  profile().then(take);
  addEventListener("profile-changed", event => take(event.detail));
}
