// The one wire format between a view and the kernel. Views ask and are answered; the kernel pushes topics; a push is
// acknowledged once it has been painted, so that a slow browser makes frames rarer and never a backlog.
// Traits are only read here: they flow from the kernel to the views.

/** What of an anywidget model the wire needs. */
export interface Port {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[] | ArrayBufferView[]): void;
  on(event: "msg:custom", callback: (message: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", callback: (message: unknown, buffers: DataView[]) => void): void;
}

export interface Reply<T = Record<string, unknown>> {
  value: T;
  buffers: DataView[];
}

export interface Push<T = Record<string, unknown>> extends Reply<T> {
  topic: string;
  seq: number;
}

export interface LinkStatus {
  /** no kernel is behind the model any more, or none ever was: a page saved with its pictures, or without the largest */
  gone: "never" | "partly" | "lost" | null;
  /** a request has waited longer than `PATIENCE` and nothing has come since */
  silent: boolean;
  /** the kernel's words about the last request that it refused */
  error: string | null;
}

interface Waiting {
  resolve(reply: Reply<never> | null): void;
  timer: ReturnType<typeof setTimeout>;
}

interface Message {
  kind?: string;
  id?: string;
  ok?: boolean;
  error?: string;
  topic?: string;
  seq?: number;
  value?: Record<string, unknown>;
}

export const PATIENCE = 1500;
/** ms between two pictures that follow each other quickly */
const SUCCESSION = 250;
/** the newest pictures that wait to be painted: as many as come ahead while the timeline plays, which leaves none out */
const QUEUE = 2;
/** asked for by the view itself: they leave the last error on show */
const UNASKED = new Set(["hello", "presence", "values", "part"]);

/** A hidden page paints nothing, and its frames never come: the kernel must not wait for them. */
function afterPaint(done: () => void): void {
  if (document.visibilityState === "hidden") setTimeout(done);
  else requestAnimationFrame(() => setTimeout(done));
}

/** One a model, made in `initialize`; all views of the model share it. */
export class Link {
  readonly id = Math.random().toString(36).slice(2, 12);
  status: LinkStatus = { gone: null, silent: false, error: null };
  #port: Port;
  #next = 0;
  #waiting = new Map<string, Waiting>();
  #latest = new Map<string, Push<never>>();
  #answered = false;
  #saved: "never" | "partly" = "never";
  /** of each topic the newest picture that has been painted and that the kernel does not know of */
  #unsaid = new Map<string, number>();
  #telling: ReturnType<typeof setTimeout> | undefined;
  #last = new Map<string, number>();
  /** by topic, while a picture of it is being painted: those that came since */
  #unpainted = new Map<string, Push<never>[]>();
  #listeners = new Map<string, Set<(push: Push<never>) => void>>();
  #watchers = new Set<() => void>();
  #hearers = new Set<() => void>();

  #afterPaint: (done: () => void) => void;

  constructor(port: Port, signal?: AbortSignal, painted = afterPaint) {
    this.#port = port;
    this.#afterPaint = painted;
    port.on("msg:custom", this.#receive);
    signal?.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Asks the kernel; null when it refused, with its reason in `status.error`. */
  request<T = Record<string, unknown>>(
    op: string,
    args: object = {},
    buffers: ArrayBuffer[] = [],
  ): Promise<Reply<T> | null> {
    const id = `${this.id}:${this.#next++}`;
    if (!UNASKED.has(op)) this.#update({ error: null });
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#overdue(id), PATIENCE);
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], timer });
      this.#send({ kind: "request", id, op, args, ...this.#said() }, buffers);
    });
  }

  /** Calls `listener` with the newest push of the topic, now if there is one, and with every later one. */
  on<T>(topic: string, listener: (push: Push<T>) => void): () => void {
    const set = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, set);
    set.add(listener);
    const latest = this.#latest.get(topic);
    if (latest) listener(latest);
    return () => set.delete(listener);
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Calls `hearer` after every push. */
  heard(hearer: () => void): void {
    this.#hearers.add(hearer);
  }

  /** The newest push of each topic. */
  get latest(): Iterable<Push> {
    return this.#latest.values();
  }

  /** The newest push of a topic, if there is one. */
  newest(topic: string): Push | undefined {
    return this.#latest.get(topic);
  }

  /** Keeps buffers among the newest pushes, which are saved with the notebook; null takes them away. */
  keep(topic: string, buffers: DataView[] | null): void {
    if (buffers) this.#latest.set(topic, { topic, value: {} as never, buffers, seq: 0 });
    else if (!this.#latest.delete(topic)) return;
    for (const hearer of this.#hearers) hearer();
  }

  /** Shows what a model was saved with until the kernel says more; `partly`: without what was too large. */
  seed(pushes: Iterable<Push>, partly = false): void {
    this.#saved = partly ? "partly" : "never";
    for (const push of pushes) if (!this.#latest.has(push.topic)) this.#latest.set(push.topic, push as Push<never>);
  }

  /** The host says whether a kernel is behind the model. */
  connected(alive: boolean): void {
    if (alive) {
      this.#update({ gone: null });
      return;
    }
    this.#update({ gone: this.#answered ? "lost" : this.#saved, silent: false });
    for (const id of [...this.#waiting.keys()]) this.#giveUp(id);
  }

  /** Finds out whether the comm still takes messages; the kernel passes this one over. */
  probe(): void {
    this.#send({ kind: "probe" });
  }

  dismiss(): void {
    this.#update({ error: null });
  }

  close(): void {
    this.#port.off("msg:custom", this.#receive);
    clearTimeout(this.#telling);
    for (const id of [...this.#waiting.keys()]) this.#giveUp(id);
  }

  #overdue(id: string): void {
    if (this.status.gone) this.#giveUp(id);
    else this.#update({ silent: true });
  }

  #giveUp(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    waiting?.resolve(null);
  }

  #receive = (message: unknown, buffers: DataView[] = []): void => {
    const content = (message ?? {}) as Message;
    if (content.kind) this.#alive();
    if (content.kind === "reply") this.#answer(content, buffers);
    if (content.kind === "push") this.#deliver(content, buffers);
  };

  #alive(): void {
    this.#answered = true;
    if (this.status.gone) this.#update({ gone: null });
  }

  #answer(message: Message, buffers: DataView[]): void {
    const waiting = this.#waiting.get(message.id ?? "");
    // another page's question on the same comm: not ours, but the kernel is alive
    this.#update({ silent: false });
    if (!waiting) return;
    this.#waiting.delete(message.id ?? "");
    clearTimeout(waiting.timer);
    if (!message.ok) this.#update({ error: message.error ?? "the kernel refused without a reason" });
    waiting.resolve(message.ok ? { value: (message.value ?? {}) as never, buffers } : null);
  }

  #deliver(message: Message, buffers: DataView[]): void {
    const { topic = "", seq = 0 } = message;
    const push = { topic, seq, value: (message.value ?? {}) as never, buffers };
    const queue = this.#unpainted.get(topic);
    if (!queue) this.#draw(push);
    else if (queue.push(push) > QUEUE) queue.shift();
  }

  /** Shows a push; what comes meanwhile waits until it has been painted: each picture of a quick succession is seen. */
  #draw(push: Push<never>): void {
    const { topic, seq } = push;
    if (!this.#unpainted.has(topic)) this.#unpainted.set(topic, []);
    this.#latest.set(topic, push);
    for (const listener of this.#listeners.get(topic) ?? []) listener(push);
    for (const hearer of this.#hearers) hearer();
    this.#afterPaint(() => {
      this.#painted(topic, seq);
      const next = this.#unpainted.get(topic)?.shift();
      if (next) this.#draw(next);
      else this.#unpainted.delete(topic);
    });
  }

  /**
   * Tells the kernel what has been painted: at once for a picture that comes alone, and in a quick succession for every
   * second one, since each message makes the host redraw its own signs of a busy kernel. While something is being asked
   * the next question is likely to come soon, and takes it along.
   */
  #painted(topic: string, seq: number): void {
    const second = this.#unsaid.has(topic);
    const alone = this.#quiet(topic) && !this.#waiting.size;
    this.#unsaid.set(topic, seq);
    if (second || alone) this.#tell();
    else this.#telling ??= setTimeout(() => this.#tell(), SUCCESSION);
  }

  #tell(): void {
    this.#send({ kind: "ack", ...this.#said() });
  }

  /** What there is to tell with the next message. */
  #said(): { painted?: number[] } {
    const painted = [...this.#unsaid.values()];
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#unsaid.clear();
    return painted.length ? { painted } : {};
  }

  /** Whether no picture of the topic came shortly before this one. */
  #quiet(topic: string): boolean {
    const now = performance.now();
    const before = this.#last.get(topic) ?? Number.NEGATIVE_INFINITY;
    this.#last.set(topic, now);
    return now - before > SUCCESSION;
  }

  #send(content: object, buffers: ArrayBuffer[] = []): void {
    try {
      this.#port.send(content, undefined, buffers);
    } catch {
      // the comm of a kernel that has ended throws: the last picture stays, with the notice above it
      this.connected(false);
    }
  }

  #update(change: Partial<LinkStatus>): void {
    const next = { ...this.status, ...change };
    const { gone, silent, error } = this.status;
    if (next.gone === gone && next.silent === silent && next.error === error) return;
    this.status = next;
    for (const watcher of this.#watchers) watcher();
  }
}

/** Bytes of a buffer. Jupyter hands out DataViews into one large message: honour byteOffset. */
export function bytes(view: DataView | undefined): Uint8Array {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array();
}

/** Little-endian float32 values of a buffer; copied, since a Float32Array needs an offset that four divides. */
export function floats(view: DataView | undefined): Float32Array {
  if (!view) return new Float32Array();
  const usable = view.byteLength - (view.byteLength % 4);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + usable) as ArrayBuffer);
}
