import { AblateButtons } from "./ablate_buttons";
import type { PanelProps } from "./props";

/** What can be done with the token chosen, which may be one of an image's patches. */
export function TokenTools(props: PanelProps & { token: number }) {
  const { token, push } = props;
  const text = push.value.tokens?.rows[token];
  return (
    <div class="tvw-unit-tools" data-testid="tvw-token-tools">
      <span class="tvw-num">{`token ${token}${text ? ` “${text}”` : ""}`}</span>
      <AblateButtons {...props} unit={token} axis="token" />
    </div>
  );
}

/** The same of the patch at a place of the grid. */
export function PatchTools(props: PanelProps & { row: number; column: number }) {
  const { picture, row, column } = props;
  const [rows, columns] = picture.grid ?? [1, 1];
  const [, height, width] = picture.tiles;
  const prefix = (picture.shape[0] ?? 0) - rows * columns;
  const token = prefix + inTensor(row, height, rows) * columns + inTensor(column, width, columns);
  return hasTokens(props) ? <TokenTools {...props} token={token} /> : null;
}

/** The place in a dimension of the tensor that one of a tile's, which may have fewer, stands for. */
export function inTensor(at: number, shown: number, all: number): number {
  return Math.floor(((at + 0.5) / shown) * all);
}

/** Whether the picture's tokens can be switched off. */
export function hasTokens({ picture, push, index }: PanelProps): boolean {
  const { kind, shape } = picture;
  return kind === "tokens" && shape.length === 2 && index === 0 && push.value.tab === "activations";
}
