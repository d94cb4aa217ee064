// https://ai-sdk.dev/docs/advanced/stopping-streams
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

function ask(app, options) {
  const provider = createOpenAICompatible({ name: "gateway", baseURL: app.baseURL, apiKey: "sk-orharness" });
  const onError = ({ error }) => app.stopped || console.error(error);
  return streamText({ model: provider("m"), prompt: "hi", maxRetries: 0, onError, ...options });
}

export async function abortSignal(app) {
  const controller = new AbortController();
  app.onStop(() => controller.abort());
  const result = ask(app, { abortSignal: controller.signal });
  for await (const _ of result.textStream);
}

export async function breakLoop(app) {
  const result = ask(app);
  for await (const _ of result.textStream) {
    if (app.stopped) break;
  }
}
