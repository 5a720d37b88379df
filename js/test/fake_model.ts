// An anywidget model without a kernel.
import type { AnyModel } from "@anywidget/types";

type Handler = (...args: never[]) => void;

export interface Sent {
  kind: string;
  id: string;
  op: string;
  args: Record<string, unknown>;
  seq: number;
}

export class FakeModel {
  sent: Sent[] = [];
  /** the buffers that came with requests */
  bytes: ArrayBuffer[] = [];
  listeners = new Map<string, Set<Handler>>();

  constructor(public traits: Record<string, unknown> = {}) {}

  get = (key: string) => this.traits[key];
  on = (event: string, handler: Handler) => {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(handler));
  };
  off = (event: string, handler: Handler) => {
    this.listeners.get(event)?.delete(handler);
  };
  send = (content: unknown, _callbacks?: unknown, buffers: ArrayBuffer[] = []) => {
    this.sent.push(content as Sent);
    this.bytes.push(...buffers);
  };

  set(given: Record<string, unknown> | string, value?: unknown) {
    const changes = typeof given === "string" ? { [given]: value } : given;
    Object.assign(this.traits, changes);
    for (const key of Object.keys(changes)) this.emit(`change:${key}`);
  }

  emit(event: string, ...args: unknown[]) {
    for (const handler of [...(this.listeners.get(event) ?? [])]) (handler as (...given: unknown[]) => void)(...args);
  }

  reply(request: Sent | undefined, value: object = {}, buffers: DataView[] = []) {
    this.emit("msg:custom", { kind: "reply", id: request?.id, ok: true, value }, buffers);
  }

  refuse(request: Sent | undefined, error: string) {
    this.emit("msg:custom", { kind: "reply", id: request?.id, ok: false, error }, []);
  }

  push(topic: string, seq: number, value: object, buffers: DataView[] = []) {
    this.emit("msg:custom", { kind: "push", topic, seq, value }, buffers);
  }

  requests(op: string): Sent[] {
    return this.sent.filter((message) => message.kind === "request" && message.op === op);
  }

  listening(): number {
    return [...this.listeners.values()].reduce((n, set) => n + set.size, 0);
  }

  as<S extends object>() {
    return this as unknown as AnyModel<S>;
  }
}

/** Until what was set is drawn and its effects have run: Preact waits for a frame with those. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

/** The bytes of an array as Jupyter hands them out: somewhere inside a larger message. */
export function inside(array: Uint8Array | Float32Array, offset = 3): DataView {
  const whole = new Uint8Array(array.byteLength + offset + 5).fill(77);
  whole.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), offset);
  return new DataView(whole.buffer, offset, array.byteLength);
}
