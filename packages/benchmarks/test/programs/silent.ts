/** Says nothing on standard output. */
process.stderr.write("thinking\n");
process.stdin.resume();
