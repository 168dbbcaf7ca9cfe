// The room of the Me tab: who I am here, how I sign in, my keys, and what I used.
import {Sections} from "../shell/sections.js";
import {t} from "../shell/settings.js";

export function open(host) {
  return new Sections(host, {title: t("tab_me"), kept: "me-section", sections: [
    {id: "profile", label: t("me_profile"), sign: "pencil", load: () => import("./profile_form.js")},
    {id: "signing", label: t("me_signing"), sign: "temporary", load: () => import("./signing.js")},
    {id: "keys", label: t("me_keys"), sign: "clip", load: () => import("./keys.js")},
    {id: "tools", label: t("me_tools"), sign: "steps", load: () => import("./own_tools.js")},
    {id: "questions", label: t("me_questions"), sign: "pin", load: () => import("./own_questions.js")},
    {id: "usage", label: t("me_usage"), sign: "lines", load: () => import("./own_usage.js")},
  ]});
}
