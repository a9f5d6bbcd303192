// The Vercel AI SDK: node ai_sdk.mjs BASE_URL MODEL stream|plain|tools PROMPT
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';
import { tell } from './told.mjs';

const [baseURL, name, way, prompt] = process.argv.slice(2);
const model = createOpenAICompatible({ name: 'warung', baseURL, includeUsage: true })(name);
const counts = (usage) => [usage.inputTokens, usage.outputTokens];

async function stream() {
  const heard = { text: '' };
  const { stream: parts } = streamText({ model, prompt, onError: () => {} });
  for await (const part of parts) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') heard.text += part.text;
    if (part.type === 'finish') {
      heard.reason = part.finishReason;
      heard.usage = counts(part.totalUsage);
    }
  }
  return heard;
}

async function plain() {
  const { text, finishReason, usage } = await generateText({ model, prompt });
  return { text, reason: finishReason, usage: counts(usage) };
}

async function tools() {
  const calls = [];
  const weather = tool({
    description: 'How warm it is.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => {
      calls.push(city);
      return '24';
    },
  });
  const { text } = streamText({ model, prompt, tools: { weather }, stopWhen: isStepCount(2) });
  return { text: await text, calls };
}

await tell({ stream, plain, tools }[way]);
