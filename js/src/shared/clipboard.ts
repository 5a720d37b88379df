/** Puts text on the clipboard, also where the page may not use the clipboard itself; false where neither way works. */
export async function copyText(text: string, document = globalThis.document): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text, document);
  }
}

/** The old way: a field, selected, and the browser's own command. */
function copySelected(text: string, document: Document): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("readonly", "");
  field.style.cssText = "position:fixed;top:0;left:-9999px";
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}
