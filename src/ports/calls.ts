/** Calls through a port. Each is answered once, with what the method returned or threw; ports among the arguments move. */
import { fromWireError, toWireError, type WireError } from './errors.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: WireError };

const movedWith = new WeakMap<object, Transferable[]>();

/** `value`, as a method's result: `moved` goes to the caller instead of being copied. */
export function moving<T extends object>(value: T, moved: Transferable[]): T {
  movedWith.set(value, moved);
  return value;
}

/** Answers the calls that arrive on `port` by the methods of `object`, as they come: a slow one holds none up. */
export function answerCalls(port: MessagePort, object: object): void {
  port.onmessage = async ({ data: { id, method, args } }: MessageEvent<Call>) => {
    const answer = (message: Answer, moved: Transferable[] = []) => port.postMessage(message, moved);
    try {
      const value = await (object as Record<string, (...args: unknown[]) => unknown>)[method]!(...args);
      answer({ id, value }, movedWith.get(value as object));
    } catch (error) {
      answer({ id, error: toWireError(error) });
    }
  };
}

/** The other end of `answerCalls`. */
export class Caller<T> {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  #lastId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Answer>) => {
      const { resolve, reject } = this.#waiting.get(data.id)!;
      this.#waiting.delete(data.id);
      if ('error' in data) reject(fromWireError(data.error));
      else resolve(data.value);
    };
  }

  /** Never settles where the other side has gone. @throws DOMException `DataCloneError` for what cannot be sent */
  async call<Name extends keyof T & string>(
    method: Name,
    ...args: T[Name] extends (...args: infer Args) => unknown ? Args : never
  ): Promise<T[Name] extends (...args: never[]) => infer Result ? Awaited<Result> : never> {
    const id = ++this.#lastId;
    const ports = args.filter((argument) => argument instanceof MessagePort);
    this.#port.postMessage({ id, method, args } satisfies Call, ports);
    return new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject })) as never;
  }
}
