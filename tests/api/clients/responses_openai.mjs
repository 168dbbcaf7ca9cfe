// What openai-node does with /v1/responses; fed to node by its standard input. Prints what it saw as JSON.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, apiKey, model] = process.argv.slice(-3);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const weather = {
  type: "function",
  name: "weather",
  strict: true,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
};

async function statusOf(call) {
  try {
    await call;
    return "no error";
  } catch (error) {
    return error.status;
  }
}

const whole = await client.responses.create({ model, input: "How are you?" });
let streamed = "";
let last = "";
for await (const event of await client.responses.create({ model, input: "How are you?", stream: true })) {
  if (event.type === "response.output_text.delta") streamed += event.delta;
  last = event.type;
}
const accumulated = await client.responses.stream({ model, input: "How are you?" }).finalResponse();
const person = zodTextFormat(z.object({ age: z.number() }), "person");
const parsed = await client.responses.parse({ model, input: "How old?", text: { format: person } });
const called = await client.responses.create({ model, input: "Weather?", tools: [weather] });
const output = [{ type: "function_call_output", call_id: called.output[0].call_id, output: "Sun" }];
const told = await client.responses.create({ model, previous_response_id: called.id, tools: [weather], input: output });
const items = await client.responses.inputItems.list(told.id);
const kept = await client.responses.retrieve(whole.id);
await client.responses.delete(whole.id);

console.log(
  JSON.stringify({
    whole: whole.output_text,
    streamed,
    last,
    accumulated: accumulated.output_text,
    parsed: typeof parsed.output_parsed.age,
    called: called.output[0].name,
    told: told.status,
    items: items.data.length,
    kept: kept.output_text,
    gone: await statusOf(client.responses.retrieve(whole.id)),
  }),
);
