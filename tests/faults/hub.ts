/** A hub in front of a ghost: one repository at one commit, its hashes listed, its files elsewhere, as the real one does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ghostSha256 } from '../../src/ghost/bytes.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const NAME = 'ghost/tiny';

export interface Hub {
  /** For `openHubSource`. */
  readonly endpoint: string;
  /** `hf:ghost/tiny` */
  readonly location: string;
  close(): Promise<void>;
}

/** @param ghostUrl where requests for files are sent on to @param tree of `listing` */
export async function serveHub(ghostUrl: string, tree: readonly unknown[]): Promise<Hub> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://hub');
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const file = pathname.split(`/${NAME}/resolve/${COMMIT}/`)[1];
    if (pathname === `/api/models/${NAME}/revision/main`) json({ _id: '1', id: NAME, sha: COMMIT, private: false });
    else if (pathname === `/api/models/${NAME}/tree/${COMMIT}`) json(tree);
    else if (file !== undefined) response.writeHead(302, { location: `${ghostUrl}${file}` }).end();
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    location: `hf:${NAME}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the hub lists of a ghost: sizes, and SHA-256 of the weights. */
export function listing({ files }: GhostSpec): unknown[] {
  return [...files.values()].map((file) => {
    const { path, size } = file;
    const entry = { type: 'file', oid: 'a'.repeat(40), size, path };
    if (!path.endsWith('.safetensors')) return entry;
    return { ...entry, lfs: { oid: ghostSha256(file), size, pointerSize: 134 } };
  });
}
