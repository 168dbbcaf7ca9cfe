// Reading an answer aloud with a voice of this device. Voices that a browser fetches from a cloud are never used: they
// would send the answer there.
const PIECE = 220;                                           // characters; browsers give up on very long utterances
const SPANISH = /\b(el|la|los|las|de|que|en|un|una|es|por|con|para|se|del|al|como|más|pero|sus|están?)\b/gi;
const ENGLISH = /\b(the|of|and|to|in|is|that|for|it|as|with|on|by|this|are|be|or|from|at|an)\b/gi;

export class Voice {
  /** onChange: told whether it speaks. */
  constructor(onChange) {
    this.onChange = onChange;
    this.isOn = false;
  }

  /** Begin, or stop; false where this device has no voice for the language. */
  async toggle(element) {
    if (this.isOn) return this.stop(), true;
    const text = spoken(element), language = languageOf(text);
    const voice = (await voices()).find(one => one.localService && one.lang.toLowerCase().startsWith(language));
    if (!voice) return false;
    speechSynthesis.cancel();
    const pieces = sentences(text).map(words => Object.assign(new SpeechSynthesisUtterance(words), {voice, lang: voice.lang}));
    if (!pieces.length) return true;
    const last = pieces.at(-1);
    last.onend = () => this.end();
    for (const piece of pieces) {
      piece.onerror = () => this.end();
      speechSynthesis.speak(piece);
    }
    this.isOn = true;
    this.onChange(true);
    return true;
  }

  stop() {
    if (!this.isOn) return;
    speechSynthesis.cancel();
    this.end();
  }

  end() {
    if (!this.isOn) return;
    this.isOn = false;
    this.onChange(false);
  }
}

// What is read: words, not code, tables or the numbers of citations.
function spoken(element) {
  const copy = element.cloneNode(true);
  for (const one of copy.querySelectorAll("figure, pre, table, math, a.citation, .box")) one.remove();
  return [...copy.querySelectorAll("h1, h2, h3, h4, p, li, blockquote")].filter(one => !one.querySelector("p, li")).map(one => one.textContent.trim()).filter(Boolean).map(words => /[.!?…:]$/.test(words) ? words : `${words}.`).join(" ");
}

function languageOf(text) {
  return (text.match(SPANISH)?.length ?? 0) > (text.match(ENGLISH)?.length ?? 0) ? "es" : "en";
}

function sentences(text) {
  const found = text.match(/[^.!?…]+[.!?…]+["»”)]*\s*|[^.!?…]+$/g) ?? [];
  return found.reduce((pieces, one) => {
    if (pieces.length && pieces.at(-1).length + one.length < PIECE) pieces[pieces.length - 1] += one;
    else pieces.push(one);
    return pieces;
  }, []);
}

// Browsers load their voices late, and say so.
async function voices() {
  const now = speechSynthesis.getVoices();
  if (now.length) return now;
  await new Promise(done => { speechSynthesis.addEventListener("voiceschanged", done, {once: true}); setTimeout(done, 1000); });
  return speechSynthesis.getVoices();
}
