// Reads answers with the AI SDK and its provider for an API, each whole and as a stream, and prints a line of JSON for
// each: {"text", "reasoning", "tools": [[id, name, arguments]], "finish", "usage": [prompt, completion]}.
// Arguments: the API (chat, messages, responses, gemini or ollama), the base URL, and the model of each answer.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";

globalThis.AI_SDK_LOG_WARNINGS = false;
const [api, baseURL, ...names] = process.argv.slice(2);
const apiKey = "sk-orharness";
const providers = {
  chat: () => createOpenAICompatible({ name: "any", baseURL, apiKey, includeUsage: true }),
  messages: () => createAnthropic({ baseURL: `${baseURL}/v1`, apiKey }),
  responses: () => createOpenAI({ baseURL, apiKey }).responses,
  gemini: () => createGoogleGenerativeAI({ baseURL: `${baseURL}/v1beta`, apiKey }),
  ollama: () => createOllama({ baseURL: `${baseURL}/api` }),
};
const onError = ({ error }) => {
  throw error;
};
const inputSchema = jsonSchema({ type: "object", properties: {}, additionalProperties: true });
const tools = { get_weather: tool({ inputSchema }), now: tool({ inputSchema }) };
async function print(result) {
  const usage = await result.usage;
  const found = {
    text: await result.text,
    reasoning: (await result.reasoningText) ?? "",
    tools: (await result.toolCalls).map(({ toolCallId, toolName, input }) => [toolCallId, toolName, JSON.stringify(input)]),
    finish: await result.finishReason,
    usage: [usage.inputTokens, usage.outputTokens],
  };
  process.stdout.write(JSON.stringify(found) + "\n");
}

for (const name of names) {
  const asked = { model: providers[api]()(name), prompt: "hi", tools, maxRetries: 0 };
  await print(await generateText(asked));
  await print(streamText({ ...asked, onError }));
}
