import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bytes, floats, Link, PATIENCE, type Push } from "../src/shared/wire";
import { FakeModel, inside } from "./fake_model";

function linked() {
  const model = new FakeModel();
  const painted: (() => void)[] = [];
  const link = new Link(model, undefined, (done) => painted.push(done));
  return { model, link, painted };
}

describe("buffers", () => {
  it("are read at their offset into the message", () => {
    expect([...bytes(inside(Uint8Array.of(1, 2, 3)))]).toEqual([1, 2, 3]);
    expect([...floats(inside(Float32Array.of(0.5, -2, Number.NaN)))]).toEqual([0.5, -2, Number.NaN]);
    expect(bytes(undefined).length + floats(undefined).length).toBe(0);
  });
});

describe("Link", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("resolves a request with its own reply and ignores another page's", async () => {
    const { model, link } = linked();
    const answer = link.request<{ n: number }>("values", { unit: 3 });
    model.emit("msg:custom", { kind: "reply", id: "other:0", ok: true, value: { n: 1 } }, []);
    model.reply(model.sent[0], { n: 2 }, [inside(Uint8Array.of(9))]);
    const reply = await answer;
    expect(reply?.value.n).toBe(2);
    expect([...bytes(reply?.buffers[0])]).toEqual([9]);
    expect(model.sent[0]).toMatchObject({ kind: "request", op: "values", args: { unit: 3 } });
  });

  it("keeps the kernel's refusal until the next thing asked for", async () => {
    const { model, link } = linked();
    const answer = link.request("gain", {});
    model.refuse(model.sent[0], "no tensor 'fc9.weight'");
    expect(await answer).toBeNull();
    expect(link.status.error).toBe("no tensor 'fc9.weight'");
    void link.request("presence");
    expect(link.status.error).not.toBeNull();
    void link.request("gain");
    expect(link.status.error).toBeNull();
  });

  it("says so when no answer comes for 1.5 s, and takes it back at any reply", () => {
    const { model, link } = linked();
    const seen: boolean[] = [];
    link.watch(() => seen.push(link.status.silent));
    void link.request("hello");
    vi.advanceTimersByTime(PATIENCE - 1);
    expect(link.status.silent).toBe(false);
    vi.advanceTimersByTime(1);
    expect(link.status.silent).toBe(true);
    model.reply(model.sent[0]);
    expect(seen).toEqual([true, false]);
  });

  it("shows each picture of a quick succession, the next when the last has been painted", () => {
    const { model, link, painted } = linked();
    const seen: number[] = [];
    link.on<{ n: number }>("frame", (push) => seen.push(push.value.n));
    for (const n of [1, 2, 3]) model.push("frame", n, { n });
    model.push("samples", 4, {});
    expect(seen).toEqual([1]);
    expect(link.newest("samples")?.seq).toBe(4);
    painted.shift()?.();
    expect(seen).toEqual([1, 2]);
    painted.splice(0, 1); // that of the samples
    painted.shift()?.();
    painted.shift()?.();
    expect(seen).toEqual([1, 2, 3]);
    model.push("frame", 5, { n: 5 });
    expect(seen).toEqual([1, 2, 3, 5]);
  });

  it("goes on to the newest pictures where none has been painted for long", () => {
    const { model, link, painted } = linked();
    const seen: number[] = [];
    link.on<{ n: number }>("frame", (push) => seen.push(push.value.n));
    for (let n = 1; n <= 12; n++) model.push("frame", n, { n });
    for (let n = 1; n <= 12; n++) painted.shift()?.();
    expect(seen).toEqual([1, 11, 12]);
  });

  it("acknowledges a push only after it has been painted", () => {
    const { model, link, painted } = linked();
    const got: Push<{ n: number }>[] = [];
    link.on<{ n: number }>("frame", (push) => got.push(push));
    model.push("frame", 7, { n: 1 });
    expect(got.map((push) => push.seq)).toEqual([7]);
    expect(model.sent).toEqual([]);
    painted[0]?.();
    expect(model.sent).toEqual([{ kind: "ack", painted: [7] }]);
  });

  it("tells of pictures that come while something is asked with the next question, or a moment later", () => {
    const { model, link, painted } = linked();
    const told = () => model.sent.map((message) => (message as { painted?: number[] }).painted);
    void link.request("edit");
    model.push("weights", 1, {});
    model.push("units", 2, {});
    for (const done of painted.splice(0)) done();
    expect(told()).toEqual([undefined]);
    model.reply(model.sent[0]);
    void link.request("edit");
    expect(told()).toEqual([undefined, [1, 2]]);
    model.push("weights", 3, {});
    for (const done of painted.splice(0)) done();
    vi.advanceTimersByTime(PATIENCE);
    expect(told()).toEqual([undefined, [1, 2], [3]]);
    expect(model.sent.at(-1)).toEqual({ kind: "ack", painted: [3] });
  });

  it("tells of every second picture of a quick succession, whatever is asked meanwhile", () => {
    const { model, link, painted } = linked();
    void link.request("move");
    for (const seq of [1, 2, 3, 4]) {
      model.push("frame", seq, {});
      painted.shift()?.();
    }
    expect(model.sent.slice(1)).toEqual([2, 4].map((seq) => ({ kind: "ack", painted: [seq] })));
  });

  it("gives a second view the newest push at once, and a view that left nothing more", () => {
    const { model, link, painted } = linked();
    model.push("frame", 1, { n: 1 });
    painted.shift()?.();
    model.push("frame", 2, { n: 2 });
    const got: number[] = [];
    const leave = link.on<{ n: number }>("frame", (push) => got.push(push.value.n));
    leave();
    model.push("frame", 3, { n: 3 });
    expect(got).toEqual([2]);
  });

  it("survives a comm that throws, and messages that are none of ours", () => {
    const model = new FakeModel();
    model.send = () => {
      throw new Error("comm is closed");
    };
    const link = new Link(model, undefined, (done) => done());
    void link.request("hello");
    expect(link.status).toMatchObject({ gone: "never", silent: false });
    model.emit("msg:custom", null, []);
    model.emit("msg:custom", { kind: "anywidget-command" }, []);
  });

  it("knows a lost kernel from one that never was, gives up what it asked, and takes it back at any message", async () => {
    const { model, link } = linked();
    model.push("frame", 1, {});
    const answer = link.request("move");
    link.connected(false);
    expect(await answer).toBeNull();
    expect(link.status.gone).toBe("lost");
    const later = link.request("move");
    vi.advanceTimersByTime(PATIENCE);
    expect(await later).toBeNull();
    expect(link.status.silent).toBe(false);
    model.reply(model.sent[0]);
    expect(link.status.gone).toBeNull();
  });

  it("shows what it was seeded with until something newer comes", () => {
    const { model, link } = linked();
    link.seed([{ topic: "frame", seq: 0, value: { n: 1 }, buffers: [] }]);
    const got: number[] = [];
    link.on<{ n: number }>("frame", (push) => got.push(push.value.n));
    model.push("frame", 1, { n: 2 });
    link.seed([{ topic: "frame", seq: 0, value: { n: 3 }, buffers: [] }]);
    link.on<{ n: number }>("frame", (push) => got.push(push.value.n));
    expect(got).toEqual([1, 2, 2]);
  });

  it("lets go of the model when its signal aborts", async () => {
    const model = new FakeModel();
    const life = new AbortController();
    const link = new Link(model, life.signal);
    const answer = link.request("hello");
    life.abort();
    expect(await answer).toBeNull();
    expect(model.listening()).toBe(0);
  });
});
