// To work on the app, from the root of the repository:
//
//   go run ./conformance/server -multi-session -trusted-origins http://localhost:5173
//   cd conformance && npm ci --ignore-scripts && npx vite react

import { defineConfig } from "vite";

export default defineConfig({
  server: { proxy: { "/api": "http://127.0.0.1:3000" } },
});
