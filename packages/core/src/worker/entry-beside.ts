/** The file that a worker begins with, beside the module that starts it: `.js` when built, `.ts` when run from source. */
export function entryBeside(module: string, name: string): URL {
  return new URL(`./${name}${module.slice(module.lastIndexOf("."))}`, module);
}
