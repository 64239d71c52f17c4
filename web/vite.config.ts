import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const STATIC = "../src/skypact/desk/static";

/** Cesium's checks of its callers' arguments stand between pragmas that its own build takes out. */
function withoutCesiumChecks(): Plugin {
  const CHECK = /\/\/>>includeStart\('debug', pragmas\.debug\);[\s\S]*?\/\/>>includeEnd\('debug'\);?/g;
  return {
    name: "without-cesium-checks",
    transform: {
      filter: { id: /@cesium\/engine\/Source/, code: /pragmas\.debug/ },
      handler: (code) => ({ code: code.replace(CHECK, ""), map: null }),
    },
  };
}

/**
 * What Cesium brings along and this page does without: WebAssembly for 3D models, tables of how
 * the Earth turns, a worker that looks for the ground under the pointer, styles written into the
 * page. The policy forbids them, and files that are not there are not to be asked for.
 */
function withoutUnusedParts(): Plugin {
  const ours = (name: string): string => join(import.meta.dirname, "src/globe/cesium", name);
  const replaced: [RegExp, string][] = [
    [/^(@spz-loader\/core|@cesium\/wasm-splats|meshoptimizer|draco3d)/, ours("nothing.ts")],
    [/\/CreditDisplay\.js$/, ours("noCredits.ts")],
    [/\/TerrainPicker\.js$/, ours("levelPicker.ts")],
    [/\/Iau2006XysData\.js$/, ours("noPrecession.ts")],
  ];
  return {
    name: "without-unused-parts",
    enforce: "pre",
    resolveId: {
      filter: { id: new RegExp(replaced.map(([pattern]) => pattern.source).join("|")) },
      handler(source, importer) {
        if (!importer?.includes("@cesium/engine")) return null;
        return replaced.find(([pattern]) => pattern.test(source))?.[1] ?? null;
      },
    },
  };
}

/** Beside each file a `.gz` of it, so that the desk compresses nothing while it serves. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      const folder = join(import.meta.dirname, STATIC);
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const file = join(folder, name);
        if (!statSync(file).isFile() || !/\.(js|css|json|html|svg)$/.test(name)) continue;
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [withoutUnusedParts(), withoutCesiumChecks(), compressed()],
  build: {
    outDir: STATIC,
    rolldownOptions: { checks: { pluginTimings: false, bundlerTimings: false } },
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": process.env["DESK"] ?? "http://127.0.0.1:8080" } },
});
