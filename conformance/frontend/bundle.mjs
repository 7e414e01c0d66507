// bundle compiles a recipe with Vite and imports the outcome. Packages stay outside,
// but for Next.js, which has stand-ins.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";

export async function bundle(root, entry, config = {}) {
  await build({
    root, logLevel: "error", configFile: false, ...config,
    build: {
      outDir: "dist", minify: false,
      lib: { entry, formats: ["es"], fileName: (_format, name) => `${name}.mjs` },
      rollupOptions: { external: /^(?!next\/)[@a-z]/i },
    },
  });
  const modules = Object.keys(entry).map(async (name) => [name, await import(pathToFileURL(join(root, "dist", `${name}.mjs`)))]);
  return Object.fromEntries(await Promise.all(modules));
}
