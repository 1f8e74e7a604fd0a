/** Counts what can leak across a worker's boundary while it watches: ports that are open, and listeners of signals. */
import { getEventListeners } from 'node:events';

export interface Watch {
  /** Ports made by MessageChannels since, and not closed. */
  openPorts(): number;
  portsMade(): number;
  /** On signals that can still fire: those of vitest itself too, so compare two counts. */
  listeners(): number;
  restore(): void;
}

export function watchLeaks(): Watch {
  const { MessageChannel: Original } = globalThis;
  const { addEventListener } = EventTarget.prototype;
  const open = new Set<MessagePort>();
  const signals = new Set<AbortSignal>();
  let made = 0;
  globalThis.MessageChannel = class extends Original {
    constructor() {
      super();
      for (const port of [this.port1, this.port2]) {
        made++;
        open.add(port);
        port.addEventListener('close', () => open.delete(port));
      }
    }
  };
  EventTarget.prototype.addEventListener = function (this: EventTarget, ...args: Parameters<typeof addEventListener>) {
    if (this instanceof AbortSignal) signals.add(this);
    return addEventListener.apply(this, args);
  };
  return {
    openPorts: () => open.size,
    portsMade: () => made,
    listeners: () => {
      let count = 0;
      for (const signal of signals) if (!signal.aborted) count += getEventListeners(signal, 'abort').length;
      return count;
    },
    restore: () => {
      globalThis.MessageChannel = Original;
      EventTarget.prototype.addEventListener = addEventListener;
    },
  };
}
