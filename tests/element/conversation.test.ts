import { beforeEach, describe, expect, it } from 'vitest';
import { Conversation, type ConversationHost, type Lease, type ToolRunner } from '../../src/element/conversation.ts';
import type { OpenAILike } from '../../src/element/stream.ts';
import { OutriderError } from '../../src/errors.ts';

type Chunk = { delta?: object; finish_reason?: string } | Error | 'wait';

/** An engine that answers by script: one list of chunks per request. */
function scripted(...answers: Chunk[][]) {
  const requests: { messages: { role: string; content: string | null }[]; [field: string]: unknown }[] = [];
  const create = async (request: (typeof requests)[number], { signal }: { signal: AbortSignal }) => {
    requests.push(structuredClone(request));
    const chunks = answers.shift() ?? [];
    return (async function* () {
      for (const chunk of chunks) {
        if (chunk instanceof Error) throw chunk;
        if (chunk === 'wait') await new Promise((_, reject) => signal.addEventListener('abort', reject));
        else yield { remote: computedAt && { origin: computedAt, superseded }, choices: [chunk] };
      }
    })();
  };
  return { requests, engine: { chat: { completions: { create } } } as unknown as OpenAILike };
}

const say = (content: string): Chunk => ({ delta: { content } });
const end = (finish_reason = 'stop'): Chunk => ({ delta: {}, finish_reason });
const call = (index: number, id: string | undefined, name: string | undefined, args: string): Chunk => ({
  delta: { tool_calls: [{ index, ...(id && { id }), function: { ...(name && { name }), arguments: args } }] },
});

let told: string[];
let computedAt: string | undefined;
let superseded: number | undefined;
let lease: () => Lease;
let onPiece: () => void;
let runTool: ToolRunner | undefined;
let systemPrompt: string;

function createConversation(): Conversation {
  const host: ConversationHost = {
    lease: () => lease(),
    request: () => ({ temperature: 0 }),
    toolRunner: () => runTool,
    systemPrompt: () => systemPrompt,
    onChange: () => {},
    onProgress: () => {},
    onReady: () => told.push('ready'),
    onPiece: (text) => {
      told.push(`piece ${text}`);
      onPiece();
    },
    onMessage: ({ message, outcome }) => told.push(`${message.role} ${outcome}`),
    onFailure: (error) => told.push(`failure ${(error as Error).message}`),
  };
  return new Conversation(host);
}

const given = (engine: OpenAILike) => () => ({ engine: Promise.resolve(engine), release: () => {} });
const ticks = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  told = [];
  runTool = undefined;
  computedAt = undefined;
  superseded = undefined;
  onPiece = () => {};
  systemPrompt = '';
});

describe('a conversation', () => {
  it('sends what was said before, streams, and says how an answer ended', async () => {
    const { engine, requests } = scripted([say('Hel'), say('lo'), end()], [say('cut'), end('length')]);
    lease = given(engine);
    systemPrompt = 'Be brief.';
    const chat = createConversation();
    expect(chat.state).toBe('idle');
    expect(await chat.ask('Hi')).toBe('Hello');
    expect(chat.state).toBe('ready');
    await chat.ask('More');
    expect(requests[1]).toEqual({
      temperature: 0,
      stream: true,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'More' },
      ],
    });
    expect(chat.entries.map(({ outcome }) => outcome)).toEqual(['complete', 'complete', 'complete', 'length']);
    expect(told.slice(0, 5)).toEqual(['user complete', 'ready', 'piece Hel', 'piece lo', 'assistant complete']);
  });

  it('keeps what was there when it is stopped, and answers the same question again', async () => {
    const { engine, requests } = scripted([say('Half'), 'wait'], [say('Whole'), end()]);
    lease = given(engine);
    const chat = createConversation();
    const answer = chat.ask('Hi');
    await ticks();
    expect(chat.state).toBe('answering');
    expect(() => chat.ask('Too early')).toThrow('An answer is being written');
    chat.stop();
    expect(await answer).toBe('Half');
    expect(chat.entries.at(-1)).toMatchObject({ outcome: 'stopped', message: { content: 'Half' } });
    expect(await chat.retry()).toBe('Whole');
    expect(requests[1]!.messages).toEqual([{ role: 'user', content: 'Hi' }]);
    expect(chat.entries).toHaveLength(2);
  });

  it('shows a failure once, and forgets it when asked again', async () => {
    const { engine } = scripted([say('Ha'), new OutriderError('context_overflow', 'too long')], [say('Good'), end()]);
    lease = given(engine);
    const chat = createConversation();
    await expect(chat.ask('Hi')).rejects.toThrow('too long');
    expect([chat.state, chat.entries.at(-1)!.outcome]).toEqual(['failed', 'failed']);
    await chat.retry();
    expect(chat.state).toBe('ready');
    expect(told.filter((line) => line.startsWith('failure'))).toEqual(['failure too long']);
  });

  it('is cancelled while loading, and loads anew for the next question', async () => {
    const released: (string | undefined)[] = [];
    const { engine } = scripted([say('Yes'), end()]);
    lease = () => {
      let reject: (reason: unknown) => void;
      const loading = new Promise<OpenAILike>((_, give) => (reject = give));
      const release = (at?: string) => {
        released.push(at);
        reject(new DOMException('', 'AbortError'));
      };
      return { engine: loading, release };
    };
    const chat = createConversation();
    const loaded = chat.load();
    const answer = chat.ask('Hi');
    expect([chat.state, chat.isBusy]).toEqual(['loading', true]);
    chat.stop();
    expect(await Promise.all([answer, loaded])).toEqual(['', undefined]);
    expect([chat.state, released[0], chat.entries.length]).toEqual(['idle', 'once', 1]);
    lease = given(engine);
    expect(await chat.retry()).toBe('Yes');
  });

  it('tells what a lost device means, whether an answer was being written or not', async () => {
    const gone = new OutriderError('device_lost', 'gone');
    const unloaded = new OutriderError('engine_unloaded', 'unloaded'); // what an engine says that went with its device
    for (const chunks of [
      [say('A'), end()],
      [say('A'), unloaded],
    ]) {
      const lost = new AbortController();
      const { engine } = scripted(chunks);
      lease = () => ({ engine: Promise.resolve(engine), lost: lost.signal, release: () => {} });
      const chat = createConversation();
      if (chunks.includes(unloaded)) {
        onPiece = () => lost.abort(gone);
        await expect(chat.ask('Hi')).rejects.toBe(gone);
      } else {
        await chat.ask('Hi');
        lost.abort(gone);
      }
      expect([chat.state, chat.failure, chat.entries.length]).toEqual(['failed', gone, 2]);
    }
    expect(told.filter((line) => line.startsWith('failure'))).toEqual(['failure gone', 'failure gone']);
  });

  it('says where an answer was computed, if any part of it was computed elsewhere', async () => {
    lease = given(scripted([say('He'), say('re'), say('. There'), end()]).engine);
    onPiece = () => {
      computedAt = told.length > 3 ? 'https://server.test' : undefined;
    };
    const chat = createConversation();
    await chat.ask('Hi');
    expect(chat.entries.map((entry) => entry.computedAt)).toEqual([undefined, 'https://server.test']);
  });

  it('keeps what was begun here apart where a server answers anew', async () => {
    lease = given(scripted([say('Once'), say(' upon'), say('There'), say(' was'), end()]).engine);
    onPiece = () => {
      computedAt = 'https://server.test';
      superseded = told.filter((line) => line.startsWith('piece')).length === 2 ? 9 : undefined;
    };
    const chat = createConversation();
    await chat.ask('Hi');
    expect(chat.entries[1]).toMatchObject({ message: { content: 'There was' }, abandoned: 'Once upon' });
  });

  it('puts pieces of parallel calls together, runs them, and goes on with their results', async () => {
    const { engine, requests } = scripted(
      [
        call(0, 'a', 'add', '{"x"'),
        call(1, 'b', 'get_time', '{}'),
        call(0, undefined, undefined, ':1}'),
        end('tool_calls'),
      ],
      [say('Done'), end()],
    );
    lease = given(engine);
    runTool = ({ function: { name, arguments: text } }) => {
      if (name === 'get_time') throw new Error('no clock');
      return text;
    };
    const chat = createConversation();
    expect(await chat.ask('Go')).toBe('Done');
    expect(requests[1]!.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'add', arguments: '{"x":1}' } },
          { id: 'b', type: 'function', function: { name: 'get_time', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: '{"x":1}' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: no clock' },
    ]);
  });

  it('stops a model that calls tools without end, and refuses an engine that does not stream', async () => {
    const forever = Array.from({ length: 20 }, () => [call(0, 'a', 'add', '{}'), end('tool_calls')]);
    lease = given(scripted(...forever).engine);
    runTool = () => 'again';
    await expect(createConversation().ask('Go')).rejects.toThrow('called tools 8 times');
    const whole = { chat: { completions: { create: async () => ({ choices: [] }) } } } as OpenAILike;
    lease = given(whole);
    await expect(createConversation().ask('Go')).rejects.toThrow('`stream: true`');
  });

  it('leaves a new conversation alone when the answer to an old one still comes', async () => {
    const { engine } = scripted([say('Old'), 'wait'], [say('New'), end()]);
    lease = given(engine);
    const chat = createConversation();
    const old = chat.ask('Hi');
    await ticks();
    chat.set([]);
    expect(await chat.ask('Again')).toBe('New');
    expect(await old).toBe('Old');
    expect(chat.entries.map(({ message }) => message.content)).toEqual(['Again', 'New']);
  });
});
