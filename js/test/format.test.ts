import { describe, expect, it } from "vitest";
import { byteSize, compact, duration, epochs, number, percent } from "../src/shared/format";

describe("format", () => {
  it("writes values to their significant digits, with a true minus", () => {
    const values = [0, 0.184, -1.9, 1.24173, 123.456, 2e-7, -3.2e9, Number.NaN, Number.NEGATIVE_INFINITY];
    expect(values.map((value) => number(value))).toEqual([
      ...["0", "0.184", "−1.90", "1.24", "123", "2.00e−7", "−3.20e9", "NaN", "−Inf"],
    ]);
    expect(number(1.24173, 5)).toBe("1.2417");
    expect([0.00214, -0.0951, 0.07, 0.5].map((value) => number(value, 2))).toEqual([
      ...["0.0021", "−0.095", "0.070", "0.50"],
    ]);
    const words = ["nan", "inf", "-inf"] as unknown as number[]; // what Jupyter's kernels make of them
    expect(words.map((value) => number(value))).toEqual(["NaN", "+Inf", "\u2212Inf"]);
  });

  it("writes the rest as the mock does", () => {
    expect([940, 12340, 86_600_000, 999_950].map(compact)).toEqual(["940", "12.3 k", "86.6 M", "1.0 M"]);
    expect([940, 12_340, 812e6, 1.2e9].map(byteSize)).toEqual(["940 B", "12.3 kB", "812 MB", "1.2 GB"]);
    expect([42, 725, 3725].map(duration)).toEqual(["0:42", "12:05", "1:02:05"]);
    expect([0, 0.004, 0.09, 0.42, 1].map(percent)).toEqual(["0 %", "0.4 %", "9 %", "42 %", "100 %"]);
    expect([5, 2.5, 1 / 3].map(epochs)).toEqual(["5", "2.5", "0.33"]);
  });
});
