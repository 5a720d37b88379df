import type { Link, Reply } from "./wire";

interface Pending {
  op: string;
  args: object;
  resolve(reply: Reply<never> | null): void;
}

/**
 * At most one request in flight, then the newest of each key: a drag asks as often as the kernel can answer.
 * A request that a newer one replaced resolves to null and is never sent.
 */
export class Latest {
  #link: Link;
  #busy = false;
  #pending = new Map<string, Pending>();

  constructor(link: Link) {
    this.#link = link;
  }

  get busy(): boolean {
    return this.#busy;
  }

  send<T = Record<string, unknown>>(op: string, args: object, key = op): Promise<Reply<T> | null> {
    return new Promise((resolve) => {
      this.#pending.get(key)?.resolve(null);
      this.#pending.set(key, { op, args, resolve: resolve as Pending["resolve"] });
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#busy) return;
    const [entry] = this.#pending;
    if (!entry) return;
    const [key, { op, args, resolve }] = entry;
    this.#pending.delete(key);
    this.#busy = true;
    const reply = await this.#link.request<never>(op, args);
    this.#busy = false;
    resolve(reply);
    void this.#pump();
  }
}
