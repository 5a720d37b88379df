// What the kernel sends of the graph, and where its layout puts it. All places are in the drawing's own px.

export interface GraphNode {
  key: string;
  /** what `select` takes; null of the model's inputs and outputs */
  path: string | null;
  label: string;
  type: string;
  kind: "input" | "module" | "function" | "output";
  shape: string;
  /** the open box that it stands in */
  parent: string | null;
  open: boolean;
  foldable: boolean;
  calls: number;
  note: string;
}

export interface GraphEdge {
  source: string;
  target: string;
  shape: string;
  leaf: string;
}

export interface Drawn {
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
}

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Box extends Point, Size {
  key: string;
  /** boxes around it */
  depth: number;
}

export interface Line {
  source: string;
  target: string;
  points: Point[];
  /** goes past other nodes on its way: a residual or a concatenation */
  skip: boolean;
  shapes: string[];
}

export interface Layout extends Size {
  boxes: Box[];
  lines: Line[];
}

/** Room in an open box above its children, for its name, and around them. */
export const HEADER = 24;
export const PADDING = 12;
