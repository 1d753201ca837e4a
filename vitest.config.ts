import { configDefaults, defineConfig } from "vitest/config";

const TESTS = [
  "packages/*/src/**/*.test.ts",
  "packages/*/test/**/*.test.ts",
  "examples/test/**/*.test.ts",
  "scripts/**/*.test.ts",
  "docs/*/**/*.test.ts",
];

/** They compare times, so they run when nothing else does. */
const MEASURED = "packages/*/test/measured/**/*.test.ts";

export default defineConfig({
  test: {
    environment: "node",
    globals: false,
    // Processes, because the tests count handles, send signals and start threads of their own.
    pool: "forks",
    // Node loads the built packages itself, untransformed: what is tested is what is published, and `import.meta` is Node's.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    // The tests measure time-outs and drains: more files at once than this disturb each other on a small machine.
    maxWorkers: 2,
    // Above the slowest start of a process on a loaded machine, below the patience of whoever waits.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ["default"],
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: TESTS,
          exclude: [...configDefaults.exclude, MEASURED],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "measured", include: [MEASURED], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    coverage: {
      provider: "v8",
      include: ["packages/*/dist/**/*.js"],
    },
  },
});
