/** Does not end when its standard input does. */
process.stdout.write("listening 1\n");
setInterval(() => {}, 1000);
