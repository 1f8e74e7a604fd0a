/**
 * Remembers which ids the model chose for an answer. Encoding the answer's text again may give other ids of the same
 * text, and then the KV cache would match only up to the first difference; with the very ids the second turn reuses all.
 *
 * An answer is known by the messages before it and its text. Messages form a tree: a node's key is its parent's number
 * and the message, so each message is stored once, and equality is exact.
 */

interface Node {
  readonly id: number;
  ids: readonly number[] | undefined;
}

/** Characters of keys plus ids that are kept; the oldest go first. */
const DEFAULT_CAPACITY = 2_000_000;
const ROOT = 0;

export class AnswerMemory {
  readonly #nodes = new Map<string, Node>();
  readonly #capacity: number;
  #nextId = ROOT + 1;
  #size = 0;

  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  /**
   * @param messages in the form that the template gets
   * @returns per message the ids that were chosen for it in exactly this conversation
   */
  recall(messages: readonly object[]): (readonly number[] | undefined)[] {
    let parent: number | undefined = ROOT;
    return messages.map((message) => {
      if (parent === undefined) return undefined;
      const key = keyOf(parent, message);
      const node = this.#nodes.get(key);
      parent = node?.id;
      if (!node) return undefined;
      this.#nodes.delete(key); // to the young end
      this.#nodes.set(key, node);
      return node.ids;
    });
  }

  /** Keeps `ids` for the last of `messages`. */
  remember(messages: readonly object[], ids: readonly number[]): void {
    let parent = ROOT;
    for (const [index, message] of messages.entries()) {
      const node = this.#visit(keyOf(parent, message));
      if (index === messages.length - 1) {
        this.#size += ids.length - (node.ids?.length ?? 0);
        node.ids = ids;
      }
      parent = node.id;
    }
    for (const [key, node] of this.#nodes) {
      if (this.#size <= this.#capacity) break;
      this.#nodes.delete(key);
      this.#size -= key.length + (node.ids?.length ?? 0);
    }
  }

  #visit(key: string): Node {
    let node = this.#nodes.get(key);
    if (node) this.#nodes.delete(key);
    else {
      node = { id: this.#nextId++, ids: undefined };
      this.#size += key.length;
    }
    this.#nodes.set(key, node);
    return node;
  }
}

/** Absent, null and undefined fields mean the same, and so does their order. */
function keyOf(parent: number, message: object): string {
  const fields = Object.entries(message).filter(([, value]) => value !== undefined && value !== null);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${parent}${JSON.stringify(fields)}`;
}
