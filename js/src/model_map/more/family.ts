import type { Drawn, GraphEdge, GraphNode } from "../graph/types";

/** Where one edge goes at one level: between two of its nodes, or from or to the edge of the box around them (null). */
export interface Step {
  level: string | null;
  from: string | null;
  to: string | null;
}

/** The tree of the boxes on show, and the levels that each edge passes. */
export class Family {
  readonly edges: readonly GraphEdge[];
  #nodes = new Map<string, GraphNode>();
  #children = new Map<string | null, string[]>();
  #routes = new Map<GraphEdge, Step[]>();
  #crossing = new Map<string | null, { edge: GraphEdge; step: Step }[]>();

  constructor({ nodes, edges }: Drawn) {
    for (const node of nodes) this.#nodes.set(node.key, node);
    for (const node of nodes) {
      const parent = this.#nodes.has(node.parent ?? "\0") ? node.parent : null;
      const list = this.#children.get(parent);
      if (list) list.push(node.key);
      else this.#children.set(parent, [node.key]);
    }
    this.edges = edges.filter((edge) => this.#nodes.has(edge.source) && this.#nodes.has(edge.target));
    for (const edge of this.edges) this.#follow(edge);
  }

  node(key: string): GraphNode {
    const node = this.#nodes.get(key);
    if (!node) throw new Error(`the graph has no node ${key}`);
    return node;
  }

  children(parent: string | null): readonly string[] {
    return this.#children.get(parent) ?? [];
  }

  isOpen(key: string): boolean {
    return this.#children.has(key);
  }

  /** The steps of an edge from its source outwards and inwards to its target; none where one end holds the other. */
  route(edge: GraphEdge): readonly Step[] {
    return this.#routes.get(edge) ?? [];
  }

  crossing(level: string | null): readonly { edge: GraphEdge; step: Step }[] {
    return this.#crossing.get(level) ?? [];
  }

  /** The node and the boxes around it, outermost first, with the level that each stands in. */
  #chain(key: string): { level: string | null; key: string }[] {
    const chain: { level: string | null; key: string }[] = [];
    let at: string | null = key;
    while (at !== null) {
      const parent: string | null = this.node(at).parent;
      const level: string | null = parent !== null && this.#nodes.has(parent) ? parent : null;
      chain.unshift({ level, key: at });
      at = level;
    }
    return chain;
  }

  #follow(edge: GraphEdge): void {
    const from = this.#chain(edge.source);
    const to = this.#chain(edge.target);
    let shared = 0;
    while (from[shared] && from[shared]?.key === to[shared]?.key) shared++;
    const [last, first] = [from[shared], to[shared]];
    if (!last || !first) return;
    const out = from.slice(shared + 1).map(({ level, key }) => ({ level, from: key, to: null }));
    const into = to.slice(shared + 1).map(({ level, key }) => ({ level, from: null, to: key }));
    const steps = [...out.reverse(), { level: last.level, from: last.key, to: first.key }, ...into];
    this.#routes.set(edge, steps);
    for (const step of steps) this.#meet(edge, step);
  }

  #meet(edge: GraphEdge, step: Step): void {
    const list = this.#crossing.get(step.level);
    if (list) list.push({ edge, step });
    else this.#crossing.set(step.level, [{ edge, step }]);
  }
}
