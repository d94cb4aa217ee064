// Reads one answer with an official SDK, in each way that it has, and prints a line of JSON for each:
// {"text", "reasoning", "tools": [[id, name, arguments]], "finish", "usage": [prompt, completion]}.
// Arguments: the API (chat, messages, responses, gemini or ollama) and the base URL.
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import OpenAI from "openai";

const [api, baseURL] = process.argv.slice(2);
const options = { baseURL, apiKey: "sk-orharness", maxRetries: 0 };
const print = (found) => process.stdout.write(JSON.stringify(found) + "\n");
const empty = () => ({ text: "", reasoning: "", tools: [], finish: null, usage: null });

function message({ content, stop_reason, usage }) {
  const found = { ...empty(), finish: stop_reason, usage: [usage.input_tokens, usage.output_tokens] };
  for (const block of content) {
    if (block.type === "text") found.text += block.text;
    if (block.type === "thinking") found.reasoning += block.thinking;
    if (block.type === "tool_use") found.tools.push([block.id, block.name, JSON.stringify(block.input)]);
  }
  return found;
}

async function messageEvents(events) {
  const found = empty();
  const blocks = {};
  for await (const event of events) {
    if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
      blocks[event.index] = [event.content_block.id, event.content_block.name, ""];
      found.tools.push(blocks[event.index]);
    } else if (event.type === "content_block_delta") {
      if (event.delta.type === "text_delta") found.text += event.delta.text;
      if (event.delta.type === "thinking_delta") found.reasoning += event.delta.thinking;
      if (event.delta.type === "input_json_delta") blocks[event.index][2] += event.delta.partial_json;
    } else if (event.type === "message_delta") {
      found.finish = event.delta.stop_reason;
      found.usage = [event.usage.input_tokens, event.usage.output_tokens];
    }
  }
  for (const call of found.tools) call[2] = JSON.stringify(JSON.parse(call[2]));
  return found;
}

function response({ output, output_text, status, usage }) {
  const found = { ...empty(), text: output_text, finish: status, usage: [usage.input_tokens, usage.output_tokens] };
  for (const item of output) {
    if (item.type === "reasoning") found.reasoning += item.summary.map((part) => part.text).join("");
    if (item.type === "function_call") found.tools.push([item.call_id, item.name, JSON.stringify(JSON.parse(item.arguments))]);
  }
  return found;
}

async function responseEvents(events) {
  const found = empty();
  const calls = {};
  for await (const event of events) {
    if (event.type === "response.output_text.delta") found.text += event.delta;
    if (event.type === "response.reasoning_summary_text.delta") found.reasoning += event.delta;
    if (event.type === "response.output_item.added" && event.item.type === "function_call") {
      calls[event.output_index] = [event.item.call_id, event.item.name, ""];
      found.tools.push(calls[event.output_index]);
    }
    if (event.type === "response.function_call_arguments.delta") calls[event.output_index][2] += event.delta;
    if (event.type === "response.completed" || event.type === "response.incomplete") {
      found.finish = event.response.status;
      found.usage = [event.response.usage.input_tokens, event.response.usage.output_tokens];
    }
  }
  for (const call of found.tools) call[2] = JSON.stringify(JSON.parse(call[2]));
  return found;
}

function completion({ choices: [{ message, finish_reason }], usage }) {
  const found = { ...empty(), text: message.content, reasoning: message.reasoning ?? "", finish: finish_reason };
  found.usage = [usage.prompt_tokens, usage.completion_tokens];
  for (const call of message.tool_calls ?? []) found.tools.push([call.id, call.function.name, call.function.arguments]);
  return found;
}

async function chunks(stream) {
  const found = empty();
  for await (const { choices, usage } of stream) {
    if (usage) found.usage = [usage.prompt_tokens, usage.completion_tokens];
    for (const { delta, finish_reason } of choices) {
      found.text += delta.content ?? "";
      found.reasoning += delta.reasoning ?? "";
      found.finish = finish_reason ?? found.finish;
      for (const { index, id, function: called } of delta.tool_calls ?? []) {
        found.tools[index] ??= [id, called.name, ""];
        found.tools[index][2] += called.arguments ?? "";
      }
    }
  }
  return found;
}

async function ollamaLines(lines) {
  const found = empty();
  for await (const { message, done, done_reason, prompt_eval_count, eval_count } of lines) {
    found.text += message.content;
    found.reasoning += message.thinking ?? "";
    for (const call of message.tool_calls ?? [])
      found.tools.push([call.id, call.function.name, JSON.stringify(call.function.arguments)]);
    if (done) Object.assign(found, { finish: done_reason, usage: [prompt_eval_count, eval_count] });
  }
  return found;
}

async function geminiChunks(chunks) {
  const found = empty();
  for await (const { candidates, usageMetadata } of chunks) {
    for (const part of candidates[0].content?.parts ?? []) {
      if (part.text) found[part.thought ? "reasoning" : "text"] += part.text;
      const call = part.functionCall;
      if (call) found.tools.push([call.id, call.name, JSON.stringify(call.args)]);
    }
    const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount } = usageMetadata;
    found.usage = [promptTokenCount, candidatesTokenCount + (thoughtsTokenCount ?? 0)];
    found.finish = candidates[0].finishReason ?? found.finish;
  }
  return found;
}

if (api === "gemini") {
  const client = new GoogleGenAI({ apiKey: options.apiKey, httpOptions: { baseUrl: baseURL } });
  const asked = { model: "m", contents: "hi" };
  print(await geminiChunks([await client.models.generateContent(asked)]));
  print(await geminiChunks(await client.models.generateContentStream(asked)));
} else if (api === "ollama") {
  const client = new Ollama({ host: baseURL });
  const asked = { model: "m", messages: [{ role: "user", content: "hi" }] };
  print(await ollamaLines([await client.chat(asked)]));
  print(await ollamaLines(await client.chat({ ...asked, stream: true })));
} else if (api === "messages") {
  const client = new Anthropic(options);
  const asked = { model: "m", max_tokens: 2000, messages: [{ role: "user", content: "hi" }] };
  print(message(await client.messages.create(asked)));
  print(await messageEvents(await client.messages.create({ ...asked, stream: true })));
  print(message(await client.messages.stream(asked).finalMessage()));
} else if (api === "chat") {
  const client = new OpenAI(options);
  const asked = { model: "m", messages: [{ role: "user", content: "hi" }], usage: { include: true } };
  print(completion(await client.chat.completions.create(asked)));
  print(await chunks(await client.chat.completions.create({ ...asked, stream: true })));
  // The helper keeps the last piece alone of a field that it does not know: the reasoning is read from its events.
  const helper = client.chat.completions.stream(asked);
  let reasoning = "";
  helper.on("chunk", ({ choices }) => (reasoning += choices[0]?.delta.reasoning ?? ""));
  print({ ...completion(await helper.finalChatCompletion()), reasoning });
} else {
  const client = new OpenAI(options);
  const asked = { model: "m", input: "hi" };
  print(response(await client.responses.create(asked)));
  print(await responseEvents(await client.responses.create({ ...asked, stream: true })));
  print(response(await client.responses.stream(asked).finalResponse()));
}
