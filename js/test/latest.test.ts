import { describe, expect, it } from "vitest";
import { Latest } from "../src/shared/latest";
import { Link } from "../src/shared/wire";
import { FakeModel, settle } from "./fake_model";

describe("Latest", () => {
  it("has one request in flight and then sends the newest only", async () => {
    const model = new FakeModel();
    const latest = new Latest(new Link(model));
    const answers = [1, 2, 3, 4].map((step) => latest.send("move", { step }));
    expect(model.requests("move").map((request) => request.args.step)).toEqual([1]);
    model.reply(model.sent[0], { shown: 1 });
    await settle();
    expect(model.requests("move").map((request) => request.args.step)).toEqual([1, 4]);
    model.reply(model.sent[1], { shown: 4 });
    const values = (await Promise.all(answers)).map((reply) => reply?.value.shown ?? null);
    expect(values).toEqual([1, null, null, 4]);
    expect(latest.busy).toBe(false);
  });

  it("keeps the newest of every key, so that one slider's last word is not lost to another's", async () => {
    const model = new FakeModel();
    const latest = new Latest(new Link(model));
    void latest.send("gain", { value: 0 }, "a");
    void latest.send("gain", { value: 1 }, "a");
    void latest.send("gain", { value: 2 }, "b");
    void latest.send("gain", { value: 3 }, "a");
    for (let i = 0; i < 3; i++) {
      model.reply(model.sent[i]);
      await settle();
    }
    expect(model.requests("gain").map((request) => request.args.value)).toEqual([0, 3, 2]);
  });

  it("goes on after a refusal", async () => {
    const model = new FakeModel();
    const latest = new Latest(new Link(model));
    const first = latest.send("move", { step: 1 });
    void latest.send("move", { step: 2 });
    model.refuse(model.sent[0], "no snapshot at step 1");
    expect(await first).toBeNull();
    await settle();
    expect(model.requests("move").length).toBe(2);
  });
});
