// Follows an answer by an EventSource, in a browser or not, until the server says that all was received.
export function follow(EventSource, url) {
  const heard = { ids: [], text: '', reason: null, error: null };
  const source = new EventSource(url);
  source.onmessage = ({ data, lastEventId }) => {
    heard.ids.push(lastEventId);
    if (data === '[DONE]') return;
    const { error, choices } = JSON.parse(data);
    heard.error = error?.message ?? heard.error;
    heard.text += choices?.[0]?.delta.content ?? '';
    heard.reason = choices?.[0]?.finish_reason ?? heard.reason;
  };
  return new Promise((resolve) => {
    source.onerror = () => {
      if (source.readyState === source.CLOSED) resolve(heard);
    };
  });
}
