// An anywidget model without a kernel: holds traits, answers the wire through `answer`, sends messages as Jupyter does
// (buffers as DataViews at an offset into a larger message).

export class FakeModel {
  constructor(traits, answer = () => ({})) {
    this.traits = { ...traits };
    this.answer = answer;
    this.listeners = new Map();
    this.seq = 0;
    this.sent = [];
  }

  get(key) {
    return this.traits[key];
  }

  set(changes) {
    Object.assign(this.traits, changes);
    for (const key of Object.keys(changes)) this.emit(`change:${key}`);
  }

  save_changes() {}

  on(event, callback) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(callback);
  }

  off(event, callback) {
    this.listeners.get(event)?.delete(callback);
  }

  emit(event, ...args) {
    for (const callback of [...(this.listeners.get(event) ?? [])]) callback(...args);
  }

  push(topic, value, arrays = []) {
    this.seq += 1;
    this.emit("msg:custom", { kind: "push", topic, seq: this.seq, value }, arrays.map(wrapped));
  }

  send(content, _callbacks, buffers) {
    this.sent.push(content);
    if (content.kind !== "request" || this.mute) return;
    setTimeout(async () => {
      try {
        const { value = {}, arrays = [] } = (await this.answer(content.op, content.args, buffers)) ?? {};
        this.emit("msg:custom", { kind: "reply", id: content.id, ok: true, value }, arrays.map(wrapped));
      } catch (error) {
        this.emit("msg:custom", { kind: "reply", id: content.id, ok: false, error: String(error.message) }, []);
      }
    }, 20);
  }
}

function wrapped(array) {
  const padded = new Uint8Array(array.byteLength + 6);
  padded.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), 3);
  return new DataView(padded.buffer, 3, array.byteLength);
}
