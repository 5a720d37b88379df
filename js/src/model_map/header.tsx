import type { RefObject } from "preact";
import { Button, Segmented } from "../shared/parts";
import type { Look } from "./view";

const MODES = [
  { value: "tree", label: "Tree" },
  { value: "graph", label: "Graph" },
] as const;

interface Props {
  look: Look;
  change(changes: Partial<Look>): void;
  typed: string;
  type(text: string): void;
  /** how many rows fit what is typed, and which of them is selected, from 1; 0 = none */
  found: number;
  at: number;
  step(by: 1 | -1): void;
  leave(): void;
  field: RefObject<HTMLInputElement | null>;
  open: boolean;
  toggle(): void;
}

/** Search, tree or graph, and the options. */
export function Header(props: Props) {
  const { look, typed } = props;
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") props.leave();
    else props.step(event.shiftKey ? -1 : 1);
  };
  return (
    <div class="tvw-map-head">
      <span class="tvw-search">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.4 10.4 14 14" />
        </svg>
        <input
          type="text"
          role="searchbox"
          ref={props.field}
          value={typed}
          placeholder="find a layer"
          aria-label="search the layers"
          title="search by name, class, shape (/)"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => props.type(event.currentTarget.value)}
          onKeyDown={press}
        />
        <span class="tvw-found" role="status" data-none={typed !== "" && !props.found}>
          {typed && (props.at ? `${props.at}/${props.found}` : String(props.found))}
        </span>
      </span>
      <Segmented label="view" options={MODES} value={look.mode} choose={(mode) => props.change({ mode })} />
      <Button label="options" title="colour, sort, statistic, save" expanded={props.open} act={props.toggle}>
        <svg class="tvw-icon" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
          <circle cx="10" cy="4.5" r="1.8" />
          <circle cx="6" cy="11.5" r="1.8" />
        </svg>
      </Button>
    </div>
  );
}
