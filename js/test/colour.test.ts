import { describe, expect, it } from "vitest";
import {
  colourise,
  decode,
  encode,
  LEVELS,
  label,
  lut,
  NOT_A_NUMBER,
  PALETTE,
  type Rgb,
  SPECIAL,
} from "../src/shared/colour";

/** CIE L* of an sRGB colour. */
function lightness([r, g, b]: Rgb): number {
  const linear = (c: number) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const y = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y;
}

describe("colour", () => {
  it("runs the diverging map from blue over near white to red in 251 rounded steps", () => {
    const table = lut(true);
    expect(table[0]).toEqual([33, 102, 172]);
    expect(table[125]).toEqual([247, 247, 247]);
    expect(table[250]).toEqual([178, 24, 43]);
    // 1/62.5 of the way from the first stop to the second
    expect(table[1]).toEqual([35, 104, 173]);
  });

  it("falls in lightness all along the sequential map", () => {
    const levels = lut(false).slice(0, LEVELS).map(lightness);
    for (let i = 1; i < levels.length; i++) expect(levels[i]).toBeLessThan(levels[i - 1] ?? 0);
  });

  it("gives NaN and both infinities colours of their own in either map", () => {
    for (const table of [lut(true), lut(false)]) {
      const marks = [253, 254, 255].map((code) => String(table[code]));
      expect(new Set(marks).size).toBe(3);
      const values = new Set(table.slice(0, LEVELS).map(String));
      for (const mark of marks) expect(values.has(mark)).toBe(false);
    }
  });

  it("writes RGBA in step with the codes", () => {
    const rgba = new Uint8ClampedArray(8);
    colourise(Uint8Array.of(0, NOT_A_NUMBER), lut(true), rgba);
    expect([...rgba]).toEqual([33, 102, 172, 255, ...(SPECIAL[NOT_A_NUMBER] ?? []), 255]);
  });

  it("decodes what it encodes, to half a level", () => {
    for (const value of [-2, -0.31, 0, 0.7, 2]) {
      expect(Math.abs(decode(encode(value, -2, 2), -2, 2) - value)).toBeLessThanOrEqual(2 / 250);
    }
    expect(encode(9, -2, 2)).toBe(250);
    expect(decode(encode(Number.NaN, 0, 1), 0, 1)).toBeNaN();
    expect(decode(encode(Number.NEGATIVE_INFINITY, 0, 1), 0, 1)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("labels", () => {
  it("have a colour each, counted modulo 251", () => {
    const used = PALETTE.slice(0, LEVELS);
    expect(new Set(used.slice(0, 64).map(String)).size).toBe(64);
    expect(used.flat().every((part) => part >= 0 && part <= 255)).toBe(true);
    expect(label(252)).toEqual(PALETTE[1]);
    expect(label(-1)).toEqual(PALETTE[250]);
    expect(decode(3, 0, 250)).toBe(3);
  });
});
