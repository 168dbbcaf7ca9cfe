// A streamed question with the official SDK for node; prints what came of it as JSON.
// node --input-type=module - BASE_URL KEY MODEL < waiting_openai.mjs
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
let words = "";
let error = null;
try {
  const messages = [{ role: "user", content: "How are you?" }];
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) words += chunk.choices[0]?.delta?.content ?? "";
} catch (raised) {
  if (!(raised instanceof OpenAI.APIError)) throw raised;
  error = [raised.constructor.name, String(raised.code), raised.message];
}
process.stdout.write(JSON.stringify({ words, error }));
