const MINUS = "\u2212";

// JSON has no place for these: Jupyter's kernels send Python's words for them, which are no numbers.
const UNWRITABLE: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

/** A number with a true minus sign. */
function signed(text: string): string {
  return text.replace("-", MINUS);
}

/** A value for reading: `digits` significant ones, no noise zeros, exponents for the very small and large. */
export function number(found: number | null | undefined, digits = 3): string {
  if (found === null || found === undefined) return "–";
  const value = UNWRITABLE[String(found)] ?? found;
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : `${MINUS}Inf`;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return signed(value.toExponential(digits - 1).replace("e+", "e"));
  const whole = Math.floor(Math.log10(size)) + 1; // digits before the point; of 0.004 minus the two noughts after it
  return signed(value.toFixed(Math.max(0, digits - whole)));
}

/** A value with a fixed number of decimals, for columns that must not jump. */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return number(value);
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -decimals) return number(value, 2);
  return signed(value.toFixed(decimals));
}

/** 1,594 */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** 940, 12.3 k, 86.6 M */
export function compact(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const decimals = unit === 0 || rest >= 99.95 ? 0 : 1;
  return `${rest.toFixed(decimals)}${units[unit]}`;
}

/** 812 MB, 1.2 GB */
export function byteSize(value: number): string {
  const text = compact(value);
  return text.includes(" ") ? `${text}B` : `${text} B`;
}

/** 0:42, 12:05, 1:02:05 */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 9 %, 0.4 % */
export function percent(share: number): string {
  const value = share * 100;
  if (value !== 0 && value < 9.95) return `${value.toFixed(1)} %`.replace(".0 %", " %");
  return `${value.toFixed(0)} %`;
}

/** 5, 2.5, 0.33 */
export function epochs(value: number): string {
  return String(Number(value.toFixed(value < 1 ? 2 : 1)));
}
