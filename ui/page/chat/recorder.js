// One recording of this device's microphone: its loudness while it runs, its sound when it ends. Nothing is sent anywhere.
const FORMS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus", "audio/webm"];
const ENDINGS = {"audio/webm": "webm", "audio/mp4": "m4a", "audio/ogg": "ogg"};
const PIECE_MS = 1000, QUIETEST_DB = -60;

/** Why there is no recording: `insecure`, `none`, `denied`, `busy` or `unsupported`. */
export class NoMicrophone extends Error {
  constructor(reason) { super(reason); this.reason = reason; }
}

const REASONS = {NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy", AbortError: "busy"};

export class Recorder {
  /** onEnded: told when the microphone went away by itself. Throws NoMicrophone. */
  static async open(onEnded) {
    if (!window.isSecureContext) throw new NoMicrophone("insecure");
    const form = window.MediaRecorder && FORMS.find(one => MediaRecorder.isTypeSupported(one));
    if (!navigator.mediaDevices?.getUserMedia || !form) throw new NoMicrophone("unsupported");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({audio: {channelCount: 1, noiseSuppression: true, echoCancellation: true, autoGainControl: true}});
      return new Recorder(stream, form, onEnded);
    } catch (error) {
      throw new NoMicrophone(REASONS[error.name] ?? "busy");
    }
  }

  constructor(stream, form, onEnded) {
    this.stream = stream;
    this.form = form;
    this.pieces = [];
    this.sound = new AudioContext();
    this.analyser = new AnalyserNode(this.sound, {fftSize: 1024});
    this.samples = new Float32Array(this.analyser.fftSize);
    this.sound.createMediaStreamSource(stream).connect(this.analyser);
    this.sound.resume();
    this.recorder = new MediaRecorder(stream, {mimeType: form, audioBitsPerSecond: 48_000});
    this.recorder.addEventListener("dataavailable", ({data}) => data.size && this.pieces.push(data));
    this.recorder.start(PIECE_MS);
    this.begun = performance.now();
    stream.getAudioTracks()[0]?.addEventListener("ended", onEnded);
  }

  get seconds() { return (performance.now() - this.begun) / 1000; }

  /** How loud it is now, 0 to 1 on a scale of decibels. */
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, one) => sum + one * one, 0) / this.samples.length;
    return power ? Math.min(1, Math.max(0, 1 - 10 * Math.log10(power) / QUIETEST_DB)) : 0;
  }

  /** Ends it; returns the recording as a file. */
  async stop() {
    if (this.recorder.state !== "inactive") {
      const stopped = new Promise(done => this.recorder.addEventListener("stop", done, {once: true}));
      this.recorder.stop();
      await stopped;
    }
    this.close();
    const kind = this.form.split(";")[0], moment = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
    return new File(this.pieces, `${moment}.${ENDINGS[kind]}`, {type: kind});
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    this.sound.close();
  }
}
