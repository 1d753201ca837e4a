/** Arguments of the runtime that are about the program's own process: a debugger's port, what to run, how to watch it. */
const OWN =
  /^--?(?:inspect|watch|test|eval|print|check|interactive|input-type|prof|cpu-prof|heap-prof|e$|p$|pe$|c$|i$)/;

/** Of those, the ones whose value may begin with a dash. */
const WITH_ANY_VALUE = /^--?(?:eval|print|e|p|pe)$/;

/** The runtime's arguments that a child process shall have, too. */
export function inheritedArguments(own: readonly string[] = process.execArgv): string[] {
  return own.filter((argument, index) => !OWN.test(argument) && !isValueOf(own[index - 1], argument));
}

/** Whether an argument is the value of the one before it, which stays behind. */
function isValueOf(option: string | undefined, argument: string): boolean {
  if (option === undefined || !OWN.test(option)) return false;
  return WITH_ANY_VALUE.test(option) || !argument.startsWith("-");
}
