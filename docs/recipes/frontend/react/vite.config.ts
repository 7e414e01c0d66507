import { defineConfig } from "vite";

export default defineConfig({
  server: { proxy: { "/api": process.env.SERVICE_URL ?? "http://localhost:8080" } },
});
