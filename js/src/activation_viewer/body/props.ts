import type { Push } from "../../shared/wire";
import type { Actions } from "../actions";
import type { ExactUnits } from "../exact";
import type { Frame, Panel, Picture, Pins, Samples } from "../frame";
import type * as More from "../more/index";
import type { State } from "../state";

/** What every part of the viewer is drawn from. */
export interface View {
  state: State;
  act: Actions;
  push: Push<Frame>;
  samples: Push<Samples> | null;
  pins: Push<Pins> | null;
  exact(panel: number): ExactUnits;
  /** the second bundle, where it is here */
  more: typeof More | null;
  /** 0 … 1, how much of the input is seen through the maps */
  input: number;
  setInput(share: number): void;
}

/** A place in a tile, in the tile's own rows and columns. */
export interface Cell {
  row: number;
  column: number;
}

/** One picture of the view. */
export interface PanelProps extends View {
  panel: Panel;
  index: number;
  picture: Picture;
  codes: Uint8Array;
  units: ExactUnits;
  /** it stands beside another one */
  narrow: boolean;
  /** pointed at, in all panels alike */
  cell: Cell | null;
  setCell(cell: Cell | null): void;
}
