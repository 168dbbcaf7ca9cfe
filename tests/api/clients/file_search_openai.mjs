// What openai-node does with the tool file_search; fed to node by its standard input. Prints what it saw as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, model, store] = process.argv.slice(-4);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const tools = [{ type: "file_search", vector_store_ids: [store] }];
const asked = { model, input: "How many days of holiday?", tools };

const whole = await client.responses.create({ ...asked, include: ["file_search_call.results"] });
const kinds = [];
const stream = client.responses.stream(asked);
for await (const event of stream) kinds.push(event.type);
const final = await stream.finalResponse();
const seen = (response) => ({
  items: response.output.map((item) => item.type),
  cited: response.output[1].content[0].annotations.map((one) => one.filename),
  text: response.output_text,
});

console.log(JSON.stringify({
  whole: seen(whole),
  streamed: seen(final),
  results: whole.output[0].results.map((one) => one.filename),
  searching: kinds.includes("response.file_search_call.searching"),
  annotated: kinds.includes("response.output_text.annotation.added"),
}));
