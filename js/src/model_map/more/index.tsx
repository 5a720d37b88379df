// The map's second bundle: dagre and what is asked of it. It draws nothing, and so needs no Preact of its own.
export { layOut } from "./layout";
