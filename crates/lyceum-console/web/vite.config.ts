// How the console is built: relative addresses, so that it works below any path; no inlined scripts or styles, so that
// the content-security policy can forbid them; the editor, the charts and the log's verification in files of their own.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: process.env.LYCEUM_CONSOLE_OUT ?? "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: true,
  },
  server: { proxy: { "/v1": process.env.LYCEUM_SERVER ?? "http://127.0.0.1:7171" } },
});
