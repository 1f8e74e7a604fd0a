/** A Chromium of our own, spoken to in its debugging protocol over a pipe: all of its pages' workers can be asked too. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { OutriderError } from '../../errors.ts';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly sessionId?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A page or a worker. */
export interface Session {
  readonly id: string;
  /** Of pages that were opened here. */
  readonly targetId?: string;
  readonly type: string;
}

/** A call that is not answered yet. */
interface Call {
  readonly sessionId: string | undefined;
  resolve(result: never): void;
  reject(error: Error): void;
}

const ATTACH = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };

export class Chromium {
  readonly pid: number;
  /** The page, and every worker that it or its workers have started. */
  readonly sessions = new Map<string, Session>();
  readonly #child: ChildProcess;
  readonly #out: Writable;
  readonly #waiting = new Map<number, Call>();
  #lastId = 0;
  #unread = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid!;
    this.#out = child.stdio[3] as Writable;
    const input = child.stdio[4] as Readable;
    input.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    child.once('exit', (code) => this.#end(new Error(`Chromium has ended with exit code ${code}`)));
    this.#out.on('error', (error) => this.#end(error));
  }

  /** @throws OutriderError `webgpu_unavailable` where it does not start */
  static async launch(executable: string, args: readonly string[]): Promise<Chromium> {
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    const child = spawn(executable, ['--remote-debugging-pipe', ...args, 'about:blank'], { stdio: [...stdio] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        const message = `${executable} does not start: ${cause.message}. Install Chromium, or name one in OUTRIDER_CHROMIUM.`;
        reject(new OutriderError('webgpu_unavailable', message, { cause, details: { executable } }));
      });
    });
    return new Chromium(child);
  }

  /** Opens a page and resolves when its `expression` is true. */
  async open(url: string, expression: string): Promise<Session> {
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url });
    const { sessionId } = await this.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    const page = { id: sessionId, targetId, type: 'page' };
    this.sessions.set(sessionId, page);
    await this.send('Target.setAutoAttach', ATTACH, sessionId);
    const isReady = () => this.evaluate<boolean>(page, expression).catch(() => false); // between two documents there is no context
    while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20));
    return page;
  }

  /** Closes a page that was opened here, and its workers with it. */
  async closePage({ targetId }: Session): Promise<void> {
    await this.send('Target.closeTarget', { targetId });
  }

  /** The value of an expression, of its promise if it is one. */
  async evaluate<T>(page: Session, expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, page.id);
    if (!exceptionDetails) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Bytes of used heap and backing stores, of the page and its workers together. */
  async heapBytes(): Promise<number> {
    const usages = [...this.sessions.keys()].map((id) =>
      this.send<{ usedSize: number; backingStorageSize: number }>('Runtime.getHeapUsage', {}, id).catch(
        () => undefined,
      ),
    );
    const used = await Promise.all(usages);
    return used.reduce((sum, usage) => sum + (usage ? usage.usedSize + usage.backingStorageSize : 0), 0);
  }

  send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#lastId;
    this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { sessionId, resolve, reject }));
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode !== null) return;
    await this.send('Browser.close').catch(() => this.#child.kill());
    await ended;
  }

  #receive(text: string): void {
    const messages = (this.#unread + text).split('\0');
    this.#unread = messages.pop()!;
    for (const message of messages) this.#handle(JSON.parse(message) as Message);
  }

  #handle({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) call?.reject(new Error(error.message));
      else call?.resolve(result as never);
    } else if (method === 'Target.attachedToTarget') {
      const { sessionId, targetInfo } = params as { sessionId: string; targetInfo: { type: string } };
      this.sessions.set(sessionId, { id: sessionId, type: targetInfo.type });
      this.send('Target.setAutoAttach', ATTACH, sessionId).catch(() => {}); // it may be gone again
    } else if (method === 'Target.detachedFromTarget') {
      this.#detach((params as { sessionId: string }).sessionId);
    }
  }

  /** A worker that ends answers nothing that it was asked before. */
  #detach(ended: string): void {
    this.sessions.delete(ended);
    for (const [id, { sessionId, reject }] of this.#waiting) {
      if (sessionId !== ended) continue;
      this.#waiting.delete(id);
      reject(new Error('The page or worker has ended.'));
    }
  }

  #end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
