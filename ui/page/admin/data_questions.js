// Saved questions that people offer to everybody, to be verified.
import {Questions} from "../me/own_questions.js";

export function open(room) { return new Questions(room, true); }
