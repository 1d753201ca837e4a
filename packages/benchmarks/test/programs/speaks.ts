/** Says what it is told to, and ends with its standard input. */
process.stdout.write(`${process.argv[2]}\n`);
process.stdin.resume();
