// Serves dev/ and the built bundles on this machine only: `npm run watch` beside `npm run dev`.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const ROOTS = { dev: here, static: join(here, "..", "..", "torchvis_widgets", "static") };
const TYPES = { ".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css" };

export function serve(port) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const [, root, ...rest] = path === "/" ? ["", "dev", "index.html"] : path.split("/");
    try {
      const body = await readFile(join(ROOTS[root], ...rest));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html", "cache-control": "no-store" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((done) => server.listen(port, "127.0.0.1", () => done(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.env.PORT ?? 5199));
  console.log(`http://127.0.0.1:${server.address().port}/?scene=dashboard&theme=light`);
}
