// The one place that knows colours of values. A picture arrives as uint8 codes: 0…250 run linearly from lo to hi,
// 253 is −Inf, 254 +Inf, 255 NaN (the kernel's look/picture.py writes them).

export type Rgb = readonly [number, number, number];

export const LEVELS = 251;
/** only views write it: what a causal mask hides */
export const MASKED = 252;
export const NEGATIVE_INFINITY = 253;
export const POSITIVE_INFINITY = 254;
export const NOT_A_NUMBER = 255;

/** ColorBrewer's RdBu, reversed: blue below zero, red above, near white at zero; safe for colour-blind readers. */
export const DIVERGING: readonly Rgb[] = [
  [33, 102, 172],
  [146, 197, 222],
  [247, 247, 247],
  [244, 165, 130],
  [178, 24, 43],
];

/**
 * For values that cannot be negative: the same near white at zero, then peach, rose, plum, night. Lightness falls all
 * the way (97, 87, 64, 39, 13 of 100), so the order survives colour blindness and grey printing, and neither end can
 * be taken for the diverging map's blue.
 */
export const SEQUENTIAL: readonly Rgb[] = [
  [247, 247, 247],
  [247, 208, 168],
  [233, 129, 112],
  [150, 54, 122],
  [46, 18, 82],
];

/** Colours that neither map contains. */
export const SPECIAL: Readonly<Record<number, Rgb>> = {
  [MASKED]: [176, 182, 190],
  [NEGATIVE_INFINITY]: [0, 190, 214],
  [POSITIVE_INFINITY]: [0, 158, 96],
  [NOT_A_NUMBER]: [255, 214, 10],
};

const UNUSED: Rgb = [128, 128, 128];

/** Colour at `position` in 0…1 on the straight lines between stops, rounded. */
export function interpolate(stops: readonly Rgb[], position: number): Rgb {
  const scaled = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(scaled));
  const from = stops[index] ?? UNUSED;
  const to = stops[index + 1] ?? UNUSED;
  const t = scaled - index;
  const mix = (k: 0 | 1 | 2) => Math.round(from[k] + (to[k] - from[k]) * t);
  return [mix(0), mix(1), mix(2)];
}

export type Lut = readonly Rgb[];

function build(stops: readonly Rgb[]): Lut {
  return Array.from({ length: 256 }, (_, code) =>
    code < LEVELS ? interpolate(stops, code / (LEVELS - 1)) : (SPECIAL[code] ?? UNUSED),
  );
}

const DIVERGING_LUT = build(DIVERGING);
const SEQUENTIAL_LUT = build(SEQUENTIAL);

/** 256 colours, one a code. */
export function lut(diverging: boolean): Lut {
  return diverging ? DIVERGING_LUT : SEQUENTIAL_LUT;
}

/** Brightness, of pictures that are images. */
export const GREY: Lut = Array.from({ length: 256 }, (_, code) => {
  const level = Math.round((Math.min(code, LEVELS - 1) / (LEVELS - 1)) * 255);
  return code < LEVELS ? [level, level, level] : (SPECIAL[code] ?? UNUSED);
});

/** Labels: Okabe and Ito's colours, which colour-blind readers tell apart, then hues as far apart as can be. */
const FIRST_LABELS: readonly Rgb[] = [
  [225, 225, 225],
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
];
const GOLDEN_ANGLE = 137.508;

function hue(degrees: number, lightness: number): Rgb {
  const channel = (n: number) => {
    const k = (n + degrees / 30) % 12;
    return Math.round(255 * (lightness - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

export const PALETTE: Lut = Array.from(
  { length: 256 },
  (_, code) => FIRST_LABELS[code] ?? (code < LEVELS ? hue(code * GOLDEN_ANGLE, 0.4 + 0.1 * (code % 3)) : UNUSED),
);

/** The colour of a label: a code counts them modulo 251. */
export function label(value: number): Rgb {
  return PALETTE[((value % LEVELS) + LEVELS) % LEVELS] ?? UNUSED;
}

const tables = new WeakMap<Lut, Uint32Array>();

/** A colour as one little-endian RGBA number, the way an image's bytes lie. */
export function pack([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** A table's colours packed; worked out once. */
export function packed(table: Lut): Uint32Array {
  const found = tables.get(table) ?? Uint32Array.from(table, pack);
  tables.set(table, found);
  return found;
}

/** Writes the colours of `codes` as RGBA; both arrays are walked in step. */
export function colourise(codes: Uint8Array, table: Lut, rgba: Uint8ClampedArray): void {
  for (let i = 0; i < codes.length; i++) {
    const [r, g, b] = table[codes[i] ?? NOT_A_NUMBER] ?? UNUSED;
    rgba[4 * i] = r;
    rgba[4 * i + 1] = g;
    rgba[4 * i + 2] = b;
    rgba[4 * i + 3] = 255;
  }
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

/** The legend bar's CSS gradient. */
export function gradient(diverging: boolean): string {
  return `linear-gradient(to right, ${(diverging ? DIVERGING : SEQUENTIAL).map(css).join(", ")})`;
}

/** The value a code stands for, to the precision of a code. */
export function decode(code: number, lo: number, hi: number): number {
  if (code === NOT_A_NUMBER) return Number.NaN;
  if (code === POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (code === NEGATIVE_INFINITY) return Number.NEGATIVE_INFINITY;
  return lo + ((hi - lo) * code) / (LEVELS - 1);
}

/** The colour code of a value: the inverse of `decode`, clipped to the limits. */
export function encode(value: number, lo: number, hi: number): number {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  if (!Number.isFinite(value)) return value > 0 ? POSITIVE_INFINITY : NEGATIVE_INFINITY;
  const share = hi > lo ? (value - lo) / (hi - lo) : 0.5;
  return Math.round(Math.min(1, Math.max(0, share)) * (LEVELS - 1));
}
