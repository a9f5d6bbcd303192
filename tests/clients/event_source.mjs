// EventSource of npm `eventsource`: node event_source.mjs URL...
import { EventSource } from 'eventsource';
import { follow } from './follow.js';
import { tell } from './told.mjs';

const awake = setInterval(() => {}, 1000); // its own wait before it reconnects doesn't keep Node.js running
await tell(() => Promise.all(process.argv.slice(2).map((url) => follow(EventSource, url))));
clearInterval(awake);
