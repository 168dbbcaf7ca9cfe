// Times and languages of recordings, as people read them.
import {language} from "../shell/settings.js";

const names = new Intl.DisplayNames([language], {type: "language"});
const ENDINGS = /\.(mp3|m4a|m4b|wav|ogg|oga|opus|weba|flac|aac|amr|aiff?|caf|au|wma|mp4|m4v|mov|3gp|webm|mkv|avi|mpe?g)$/i;

export const isRecording = name => ENDINGS.test(name);

/** 754.2 → "12:34", 3754 → "1:02:34". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), minutes = Math.floor(whole / 60) % 60, rest = String(whole % 60).padStart(2, "0");
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** "es" → "español", in the page's language. */
export function languageName(code) {
  try { return names.of(code); } catch { return code; }
}
