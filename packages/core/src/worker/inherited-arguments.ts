/** Arguments of the runtime that are about the program's own process: a debugger's port, what to run, how to watch it. */
const OWN =
  /^--?(?:inspect|watch|test|eval|print|check|interactive|input-type|prof|cpu-prof|heap-prof|e$|p$|pe$|c$|i$)/;

/** Of those, the ones that are followed by their value. */
const WITH_VALUE = /^--?(?:eval|print|e|p|pe)$/;

/** The runtime's arguments that a child process shall have, too. */
export function inheritedArguments(own: readonly string[] = process.execArgv): string[] {
  return own.filter(
    (argument, index) => !OWN.test(argument) && !(index > 0 && WITH_VALUE.test(own[index - 1] as string)),
  );
}
