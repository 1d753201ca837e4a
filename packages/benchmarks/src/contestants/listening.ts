/**
 * What every contestant written for Node or Bun does once it listens: it tells where, and ends when whoever started it does.
 *
 * The first line on standard output is `listening PORT`. Standard input is a pipe that carries nothing; it ends when the other side
 * has exited for whatever reason, so that no contestant outlives the command.
 */
export function listening(port: number): void {
  process.stdin.resume().once("end", () => process.exit());
  process.stdout.write(`listening ${port}\n`);
}
