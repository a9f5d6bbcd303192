// openai-node: node openai_node.mjs BASE_URL MODEL stream|plain|tools PROMPT
import OpenAI from 'openai';
import { tell } from './told.mjs';

const [baseURL, model, way, prompt] = process.argv.slice(2);
const { completions } = new OpenAI({ baseURL, apiKey: 'any' }).chat;
const messages = [{ role: 'user', content: prompt }];
const counts = (usage) => [usage.prompt_tokens, usage.completion_tokens];

async function stream() {
  const heard = { text: '' };
  const options = { include_usage: true };
  for await (const chunk of await completions.create({ model, messages, stream: true, stream_options: options })) {
    heard.text += chunk.choices[0]?.delta.content ?? '';
    heard.reason = chunk.choices[0]?.finish_reason ?? heard.reason;
    heard.usage = chunk.usage ? counts(chunk.usage) : heard.usage;
  }
  return heard;
}

async function plain() {
  const { choices, usage } = await completions.create({ model, messages });
  return { text: choices[0].message.content, reason: choices[0].finish_reason, usage: counts(usage) };
}

async function tools() {
  const calls = [];
  const weather = {
    name: 'weather',
    description: 'How warm it is.',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    parse: JSON.parse,
    function: ({ city }) => {
      calls.push(city);
      return '24';
    },
  };
  const runner = completions.runTools({
    model,
    messages,
    stream: true,
    tools: [{ type: 'function', function: weather }],
  });
  return { text: await runner.finalContent(), calls };
}

await tell({ stream, plain, tools }[way]);
