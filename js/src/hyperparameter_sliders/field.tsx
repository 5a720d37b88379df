import { useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  title: string;
  /** of the value that holds now */
  text: string;
  enter(text: string): void;
}

/** A value that can be typed over: Enter or leaving the field sends it, Escape takes it back. */
export function Field({ label, title, text, enter }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  // beside the state: Enter may come before the last key's redraw
  const typed = useRef<string | null>(null);
  const write = (next: string | null) => {
    typed.current = next;
    setDraft(next);
  };
  const commit = () => {
    const last = typed.current;
    write(null);
    if (last !== null && last.trim() !== text) enter(last);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    if (event.key === "Enter") commit();
    else write(null);
  };
  return (
    <input
      type="text"
      inputMode="decimal"
      class="tvw-typed"
      aria-label={label}
      title={title}
      value={draft ?? text}
      onFocus={(event) => event.currentTarget.select()}
      onInput={(event) => write(event.currentTarget.value)}
      onKeyDown={press}
      onBlur={commit}
    />
  );
}
