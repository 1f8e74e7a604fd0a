/** Local servers that misbehave on demand, and time that does not pass. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { PART_BYTES } from '../../src/storage/parts.ts';
import type { Surroundings } from '../../src/storage/retry.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts a server that ends with the test. @returns its origin */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A part and a bit; no two neighbouring KiB are alike. */
export const FILE = new Uint8Array(PART_BYTES + 300_000);
for (let i = 0; i < FILE.length; i++) FILE[i] = i * 31 + (i >> 10) * 7;

export interface FileServer {
  readonly listener: RequestListener;
  readonly requests: { method: string; url: string; range: string | undefined; authorization: string | undefined }[];
}

/** What happens to one answer instead of the right one. It must end `response`, or return false to have it served. */
export type Fault = (response: ServerResponse, first: number, last: number, request: IncomingMessage) => boolean;

/**
 * Serves `FILE` at every path that ends in `.safetensors`.
 * @param faults asked for each request, by its number from 0
 */
export function fileServer({
  headers = {},
  faults = () => undefined,
}: {
  headers?: Record<string, string>;
  faults?: (n: number) => Fault | undefined;
} = {}): FileServer {
  const requests: FileServer['requests'] = [];
  const listener: RequestListener = (request, response) => {
    const { range, authorization } = request.headers;
    const n = requests.push({ method: request.method!, url: request.url!, range, authorization }) - 1;
    if (!request.url!.split('?')[0]!.endsWith('.safetensors')) return void response.writeHead(404).end();
    const [first, last] = /^bytes=(\d+)-(\d+)$/
      .exec(range ?? '')
      ?.slice(1)
      .map(Number) ?? [0, FILE.length - 1];
    if (faults(n)?.(response, first!, last!, request)) return;
    response.writeHead(206, {
      ...headers,
      'content-length': last! + 1 - first!,
      'content-range': `bytes ${first}-${last}/${FILE.length}`,
    });
    response.end(FILE.subarray(first, last! + 1));
  };
  return { listener, requests };
}

/** Sleeping takes no time, and is written down. */
export function fakeSurroundings(changes: Partial<Surroundings> = {}): Surroundings & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => 0,
    random: () => 1,
    sleep: async (ms) => void slept.push(ms),
    after: () => () => {},
    isOffline: () => false,
    whenOnline: async () => {},
    ...changes,
  };
}

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
