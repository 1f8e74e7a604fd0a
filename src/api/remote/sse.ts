/** Server-sent events, as OpenAI-compatible servers stream them. */

/** The data of each event; lines may end in any of the standard's three ways. The body is cancelled when the reader leaves. */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void, undefined> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value = '' } = await reader.read();
      // A carriage return at the end may be half of a line's end.
      const lines = (rest + value).split(done ? /\r\n|\r|\n/ : /\r\n|\r(?!$)|\n/);
      rest = done ? '' : lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        if (line !== '' || data.length === 0) continue;
        yield data.join('\n');
        data = [];
      }
      if (!done) continue;
      if (data.length > 0) yield data.join('\n'); // some servers leave out the last empty line
      return;
    }
  } finally {
    reader.cancel().catch(() => {}); // an error of the body was thrown already
  }
}
