import fs from "node:fs";
import OpenAI from "openai";

const [path, baseURL] = process.argv.slice(-2);
const client = new OpenAI({ baseURL, apiKey: "ana", maxRetries: 0 });
const hear = (options) =>
  client.audio.transcriptions.create({ file: fs.createReadStream(path), model: "whisper-1", ...options });

const verbose = await hear({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] });
const english = await client.audio.translations.create({ file: fs.createReadStream(path), model: "whisper-1" });
const events = [];
for await (const event of await hear({ stream: true })) events.push([event.type, event.delta ?? event.text]);
console.log(
  JSON.stringify({
    json: (await hear({})).text,
    text: await hear({ response_format: "text" }),
    srt: await hear({ response_format: "srt", language: "es" }),
    verbose: [verbose.text, verbose.language, verbose.segments.length, verbose.words.length],
    english: english.text,
    events,
  }),
);
