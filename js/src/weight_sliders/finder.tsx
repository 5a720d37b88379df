import { useId, useState } from "preact/hooks";
import { count } from "../shared/format";
import { roving } from "../shared/keyboard";
import type { Latest } from "../shared/latest";

interface Found {
  found: { name: string; shape: number[] }[];
  count: number;
}

interface Props {
  latest: Latest;
  /** a tensor was chosen */
  chosen(name: string): void;
}

/** A field that finds any tensor of the model by words of its name; arrows and Enter choose. */
export function Finder({ latest, chosen }: Props) {
  const [typed, setTyped] = useState("");
  const [result, setResult] = useState<Found | null>(null);
  const [at, setAt] = useState(0);
  const id = useId();
  const type = async (text: string) => {
    setTyped(text);
    setAt(0);
    const reply = text.trim() ? await latest.send<Found>("find", { text }) : null;
    setResult(reply?.value ?? null);
  };
  const choose = async (name: string) => {
    void type("");
    if (await latest.send("show", { tensor: name })) chosen(name);
  };
  const names = result?.found ?? [];
  const press = (event: KeyboardEvent) => {
    const next = event.key.startsWith("Arrow") ? roving(event.key, at, names.length) : null;
    if (next !== null) setAt(next);
    else if (event.key === "Enter" && names[at]) void choose(names[at].name);
    else if (event.key === "Escape" && typed) void type("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="tvw-finder">
      <input
        class="tvw-typing"
        type="text"
        placeholder="find a tensor"
        role="combobox"
        aria-label="find a tensor"
        aria-expanded={result !== null}
        aria-controls={result ? id : undefined}
        value={typed}
        onInput={(event) => void type(event.currentTarget.value)}
        onBlur={() => setTimeout(() => setResult(null), 150)}
        onKeyDown={press}
      />
      {result && (
        <div class="tvw-finder-found">
          <div role="listbox" id={id} aria-label="tensors found">
            {names.map(({ name, shape }, i) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and Enter chooses there
              // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus
              <div
                key={name}
                role="option"
                aria-selected={i === at}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => void choose(name)}
              >
                <span class="tvw-mono">{name}</span>
                <span class="tvw-num">{shape.join("×")}</span>
              </div>
            ))}
          </div>
          {result.count !== names.length && (
            <p class="tvw-tensor-note">{`${names.length} of ${count(result.count)}`}</p>
          )}
          {!names.length && <p class="tvw-tensor-note">no tensor is called so</p>}
        </div>
      )}
    </div>
  );
}
