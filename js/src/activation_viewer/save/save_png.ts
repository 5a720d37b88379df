import { pictureOf } from "./picture_of";

/** Hands the browser what the element shows as a PNG; false where it could not be drawn. */
export async function savePng(element: HTMLElement, name: string): Promise<boolean> {
  const canvas = pictureOf(element, devicePixelRatio || 1);
  const blob = canvas && (await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png")));
  if (!blob) return false;
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return true;
}

/** layer1.0.conv1 epoch 5.png, without what file systems refuse */
export function fileName(name: string): string {
  const plain = Array.from(name, (letter) => (/[\w.\- ]/.test(letter) ? letter : "_")).join("");
  return `${plain.replace(/^\.+/, "").slice(0, 120) || "activations"}.png`;
}
