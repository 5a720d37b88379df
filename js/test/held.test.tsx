import { render } from "preact";
import { describe, expect, it } from "vitest";
import { useHeld } from "../src/shared/held";
import { settle } from "./fake_model";

async function shown(
  script: (kernel: (value: number) => Promise<void>, held: () => ReturnType<typeof useHeld<number>>) => Promise<void>,
) {
  const root = document.createElement("div");
  let held: ReturnType<typeof useHeld<number>> | undefined;
  function Probe({ kernel }: { kernel: number }) {
    held = useHeld(kernel);
    return <output>{held.value}</output>;
  }
  const kernel = async (value: number) => {
    render(<Probe kernel={value} />, root);
    await settle();
  };
  const now = () => {
    if (!held) throw new Error("not drawn");
    return held;
  };
  await kernel(1);
  await script(kernel, now);
  render(null, root);
}

describe("useHeld", () => {
  it("shows what the hand holds whatever the kernel says, and then the kernel's", async () => {
    await shown(async (kernel, held) => {
      held().hold(5);
      await kernel(2);
      expect(held().value).toBe(5);
      await kernel(5);
      held().release(false);
      await settle();
      await kernel(7);
      expect(held()).toMatchObject({ value: 7, held: false });
    });
  });

  it("does not jump back when the reply overtakes the push with the new value", async () => {
    await shown(async (kernel, held) => {
      held().hold(5);
      await settle();
      held().release(false);
      await kernel(1);
      expect(held().value).toBe(5);
      await kernel(5);
      expect(held()).toMatchObject({ value: 5, held: false });
    });
  });

  it("falls back at once when the kernel refused", async () => {
    await shown(async (_, held) => {
      held().hold(5);
      await settle();
      held().release(true);
      await settle();
      expect(held().value).toBe(1);
    });
  });
});
