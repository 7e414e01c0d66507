import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  server: { proxy: { "/api": process.env.SERVICE_URL ?? "http://localhost:8080" } },
});
